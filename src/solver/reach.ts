/**
 * Whether the addresses of a name are those of this machine. Only ever a warning: behind NAT, a load balancer or a CDN they
 * are not, and all is well; but a name that still points to the old machine is why most validations fail.
 */
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Challenge, SolverContext } from '../acme/solver.js';
import { messageOf } from '../base/errors.js';
import { parseName } from '../base/names.js';

/** The addresses (A and AAAA) of a name. */
export type Lookup = (name: string, signal: AbortSignal) => Promise<readonly string[]>;

/** Warns when the CA will probably not come to this machine for the name. */
export async function warnIfElsewhere({ identifier }: Challenge, lookup: Lookup, { signal, emit }: SolverContext): Promise<void> {
  if (identifier.type !== 'dns') return;
  let message: string | undefined;
  try {
    message = describeReach(identifier.value, await lookup(identifier.value, signal), ownAddresses());
  } catch (error) {
    signal.throwIfAborted();
    message = `the addresses of ${identifier.value} could not be looked up here: ${messageOf(error)}`;
  }
  if (message !== undefined) emit({ type: 'warning', message });
}

/** What is strange about the addresses of a name, seen from a machine with the addresses `own`; undefined when nothing is. */
function describeReach(name: string, addresses: readonly string[], own: readonly string[]): string | undefined {
  if (addresses.length === 0) return `${name} has no address: the CA cannot reach it`;
  const foreign = addresses.filter((address) => !own.some((mine) => canonical(mine) === canonical(address)));
  if (foreign.length === 0) return undefined;
  const list = foreign.join(', ');
  if (foreign.length === addresses.length) {
    return `${name} points to ${list}, which is no address of this machine (fine behind NAT or a load balancer)`;
  }
  const why = foreign.some(isIPv6) ? ', and CAs try IPv6 first' : '';
  return `${name} points to ${list} too, which is no address of this machine${why}`;
}

/** `2001:DB8:0::1` and `2001:db8::1` are the same address; a link-local one carries its zone. */
function canonical(address: string): string {
  return parseName(`ip:${address.replace(/%.*$/, '')}`).value;
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) => addresses?.map(({ address }) => address) ?? []);
}
