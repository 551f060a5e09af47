/** Reads the extensions of certificates and requests (RFC 5280 §4.2); those it does not know stay as raw octets. */
import type { GeneralName } from '../base/names.js';
import { derError, type Element, fieldsOf, readDer, TAG } from './der-reader.js';
import { booleanOf, integerOf, namedBitsOf, oidOf, smallIntegerOf } from './der-values.js';
import { type DistributionPoint, FRESHEST_CRL, readDistributionPoints, urlsOf } from './distribution-point.js';
import { EXTENSION } from './extension.js';
import { ipText, readGeneralName, type UnknownName } from './general-name.js';
import type { ConstrainedNames, NameConstraints } from './usage.js';

/** An extension as it stands. */
export interface RawExtension {
  readonly oid: string;
  readonly critical: boolean;
  /** The content of its OCTET STRING. */
  readonly value: Buffer;
}

/** What extensions say. What is absent is `undefined` or an empty list. */
export interface Extensions {
  readonly all: readonly RawExtension[];
  /** The subject alternative names that tscert can make itself. */
  readonly names: readonly GeneralName[];
  /** Subject alternative names of other kinds. */
  readonly unknownNames: readonly UnknownName[];
  /** Bits of KeyUsage. */
  readonly keyUsage: readonly number[] | undefined;
  /** Purposes of ExtKeyUsage. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly isCa: boolean;
  readonly pathLength: number | undefined;
  readonly nameConstraints: NameConstraints | undefined;
  readonly mustStaple: boolean;
  readonly subjectKeyIdentifier: Buffer | undefined;
  readonly authorityKeyIdentifier: Buffer | undefined;
  readonly ocspUrls: readonly string[];
  readonly caIssuerUrls: readonly string[];
  /** The URLs of `crlPoints`, of any scheme. */
  readonly crlUrls: readonly string[];
  readonly crlPoints: readonly DistributionPoint[];
  /** Where delta CRLs are. */
  readonly deltaCrlPoints: readonly DistributionPoint[];
}

/**
 * Reads a SEQUENCE of extensions, or none, by their identifiers and in their order.
 * @throws {TscertError} `der-invalid`, also when one extension stands there twice (RFC 5280 §4.2)
 */
export function readRawExtensions(element: Element | undefined): ReadonlyMap<string, RawExtension> {
  if (element !== undefined) fieldsOf(element, 'the extensions');
  const all = (element?.children ?? []).map(readExtension);
  const byOid = new Map(all.map((raw) => [raw.oid, raw]));
  if (byOid.size < all.length) throw derError('an extension stands there twice');
  return byOid;
}

/**
 * Reads the extensions of a certificate or a request, or none.
 * @throws {TscertError} `der-invalid`, also when one extension stands there twice (RFC 5280 §4.2)
 */
export function readExtensions(element: Element | undefined): Extensions {
  const byOid = readRawExtensions(element);
  const read = <T>(oid: string, reader: (value: Element) => T): T | undefined => {
    const raw = byOid.get(oid);
    return raw === undefined ? undefined : reader(readDer(raw.value));
  };
  const names = read(EXTENSION.subjectAltName, (value) => listOf(value, 'the alternative names').map(readGeneralName)) ?? [];
  const basic = read(EXTENSION.basicConstraints, readBasicConstraints);
  const access = read(EXTENSION.authorityInfoAccess, readAccess) ?? [];
  const crlPoints = read(EXTENSION.crlDistributionPoints, readDistributionPoints) ?? [];
  return {
    all: [...byOid.values()],
    names: names.filter((name) => name.type !== 'unknown'),
    unknownNames: names.filter((name) => name.type === 'unknown'),
    keyUsage: read(EXTENSION.keyUsage, namedBitsOf),
    extendedKeyUsage: read(EXTENSION.extendedKeyUsage, (value) => listOf(value, 'the extended key usage').map(oidOf)),
    isCa: basic?.isCa ?? false,
    pathLength: basic?.pathLength,
    nameConstraints: read(EXTENSION.nameConstraints, (value) =>
      readNameConstraints(value, byOid.get(EXTENSION.nameConstraints)?.critical ?? false),
    ),
    mustStaple: read(EXTENSION.tlsFeature, (value) => listOf(value, 'the TLS features').map(integerOf))?.includes(5n) ?? false,
    subjectKeyIdentifier: read(EXTENSION.subjectKeyIdentifier, octetsOf),
    authorityKeyIdentifier: read(EXTENSION.authorityKeyIdentifier, readAuthorityKeyIdentifier),
    ocspUrls: access.filter(({ method }) => method === '1.3.6.1.5.5.7.48.1').map(({ url }) => url),
    caIssuerUrls: access.filter(({ method }) => method === '1.3.6.1.5.5.7.48.2').map(({ url }) => url),
    crlUrls: crlPoints.flatMap(urlsOf),
    crlPoints,
    deltaCrlPoints: read(FRESHEST_CRL, readDistributionPoints) ?? [],
  };
}

