/** X.509 certificates (RFC 5280): making and reading. */
import type { KeyObject } from 'node:crypto';
import { TscertError } from '../base/errors.js';
import { decodePem, encodePem } from '../base/pem.js';
import type { CsrSpec } from './csr.js';
import { bitString, type Der, encodeDer, encoded, integer, octetString, sequence, tagged, time } from './der.js';
import { derError, type Element, fieldsOf, readDer, reading, TAG } from './der-reader.js';
import { bitStringOf, integerBytesOf, integerOf, smallIntegerOf, timeOf } from './der-values.js';
import { authorityInfoAccess, authorityKeyIdentifier, crlDistributionPoints, EXTENSION, extension, extensionsOf } from './extension.js';
import { type Extensions, readExtensions } from './extension-reader.js';
import { keyIdentifier, publicKeyDer } from './key.js';
import { readPublicKeyDer } from './key-reader.js';
import type { DistinguishedName } from './rfc4514.js';
import { isSignedBy, signatureAlgorithmName, signerOf, signWith } from './signature.js';
import { distinguishedNameDer, distinguishedNameOf, readDistinguishedName } from './subject.js';

/** A certificate in both of its forms. */
export interface Certificate {
  readonly der: Buffer;
  /** `CERTIFICATE`, with a line feed at the end. */
  readonly pem: string;
}

/** What a certificate says. */
export interface CertificateContent extends Certificate {
  /** 1 to 3. */
  readonly version: number;
  /** Lower-case hex of whole octets, without a zero octet in front; `-` before a negative number. */
  readonly serialNumber: string;
  readonly subject: DistinguishedName;
  readonly issuer: DistinguishedName;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Undefined for a kind of key that OpenSSL does not know; `spki` is there all the same. */
  readonly publicKey: KeyObject | undefined;
  readonly extensions: Extensions;
  readonly signatureAlgorithm: string;
  /** The octets as they stand in the certificate, for comparisons and for the signature. */
  readonly raw: RawCertificate;
}

