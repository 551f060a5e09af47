/** The four calls of Route53 that the provider makes, each with its failures in tscert's words. The SDK is loaded here, when asked for. */
import type {
  Change,
  ListHostedZonesByNameResponse,
  ListResourceRecordSetsResponse,
  Route53Client,
  Route53ClientConfig,
} from '@aws-sdk/client-route-53';
import type { HttpsAgent } from '../../../net/agent.js';
import { type Attempt, toFailure } from './failure.js';

/** How to reach AWS; what is absent comes from the SDK's default chain (environment, profile, web identity, container, instance). */
export interface Route53Access {
  /** `us-east-1` when absent: Route53 has one region in each partition. */
  readonly region?: string;
  readonly profile?: string;
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string };
  /** A role to take with the credentials found. */
  readonly roleArn?: string;
  readonly externalId?: string;
  /** For the SDK's connections; its own when absent. */
  readonly agent?: HttpsAgent;
}

/** From where a list of record sets starts; identifiers only within a set's name and type. */
export interface Cursor {
  readonly name: string;
  readonly type: 'TXT' | (string & {});
  readonly identifier?: string;
}

export interface Route53Api {
  /** From a name on, in the order of reversed names; a page of 100. */
  listZones(from: { readonly name: string; readonly id?: string }, signal: AbortSignal): Promise<ListHostedZonesByNameResponse>;
  /** From a set on, in the order of reversed names; without a start from the zone's apex. */
  listSets(zoneId: string, from: Cursor | undefined, maxItems: number, signal: AbortSignal): Promise<ListResourceRecordSetsResponse>;
  /**
   * Sends one batch, all or nothing; gives the change's id.
   * @throws {BatchRefused} when the batch does not fit what stands
   */
  change(zoneId: string, changes: readonly Change[], signal: AbortSignal): Promise<string>;
  /** True when the change is on all name servers. */
  isInSync(changeId: string, signal: AbortSignal): Promise<boolean>;
}

const REGION = 'us-east-1';
/** The SDK logs what it finds to the console unless it has a logger. */
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Loads the SDK and builds a client. Credentials are looked for at the first call. */
export async function createApi(access: Route53Access): Promise<Route53Api> {
  const loaded = await import('@aws-sdk/client-route-53');
  const sdk = unwrap(loaded);
  const client: Route53Client = new sdk.Route53Client(await configure(access));

  const call = async <T>(
    attempt: Attempt,
    signal: AbortSignal,
    send: (options: { abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T> => {
    signal.throwIfAborted();
    try {
      return await abortable(send({ abortSignal: signal }), signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw toFailure(error, { ...attempt, profile: access.profile });
    }
  };

  return {
    listZones: ({ name, id }, signal) =>
      call({ doing: `find the hosted zone of "${name}"`, action: 'route53:ListHostedZonesByName', resource: '*' }, signal, (options) =>
        client.send(
          new sdk.ListHostedZonesByNameCommand({ DNSName: name, ...(id === undefined ? {} : { HostedZoneId: id }), MaxItems: 100 }),
          options,
        ),
      ),
    listSets: (zoneId, from, maxItems, signal) =>
      call(onZone('read the records of', 'ListResourceRecordSets', zoneId), signal, (options) =>
        client.send(
          new sdk.ListResourceRecordSetsCommand({
            HostedZoneId: zoneId,
            MaxItems: maxItems,
            ...(from === undefined ? {} : { StartRecordName: from.name, StartRecordType: from.type as 'TXT' }),
            ...(from?.identifier === undefined ? {} : { StartRecordIdentifier: from.identifier }),
          }),
          options,
        ),
      ),
    change: (zoneId, changes, signal) =>
      call(onZone('change the records of', 'ChangeResourceRecordSets', zoneId), signal, async (options) => {
        const batch = { Comment: 'tscert: ACME dns-01', Changes: [...changes] };
        const { ChangeInfo } = await client.send(
          new sdk.ChangeResourceRecordSetsCommand({ HostedZoneId: zoneId, ChangeBatch: batch }),
          options,
        );
        return ChangeInfo?.Id ?? '';
      }),
    isInSync: (changeId, signal) => {
      const id = changeId.replace(/^\/change\//, '');
      const attempt = { doing: `follow the change "${id}"`, action: 'route53:GetChange', resource: `arn:aws:route53:::change/${id}` };
      return call(attempt, signal, async (options) => {
        const { ChangeInfo } = await client.send(new sdk.GetChangeCommand({ Id: id }), options);
        return ChangeInfo?.Status === 'INSYNC';
      });
    },
  };
}

function onZone(doing: string, action: string, zoneId: string): Attempt {
  return { doing: `${doing} the hosted zone "${zoneId}"`, action: `route53:${action}`, resource: `arn:aws:route53:::hostedzone/${zoneId}` };
}

async function configure({
  region = REGION,
  profile,
  endpoint,
  credentials,
  roleArn,
  externalId,
  agent,
}: Route53Access): Promise<Route53ClientConfig> {
  const source = credentials === undefined ? undefined : { ...credentials };
  const requestHandler = {
    connectionTimeout: 10_000,
    requestTimeout: 30_000,
    throwOnRequestTimeout: true,
    ...(agent === undefined ? {} : { httpsAgent: agent }),
  };
  const shared = { region, logger: silent, requestHandler, ...(profile === undefined ? {} : { profile }) };
  const role =
    roleArn === undefined
      ? undefined
      : await assumeRole({ RoleArn: roleArn, ...(externalId === undefined ? {} : { ExternalId: externalId }) }, source, shared);
  const chosen = role ?? source;
  return {
    ...shared,
    // One retry for a dropped connection or a wrong clock; backing off is done once for all providers, above.
    maxAttempts: 2,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(chosen === undefined ? {} : { credentials: chosen }),
  };
}

async function assumeRole(
  params: { readonly RoleArn: string; readonly ExternalId?: string },
  source: Route53Access['credentials'],
  clientConfig: Pick<Route53ClientConfig, 'requestHandler'> & {
    readonly region: string;
    readonly logger: typeof silent;
    readonly profile?: string;
  },
) {
  const { fromTemporaryCredentials } = unwrap(await import('@aws-sdk/credential-providers'));
  return fromTemporaryCredentials({
    params: { ...params, RoleSessionName: 'tscert' },
    clientConfig,
    ...(source === undefined ? {} : { masterCredentials: source }),
  });
}

/** In the bundle a CommonJS package is the default of its module. */
function unwrap<T extends object>(module: T): T {
  return 'default' in module ? (module.default as T) : module;
}

/** The SDK does not stop at once while it looks for credentials or waits for a retry. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
