/** The plain AWS SDK, as another tool would use it, for tests that look at Route53 from beside the provider. */
import {
  type Change,
  ChangeResourceRecordSetsCommand,
  ListResourceRecordSetsCommand,
  type ResourceRecordSet,
  Route53Client,
} from '@aws-sdk/client-route-53';

export interface PlainClient {
  readonly client: Route53Client;
  /** Sends the changes as they are; gives the change's id. */
  send(zoneId: string, ...changes: readonly Change[]): Promise<string>;
  /** All sets of a zone, page by page. */
  sets(zoneId: string): Promise<ResourceRecordSet[]>;
  /** Reads, merges and replaces, as a careful other tool does. `value` is quoted. */
  merge(zoneId: string, name: string, value: string): Promise<void>;
  close(): void;
}

export interface PlainKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export function createPlainClient(endpoint: string, credentials: PlainKey, region = 'us-east-1'): PlainClient {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const client = new Route53Client({ endpoint, region, credentials, maxAttempts: 1 });
  const send = async (zoneId: string, ...changes: readonly Change[]): Promise<string> => {
    const { ChangeInfo } = await client.send(
      new ChangeResourceRecordSetsCommand({ HostedZoneId: zoneId, ChangeBatch: { Changes: [...changes] } }),
    );
    return ChangeInfo?.Id ?? '';
  };
  const sets = async (zoneId: string): Promise<ResourceRecordSet[]> => {
    const page = await client.send(new ListResourceRecordSetsCommand({ HostedZoneId: zoneId, MaxItems: 300 }));
    return page.ResourceRecordSets ?? [];
  };
  return {
    client,
    send,
    sets,
    async merge(zoneId, name, value) {
      const standing = (await sets(zoneId)).find((set) => set.Name === `${name}.` && set.Type === 'TXT');
      const values = [...(standing?.ResourceRecords ?? []), { Value: value }];
      await send(zoneId, {
        Action: 'UPSERT',
        ResourceRecordSet: { Name: name, Type: 'TXT', TTL: standing?.TTL ?? 300, ResourceRecords: values },
      });
    },
    close: () => client.destroy(),
  };
}

/** A TXT set; values are quoted. */
export function txtSet(name: string, values: readonly string[], more: Partial<ResourceRecordSet> = {}): ResourceRecordSet {
  return { Name: name, Type: 'TXT', TTL: 60, ResourceRecords: values.map((Value) => ({ Value })), ...more };
}
