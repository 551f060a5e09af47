/**
 * Where a URL may lead that a stranger wrote, into a certificate for instance: http or https, no credentials, and an address that is public.
 * A name is looked up once, every address is looked at, and the connection goes to one that was looked at: what the name says a moment
 * later does not matter.
 */
import { isIP } from 'node:net';
import { type ErrorData, TscertError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import { addressRangeOf } from './address-range.js';
import type { LookUp } from './look-up.js';
import { bareHost } from './proxy.js';

export interface GuardOptions {
  /** Any address may be reached: for the responders of a network's own CA. */
  readonly allowPrivate: boolean;
  readonly lookUp: LookUp;
}

const MAX_URL = 2_048;

/**
 * The URL, if it is one that may be fetched at all.
 * @throws {TscertError} `url-refused` for other schemes than http and https, for credentials and for more than 2,048 characters
 */
export function guardedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || text.length > MAX_URL) throw refused(text, 'it is no URL, or one that is too long', {});
  if (!/^https?:$/.test(url.protocol)) throw refused(text, 'only http and https are fetched', { scheme: url.protocol.slice(0, -1) });
  if (url.username !== '' || url.password !== '') throw refused(url.host, 'it has credentials', {});
  return url;
}

/**
 * The addresses of the host of `url` that may be connected to.
 * @param family only those of this version of IP
 * @throws {TscertError} `url-refused` with `data.addresses` when none may be, `network` when there is none; what the look-up throws
 */
export async function guardedAddresses(
  url: URL,
  family: 4 | 6 | undefined,
  { allowPrivate, lookUp }: GuardOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const host = bareHost(url.hostname);
  // RFC 6761 §6.3: whatever a resolver or a proxy says, that is this machine.
  if (!allowPrivate && /(^|\.)localhost$/i.test(host))
    throw refused(url.href, `"${host}" is this machine`, { addresses: [], range: 'loopback' });
  const found = isIP(host) === 0 ? await lookUp(host, signal) : [host];
  const allowed = allowPrivate ? found : found.filter((address) => addressRangeOf(address) === undefined);
  if (allowed.length === 0 && found.length > 0) {
    const range = addressRangeOf(found[0] ?? '');
    const words = found.map((address) => `${address} (${addressRangeOf(address)})`).join(', ');
    throw refused(url.href, `its address is none of the public internet: ${words}`, { addresses: found, range });
  }
  const suitable = family === undefined ? allowed : allowed.filter((address) => isIP(address) === family);
  if (suitable.length > 0) return suitable;
  throw new TscertError('network', `Cannot find the host "${url.host}": it has no IPv${family} address`, {
    data: { host: url.host, phase: 'dns', code: 'ENODATA' },
  });
}

function refused(url: string, why: string, data: ErrorData): TscertError {
  const shown = printable(url.slice(0, 200));
  return new TscertError('url-refused', `Cannot fetch "${shown}": ${why}`, { data: { url: shown, ...data } });
}
