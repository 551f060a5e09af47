/**
 * Addresses to which no stranger may send this machine: everything that is not global unicast, by the registries of special purpose
 * addresses (RFC 6890, RFC 8190).
 */
import { BlockList, isIP } from 'node:net';

/** What an address is when it is not a public one. */
export type AddressRange =
  | 'unspecified'
  | 'loopback'
  | 'link-local'
  | 'private'
  | 'shared (CGNAT)'
  | 'multicast'
  | 'documentation'
  | 'benchmarking'
  | 'translated'
  | 'reserved';

const IPV4: readonly (readonly [AddressRange, ...string[]])[] = [
  ['unspecified', '0.0.0.0/8'],
  ['loopback', '127.0.0.0/8'],
  ['link-local', '169.254.0.0/16'],
  ['private', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
  ['shared (CGNAT)', '100.64.0.0/10'],
  ['multicast', '224.0.0.0/4'],
  ['documentation', '192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'],
  ['benchmarking', '198.18.0.0/15'],
  ['translated', '192.88.99.0/24'],
  ['reserved', '192.0.0.0/24', '240.0.0.0/4'],
];

/** Only 2000::/3 is global unicast at all; these are parts of it and words for what lies outside. */
const IPV6: readonly (readonly [AddressRange, ...string[]])[] = [
  ['unspecified', '::/128'],
  ['loopback', '::1/128'],
  // IPv4-mapped, IPv4-compatible, NAT64 of a network's own (RFC 8215), Teredo, 6to4: where they lead says an IPv4 address within.
  ['translated', '::ffff:0:0/96', '::/96', '64:ff9b:1::/48', '2001::/32', '2002::/16'],
  ['link-local', 'fe80::/10'],
  ['private', 'fc00::/7', 'fec0::/10'],
  ['multicast', 'ff00::/8'],
  ['documentation', '2001:db8::/32', '3fff::/20'],
  ['benchmarking', '2001:2::/48'],
  ['reserved', '2001::/23'],
];

/** NAT64 as every network has it (RFC 6052 §2.1): where names have no IPv6 address, DNS64 gives the IPv4 one within this prefix. */
const NAT64 = '64:ff9b::/96';

/** Made when the first address is looked at. */
let tables:
  | { readonly 4: readonly Table[]; readonly 6: readonly Table[]; readonly global: BlockList; readonly nat64: BlockList }
  | undefined;

interface Table {
  readonly range: AddressRange;
  readonly list: BlockList;
}

/**
 * What an IP address is; undefined for a public one. Within NAT64's prefix it is what the IPv4 address in it is.
 * @param address an IP address, an IPv6 one without zone; anything else is `reserved`
 */
export function addressRangeOf(address: string): AddressRange | undefined {
  tables ??= {
    4: IPV4.map(([range, ...blocks]) => ({ range, list: listOf(4, blocks) })),
    6: IPV6.map(([range, ...blocks]) => ({ range, list: listOf(6, blocks) })),
    global: listOf(6, ['2000::/3']),
    nat64: listOf(6, [NAT64]),
  };
  const version = isIP(address);
  if (version === 4) return tables[4].find(({ list }) => list.check(address))?.range;
  if (version !== 6 || address.includes('%')) return 'reserved';
  if (tables.nat64.check(address, 'ipv6')) return addressRangeOf(lastFour(address));
  const found = tables[6].find(({ list }) => list.check(address, 'ipv6'))?.range;
  return found ?? (tables.global.check(address, 'ipv6') ? undefined : 'reserved');
}

function listOf(version: 4 | 6, blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [address = '', bits] = block.split('/');
    list.addSubnet(address, Number(bits), version === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** The last 32 bits of an IPv6 address, as an IPv4 one. */
function lastFour(address: string): string {
  const dotted = /\d+\.\d+\.\d+\.\d+$/.exec(address)?.[0];
  if (dotted !== undefined) return dotted;
  const [high = '0', low = '0'] = (address.endsWith('::') ? `${address}0:0` : address.replace('::', ':0:0:')).split(':').slice(-2);
  const value = Number.parseInt(high || '0', 16) * 0x1_0000 + Number.parseInt(low || '0', 16);
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
