/** A DNS service within the process: the provider that values are given to, and its name server, which the tool and the CA ask. */
import type { Clock } from '../../src/base/clock.js';
import { TscertError } from '../../src/base/errors.js';
import { isWithin } from '../../src/base/names.js';
import type { DnsProvider, TxtRecord } from '../../src/dns/provider.js';
import type { DnsClient } from '../../src/net/dns.js';
import type { RecordOf, RecordType } from '../../src/net/dns-message.js';
import type { Lookup, Resolver } from '../../src/net/resolver.js';

/** What is wrong with a domain for a time. Milliseconds since the epoch; `to` is not part of it. */
export interface DnsFault {
  /** `api`: the provider refuses changes; `servers`: nobody gets an answer; `view`: only the CA sees nothing. */
  readonly kind: 'api' | 'servers' | 'view';
  readonly domain: string;
  readonly from: number;
  readonly to: number;
}

export interface SimulatedDns {
  readonly provider: DnsProvider;
  readonly resolver: Resolver;
  readonly client: DnsClient;
  /** What the CA sees. */
  txt(name: string): readonly string[];
  /** Everything that stands, as `name value`. */
  all(): string[];
  /** Most values that stood at one name at once. */
  most(): number;
}

/** Milliseconds from a change to its being served. */
const PROPAGATION = 3_000;
const HOST = 'ns1.dns.test';
const SERVER = { host: '192.0.2.53', port: 53 };

/** @param domains the zones, with nothing in them */
export function createSimulatedDns(clock: Clock, domains: readonly string[], faults: readonly DnsFault[]): SimulatedDns {
  const records = new Map<string, Map<string, number>>();
  let most = 0;
  const isFaulty = (name: string, ...kinds: readonly DnsFault['kind'][]): boolean =>
    faults.some(({ kind, domain, from, to }) => kinds.includes(kind) && from <= clock.now() && clock.now() < to && isWithin(name, domain));
  const served = (name: string): string[] =>
    [...(records.get(name) ?? [])].filter(([, since]) => since + PROPAGATION <= clock.now()).map(([value]) => value);

  const add = ({ name, value }: TxtRecord): TxtRecord => {
    const values = records.get(name) ?? new Map<string, number>();
    records.set(name, values);
    if (!values.has(value)) values.set(value, clock.now());
    most = Math.max(most, values.size);
    return { name, value };
  };
  const remove = ({ name, value }: TxtRecord): void => {
    records.get(name)?.delete(value);
    if (records.get(name)?.size === 0) records.delete(name);
  };

  const lookUp = async <T extends RecordType>(name: string, type: T): Promise<Lookup<T>> => {
    const value = type === 'NS' && domains.includes(name) ? HOST : type === 'A' && name === HOST ? SERVER.host : undefined;
    const found = value === undefined ? [] : ([{ type, name, ttl: 60, value }] as unknown as RecordOf<T>[]);
    return { status: found.length > 0 ? 'found' : 'nodata', records: found, aliased: false };
  };

  return {
    provider: {
      name: 'simulated',
      zones: async () => domains.map((name) => ({ name })),
      async change(_, change) {
        const refused = [...change.add, ...change.remove].find(({ name }) => isFaulty(name, 'api'));
        if (refused !== undefined)
          throw new TscertError('provider-failed', `Cannot change "${refused.name}": internal error of the service`);
        for (const record of change.remove) remove(record);
        return change.add.map(add);
      },
    },
    resolver: { servers: [SERVER], lookUp },
    client: {
      async ask(_, { name, type }) {
        if (isFaulty(name, 'servers')) return { rcode: 'SERVFAIL', authoritative: false, truncated: false, answers: [], authorities: [] };
        const answers = served(name).map((value) => ({ type: 'TXT', name, ttl: 60, value }) as const);
        const rcode = answers.length > 0 ? 'NOERROR' : 'NXDOMAIN';
        return { rcode, authoritative: true, truncated: false, answers: type === 'TXT' ? answers : [], authorities: [] };
      },
    },
    txt(name) {
      if (isFaulty(name, 'servers', 'view')) throw new Error('SERVFAIL');
      return served(name);
    },
    all: () => [...records].flatMap(([name, values]) => [...values.keys()].map((value) => `${name} ${value}`)).sort(),
    most: () => most,
  };
}
