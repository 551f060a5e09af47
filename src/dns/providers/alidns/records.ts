/** TXT records of one domain: added one by one, found by exact name and value, deleted by their ids alone. */
import { TscertError } from '../../../base/errors.js';
import type { TxtRecord, Zone } from '../../provider.js';
import { bodyOf, listOf } from './answer.js';
import type { Call } from './caller.js';
import { domainNameOf, relativeName } from './names.js';

/** TTL of the free edition, and its least. Seconds. */
export const DEFAULT_TTL = 600;
const PAGE_SIZE = 100;
const NOT_THERE = /^(DomainRecordNotBelongToUser|InvalidRecordId|DomainRecordNotExist)/;

interface Records {
  add(zone: Zone, record: TxtRecord, signal: AbortSignal): Promise<TxtRecord>;
  remove(zone: Zone, record: TxtRecord, signal: AbortSignal): Promise<void>;
}

/** Records over `call`; `ttl` in seconds, and 600 in a domain whose edition turned out not to allow it. */
export async function createRecords(call: Call, ttl: number): Promise<Records> {
  const [add, remove, describe] = await Promise.all([
    import('@alicloud/alidns20150109/dist/models/AddDomainRecordRequest.js'),
    import('@alicloud/alidns20150109/dist/models/DeleteDomainRecordRequest.js'),
    import('@alicloud/alidns20150109/dist/models/DescribeSubDomainRecordsRequest.js'),
  ]);
  const { AddDomainRecordRequest } = add.default;
  const { DeleteDomainRecordRequest } = remove.default;
  const { DescribeSubDomainRecordsRequest } = describe.default;
  const restricted = new Set<string>();

  /** The exact records of name, type and value; DescribeDomainRecords would search for parts of names. */
  async function find(zone: Zone, record: TxtRecord, signal: AbortSignal): Promise<Found[]> {
    const domainName = domainNameOf(zone);
    const rr = relativeName(record.name, zone);
    const subDomain = rr === '@' ? domainName : `${rr}.${domainName}`;
    const found: Found[] = [];
    for (let page = 1; ; page++) {
      // Without DomainName the service would look into the registered domain, even where a longer one is a domain of its own.
      const request = new DescribeSubDomainRecordsRequest({ domainName, subDomain, type: 'TXT', pageNumber: page, pageSize: PAGE_SIZE });
      const body = bodyOf(await call({ action: 'DescribeSubDomainRecords', domainName }, request.toMap(), signal));
      const records = foundIn(body);
      found.push(...records.filter(({ name, type, value }) => name === rr && type === 'TXT' && value === record.value));
      if (records.length < PAGE_SIZE) return found;
    }
  }

  return {
    async add(zone, record, signal) {
      const domainName = domainNameOf(zone);
      for (;;) {
        const TTL = restricted.has(domainName) ? DEFAULT_TTL : ttl;
        const rr = relativeName(record.name, zone);
        const request = new AddDomainRecordRequest({ domainName, RR: rr, type: 'TXT', value: record.value, TTL });
        const outcome = await call({ action: 'AddDomainRecord', domainName }, request.toMap(), signal);
        if ('body' in outcome) return withId(record, outcome.body.RecordId);
        if (outcome.refused.code === 'QuotaExceeded.TTL' && TTL !== DEFAULT_TTL) restricted.add(domainName);
        else if (outcome.refused.code === 'DomainRecordDuplicate')
          return withId(record, standing(await find(zone, record, signal), record));
        else outcome.raise();
      }
    },

    async remove(zone, record, signal) {
      const domainName = domainNameOf(zone);
      const drop = async (recordId: string): Promise<boolean> => {
        const request = new DeleteDomainRecordRequest({ recordId });
        const outcome = await call({ action: 'DeleteDomainRecord', domainName }, request.toMap(), signal);
        if ('body' in outcome) return true;
        return NOT_THERE.test(outcome.refused.code) ? false : outcome.raise();
      };
      if (record.id !== undefined && (await drop(record.id))) return;
      // Gone, or never ours: another account's key gets the same code, and would leave the value behind. Look.
      for (const { id } of await find(zone, record, signal)) await drop(id);
    },
  };
}

interface Found {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly value: string;
  readonly enabled: boolean;
}

function foundIn(body: Readonly<Record<string, unknown>>): Found[] {
  return listOf(body, 'DomainRecords', 'Record').map((record) => ({
    id: String(record.RecordId ?? ''),
    name: String(record.RR ?? '').toLowerCase(),
    type: String(record.Type ?? '').toUpperCase(),
    value: String(record.Value ?? ''),
    enabled: String(record.Status ?? 'ENABLE').toUpperCase() === 'ENABLE',
  }));
}

function standing(found: readonly Found[], record: TxtRecord): string | undefined {
  const enabled = found.find((candidate) => candidate.enabled);
  if (enabled === undefined && found.length > 0) {
    throw new TscertError(
      'provider-failed',
      `Cannot add the TXT record of "${record.name}" at AliDNS: it stands there already, but disabled`,
      {
        data: { provider: 'alidns', name: record.name, recordId: found[0]?.id },
      },
    );
  }
  return enabled?.id;
}

function withId(record: TxtRecord, id: unknown): TxtRecord {
  const { name, value } = record;
  return typeof id === 'string' || typeof id === 'number' ? { name, value, id: String(id) } : { name, value };
}
