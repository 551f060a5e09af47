/** The addresses of a host name. */
import { lookup } from 'node:dns/promises';
import { isTscertError } from '../base/errors.js';
import { orAborted } from './deadline.js';
import { connectFailure } from './failure.js';
import type { Resolver } from './resolver.js';

/**
 * Gives the IP addresses of a name, at least one.
 * @throws {TscertError} `network` with `data.phase` `dns`, or `dns-failed`; the signal's reason when it is aborted
 */
export type LookUp = (name: string, signal: AbortSignal) => Promise<readonly string[]>;

/** As the system looks names up: its files and its resolvers. */
export const systemLookUp: LookUp = async (name, signal) => {
  signal.throwIfAborted();
  try {
    const found = await orAborted(lookup(name, { all: true, verbatim: true }), signal);
    return found.map(({ address }) => address);
  } catch (error) {
    signal.throwIfAborted();
    throw connectFailure(error, name);
  }
};

/** By resolvers that were named. */
export function resolverLookUp(resolver: Resolver): LookUp {
  return async (name, signal) => {
    const settled = await Promise.allSettled((['AAAA', 'A'] as const).map((type) => resolver.lookUp(name, type, signal)));
    signal.throwIfAborted();
    const addresses = settled.flatMap((one) => (one.status === 'fulfilled' ? one.value.records.map(({ value }) => value) : []));
    if (addresses.length > 0) return addresses;
    const failed = settled.find((one) => one.status === 'rejected');
    if (failed !== undefined && isTscertError(failed.reason)) throw failed.reason;
    throw connectFailure(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), name);
  };
}
