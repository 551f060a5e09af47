/** Extensions of certificates and requests (RFC 5280 §4.2, RFC 7633, RFC 8737), in DER. */
import { isIP } from 'node:net';
import { TscertError } from '../base/errors.js';
import { type GeneralName, nameKey } from '../base/names.js';
import { boolean, type Der, implicit, integer, namedBits, octetString, oid, sequence, tagged } from './der.js';
import { generalNameDer, ipOctets } from './general-name.js';
import { type ConstrainedNames, extendedKeyUsageOids, keyUsageBits, type NameConstraints, type Usage } from './usage.js';

export const EXTENSION = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  tlsFeature: '1.3.6.1.5.5.7.1.24',
  acmeIdentifier: '1.3.6.1.5.5.7.1.31',
} as const;

/** What a request or a certificate shall carry beside subject and key. */
export interface ExtensionSpec {
  readonly names: readonly GeneralName[];
  readonly usages?: readonly Usage[];
  readonly isCa?: boolean;
  /** How many CAs may stand below this one; only with `isCa`. */
  readonly pathLength?: number;
  /** Only with `isCa`. */
  readonly nameConstraints?: NameConstraints;
  /** TLS feature status_request (RFC 7633). */
  readonly mustStaple?: boolean;
}

const OIDS = new Map<string, Der>(Object.values(EXTENSION).map((dotted) => [dotted, oid(dotted)]));
const TRUE = boolean(true);

/** One extension; `value` is what its OCTET STRING holds. */
export function extension(dotted: string, value: Der, critical = false): Der {
  return sequence(OIDS.get(dotted) ?? oid(dotted), critical ? TRUE : undefined, octetString(value));
}

/**
 * The extensions that a spec asks for: SAN (critical when the subject is empty, RFC 5280 §4.2.1.6), key usage (critical), extended key usage,
 * basic constraints (critical) and name constraints of a CA, TLS feature. Usages are written only where the spec has some; with `isCa`,
 * `cert sign` joins them, as cert-manager does it.
 * @throws {TscertError} `request-invalid` for a path length or name constraints without `isCa`, or ranges that are none
 */
export function extensionsOf(spec: ExtensionSpec, emptySubject: boolean): Der[] {
  const { names, usages = [], isCa = false, pathLength, nameConstraints, mustStaple = false } = spec;
  if (!isCa && (pathLength !== undefined || nameConstraints !== undefined)) {
    throw new TscertError('request-invalid', 'Cannot make the request: a path length and name constraints are for a CA only (isCa)');
  }
  const extensions: Der[] = [];
  if (names.length > 0) extensions.push(extension(EXTENSION.subjectAltName, subjectAltName(names), emptySubject));
  const bits = keyUsageBits(isCa && usages.length > 0 ? [...usages, 'cert sign'] : usages);
  if (bits.length > 0) extensions.push(extension(EXTENSION.keyUsage, namedBits(bits), true));
  const purposes = extendedKeyUsageOids(usages);
  if (purposes.length > 0) extensions.push(extension(EXTENSION.extendedKeyUsage, sequence(...purposes.map(oid))));
  if (isCa) extensions.push(extension(EXTENSION.basicConstraints, basicConstraints(true, pathLength), true));
  if (nameConstraints !== undefined) {
    extensions.push(extension(EXTENSION.nameConstraints, nameConstraintsDer(nameConstraints), nameConstraints.critical));
  }
  if (mustStaple) extensions.push(extension(EXTENSION.tlsFeature, sequence(integer(5))));
  return extensions;
}

function subjectAltName(names: readonly GeneralName[]): Der {
  const unique = names.length < 2 ? names : new Map(names.map((name) => [nameKey(name), name])).values();
  return sequence(...Array.from(unique, generalNameDer));
}

/**
 * BasicConstraints (RFC 5280 §4.2.1.9).
 * @throws {TscertError} `request-invalid` for a path length that is no small count
 */
function basicConstraints(isCa: boolean, pathLength?: number): Der {
  if (pathLength !== undefined && !(Number.isInteger(pathLength) && pathLength >= 0 && pathLength < 256)) {
    throw new TscertError('request-invalid', `Cannot make the request: the path length ${pathLength} is not a whole number from 0 to 255`);
  }
  return sequence(isCa ? TRUE : undefined, pathLength === undefined ? undefined : integer(pathLength));
}

/** AuthorityKeyIdentifier with the key identifier alone (RFC 5280 §4.2.1.1). */
export function authorityKeyIdentifier(keyIdentifier: Uint8Array): Der {
  return sequence(implicit(0, keyIdentifier));
}

/** AuthorityInfoAccess (RFC 5280 §4.2.2.1). */
export function authorityInfoAccess(ocsp: readonly string[], caIssuers: readonly string[]): Der {
  const access = (method: string, uri: string): Der => sequence(oid(method), implicit(6, uri));
  return sequence(...ocsp.map((uri) => access('1.3.6.1.5.5.7.48.1', uri)), ...caIssuers.map((uri) => access('1.3.6.1.5.5.7.48.2', uri)));
}

/** CRLDistributionPoints (RFC 5280 §4.2.1.13), one point a URL. */
export function crlDistributionPoints(uris: readonly string[]): Der {
  return sequence(...uris.map((uri) => sequence(tagged(0, tagged(0, implicit(6, uri))))));
}

function nameConstraintsDer({ permitted, excluded }: NameConstraints): Der {
  const [yes, no] = [subtrees(permitted), subtrees(excluded)];
  if (yes.length + no.length === 0) throw new TscertError('request-invalid', 'Cannot make the request: its name constraints are empty');
  return sequence(yes.length > 0 ? tagged(0, ...yes) : undefined, no.length > 0 ? tagged(1, ...no) : undefined);
}

function subtrees({ dnsDomains = [], ipRanges = [], emailAddresses = [], uriDomains = [] }: ConstrainedNames): Der[] {
  return [
    ...dnsDomains.map((domain) => implicit(2, domain)),
    ...ipRanges.map((range) => implicit(7, ipRangeOctets(range))),
    ...emailAddresses.map((address) => implicit(1, address)),
    ...uriDomains.map((domain) => implicit(6, domain)),
  ].map((base) => sequence(base));
}

/** Address and mask of a CIDR range. */
function ipRangeOctets(range: string): Buffer {
  const [address = '', length = '', more] = range.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  if (more !== undefined || !/^\d{1,3}$/.test(length) || Number(length) > bits || address.includes('%')) {
    throw new TscertError('request-invalid', `Cannot use "${range}" as an IP range: it wants a form such as 10.0.0.0/8`, {
      data: { value: range },
    });
  }
  const mask = Buffer.from(Array.from({ length: bits / 8 }, (_, at) => 0xff00 >> Math.min(8, Math.max(0, Number(length) - at * 8))));
  return Buffer.concat([ipOctets(address).map((octet, at) => octet & (mask[at] ?? 0)), mask]);
}
