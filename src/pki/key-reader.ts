/** Reads private and public keys in every form that tools write: PKCS#8, PKCS#1, SEC 1, SPKI; PEM or DER; encrypted or not. */
import { createPrivateKey, createPublicKey, getCipherInfo, type KeyObject } from 'node:crypto';
import { systemCodeOf, TscertError } from '../base/errors.js';
import { decodePem, type PemBlock } from '../base/pem.js';
import { type Element, fieldsOf, readDer, reading, TAG } from './der-reader.js';
import { integerOf } from './der-values.js';

/** The PEM labels of private keys, with the form that stands below them; cfssl has its own for Ed25519. */
const PRIVATE_LABELS: Readonly<Record<string, Form>> = {
  'PRIVATE KEY': 'pkcs8',
  'ENCRYPTED PRIVATE KEY': 'encrypted',
  'RSA PRIVATE KEY': 'pkcs1',
  'EC PRIVATE KEY': 'sec1',
  'Ed25519 PRIVATE KEY': 'pkcs8',
};

type Form = 'pkcs8' | 'encrypted' | 'pkcs1' | 'sec1';

/** More rounds than this of a key derivation are an attempt to keep the reader busy. */
const MAX_ROUNDS = 10_000_000n;

/** True when the block is a private key. */
export function isPrivateKeyBlock({ label }: PemBlock): boolean {
  return label in PRIVATE_LABELS;
}

/** True when the block is a private key that wants a passphrase. */
export function isEncryptedKeyBlock({ label, headers }: PemBlock): boolean {
  return label === 'ENCRYPTED PRIVATE KEY' || headers['Proc-Type']?.includes('ENCRYPTED') === true;
}

/**
 * Reads the one private key of a PEM text (other blocks beside it are ignored) or of DER bytes.
 * @throws {TscertError} `key-passphrase` when a passphrase is missing or wrong, `key-invalid` when there is no key, more than one, or a
 *   damaged one, `pem-invalid` for broken PEM
 */
export function readPrivateKey(input: string | Uint8Array, passphrase?: string): KeyObject {
  const bytes = typeof input === 'string' ? Buffer.from(input) : Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  if (bytes[0] === TAG.sequence) return readPrivateKeyDer(bytes, passphrase);
  const blocks = decodePem(bytes.toString('utf8')).filter(isPrivateKeyBlock);
  const [block] = blocks;
  if (block === undefined || blocks.length > 1) throw invalid(block === undefined ? 'there is none' : `there are ${blocks.length} of them`);
  return readPrivateKeyBlock(block, passphrase);
}

/**
 * Reads a private key of a PEM block.
 * @throws {TscertError} as {@link readPrivateKey}
 */
export function readPrivateKeyBlock(block: PemBlock, passphrase?: string): KeyObject {
  const form = PRIVATE_LABELS[block.label];
  if (form === undefined) throw invalid(`a block "${block.label}" is none`);
  if (form === 'encrypted' || !isEncryptedKeyBlock(block)) return load(block.der, form, passphrase);
  if (passphrase === undefined) throw passphraseError('it is encrypted');
  // Under a wrong passphrase one text of 256 looks whole until its content is read: with a cipher that is known, that is what is wrong.
  const isKnown = getCipherInfo((block.headers['DEK-Info'] ?? '').split(',')[0]?.trim().toLowerCase() ?? '') !== undefined;
  return create({ key: block.text, format: 'pem', passphrase }, true, isKnown);
}

function readPrivateKeyDer(bytes: Buffer, passphrase: string | undefined): KeyObject {
  const root = reading('key-invalid', 'private key', () => readDer(bytes));
  return load(bytes, formOf(root), passphrase);
}

/** The form that the elements of a key have: each begins in another way. */
function formOf({ children: [first, second] }: Element): Form {
  if (first?.tag === TAG.sequence) return 'encrypted';
  if (second?.tag === TAG.sequence) return 'pkcs8';
  return second?.tag === TAG.octetString ? 'sec1' : 'pkcs1';
}

function load(der: Buffer, form: Form, passphrase: string | undefined): KeyObject {
  const root = reading('key-invalid', 'private key', () => readDer(der));
  // Newer lines of OpenSSL read a key in another form than they are told.
  if (formOf(root) !== form) throw invalid('it is damaged, or of a kind that is not known');
  if (form !== 'encrypted') return create({ key: der, format: 'der', type: form }, false);
  if (passphrase === undefined) throw passphraseError('it is encrypted');
  reading('key-invalid', 'private key', () =>
    refuseEndlessDerivation(fieldsOf(root, 'the encrypted key').next(TAG.sequence, 'the algorithm')),
  );
  return create({ key: der, format: 'der', type: 'pkcs8', passphrase }, true);
}

/** Every number among the parameters of the encryption is small: rounds, memory, lengths. */
function refuseEndlessDerivation(element: Element): void {
  if (element.tag === TAG.integer && integerOf(element) > MAX_ROUNDS)
    throw invalid('its passphrase needs more rounds than any tool writes');
  for (const child of element.children) refuseEndlessDerivation(child);
}

function create(
  input: Exclude<Parameters<typeof createPrivateKey>[0], string | Buffer>,
  encrypted: boolean,
  isKnownCipher = false,
): KeyObject {
  try {
    return createPrivateKey(input);
  } catch (error) {
    if (encrypted && (isKnownCipher || !/UNSUPPORTED|UNKNOWN|NOT_FOUND/.test(systemCodeOf(error) ?? '')))
      throw passphraseError('the passphrase does not open it', error);
    throw invalid(encrypted ? 'it is encrypted in a way that is not supported' : 'it is damaged, or of a kind that is not known', error);
  }
}

/**
 * Reads a SubjectPublicKeyInfo in DER.
 * @throws {TscertError} `key-invalid` when it is damaged or of a kind that OpenSSL does not know
 */
export function readPublicKeyDer(der: Buffer): KeyObject {
  reading('key-invalid', 'public key', () => readDer(der));
  return createPublic({ key: der, format: 'der', type: 'spki' });
}

/**
 * Reads a block "PUBLIC KEY" or "RSA PUBLIC KEY".
 * @throws {TscertError} `key-invalid`
 */
export function readPublicKeyBlock({ label, der }: PemBlock): KeyObject {
  if (label !== 'RSA PUBLIC KEY') return readPublicKeyDer(der);
  reading('key-invalid', 'public key', () => readDer(der));
  return createPublic({ key: der, format: 'der', type: 'pkcs1' });
}

function createPublic(input: { key: Buffer; format: 'der'; type: 'spki' | 'pkcs1' }): KeyObject {
  try {
    return createPublicKey(input);
  } catch (error) {
    throw new TscertError('key-invalid', 'Cannot read the public key: it is damaged, or of a kind that is not known', { cause: error });
  }
}

function invalid(why: string, cause?: unknown): TscertError {
  return new TscertError('key-invalid', `Cannot read the private key: ${why}`, { cause });
}

function passphraseError(why: string, cause?: unknown): TscertError {
  return new TscertError('key-passphrase', `Cannot open the private key: ${why}`, { cause });
}
