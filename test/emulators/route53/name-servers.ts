/** Route53's DNS side: what was written is served, by each name server with its own delay. */
import { type DnsServer, type ServedRecord, type ServedZone, startDnsServer } from '../../support/dns-server.js';
import { type RecordSet, readStrings } from './records.js';
import { type HostedZone, setsAt } from './zones.js';

export interface NameServerOptions {
  /** A loopback address. */
  readonly address: string;
  /** Milliseconds until this server shows a change; 0 when absent. */
  readonly lag?: number;
}

/** Serves the public zones authoritatively on UDP and TCP, all servers on one port. */
export function serveZones(
  zones: readonly HostedZone[],
  servers: readonly NameServerOptions[],
  now: () => number,
  port = 0,
): Promise<DnsServer> {
  const lagOf = (asked: string): number =>
    servers.find(({ address }) => asked.startsWith(address.includes(':') ? `[${address}]:` : `${address}:`))?.lag ?? 0;
  const live = zones
    .filter((zone) => !zone.private)
    .map(
      (zone): ServedZone => ({
        name: zone.name.slice(0, -1),
        records: (asked) => serve(setsAt(zone, now() - lagOf(asked))),
      }),
    );
  return startDnsServer({ addresses: servers.map(({ address }) => address), zones: live, port });
}

function serve(sets: readonly RecordSet[]): ServedRecord[] {
  const answered = sets.filter(
    (set, at) => set.multiValueAnswer === true || sets.findIndex((one) => one.name === set.name && one.type === set.type) === at,
  );
  return answered.flatMap((set) => {
    const head = { name: decodeName(set.name), ttl: set.ttl ?? 60 };
    switch (set.type) {
      case 'TXT':
        return set.values.map((value): ServedRecord => ({ ...head, type: 'TXT', data: (readStrings(value) ?? []).map(String) }));
      case 'A':
      case 'AAAA':
        return set.values.map((data): ServedRecord => ({ ...head, type: set.type === 'A' ? 'A' : 'AAAA', data }));
      case 'NS':
      case 'CNAME':
        return set.values.map((data): ServedRecord => ({ ...head, type: set.type === 'NS' ? 'NS' : 'CNAME', data: decodeName(data) }));
      case 'SOA':
        return set.values.map((value): ServedRecord => ({ ...head, type: 'SOA', data: readSoa(value) }));
      default:
        return [];
    }
  });
}

function readSoa(value: string): Readonly<Record<string, unknown>> {
  const [mname = '', rname = '', serial, refresh, retry, expire, minimum] = value.split(' ');
  return {
    mname: decodeName(mname),
    rname: decodeName(rname),
    serial: Number(serial),
    refresh: Number(refresh),
    retry: Number(retry),
    expire: Number(expire),
    minimum: Number(minimum),
  };
}

function decodeName(name: string): string {
  return name.replace(/\.$/, '').replaceAll(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