function readExtension(element: Element): RawExtension {
  const fields = fieldsOf(element, 'an extension');
  const oid = oidOf(fields.next(TAG.oid, 'the type'));
  const flag = fields.optional(TAG.boolean);
  const value = octetsOf(fields.next(TAG.octetString, 'the value'));
  fields.end();
  return { oid, critical: flag !== undefined && booleanOf(flag), value };
}

function listOf(element: Element, what: string): readonly Element[] {
  fieldsOf(element, what);
  return element.children;
}

function octetsOf({ tag, content }: Element): Buffer {
  if (tag !== TAG.octetString) throw derError('a string of octets is missing');
  return content;
}

function readBasicConstraints(element: Element): { isCa: boolean; pathLength: number | undefined } {
  const fields = fieldsOf(element, 'the basic constraints');
  const flag = fields.optional(TAG.boolean);
  const length = fields.optional(TAG.integer);
  fields.end();
  return { isCa: flag !== undefined && booleanOf(flag), pathLength: length === undefined ? undefined : smallIntegerOf(length) };
}

/**
 * The key identifier of an AuthorityKeyIdentifier, where it has one.
 * @throws {TscertError} `der-invalid`
 */
export function readAuthorityKeyIdentifier(element: Element): Buffer | undefined {
  return fieldsOf(element, 'the authority key identifier').optional(TAG.implicit(0))?.content;
}

function readAccess(element: Element): { method: string; url: string }[] {
  return listOf(element, 'the authority information access').flatMap((child) => {
    const fields = fieldsOf(child, 'an access description');
    const method = oidOf(fields.next(TAG.oid, 'the method'));
    const location = readGeneralName(fields.any('the location'));
    fields.end();
    return location.type === 'uri' ? [{ method, url: location.value }] : [];
  });
}

function readNameConstraints(element: Element, critical: boolean): NameConstraints {
  const fields = fieldsOf(element, 'the name constraints');
  const permitted = readSubtrees(fields.optional(TAG.tagged(0)));
  const excluded = readSubtrees(fields.optional(TAG.tagged(1)));
  fields.end();
  return { critical, permitted, excluded };
}

function readSubtrees(element: Element | undefined): ConstrainedNames {
  const bases = (element?.children ?? []).map((subtree) => fieldsOf(subtree, 'a subtree').any('the base'));
  const withTag = (tag: number): Element[] => bases.filter((base) => base.tag === TAG.implicit(tag));
  const texts = (tag: number): string[] => withTag(tag).map(({ content }) => content.toString('latin1'));
  const lists = { dnsDomains: texts(2), ipRanges: withTag(7).map(readIpRange), emailAddresses: texts(1), uriDomains: texts(6) };
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0));
}

function readIpRange({ content }: Element): string {
  const half = content.length / 2;
  if (half !== 4 && half !== 16) throw derError(`an IP range has ${content.length} octets`);
  const mask = [...content.subarray(half)].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  if (!/^1*0*$/.test(mask)) throw derError('the mask of an IP range has gaps');
  return `${ipText(content.subarray(0, half))}/${mask.replaceAll('0', '').length}`;
}
