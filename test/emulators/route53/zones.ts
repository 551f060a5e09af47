/** Hosted zones with their record sets through time, and the changes that made them. */
import { randomBytes } from 'node:crypto';
import { applyBatch, type SetChange } from './batch.js';
import { compare, normalizeName, sortKey } from './names.js';
import { Route53Problem } from './problem.js';
import { compareSets, keyOf, type RecordSet } from './records.js';

export interface ZoneOptions {
  readonly name: string;
  readonly private?: boolean;
  /** Host names of the name servers in the NS records. */
  readonly nameServers?: readonly string[];
  /** `Z...`; made up when absent. */
  readonly id?: string;
}

type Sets = ReadonlyMap<string, RecordSet>;

export interface HostedZone {
  readonly id: string;
  /** Normalized, with a dot at the end. */
  readonly name: string;
  readonly private: boolean;
  /** All states since the beginning, the newest last; name servers that lag show an earlier one. */
  readonly history: { readonly at: number; readonly sets: Sets }[];
}

interface StoredChange {
  readonly id: string;
  readonly zone: string;
  readonly submitted: number;
}

export interface ZoneStoreOptions {
  readonly zones: readonly ZoneOptions[];
  readonly now: () => number;
  /** Milliseconds from a change to INSYNC. */
  readonly insyncAfter: number;
  /** Milliseconds for which a change keeps others of its zone out. */
  readonly inFlight: number;
}

export interface ZoneStore {
  /** In the order of ListHostedZonesByName. */
  readonly zones: readonly HostedZone[];
  /** @throws {Route53Problem} `NoSuchHostedZone` */
  find(id: string): HostedZone;
  /** The sets that stand, in the order of ListResourceRecordSets. */
  sets(zone: HostedZone): RecordSet[];
  /** @throws {Route53Problem} `PriorRequestNotComplete`, `InvalidChangeBatch` */
  change(zone: HostedZone, changes: readonly SetChange[]): StoredChange;
  /** @throws {Route53Problem} `NoSuchChange` */
  findChange(id: string): StoredChange;
  status(change: StoredChange): 'PENDING' | 'INSYNC';
}

export function createZoneStore({ zones: wanted, now, insyncAfter, inFlight }: ZoneStoreOptions): ZoneStore {
  const zones = wanted
    .map((options) => createZone(options, now()))
    .sort((a, b) => compare(sortKey(a.name), sortKey(b.name)) || compare(a.id, b.id));
  const changes: StoredChange[] = [];
  return {
    zones,
    find(id) {
      const zone = zones.find((one) => one.id === id);
      if (zone === undefined) throw new Route53Problem('NoSuchHostedZone', `No hosted zone found with ID: ${id}`, 404);
      return zone;
    },
    sets: (zone) => [...current(zone).values()].sort(compareSets),
    change(zone, batch) {
      const last = changes.findLast((change) => change.zone === zone.id);
      if (last !== undefined && now() < last.submitted + inFlight) {
        throw new Route53Problem(
          'PriorRequestNotComplete',
          'The request was rejected because Route 53 was still processing a prior request.',
        );
      }
      zone.history.push({ at: now(), sets: applyBatch(zone.name, current(zone), batch) });
      const change = { id: `C${randomId()}`, zone: zone.id, submitted: now() };
      changes.push(change);
      return change;
    },
    findChange(id) {
      const change = changes.find((one) => one.id === id);
      if (change === undefined) throw new Route53Problem('NoSuchChange', `Could not find resource with ID: ${id}`, 404);
      return change;
    },
    status: ({ submitted }) => (now() >= submitted + insyncAfter ? 'INSYNC' : 'PENDING'),
  };
}

/** The sets as they stood `lag` milliseconds ago. */
export function setsAt({ history }: HostedZone, time: number): RecordSet[] {
  return [...((history.findLast(({ at }) => at <= time) ?? history[0])?.sets.values() ?? [])];
}

function current(zone: HostedZone): Sets {
  return zone.history.at(-1)?.sets ?? new Map();
}

function createZone(
  { name, id, nameServers = [1, 2, 3, 4].map((nth) => `ns-${nth}.awsdns.test`), ...options }: ZoneOptions,
  at: number,
): HostedZone {
  const apex = normalizeName(name);
  const sets: RecordSet[] = [
    { name: apex, type: 'NS', ttl: 172_800, values: nameServers.map(normalizeName) },
    {
      name: apex,
      type: 'SOA',
      ttl: 900,
      values: [`${normalizeName(nameServers[0] ?? 'ns-1.awsdns.test')} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400`],
    },
  ];
  return {
    id: id ?? `Z${randomId()}`,
    name: apex,
    private: options.private ?? false,
    history: [{ at, sets: new Map(sets.map((set) => [keyOf(set), set])) }],
  };
}

function randomId(): string {
  return randomBytes(9).toString('hex').toUpperCase();
}
