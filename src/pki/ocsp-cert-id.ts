/** CertID (RFC 6960 §4.1.1): OCSP's name of a certificate, by hashes of its issuer's name and key and by its serial number. */
import { createHash } from 'node:crypto';
import { type CertificateContent, readSerialNumber } from './certificate.js';
import { type Der, integer, nothing, octetString, oid, sequence } from './der.js';
import { derError, type Element, fieldsOf, readDer, TAG } from './der-reader.js';
import { bitStringOf, oidOf } from './der-values.js';

const HASHES = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
} as const;

/** The hashes by which responders may name a certificate. */
export type CertIdHash = keyof typeof HASHES;

/** A CertID as it stands in a response. */
export interface CertId {
  /** Undefined for a hash that tscert does not know: such a CertID names nothing. */
  readonly hash: CertIdHash | undefined;
  readonly issuerNameHash: Buffer;
  readonly issuerKeyHash: Buffer;
  /** As {@link CertificateContent} has it. */
  readonly serialNumber: string;
}

/** The certificates of one issuer by CertID. */
export interface CertIds {
  /** The CertID of the certificate with this serial number. */
  der(serialNumber: string, hash: CertIdHash): Der;
  /** True when the CertID names the certificate of this issuer with this serial number. */
  isOf(id: CertId, serialNumber: string): boolean;
}

/** CertIDs of what `issuer` has issued; each hash of it is made once. */
export function certIdsOf(issuer: CertificateContent): CertIds {
  const known = new Map<CertIdHash, { readonly name: Buffer; readonly key: Buffer }>();
  const bits = publicKeyBits(issuer.raw.spki);
  const hashesBy = (hash: CertIdHash): { readonly name: Buffer; readonly key: Buffer } => {
    const made = known.get(hash) ?? {
      name: createHash(hash).update(issuer.raw.subject).digest(),
      key: createHash(hash).update(bits).digest(),
    };
    known.set(hash, made);
    return made;
  };
  return {
    der(serialNumber, hash) {
      const { name, key } = hashesBy(hash);
      return sequence(sequence(oid(HASHES[hash]), nothing()), octetString(name), octetString(key), integer(serialValue(serialNumber)));
    },
    isOf(id, serialNumber) {
      if (id.hash === undefined || id.serialNumber !== serialNumber) return false;
      const { name, key } = hashesBy(id.hash);
      return id.issuerNameHash.equals(name) && id.issuerKeyHash.equals(key);
    },
  };
}

/** The octets of the BIT STRING of a SubjectPublicKeyInfo: what key hashes are made of. */
export function publicKeyBits(spki: Buffer): Buffer {
  const fields = fieldsOf(readDer(spki), 'the public key');
  oidOf(fieldsOf(fields.next(TAG.sequence, 'the algorithm'), 'the algorithm').next(TAG.oid, 'the type'));
  const bits = bitStringOf(fields.next(TAG.bitString, 'the key'));
  fields.end();
  return bits;
}

function serialValue(hex: string): bigint {
  return hex.startsWith('-') ? -BigInt(`0x${hex.slice(1)}`) : BigInt(`0x${hex}`);
}

/**
 * Reads a CertID.
 * @throws {TscertError} `der-invalid`, also when a hash has not the length of its algorithm
 */
export function readCertId(element: Element): CertId {
  const fields = fieldsOf(element, 'a CertID');
  const dotted = readHash(fields.next(TAG.sequence, 'the hash algorithm'));
  const issuerNameHash = fields.next(TAG.octetString, "the hash of the issuer's name").content;
  const issuerKeyHash = fields.next(TAG.octetString, "the hash of the issuer's key").content;
  const serialNumber = readSerialNumber(fields.next(TAG.integer, 'the serial number'));
  fields.end();
  const hash = (Object.keys(HASHES) as CertIdHash[]).find((name) => HASHES[name] === dotted);
  const length = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 }[hash ?? 'sha1'];
  if (hash !== undefined && (issuerNameHash.length !== length || issuerKeyHash.length !== length)) {
    throw derError(`a hash of a CertID has not the ${length} octets of ${hash}`);
  }
  return { hash, issuerNameHash, issuerKeyHash, serialNumber };
}

/** An AlgorithmIdentifier of a hash; its parameters are NULL or absent (RFC 5754 §2). */
function readHash(element: Element): string {
  const fields = fieldsOf(element, 'the hash algorithm');
  const dotted = oidOf(fields.next(TAG.oid, 'the type'));
  const parameters = fields.optional(0x05);
  fields.end();
  if (parameters !== undefined && parameters.content.length > 0) throw derError('a NULL is not empty');
  return dotted;
}
