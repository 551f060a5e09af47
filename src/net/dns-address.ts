/** Where a DNS server listens, as people write it: `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53`, `[2001:db8::53]:53`, `ns1.example.com:53`. */
import { isIPv6 } from 'node:net';
import { TscertError } from '../base/errors.js';
import type { DnsServer } from './tcp.js';

/**
 * Reads an address; without a port it is 53.
 * @throws {TscertError} `request-invalid`
 */
export function parseServer(text: string): DnsServer {
  if (isIPv6(text)) return { host: text, port: 53 };
  const match = /^(?:\[([^[\]]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = match?.[3] === undefined ? 53 : Number(match[3]);
  if (host === '' || port < 1 || port > 65_535 || (match?.[1] !== undefined && !isIPv6(host))) {
    throw new TscertError(
      'request-invalid',
      `Cannot use "${text}" as a DNS server: it wants a form such as 192.0.2.53:53 or [2001:db8::53]:53`,
      {
        data: { value: text },
      },
    );
  }
  return { host, port };
}

/** `host:port`, with IPv6 in brackets. */
export function formatServer({ host, port }: DnsServer): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
