/** Keys of ACME accounts, as other tools write them. */
import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { TscertError } from '../base/errors.js';
import { encodePrivateKey } from '../pki/key.js';
import { readPrivateKey } from '../pki/key-reader.js';

/**
 * An account's key out of PEM.
 * @throws {TscertError} `key-invalid`, `key-passphrase`, `pem-invalid`
 */
export function accountKey(pem: string): string {
  return signingKey(readPrivateKey(pem));
}

/**
 * An account's key out of a JSON Web Key (RFC 7517).
 * @throws {TscertError} `key-invalid`
 */
export function accountKeyOfJwk(jwk: unknown): string {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' });
  } catch {
    // What OpenSSL says may quote the key.
    throw new TscertError('key-invalid', 'Cannot read the private key of the account: it is no JSON Web Key of a kind that is known');
  }
  return signingKey(key);
}

function signingKey(key: KeyObject): string {
  if (key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'ec') return encodePrivateKey(key);
  throw new TscertError('key-invalid', `Cannot use the private key of the account: its kind is "${key.asymmetricKeyType}", not RSA or EC`);
}
