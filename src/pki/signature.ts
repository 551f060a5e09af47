/** Signature algorithms of X.509 (RFC 3279, RFC 4055, RFC 5758, RFC 8410): which one a key signs with, and how one is checked. */
import { constants, createVerify, type KeyObject, sign, verify } from 'node:crypto';
import { TscertError } from '../base/errors.js';
import { type Der, nothing, oid, sequence } from './der.js';
import { derError, type Element, fieldsOf, TAG } from './der-reader.js';
import { oidOf, smallIntegerOf } from './der-values.js';
import { keyTypeOf, publicKeyInfo } from './key.js';

/** The hashes that may go before a signature. */
export type Hash = 'sha1' | 'sha256' | 'sha384' | 'sha512';
type Kind = 'rsa' | 'ec' | 'ed25519' | 'rsa-pss';

interface Algorithm {
  readonly oid: string;
  /** As OpenSSL and Go write it. */
  readonly name: string;
  readonly kind: Kind;
  readonly hash?: Hash;
}

const ALGORITHMS: readonly Algorithm[] = [
  { oid: '1.2.840.10045.4.3.2', name: 'ECDSA-SHA256', kind: 'ec', hash: 'sha256' },
  { oid: '1.2.840.10045.4.3.3', name: 'ECDSA-SHA384', kind: 'ec', hash: 'sha384' },
  { oid: '1.2.840.10045.4.3.4', name: 'ECDSA-SHA512', kind: 'ec', hash: 'sha512' },
  { oid: '1.2.840.10045.4.1', name: 'ECDSA-SHA1', kind: 'ec', hash: 'sha1' },
  { oid: '1.2.840.113549.1.1.11', name: 'SHA256-RSA', kind: 'rsa', hash: 'sha256' },
  { oid: '1.2.840.113549.1.1.12', name: 'SHA384-RSA', kind: 'rsa', hash: 'sha384' },
  { oid: '1.2.840.113549.1.1.13', name: 'SHA512-RSA', kind: 'rsa', hash: 'sha512' },
  { oid: '1.2.840.113549.1.1.5', name: 'SHA1-RSA', kind: 'rsa', hash: 'sha1' },
  { oid: '1.2.840.113549.1.1.10', name: 'RSA-PSS', kind: 'rsa-pss' },
  { oid: '1.3.101.112', name: 'Ed25519', kind: 'ed25519' },
];

const HASHES: Readonly<Record<string, Hash>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/** How a key signs: its AlgorithmIdentifier, and the hash that goes before it. */
interface Signer {
  readonly identifier: Der;
  readonly hash: Hash | undefined;
}

const IDENTIFIERS = new Map(
  ALGORITHMS.map(({ oid: dotted, kind }) => [dotted, kind === 'rsa' ? sequence(oid(dotted), nothing()) : sequence(oid(dotted))]),
);
const CURVES: Readonly<Record<string, Hash>> = { ec256: 'sha256', ec384: 'sha384', ec521: 'sha512' };
const signers = new WeakMap<KeyObject, Signer>();

/**
 * How a key signs certificates and requests, as cfssl and cert-manager choose it: ECDSA with the hash of the curve's size,
 * RSA PKCS #1 with SHA-256, from 3072 bits SHA-384, from 4096 bits SHA-512, Ed25519.
 * @throws {TscertError} `key-invalid` for other keys, and for RSA below 2048 bits
 */
export function signerOf(key: KeyObject): Signer {
  const known = signers.get(key);
  if (known !== undefined) return known;
  const hash = hashOf(key);
  const algorithm = ALGORITHMS.find((entry) => entry.kind === key.asymmetricKeyType && entry.hash === hash);
  const identifier = IDENTIFIERS.get(algorithm?.oid ?? '');
  if (key.type !== 'private' || identifier === undefined)
    throw unusable(
      key.type === 'private' ? `keys of the kind "${key.asymmetricKeyType ?? 'unknown'}" are not supported` : 'it is no private key',
    );
  const signer = { identifier, hash };
  signers.set(key, signer);
  return signer;
}

function hashOf(key: KeyObject): Hash | undefined {
  if (key.asymmetricKeyType === 'ec') {
    const hash = CURVES[keyTypeOf(key) ?? ''];
    if (hash === undefined) throw unusable('its curve is not one of P-256, P-384 and P-521');
    return hash;
  }
  if (key.asymmetricKeyType !== 'rsa') return undefined;
  const { modulusLength = 0 } = publicKeyInfo(key);
  if (modulusLength < 2048) throw unusable(`${modulusLength} bits of RSA are too few, 2048 are the least`);
  return modulusLength >= 4096 ? 'sha512' : modulusLength >= 3072 ? 'sha384' : 'sha256';
}

function unusable(why: string): TscertError {
  return new TscertError('key-invalid', `Cannot sign with the key: ${why}`);
}

