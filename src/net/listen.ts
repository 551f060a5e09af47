/** A listener on all addresses of this machine, IPv4 and IPv6. */
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { messageOf, systemCodeOf, TscertError } from '../base/errors.js';
import { findPortOwner } from './port-owner.js';

/**
 * Listens on `port` of every address; on IPv4 alone where the system has no IPv6.
 * @returns the loopback addresses at which the listener can be reached from here
 * @throws {TscertError} `port-in-use` with the process that has it where that can be seen, `port-denied`, `network`
 */
export async function listen(server: Server, port: number): Promise<readonly { readonly host: string; readonly port: number }[]> {
  try {
    await listenAt(server, { port, host: '::', ipv6Only: false }).catch((error) => {
      if (!['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'].includes(systemCodeOf(error) ?? '')) throw error;
      return listenAt(server, { port, host: '0.0.0.0' });
    });
  } catch (error) {
    throw await listenFailure(error, port);
  }
  const { family, port: own } = server.address() as AddressInfo;
  const hosts = family === 'IPv6' && hasLoopback6() ? ['127.0.0.1', '::1'] : ['127.0.0.1'];
  return hosts.map((host) => ({ host, port: own }));
}

/**
 * Listens at one address, or at every one where none is named; on port 0 at a free one.
 * @throws {TscertError} as {@link listen}
 */
export async function listenOn(server: Server, where: { readonly host?: string; readonly port: number }): Promise<void> {
  try {
    await listenAt(server, { ...where });
  } catch (error) {
    throw await listenFailure(error, where.port);
  }
}

async function listenAt(server: Server, options: { port: number; host?: string; ipv6Only?: boolean }): Promise<void> {
  const listening = once(server, 'listening');
  server.listen(options);
  await listening;
}

async function listenFailure(error: unknown, port: number): Promise<TscertError> {
  const code = systemCodeOf(error) ?? 'unknown';
  if (code === 'EADDRINUSE') {
    const owner = await findPortOwner(port);
    const who = owner === undefined ? 'another program has it' : `${owner.name} (process ${owner.pid}) has it`;
    const data = { port, ...(owner !== undefined && { process: owner }) };
    return new TscertError('port-in-use', `Cannot listen on port ${port}: ${who}`, { data, cause: error });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const why = port < 1_024 ? 'ports below 1024 are for root and programs with CAP_NET_BIND_SERVICE' : 'the system denies it';
    return new TscertError('port-denied', `Cannot listen on port ${port}: ${why}`, { data: { port, code }, cause: error });
  }
  return new TscertError('network', `Cannot listen on port ${port}: ${messageOf(error)}`, { data: { port, code }, cause: error });
}

/** A container may have IPv6 sockets but no ::1. */
function hasLoopback6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'));
}
