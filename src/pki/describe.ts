/** What certificates, requests and keys say, as plain data: strings, numbers, lists; nothing of a private key but its kind. */
import { createHash, type KeyObject } from 'node:crypto';
import type { GeneralName } from '../base/names.js';
import { type CertificateContent, isIssuedBy } from './certificate.js';
import type { CsrContent } from './csr.js';
import { EXTENSION } from './extension.js';
import type { Extensions } from './extension-reader.js';
import { keyTypeOf, keyWords, publicKeyDer } from './key.js';
import type { KeyType } from './key-type.js';
import { type DistinguishedName, formatDistinguishedName } from './rfc4514.js';
import { commonNameOf } from './subject.js';
import { type NameConstraints, usageOfBit, usageOfOid } from './usage.js';

/** A public key. */
export interface KeyDescription {
  /** `ECDSA P-256`, `RSA 2048`. */
  readonly kind: string;
  /** The kind in tscert's word, where it has one. */
  readonly keyType?: KeyType;
  /** SHA-256 of the SubjectPublicKeyInfo, base64, as `curl --pinnedpubkey` takes it. */
  readonly publicKeySha256: string;
}

/** Subject alternative names by kind; `unknown` has those of other kinds as DER in hex. */
export interface NamesDescription {
  readonly dns: readonly string[];
  readonly ip: readonly string[];
  readonly email: readonly string[];
  readonly uri: readonly string[];
  readonly other: readonly { readonly oid: string; readonly value: string }[];
  readonly unknown: readonly string[];
}

/** What certificates and requests have in common. Octets are lower-case hex. */
interface Common {
  /** RFC 4514. */
  readonly subject: string;
  readonly commonName?: string;
  readonly names: NamesDescription;
  readonly key: KeyDescription;
  /** cert-manager's words; dotted identifiers for purposes that have none. */
  readonly usages: readonly string[];
  readonly isCa: boolean;
  readonly pathLength?: number;
  readonly nameConstraints?: NameConstraints;
  readonly mustStaple: boolean;
  readonly subjectKeyIdentifier?: string;
  /** Extensions that none of the other fields show. */
  readonly otherExtensions: readonly { readonly oid: string; readonly critical: boolean }[];
  readonly signatureAlgorithm: string;
}

export interface CertificateDescription extends Common {
  readonly version: number;
  readonly issuer: string;
  readonly serialNumber: string;
  /** RFC 3339. */
  readonly notBefore: string;
  readonly notAfter: string;
  readonly validity: 'valid' | 'expired' | 'not yet valid';
  /** Whole days until the end, negative behind it. */
  readonly daysLeft: number;
  readonly isSelfSigned: boolean;
  readonly authorityKeyIdentifier?: string;
  readonly ocspUrls: readonly string[];
  readonly caIssuerUrls: readonly string[];
  readonly crlUrls: readonly string[];
  /** SHA-256 of the certificate. */
  readonly fingerprintSha256: string;
}

export interface CsrDescription extends Common {
  /** True when the holder of the key has signed it. */
  readonly signatureValid: boolean;
  /** Dotted identifiers of attributes other than the extensions. */
  readonly otherAttributes: readonly string[];
}

const DAY = 86_400_000;
const SHOWN: ReadonlySet<string> = new Set(Object.values(EXTENSION).filter((oid) => oid !== EXTENSION.acmeIdentifier));

/** @param now milliseconds since the epoch */
export function describeCertificate(certificate: CertificateContent, now: number): CertificateDescription {
  const { extensions, notBefore, notAfter, publicKey, raw } = certificate;
  const { authorityKeyIdentifier, ocspUrls, caIssuerUrls, crlUrls } = extensions;
  return {
    ...common(certificate.subject, extensions),
    issuer: formatDistinguishedName(certificate.issuer),
    serialNumber: certificate.serialNumber,
    version: certificate.version,
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    validity: now < notBefore.getTime() ? 'not yet valid' : now > notAfter.getTime() ? 'expired' : 'valid',
    daysLeft: Math.floor((notAfter.getTime() - now) / DAY),
    key: publicKey === undefined ? { kind: 'unknown', publicKeySha256: sha256(raw.spki, 'base64') } : describeKey(publicKey),
    isSelfSigned: isIssuedBy(certificate, certificate),
    ...(authorityKeyIdentifier === undefined ? {} : { authorityKeyIdentifier: authorityKeyIdentifier.toString('hex') }),
    ocspUrls,
    caIssuerUrls,
    crlUrls,
    signatureAlgorithm: certificate.signatureAlgorithm,
    fingerprintSha256: sha256(certificate.der, 'hex'),
  };
}

export function describeCsr(csr: CsrContent): CsrDescription {
  return {
    ...common(csr.subject, csr.extensions),
    key: describeKey(csr.publicKey),
    signatureAlgorithm: csr.signatureAlgorithm,
    signatureValid: csr.signatureValid,
    otherAttributes: csr.otherAttributes,
  };
}

/** The public half of a key, whichever half it is. */
export function describeKey(key: KeyObject): KeyDescription {
  const keyType = keyTypeOf(key);
  return {
    kind: keyWords(key),
    ...(keyType === undefined ? {} : { keyType }),
    publicKeySha256: sha256(publicKeyDer(key), 'base64'),
  };
}

function common(subject: DistinguishedName, extensions: Extensions): Omit<Common, 'key' | 'signatureAlgorithm'> {
  const commonName = commonNameOf(subject);
  const { pathLength, nameConstraints, subjectKeyIdentifier } = extensions;
  return {
    subject: formatDistinguishedName(subject),
    ...(commonName === undefined ? {} : { commonName }),
    names: namesOf(extensions),
    usages: [
      ...(extensions.keyUsage ?? []).map((bit) => usageOfBit(bit) ?? `bit ${bit}`),
      ...(extensions.extendedKeyUsage ?? []).map((oid) => usageOfOid(oid) ?? oid),
    ],
    isCa: extensions.isCa,
    ...(pathLength === undefined ? {} : { pathLength }),
    ...(nameConstraints === undefined ? {} : { nameConstraints }),
    mustStaple: extensions.mustStaple,
    ...(subjectKeyIdentifier === undefined ? {} : { subjectKeyIdentifier: subjectKeyIdentifier.toString('hex') }),
    otherExtensions: extensions.all.filter(({ oid }) => !SHOWN.has(oid)).map(({ oid, critical }) => ({ oid, critical })),
  };
}

function namesOf({ names, unknownNames }: Extensions): NamesDescription {
  const of = (type: GeneralName['type']): string[] => names.filter((name) => name.type === type).map(({ value }) => value);
  return {
    dns: of('dns'),
    ip: of('ip'),
    email: of('email'),
    uri: of('uri'),
    other: names.flatMap((name) => (name.type === 'other' ? [{ oid: name.oid, value: name.value }] : [])),
    unknown: unknownNames.map(({ der }) => der),
  };
}

function sha256(bytes: Uint8Array, encoding: 'hex' | 'base64'): string {
  return createHash('sha256').update(bytes).digest(encoding);
}
