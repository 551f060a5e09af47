/** What the emulated service keeps: domains and records, and when each of them came and went. */
import { domainToASCII, domainToUnicode } from 'node:url';
import { Refusal } from './refusal.js';

export interface DomainOptions {
  /** In A- or U-labels. */
  readonly name: string;
  readonly account?: string;
  /** The least TTL of the domain's edition: 600 for the free one. Seconds. */
  readonly minimumTtl?: number;
  /** Records that stand from the beginning. */
  readonly records?: readonly {
    readonly RR: string;
    readonly Type: string;
    readonly Value: string;
    readonly Locked?: boolean;
    readonly Status?: string;
  }[];
}

export interface Domain {
  /** As the service shows it: in U-labels. */
  readonly shown: string;
  readonly ascii: string;
  readonly id: string;
  readonly account: string;
  readonly minimumTtl: number;
}

export interface StoredRecord {
  readonly RecordId: string;
  readonly RR: string;
  readonly Type: string;
  readonly Value: string;
  readonly TTL: number;
  readonly Line: string;
  readonly Status: string;
  readonly Locked: boolean;
  readonly domain: Domain;
  /** Milliseconds since the epoch; `until` is set once it is deleted. */
  readonly since: number;
  until?: number;
}

export interface State {
  readonly domains: readonly Domain[];
  /** Those that stand now, in the order of their making. */
  standing(): StoredRecord[];
  /** Also those that are gone: secondaries still serve them for a while. */
  history(): readonly StoredRecord[];
  /** The domain by its exact name, in A- or U-labels. @throws {Refusal} */
  domain(name: string, account: string): Domain;
  add(domain: Domain, record: { RR: string; Type: string; Value: string; TTL: number; Line: string }): StoredRecord;
  /** A record of the account. @throws {Refusal} */
  record(recordId: string, account: string): StoredRecord;
  remove(record: StoredRecord): void;
}

/** Records of one name, type and line. */
const MOST_VALUES = 90;

export const ACCOUNT = '1000000000000001';

export function asciiOf(name: string): string {
  return domainToASCII(name.replace(/\.$/, '')).toLowerCase();
}

export function createState(options: readonly DomainOptions[], now: () => number): State {
  let serial = 900_000_000_000_000;
  const records: StoredRecord[] = [];
  const domains = options.map(({ name, account = ACCOUNT, minimumTtl = 600 }, at): Domain => {
    const ascii = asciiOf(name);
    return { shown: domainToUnicode(ascii), ascii, id: `domain-${at + 1}`, account, minimumTtl };
  });
  const standing = (): StoredRecord[] => records.filter((record) => record.until === undefined);

  const state: State = {
    domains,
    standing,
    history: () => records,
    domain(name, account) {
      const ascii = asciiOf(name);
      if (ascii === '' || !ascii.includes('.')) throw new Refusal('InvalidDomainName.Format');
      const found = domains.filter((domain) => domain.ascii === ascii);
      const own = found.find((domain) => domain.account === account);
      if (own !== undefined) return own;
      throw new Refusal(found.length > 0 ? 'IncorrectDomainUser' : 'InvalidDomainName.NoExist');
    },
    add(domain, { RR, Type, Value, TTL, Line }) {
      const same = standing().filter((record) => record.domain === domain && record.RR === RR && record.Line === Line);
      if (same.some((record) => record.Type === Type && record.Value === Value)) throw new Refusal('DomainRecordDuplicate');
      if (same.some((record) => (record.Type === 'CNAME') !== (Type === 'CNAME'))) throw new Refusal('DomainRecordConflict');
      if (same.filter((record) => record.Type === Type).length >= MOST_VALUES) throw new Refusal('QuotaExceeded.Record');
      if (TTL < domain.minimumTtl || TTL > 86_400) {
        throw new Refusal('QuotaExceeded.TTL', {
          message: `The specified TTL is invalid. A valid TTL must be in the range of ${domain.minimumTtl} to 86400.`,
        });
      }
      return keep(domain, { RR, Type, Value, TTL, Line, Status: 'ENABLE', Locked: false });
    },
    record(recordId, account) {
      const found = standing().find((record) => record.RecordId === recordId);
      if (found === undefined || found.domain.account !== account) throw new Refusal('DomainRecordNotBelongToUser');
      return found;
    },
    remove(record) {
      if (record.Locked) throw new Refusal('DomainRecordLocked');
      record.until = now();
    },
  };

  function keep(domain: Domain, fields: Omit<StoredRecord, 'RecordId' | 'domain' | 'since'>): StoredRecord {
    const record = { ...fields, RecordId: String(++serial), domain, since: now() };
    records.push(record);
    return record;
  }
  for (const [at, { records: planted = [] }] of options.entries()) {
    const domain = domains[at];
    if (domain === undefined) continue;
    for (const record of planted) keep(domain, { Status: 'ENABLE', Locked: false, ...record, TTL: 600, Line: 'default' });
  }
  return state;
}
