/** The servers that a zone's values are looked for at: its NS records with all their addresses, or those given instead. */
import { isIP } from 'node:net';
import { TscertError } from '../base/errors.js';
import { isWithin } from '../base/names.js';
import { formatServer, parseServer } from '../net/dns-address.js';
import type { Resolver } from '../net/resolver.js';
import type { DnsServer } from '../net/tcp.js';
import type { DnsOptions } from '../request/request.js';
import { share } from './shared.js';

/** One address of one name server. */
export interface Nameserver {
  /** Its name in the NS record, or the address given. */
  readonly host: string;
  readonly address: DnsServer;
}

/**
 * Gives the function that finds the addresses to ask about a name of a zone; what was found is kept for the run.
 * It throws `dns-failed` when there are none, with the reason in `data.reason`.
 * @param options `port` is where authoritative servers listen: 53 but in tests
 */
export function createNameservers(options: {
  readonly resolver: Resolver;
  readonly given: DnsOptions['nameservers'];
  readonly port?: number;
}): (name: string, zone: string, signal: AbortSignal) => Promise<readonly Nameserver[]> {
  const { resolver, given, port = 53 } = options;
  const zones = new Map<string, (signal: AbortSignal) => Promise<readonly Nameserver[]>>();

  /** The addresses of a host; none for a name that does not exist. */
  const addressesOf = async (host: string, signal: AbortSignal): Promise<string[]> => {
    const found = await Promise.all([resolver.lookUp(host, 'A', signal), resolver.lookUp(host, 'AAAA', signal)]);
    return found.flatMap(({ records }) => records.map(({ value }) => value));
  };

  const delegated = async (zone: string, signal: AbortSignal): Promise<readonly Nameserver[]> => {
    const { status, records } = await resolver.lookUp(zone, 'NS', signal);
    const hosts = [...new Set(records.map(({ value }) => value))].sort();
    if (hosts.length === 0) throw none(zone, `the zone "${zone}" is not delegated: ${status === 'nxdomain' ? 'NXDOMAIN' : 'no NS record'}`);
    const found = await Promise.all(
      hosts.map(async (host) => (await addressesOf(host, signal)).map((address) => ({ host, address: { host: address, port } }))),
    );
    if (found.flat().length === 0) throw none(zone, `none of the name servers of "${zone}" has an address: ${hosts.join(', ')}`);
    return found.flat();
  };

  const resolved = async (text: string, zone: string, signal: AbortSignal): Promise<readonly Nameserver[]> => {
    const server = parseServer(text);
    if (isIP(server.host) !== 0) return [{ host: formatServer(server), address: server }];
    const addresses = await addressesOf(server.host, signal);
    if (addresses.length === 0) throw none(zone, `the name server ${server.host} has no address`);
    return addresses.map((address) => ({ host: server.host, address: { host: address, port: server.port } }));
  };

  const givenFor = (name: string): string[] => {
    const fitting = given.filter((entry) => isWithin(name, entry.zone ?? ''));
    const longest = Math.max(...fitting.map((entry) => entry.zone?.length ?? 0));
    return fitting.filter((entry) => (entry.zone?.length ?? 0) === longest).map((entry) => entry.address);
  };

  return (name, zone, signal) => {
    const instead = givenFor(name);
    const key = instead.length === 0 ? zone : instead.join(' ');
    const find =
      zones.get(key) ??
      share(async (own) =>
        instead.length === 0 ? delegated(zone, own) : (await Promise.all(instead.map((address) => resolved(address, zone, own)))).flat(),
      );
    zones.set(key, find);
    return find(signal);
  };
}

function none(zone: string, reason: string): TscertError {
  return new TscertError('dns-failed', `Cannot find the name servers of "${zone}": ${reason}`, { data: { zone, reason } });
}
