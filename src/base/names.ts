/**
 * The names that a certificate can carry (RFC 5280 §4.2.1.6), as people write them: DNS names with IDN and wildcard,
 * IP addresses, e-mail addresses and URIs, told apart as cfssl's `hosts` are.
 */
import { isIP } from 'node:net';
import { domainToASCII, domainToUnicode } from 'node:url';
import { TscertError } from './errors.js';

/** A name of a certificate, in its canonical form: A-labels in lower case, IPv6 compressed. */
export interface Name {
  readonly type: 'dns' | 'ip' | 'email' | 'uri';
  readonly value: string;
}

/** An otherName (RFC 5280 §4.2.1.6) with a UTF8String value, as Microsoft's UPN. */
export interface OtherName {
  readonly type: 'other';
  /** The type-id in dotted form. */
  readonly oid: string;
  readonly value: string;
}

export type GeneralName = Name | OtherName;

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const EMAIL = /^[^\s@<>()[\],;:\\"\p{C}]+@[^\s@]+$/u;

/**
 * Reads one name. `dns:`, `ip:`, `email:` or `uri:` in front decides; without it an address is an IP, a text with
 * `scheme://` a URI, a text with `@` an e-mail address, anything else a DNS name.
 * @throws {TscertError} `name-invalid` with the rule that the name breaks
 */
export function parseName(text: string): Name {
  const prefixed = /^(dns|ip|email|uri):(.*)$/is.exec(text);
  const type = prefixed?.[1]?.toLowerCase() as Name['type'] | undefined;
  const value = (prefixed?.[2] ?? text).trim();
  switch (type ?? guessType(value)) {
    case 'ip':
      return { type: 'ip', value: parseIp(value) };
    case 'uri':
      return { type: 'uri', value: parseUri(value) };
    case 'email':
      return { type: 'email', value: parseEmail(value) };
    default:
      return { type: 'dns', value: parseDnsName(value) };
  }
}

function guessType(value: string): Name['type'] {
  if (/^\[?\d|:/.test(value) && isIP(value.replace(/^\[(.*)\]$/, '$1')) !== 0) return 'ip';
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(value)) return 'uri';
  return value.includes('@') ? 'email' : 'dns';
}

/**
 * Reads a DNS name into A-labels (RFC 5890), lower case, no dot at the end; `*.` may stand in front.
 * @throws {TscertError} `name-invalid`
 */
export function parseDnsName(text: string): string {
  const bare = text.endsWith('.') ? text.slice(0, -1) : text;
  const wildcard = bare.startsWith('*.');
  const rest = wildcard ? bare.slice(2) : bare;
  if (rest === '') throw invalid(text, 'it is empty');
  if (rest.includes('*')) throw invalid(text, 'a wildcard may only be the whole first label, as in "*.example.com"');
  // domainToASCII would take "1.2.3" for an IPv4 address and cut at "/" or "#": look at the characters first.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here
  const wrong = /[\u0000-\u0020\u007f/\\#?@:%[\]<>^|"'`(){}~!$&+,;=]/.exec(rest)?.[0];
  if (wrong !== undefined) throw invalid(text, `the character ${JSON.stringify(wrong)} cannot stand in a DNS name`);
  const ascii = /^[\u0021-\u007e]*$/.test(rest) && !/(^|\.)xn--/i.test(rest) ? rest.toLowerCase() : domainToASCII(rest);
  // Newer lines of Node.js pass labels that decode to nothing.
  if (ascii === '' || (ascii.includes('xn--') && /(^|\.)xn--/.test(domainToUnicode(ascii))))
    throw invalid(text, 'it is no valid internationalized name');
  const name = ascii.endsWith('.') ? ascii.slice(0, -1) : ascii;
  if (name.length > 253) throw invalid(text, 'it is longer than 253 characters');
  for (const label of name.split('.')) {
    if (label === '') throw invalid(text, 'it has an empty label');
    if (label.length > 63) throw invalid(text, `its label "${label.slice(0, 20)}..." is longer than 63 characters`);
    if (!LABEL.test(label)) throw invalid(text, `its label "${label}" may only hold letters, digits and inner hyphens`);
  }
  if (/^\d+$/.test(name.slice(name.lastIndexOf('.') + 1))) throw invalid(text, 'its last label may not be a number');
  return wildcard ? `*.${name}` : name;
}

function parseIp(text: string): string {
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  const version = isIP(bare);
  if (version === 0 || bare.includes('%')) throw invalid(text, 'it is no IP address');
  return version === 4 ? bare : new URL(`http://[${bare}]/`).hostname.slice(1, -1);
}

function parseEmail(text: string): string {
  const at = text.lastIndexOf('@');
  if (!EMAIL.test(text)) throw invalid(text, 'it is no plain e-mail address');
  const local = text.slice(0, at);
  if (!/^[\u0021-\u007e]+$/.test(local)) throw invalid(text, 'the part before "@" must be ASCII');
  return `${local}@${parseDnsName(text.slice(at + 1))}`;
}

function parseUri(text: string): string {
  if (!/^[\u0021-\u007e]+$/.test(text) || !/^[a-z][a-z0-9+.-]*:./i.test(text) || !URL.canParse(text)) {
    throw invalid(text, 'it is no absolute URI in ASCII');
  }
  return text;
}

/** True for `*.example.com`. */
export function isWildcard(name: string): boolean {
  return name.startsWith('*.');
}

/** The name without its wildcard label: what an ACME authorization is for (RFC 8555 §7.1.4). */
export function withoutWildcard(name: string): string {
  return isWildcard(name) ? name.slice(2) : name;
}

/** True when `name` is `zone` or lies below it, on a label boundary. Both in canonical form. */
export function isWithin(name: string, zone: string): boolean {
  return zone === '' || name === zone || name.endsWith(`.${zone}`);
}

/** The name and all names above it, longest first: `a.b.c`, `b.c`, `c`. */
export function suffixesOf(name: string): string[] {
  const labels = name.split('.');
  return labels.map((_, at) => labels.slice(at).join('.'));
}

/** Type and value in one text, for comparisons and keys: `dns:example.com`. */
export function nameKey(name: GeneralName): string {
  return name.type === 'other' ? `other:${name.oid};${name.value}` : `${name.type}:${name.value}`;
}

function invalid(name: string, reason: string): TscertError {
  return new TscertError('name-invalid', `Cannot use ${JSON.stringify(name)} as a name: ${reason}`, { data: { name, reason } });
}
