/** An in-memory DNS service for tests of what stands above the DnsProvider port: state kept, every change written down. */
import { TscertError } from '../../src/base/errors.js';
import { isWithin } from '../../src/base/names.js';
import type { Change, DnsProvider, TxtRecord, Zone } from '../../src/dns/provider.js';

interface MemoryDns {
  readonly provider: DnsProvider;
  /** Changes that reached the service, refused ones too, in their order. */
  readonly changes: readonly { readonly zone: string; readonly change: Change }[];
  /** Values at a name, in the order in which they were added. */
  values(name: string): string[];
  /** Another tool adds a value. */
  plant(name: string, value: string): void;
  /** All values of all names, as `name value`: what a run left behind. */
  all(): string[];
  /** The next changes fail with these errors, one each, and change nothing. */
  failNext(...errors: readonly Error[]): void;
  /** Most changes of one zone that were under way at the same time: the port allows 1. */
  mostAtOnce(): number;
}

interface MemoryDnsOptions {
  readonly zones: readonly string[];
  /** `memory` unless given. */
  readonly name?: string;
  /** False: the provider has no zone list, as rfc2136. */
  readonly lists?: boolean;
  /** What each change waits for before it is carried out. */
  readonly delay?: (signal: AbortSignal) => Promise<void>;
}

/** A service with these zones and no values. Ids are handed out and, where a removal carries one, must fit. */
export function createMemoryDns({ zones, name = 'memory', lists = true, delay }: MemoryDnsOptions): MemoryDns {
  const records = new Map<string, TxtRecord & { readonly id: string }>();
  const changes: { zone: string; change: Change }[] = [];
  const errors: Error[] = [];
  const underWay = new Map<string, number>();
  let most = 0;
  let serial = 0;

  const known: Zone[] = zones.map((zone) => ({ name: zone, id: `Z-${zone}` }));
  const key = (record: TxtRecord): string => `${record.name} ${record.value}`;
  const put = (record: TxtRecord): TxtRecord => {
    const stored = records.get(key(record)) ?? { name: record.name, value: record.value, id: `R${++serial}` };
    records.set(key(record), stored);
    return stored;
  };

  const apply = (zone: Zone, change: Change): TxtRecord[] => {
    const error = errors.shift();
    if (error !== undefined) throw error;
    if (!known.some((one) => one.name === zone.name)) {
      throw new TscertError('zone-unknown', `Cannot change the zone "${zone.name}": the service does not have it`);
    }
    const outside = [...change.add, ...change.remove].find((record) => !isWithin(record.name, zone.name));
    if (outside !== undefined) {
      throw new TscertError('provider-failed', `Cannot change "${outside.name}": it is not in the zone "${zone.name}"`);
    }
    for (const record of change.remove) {
      const standing = records.get(key(record));
      if (standing === undefined) continue;
      if (record.id !== undefined && record.id !== standing.id) {
        throw new TscertError('provider-failed', `Cannot remove the record "${record.id}": there is none with this id`);
      }
      records.delete(key(record));
    }
    return change.add.map(put);
  };

  const change = async (zone: Zone, wanted: Change, signal: AbortSignal): Promise<readonly TxtRecord[]> => {
    signal.throwIfAborted();
    if (wanted.add.length + wanted.remove.length === 0) return [];
    changes.push({ zone: zone.name, change: wanted });
    const now = (underWay.get(zone.name) ?? 0) + 1;
    underWay.set(zone.name, now);
    most = Math.max(most, now);
    try {
      await delay?.(signal);
      return apply(zone, wanted);
    } finally {
      underWay.set(zone.name, (underWay.get(zone.name) ?? 1) - 1);
    }
  };

  return {
    provider: { name, change, ...(lists ? { zones: async () => known } : {}) },
    changes,
    values: (at) => [...records.values()].filter((record) => record.name === at).map(({ value }) => value),
    plant: (at, value) => void put({ name: at, value }),
    all: () => [...records.keys()].sort(),
    failNext: (...next) => void errors.push(...next),
    mostAtOnce: () => most,
  };
}
