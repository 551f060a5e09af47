/**
 * Alibaba Cloud DNS (AliDNS) through the vendor's SDK. Every TXT value is a record with an id of its own, so nothing is merged and
 * nothing of others is touched; there is no batch for one's own values, so records are written side by side, below the rates.
 */
import type { Clock, Random } from '../../base/clock.js';
import { TscertError } from '../../base/errors.js';
import type { Emit } from '../../base/events.js';
import type { DnsProvider } from '../provider.js';
import { createCaller } from './alidns/caller.js';
import { createSender } from './alidns/client.js';
import { createListDomains } from './alidns/domains.js';
import { createRecords, DEFAULT_TTL } from './alidns/records.js';

export { alidnsPolicy } from './alidns/policy.js';

export interface AlidnsOptions {
  /** With its secret: the access key. Neither: the vendor's chain finds one. lego calls it `ALICLOUD_ACCESS_KEY`. */
  readonly accessKeyId?: string;
  /** lego calls it `ALICLOUD_SECRET_KEY`. */
  readonly accessKeySecret?: string;
  /** Of a temporary key (STS). lego calls it `ALICLOUD_SECURITY_TOKEN`. */
  readonly securityToken?: string;
  /** `cn-hangzhou` unless told. lego calls it `ALICLOUD_REGION_ID`. */
  readonly regionId?: string;
  /** A host name, or `http://127.0.0.1:PORT`: `ALICLOUD_DNS_ENDPOINT`. */
  readonly endpoint?: string;
  /** Roots for the service's certificate, PEM. */
  readonly ca?: string;
  /** Seconds; 600 unless told, the least of the free edition. lego calls it `ALICLOUD_TTL`. */
  readonly ttl?: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Hears about a search for credentials that takes long. */
  readonly emit?: Emit;
}

/** Records that are written at the same time. */
const SIDE_BY_SIDE = 8;

/**
 * The provider `alidns`.
 * @throws {TscertError} `credentials-missing` for half an access key, `config-invalid` for an endpoint or a TTL that is none
 */
export async function createAlidns(options: AlidnsOptions): Promise<DnsProvider> {
  const ttl = options.ttl ?? DEFAULT_TTL;
  if (!Number.isInteger(ttl) || ttl < 1 || ttl > 86_400) {
    throw new TscertError('config-invalid', `Cannot use "${ttl}" as the TTL at AliDNS: it wants seconds between 1 and 86400`, {
      data: { provider: 'alidns', ttl },
    });
  }
  const { clock, random } = options;
  const call = createCaller({ send: await createSender(options), clock, random });
  const [listDomains, records] = await Promise.all([createListDomains(call, clock), createRecords(call, ttl)]);
  return {
    name: 'alidns',
    zones: listDomains,
    async change(zone, { add, remove }, signal) {
      const added = await sideBySide(add, (record) => records.add(zone, record, signal));
      await sideBySide(remove, (record) => records.remove(zone, record, signal));
      return added;
    },
  };
}

/**
 * `work` over all items, eight at a time. After the first failure nothing new is begun, and it is thrown when what is under way has
 * ended: a retry never meets its own predecessor.
 */
async function sideBySide<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  const failures: unknown[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [at, item] of queue) {
      try {
        results[at] = await work(item);
      } catch (error) {
        failures.push(error);
      }
      if (failures.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(SIDE_BY_SIDE, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}
