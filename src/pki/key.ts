/** Private and public keys, on node:crypto: making, writing, comparing. Reading is in key-reader. */
import { createHash, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { fieldsOf, readDer, TAG } from './der-reader.js';
import { bitStringOf, integerOf, oidOf } from './der-values.js';
import { KEY_TYPES, type KeyType } from './key-type.js';

const generate = promisify(generateKeyPair);

/** The named curves of ECDSA by object identifier, in OpenSSL's, NIST's and tscert's words. */
const CURVES = [
  { oid: '1.2.840.10045.3.1.7', name: 'prime256v1', words: 'P-256', type: 'ec256' },
  { oid: '1.3.132.0.34', name: 'secp384r1', words: 'P-384', type: 'ec384' },
  { oid: '1.3.132.0.35', name: 'secp521r1', words: 'P-521', type: 'ec521' },
] as const satisfies readonly { oid: string; name: string; words: string; type: KeyType }[];

/** Makes a private key in a thread of its own: a moment for EC, seconds for RSA 8192. */
export async function generateKey(type: KeyType): Promise<KeyObject> {
  const namedCurve = CURVES.find((curve) => curve.type === type)?.name;
  const { privateKey, publicKey } =
    type === 'ed25519'
      ? await generate('ed25519', {})
      : namedCurve === undefined
        ? await generate('rsa', { modulusLength: Number(type.slice(3)) })
        : await generate('ec', { namedCurve });
  remember(privateKey, publicKey.export({ type: 'spki', format: 'der' }));
  return privateKey;
}

/** The public half of a key, as its SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) has it. */
export interface PublicKeyInfo {
  /** SubjectPublicKeyInfo. */
  readonly der: Buffer;
  /** The octets of the BIT STRING. */
  readonly bits: Buffer;
  /** Of RSA. */
  readonly modulusLength?: number;
  /** Object identifier of the curve, of EC. */
  readonly curve?: string;
}

const known = new WeakMap<KeyObject, PublicKeyInfo>();

/**
 * The public half of a public or private key; worked out once a key. It comes from the DER and not from `asymmetricKeyDetails`, which in
 * Node.js 20 deadlocks on a freshly generated EC key when the garbage collector runs within it.
 */
export function publicKeyInfo(key: KeyObject): PublicKeyInfo {
  return known.get(key) ?? remember(key, (key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' }));
}

function remember(key: KeyObject, der: Buffer): PublicKeyInfo {
  const { algorithm: _, ...info } = readInfo(der);
  known.set(key, info);
  return info;
}

/** Algorithms whose key is a modulus and an exponent: rsaEncryption, id-RSASSA-PSS. */
const RSA = ['1.2.840.113549.1.1.1', '1.2.840.113549.1.1.10'] as const;
const ED25519 = '1.3.101.112';

function readInfo(der: Buffer): PublicKeyInfo & { readonly algorithm: string } {
  const fields = fieldsOf(readDer(der), 'the public key');
  const identifier = fieldsOf(fields.next(TAG.sequence, 'the algorithm'), 'the algorithm');
  const bits = bitStringOf(fields.next(TAG.bitString, 'the key'));
  const algorithm = oidOf(identifier.next(TAG.oid, 'the type'));
  const curve = identifier.optional(TAG.oid);
  return {
    algorithm,
    der,
    bits,
    ...(curve !== undefined && { curve: oidOf(curve) }),
    ...(RSA.some((oid) => oid === algorithm) && { modulusLength: modulusLengthOf(bits) }),
  };
}

/**
 * The kind of the key in a SubjectPublicKeyInfo (DER), read off its octets: a tenth of the time that OpenSSL takes to make a key of them.
 * `undefined` for kinds that tscert does not make, and for what cannot be read.
 */
export function keyTypeOfSpki(der: Buffer): KeyType | undefined {
  try {
    const { algorithm, curve, modulusLength } = readInfo(der);
    if (algorithm === RSA[0]) return KEY_TYPES.find((type) => type === `rsa${modulusLength}`);
    return algorithm === ED25519 ? 'ed25519' : CURVES.find(({ oid }) => oid === curve)?.type;
  } catch {
    return undefined;
  }
}

function modulusLengthOf(bits: Buffer): number {
  return integerOf(fieldsOf(readDer(bits), 'the RSA key').next(TAG.integer, 'the modulus')).toString(2).length;
}

/** How a private key is written. */
export interface KeyEncoding {
  /** `pkcs1` is SEC 1 for EC; Ed25519 has PKCS#8 only and takes that. Default `pkcs8`. */
  readonly encoding?: 'pkcs1' | 'pkcs8';
  /** Encrypts: PBES2 with AES-256-CBC for PKCS#8, OpenSSL's legacy PEM encryption with AES-256-CBC for PKCS#1 and SEC 1. */
  readonly passphrase?: string;
}

/** The PEM of a private key, with a line feed at the end. */
export function encodePrivateKey(key: KeyObject, { encoding = 'pkcs8', passphrase }: KeyEncoding = {}): string {
  const secret = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  if (encoding === 'pkcs1' && key.asymmetricKeyType === 'rsa') return key.export({ type: 'pkcs1', format: 'pem', ...secret }).toString();
  if (encoding === 'pkcs1' && key.asymmetricKeyType === 'ec') return key.export({ type: 'sec1', format: 'pem', ...secret }).toString();
  return key.export({ type: 'pkcs8', format: 'pem', ...secret }).toString();
}

/** The kind of a key in tscert's words; undefined for kinds that tscert does not make. */
export function keyTypeOf(key: KeyObject): KeyType | undefined {
  const { modulusLength, curve } = publicKeyInfo(key);
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return KEY_TYPES.find((type) => type === `rsa${modulusLength}`);
    case 'ec':
      return CURVES.find(({ oid }) => oid === curve)?.type;
    case 'ed25519':
      return 'ed25519';
    default:
      return undefined;
  }
}

/** The kind of any key in people's words: `RSA 2048`, `ECDSA P-256`, `Ed25519`. */
export function keyWords(key: KeyObject): string {
  const { modulusLength, curve } = publicKeyInfo(key);
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return `RSA ${modulusLength}`;
    case 'rsa-pss':
      return `RSA-PSS ${modulusLength}`;
    case 'ec':
      return `ECDSA ${CURVES.find(({ oid }) => oid === curve)?.words ?? curve ?? 'with a curve of its own'}`;
    case 'ed25519':
      return 'Ed25519';
    default:
      return key.asymmetricKeyType ?? 'secret';
  }
}

/** SubjectPublicKeyInfo in DER of a public key, or of a private one. */
export function publicKeyDer(key: KeyObject): Buffer {
  return publicKeyInfo(key).der;
}

/** True when both, private or public, are the same public key. */
export function publicKeyEquals(a: KeyObject, b: KeyObject): boolean {
  return publicKeyDer(a).equals(publicKeyDer(b));
}

/** The key identifier of RFC 5280 §4.2.1.2 (1): SHA-1 of the BIT STRING of the public key. */
export function keyIdentifier(key: KeyObject): Buffer {
  return createHash('sha1').update(publicKeyInfo(key).bits).digest();
}
