/** The names of addresses in DNS. */
import { isIPv4 } from 'node:net';

/** `1.2.0.192.in-addr.arpa` (RFC 1034 §5.2.1) or the nibbles of IPv6 below `ip6.arpa` (RFC 3596 §2.5), of a valid address. */
export function reverseName(address: string): string {
  if (isIPv4(address)) return `${address.split('.').reverse().join('.')}.in-addr.arpa`;
  return `${[...nibbles(address)].reverse().join('.')}.ip6.arpa`;
}

/** The 32 hexadecimal digits of an IPv6 address; URL writes any form of it as hexadecimal groups. */
function nibbles(address: string): string {
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const groupsOf = (text: string): string[] => text.split(':').filter((group) => group !== '');
  const [left, right] = [groupsOf(head), groupsOf(tail ?? '')];
  const zeros = Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join('');
}
