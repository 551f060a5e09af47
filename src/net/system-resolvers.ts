/** The DNS servers that this host asks. */
import dns from 'node:dns';
import { formatServer, parseServer } from './dns-address.js';

/** The resolvers of the host's own configuration as `host:port`, IPv6 in brackets, in their order; empty when it has none. */
export function systemResolvers(): string[] {
  return dns.getServers().map((server) => formatServer(parseServer(server)));
}
