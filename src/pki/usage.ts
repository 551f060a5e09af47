/**
 * Key usages under cert-manager's and certificates.k8s.io's 23 words, and name constraints.
 * A word is either a bit of the key usage extension (RFC 5280 §4.2.1.3) or a purpose of the extended one (§4.2.1.12).
 */
import { TscertError } from '../base/errors.js';

/** What a word stands for: the bit of KeyUsage, or the purpose in ExtKeyUsage. `signing` is a second word for a bit. */
const TABLE = {
  signing: { bit: 0 },
  'digital signature': { bit: 0 },
  'content commitment': { bit: 1 },
  'key encipherment': { bit: 2 },
  'data encipherment': { bit: 3 },
  'key agreement': { bit: 4 },
  'cert sign': { bit: 5 },
  'crl sign': { bit: 6 },
  'encipher only': { bit: 7 },
  'decipher only': { bit: 8 },
  any: { oid: '2.5.29.37.0' },
  'server auth': { oid: '1.3.6.1.5.5.7.3.1' },
  'client auth': { oid: '1.3.6.1.5.5.7.3.2' },
  'code signing': { oid: '1.3.6.1.5.5.7.3.3' },
  'email protection': { oid: '1.3.6.1.5.5.7.3.4' },
  's/mime': { oid: '1.3.6.1.5.5.7.3.4' },
  'ipsec end system': { oid: '1.3.6.1.5.5.7.3.5' },
  'ipsec tunnel': { oid: '1.3.6.1.5.5.7.3.6' },
  'ipsec user': { oid: '1.3.6.1.5.5.7.3.7' },
  timestamping: { oid: '1.3.6.1.5.5.7.3.8' },
  'ocsp signing': { oid: '1.3.6.1.5.5.7.3.9' },
  'microsoft sgc': { oid: '1.3.6.1.4.1.311.10.3.3' },
  'netscape sgc': { oid: '2.16.840.1.113730.4.1' },
} as const satisfies Readonly<Record<string, { bit: number } | { oid: string }>>;

/** One of cert-manager's usage words. */
export type Usage = keyof typeof TABLE;

/** All usage words, key usages first. */
export const USAGES = Object.keys(TABLE) as readonly Usage[];

/** Names that a CA may or may not certify (RFC 5280 §4.2.1.10). */
export interface NameConstraints {
  readonly critical: boolean;
  readonly permitted: ConstrainedNames;
  readonly excluded: ConstrainedNames;
}

/** The subtrees of one side; what is absent is not constrained. */
export interface ConstrainedNames {
  readonly dnsDomains?: readonly string[];
  /** CIDR notation: `10.0.0.0/8`, `2001:db8::/32`. */
  readonly ipRanges?: readonly string[];
  readonly emailAddresses?: readonly string[];
  readonly uriDomains?: readonly string[];
}

/**
 * Reads a usage word in any case; hyphens and underscores count as spaces.
 * @throws {TscertError} `request-invalid` with the words that there are
 */
export function parseUsage(text: string): Usage {
  const word = text
    .trim()
    .toLowerCase()
    .replaceAll(/[-_ ]+/g, ' ');
  const known = USAGES.find((usage) => usage === word);
  if (known !== undefined) return known;
  throw new TscertError('request-invalid', `Cannot use "${text}" as a key usage: the words are ${USAGES.join(', ')}`, {
    data: { value: text, known: USAGES },
  });
}

/** The bits of KeyUsage that the words ask for, ascending, each once. */
export function keyUsageBits(usages: readonly Usage[]): number[] {
  const bits = usages.map((usage) => TABLE[usage]).flatMap((entry) => ('bit' in entry ? [entry.bit] : []));
  return [...new Set(bits)].sort((a, b) => a - b);
}

/** The purposes of ExtKeyUsage that the words ask for, in their order, each once. */
export function extendedKeyUsageOids(usages: readonly Usage[]): string[] {
  return [...new Set(usages.map((usage) => TABLE[usage]).flatMap((entry) => ('oid' in entry ? [entry.oid] : [])))];
}

/** The word of a bit of KeyUsage: `digital signature` for 0. */
export function usageOfBit(bit: number): Usage | undefined {
  return USAGES.find((usage) => usage !== 'signing' && 'bit' in TABLE[usage] && TABLE[usage].bit === bit);
}

/** The word of a purpose of ExtKeyUsage. */
export function usageOfOid(oid: string): Usage | undefined {
  return USAGES.find((usage) => 'oid' in TABLE[usage] && TABLE[usage].oid === oid);
}
