/** What the zones of the test DNS server hold, and what they say about a question (RFC 1034 §4.3.2). */
import net from 'node:net';

/** A record; `data` as dns-packet has it: a text for A, AAAA, CNAME, NS and TXT, an object for SOA and CAA. */
export interface ServedRecord {
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'CAA' | 'CNAME' | 'NS' | 'SOA' | 'TXT';
  readonly ttl?: number;
  readonly data: string | readonly string[] | Readonly<Record<string, unknown>>;
}

export interface ServedZone {
  readonly name: string;
  /** All records of the zone, SOA among them; a function is asked for every question and knows which address was asked. */
  readonly records: readonly ServedRecord[] | ((address: string) => readonly ServedRecord[]);
}

export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;

export interface Reply {
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly answers: readonly ServedRecord[];
  readonly authorities: readonly ServedRecord[];
  readonly additionals: readonly ServedRecord[];
}

export const fold = (name: string): string => name.toLowerCase().replace(/\.$/, '');
export const within = (name: string, zone: string): boolean => zone === '' || name === zone || name.endsWith(`.${zone}`);
export const failure = (rcode: number): Reply => ({ rcode, authoritative: false, answers: [], authorities: [], additionals: [] });

/** A zone with SOA and NS records; name servers are `ns1.NAME`... at `addresses`, one each, unless `records` brings others. */
export function zone(name: string, addresses: readonly string[] = ['127.0.0.1'], records: readonly ServedRecord[] = []): ServedZone {
  const hosts = addresses.map((address, at) => ({ host: `ns${at + 1}.${name}`, address }));
  return {
    name,
    records: [
      soa(name),
      ...hosts.flatMap(({ host, address }): ServedRecord[] => [
        { name, type: 'NS', data: host },
        { name: host, type: net.isIPv6(address) ? 'AAAA' : 'A', data: address },
      ]),
      ...records,
    ],
  };
}

/** A plain SOA record for a zone. */
function soa(name: string): ServedRecord {
  const data = { mname: `ns1.${name}`, rname: `hostmaster.${name}`, serial: 1, refresh: 3600, retry: 600, expire: 86400, minimum: 60 };
  return { name, type: 'SOA', data };
}

/** What the zones say about a question, as RFC 1034 §4.3.2 has a server look it up. */
export function lookUp(
  zones: readonly { name: string; records: readonly ServedRecord[] }[],
  asked: string,
  type: string,
  recursive: boolean,
): Reply {
  const answers: ServedRecord[] = [];
  let name = fold(asked);
  for (let hops = 0; hops < 60; hops++) {
    const best = zones.filter((candidate) => within(name, fold(candidate.name))).sort((a, b) => b.name.length - a.name.length)[0];
    if (best === undefined) {
      if (answers.length > 0) return { rcode: 0, authoritative: !recursive, answers, authorities: [], additionals: [] };
      return failure(recursive ? RCODE.NXDOMAIN : RCODE.REFUSED);
    }
    const apex = fold(best.name);
    const at = (owner: string, kind: string): ServedRecord[] => best.records.filter((r) => fold(r.name) === owner && r.type === kind);
    const cut = best.records
      .filter((r) => r.type === 'NS' && fold(r.name) !== apex && within(name, fold(r.name)))
      .sort((a, b) => b.name.length - a.name.length)[0];
    if (cut !== undefined) {
      const authorities = at(fold(cut.name), 'NS');
      const glue = best.records.filter((r) => (r.type === 'A' || r.type === 'AAAA') && authorities.some((ns) => ns.data === r.name));
      return { rcode: 0, authoritative: false, answers, authorities, additionals: glue };
    }
    const found = at(name, type);
    const alias = at(name, 'CNAME')[0];
    if (found.length === 0 && alias !== undefined && typeof alias.data === 'string') {
      answers.push(alias);
      name = fold(alias.data);
      continue;
    }
    answers.push(...found);
    const exists = best.records.some((r) => within(fold(r.name), name));
    return {
      rcode: exists ? RCODE.NOERROR : RCODE.NXDOMAIN,
      authoritative: !recursive,
      answers,
      authorities: found.length > 0 ? [] : at(apex, 'SOA'),
      additionals: [],
    };
  }
  return { ...failure(RCODE.SERVFAIL), answers };
}