export interface RawCertificate {
  /** TBSCertificate: what is signed. */
  readonly tbs: Buffer;
  readonly subject: Buffer;
  readonly issuer: Buffer;
  /** SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  readonly signatureAlgorithm: Element;
  readonly signature: Buffer;
}

const LABELS: readonly string[] = ['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE'];

/**
 * Reads a certificate: DER, or a PEM text with exactly one block `CERTIFICATE`, `X509 CERTIFICATE` or `TRUSTED CERTIFICATE`
 * (OpenSSL's, as long as no trust settings follow); other blocks beside it are ignored.
 * @throws {TscertError} `certificate-invalid` when it is none, or several, `pem-invalid`
 */
export function readCertificate(input: string | Uint8Array): CertificateContent {
  const bytes = typeof input === 'string' ? Buffer.from(input) : Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  if (bytes[0] === TAG.sequence) return readCertificateDer(bytes);
  const blocks = certificateBlocks(bytes.toString('utf8'));
  const [der] = blocks;
  if (der !== undefined && blocks.length === 1) return readCertificateDer(der);
  throw new TscertError('certificate-invalid', `Cannot read the certificate: the text holds ${blocks.length} of them, not one`);
}

/**
 * Reads all certificates of a PEM text, in their order; none is an empty list.
 * @throws {TscertError} `certificate-invalid`, `pem-invalid`
 */
export function readCertificates(pem: string): CertificateContent[] {
  return certificateBlocks(pem).map(readCertificateDer);
}

function certificateBlocks(pem: string): Buffer[] {
  return decodePem(pem)
    .filter(({ label }) => LABELS.includes(label))
    .map(({ der }) => der);
}

function readCertificateDer(der: Buffer): CertificateContent {
  return reading('certificate-invalid', 'certificate', () => readContent(readDer(der)));
}

function readContent(root: Element): CertificateContent {
  const fields = fieldsOf(root, 'the certificate');
  const tbs = fields.next(TAG.sequence, 'the body');
  const algorithm = fields.next(TAG.sequence, 'the signature algorithm');
  const signature = bitStringOf(fields.next(TAG.bitString, 'the signature'));
  fields.end();
  const body = fieldsOf(tbs, 'the body of the certificate');
  const version = readVersion(body.optional(TAG.tagged(0)));
  const serialNumber = readSerialNumber(body.next(TAG.integer, 'the serial number'));
  const inner = body.next(TAG.sequence, 'the signature algorithm');
  const issuer = body.next(TAG.sequence, 'the issuer');
  const validity = fieldsOf(body.next(TAG.sequence, 'the validity'), 'the validity');
  const [notBefore, notAfter] = [timeOf(validity.any('the beginning')), timeOf(validity.any('the end'))];
  validity.end();
  const subject = body.next(TAG.sequence, 'the subject');
  const spki = body.next(TAG.sequence, 'the public key').der;
  body.optional(TAG.implicit(1));
  body.optional(TAG.implicit(2));
  const extensions = readWrappedExtensions(body.optional(TAG.tagged(3)));
  body.end();
  if (!inner.der.equals(algorithm.der)) throw derError('its two signature algorithms differ');
  let known: { readonly key: KeyObject | undefined } | undefined;
  return {
    der: root.der,
    pem: encodePem('CERTIFICATE', root.der),
    version,
    serialNumber,
    subject: readDistinguishedName(subject),
    issuer: readDistinguishedName(issuer),
    notBefore,
    notAfter,
    // Made when it is asked for: to make a key takes longer than to read the whole certificate.
    get publicKey() {
      known ??= { key: readKnownKey(spki) };
      return known.key;
    },
    extensions,
    signatureAlgorithm: signatureAlgorithmName(algorithm),
    raw: { tbs: tbs.der, subject: subject.der, issuer: issuer.der, spki, signatureAlgorithm: algorithm, signature },
  };
}

function readVersion(wrapped: Element | undefined): number {
  if (wrapped === undefined) return 1;
  const fields = fieldsOf(wrapped, 'the version', TAG.tagged(0));
  const version = smallIntegerOf(fields.next(TAG.integer, 'the number')) + 1;
  fields.end();
  if (version < 1 || version > 3) throw derError(`the version ${version} of certificates is not known`);
  return version;
}

/** A serial number in the form of {@link CertificateContent}. */
export function readSerialNumber(element: Element): string {
  const value = integerOf(element);
  if (value >= 0n)
    return integerBytesOf(element)
      .toString('hex')
      .replace(/^00(?=.)/, '');
  const hex = (-value).toString(16);
  return `-${hex.length % 2 === 0 ? '' : '0'}${hex}`;
}

function readWrappedExtensions(wrapped: Element | undefined): Extensions {
  if (wrapped === undefined) return readExtensions(undefined);
  const fields = fieldsOf(wrapped, 'the wrapped extensions', TAG.tagged(3));
  const list = fields.next(TAG.sequence, 'the list');
  fields.end();
  return readExtensions(list);
}

/** A certificate tells much even when its key is of a kind that nobody here can use. */
function readKnownKey(spki: Buffer): KeyObject | undefined {
  try {
    return readPublicKeyDer(spki);
  } catch (error) {
    if (error instanceof TscertError && error.code === 'key-invalid') return undefined;
    throw error;
  }
}

/** True when the issuer's name stands in the certificate, octet for octet, and the issuer's key has signed it. */
export function isIssuedBy(certificate: CertificateContent, issuer: CertificateContent): boolean {
  const { raw } = certificate;
  // The names first: a key is read when it is first asked for.
  if (!raw.issuer.equals(issuer.raw.subject) || issuer.publicKey === undefined) return false;
  return isSignedBy(raw.signatureAlgorithm, issuer.publicKey, raw.tbs, raw.signature);
}

/** What a certificate shall say. */
export interface CertificateSpec extends CsrSpec {
  /** Octets of a positive number, at most 20; 16 random ones are more than CAs must have (RFC 5280 §4.1.2.2). */
  readonly serialNumber: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SHA-256 of a key authorization, for RFC 8737 §3. */
  readonly acmeIdentifier?: Uint8Array;
  readonly ocspUrls?: readonly string[];
  readonly caIssuerUrls?: readonly string[];
  readonly crlUrls?: readonly string[];
}

/** Who signs: the subject of the issuing certificate, and its private key. Absent, the certificate signs itself. */
export interface CertificateIssuer {
  readonly name: DistinguishedName;
  readonly key: KeyObject;
}

/**
 * Makes a certificate of version 3 for `key` (private, or public where an issuer signs), with both key identifiers.
 * @throws {TscertError} `request-invalid` when the spec asks for what no certificate can hold, `key-invalid` for a key that cannot sign
 */
export function createCertificate(spec: CertificateSpec, key: KeyObject, issuer?: CertificateIssuer): Certificate {
  const name = distinguishedNameOf(spec.commonName, spec.subject);
  const signer = issuer ?? { name, key };
  const { identifier } = signerOf(signer.key);
  const tbs = encodeDer(
    sequence(
      tagged(0, integer(2)),
      serialNumberDer(spec.serialNumber),
      identifier,
      distinguishedNameDer(signer.name),
      sequence(time(spec.notBefore), time(spec.notAfter)),
      distinguishedNameDer(name),
      encoded(publicKeyDer(key)),
      tagged(3, sequence(...certificateExtensions(spec, name.length === 0, key, signer.key))),
    ),
  );
  const der = encodeDer(sequence(encoded(tbs), identifier, bitString(signWith(signer.key, tbs))));
  return { der, pem: encodePem('CERTIFICATE', der) };
}

function serialNumberDer(octets: Uint8Array): Der {
  if (octets.length > 0 && octets.length <= 20 && octets.some((octet) => octet !== 0)) return integer(octets);
  throw new TscertError('request-invalid', 'Cannot make the certificate: its serial number is not a positive one of at most 20 octets');
}

function certificateExtensions(spec: CertificateSpec, emptySubject: boolean, key: KeyObject, issuerKey: KeyObject): Der[] {
  const { acmeIdentifier, ocspUrls = [], caIssuerUrls = [], crlUrls = [] } = spec;
  const extensions = extensionsOf(spec, emptySubject);
  extensions.push(extension(EXTENSION.subjectKeyIdentifier, octetString(keyIdentifier(key))));
  extensions.push(extension(EXTENSION.authorityKeyIdentifier, authorityKeyIdentifier(keyIdentifier(issuerKey))));
  if (acmeIdentifier !== undefined) extensions.push(extension(EXTENSION.acmeIdentifier, octetString(acmeIdentifier), true));
  if (ocspUrls.length + caIssuerUrls.length > 0) {
    extensions.push(extension(EXTENSION.authorityInfoAccess, authorityInfoAccess(ocspUrls, caIssuerUrls)));
  }
  if (crlUrls.length > 0) extensions.push(extension(EXTENSION.crlDistributionPoints, crlDistributionPoints(crlUrls)));
  return extensions;
}