/** The signature over these octets. */
export function signWith(key: KeyObject, data: Uint8Array): Buffer {
  return sign(signerOf(key).hash, data, key);
}

/** The words of an AlgorithmIdentifier: `ECDSA-SHA256`, or its dotted identifier. */
export function signatureAlgorithmName(identifier: Element): string {
  return algorithmOf(identifier)?.name ?? oidOf(fieldsOf(identifier, 'the signature algorithm').next(TAG.oid, 'the type'));
}

/**
 * The hash that an AlgorithmIdentifier of a signature names; undefined for one that has none or is not known.
 * @throws {TscertError} `der-invalid` when the identifier cannot be read
 */
export function signatureHashOf(identifier: Element): Hash | undefined {
  const name = signatureAlgorithmName(identifier);
  return name === 'RSA-PSS' ? readPss(identifier).hash : ALGORITHMS.find((entry) => entry.name === name)?.hash;
}

/**
 * True when `signature` is this key's over `data` under that AlgorithmIdentifier; false also when the key is of another kind
 * or the algorithm is unknown.
 * @throws {TscertError} `der-invalid` when the identifier cannot be read
 */
export function isSignedBy(identifier: Element, key: KeyObject, data: Buffer, signature: Buffer): boolean {
  const how = verifierOf(identifier, key);
  if (how === undefined) return false;
  try {
    return verify(how.hash, data, { key, ...how.options }, signature);
  } catch {
    return false;
  }
}

/** A signature that is checked over data which comes in pieces. */
export interface SignatureCheck {
  update(piece: Uint8Array): void;
  /** True when the signature is over all the pieces; asked once. */
  fits(signature: Buffer): boolean;
}

/**
 * Begins a check of what {@link isSignedBy} checks; undefined when the key is of another kind or the algorithm is unknown. The pieces go
 * into a hash and are not kept, except for {@link isCheckedWhole Ed25519}.
 * @throws {TscertError} `der-invalid` when the identifier cannot be read
 */
export function beginSignatureCheck(identifier: Element, key: KeyObject): SignatureCheck | undefined {
  const how = verifierOf(identifier, key);
  if (how === undefined) return undefined;
  if (how.hash === undefined) {
    const pieces: Buffer[] = [];
    return {
      update: (piece) => void pieces.push(Buffer.from(piece)),
      fits: (signature) => isSignedBy(identifier, key, Buffer.concat(pieces), signature),
    };
  }
  const check = createVerify(how.hash);
  return {
    update: (piece) => void check.update(piece),
    fits(signature) {
      try {
        return check.verify({ key, ...how.options }, signature);
      } catch {
        return false;
      }
    },
  };
}

/** True for Ed25519 (RFC 8032 §5.1.7): its hash begins with the signature, which stands behind the data, so the data has to be kept. */
export function isCheckedWhole(identifier: Element): boolean {
  return algorithmOf(identifier)?.kind === 'ed25519';
}

function algorithmOf(identifier: Element): Algorithm | undefined {
  const dotted = oidOf(fieldsOf(identifier, 'the signature algorithm').next(TAG.oid, 'the type'));
  return ALGORITHMS.find((entry) => entry.oid === dotted);
}

interface Verifier {
  readonly hash: Hash | undefined;
  readonly options: { readonly padding?: number; readonly saltLength?: number };
}

function verifierOf(identifier: Element, key: KeyObject): Verifier | undefined {
  const algorithm = algorithmOf(identifier);
  const pss = algorithm?.kind === 'rsa-pss';
  if (algorithm === undefined || !(algorithm.kind === key.asymmetricKeyType || (pss && key.asymmetricKeyType === 'rsa'))) return undefined;
  if (!pss) return { hash: algorithm.hash, options: {} };
  const { hash, saltLength } = readPss(identifier);
  return { hash, options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength } };
}

/** RSASSA-PSS-params (RFC 4055 §3.1); the mask's hash is the same in every certificate that OpenSSL would accept. */
function readPss(identifier: Element): { hash: Hash; saltLength: number } {
  const fields = fieldsOf(identifier, 'the signature algorithm');
  fields.any('the type');
  const parameters = fieldsOf(fields.next(TAG.sequence, 'the PSS parameters'), 'the PSS parameters');
  const digest = parameters.optional(TAG.tagged(0))?.children[0];
  parameters.optional(TAG.tagged(1));
  const salt = parameters.optional(TAG.tagged(2))?.children[0];
  const hash = digest === undefined ? 'sha1' : HASHES[oidOf(fieldsOf(digest, 'the hash').next(TAG.oid, 'the type'))];
  const saltLength = salt === undefined ? 20 : smallIntegerOf(salt);
  if (hash === undefined || saltLength < 0) throw derError('the PSS parameters have an unknown hash or a negative salt length');
  return { hash, saltLength };
}
