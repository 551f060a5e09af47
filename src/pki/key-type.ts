/** The key kinds that tscert makes, under lego's words, and the words of others that mean the same. */
import { TscertError } from '../base/errors.js';

export const KEY_TYPES = ['rsa2048', 'rsa3072', 'rsa4096', 'rsa8192', 'ec256', 'ec384', 'ec521', 'ed25519'] as const;

export type KeyType = (typeof KEY_TYPES)[number];

export const DEFAULT_KEY_TYPE: KeyType = 'ec256';

/**
 * Reads a key kind in any case, with lego's, certbot's and OpenSSL's spellings: `p256`, `ec-256`, `prime256v1`, `2048`, `rsa:4096`.
 * @throws {TscertError} `request-invalid` with the kinds that there are
 */
export function parseKeyType(text: string): KeyType {
  const word = text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  const size = /^(?:rsa)?(\d{4})$/.exec(word)?.[1];
  const curve =
    /^(?:ec|ecdsa|p|ecp|ecdsap|secp|nistp)?(256|384|521)(?:r1)?$/.exec(word)?.[1] ?? (word === 'prime256v1' ? '256' : undefined);
  const known = KEY_TYPES.find((type) => type === (size ? `rsa${size}` : curve ? `ec${curve}` : word));
  if (known !== undefined) return known;
  throw new TscertError('request-invalid', `Cannot make a key of kind "${text}": the kinds are ${KEY_TYPES.join(', ')}`, {
    data: { value: text, known: KEY_TYPES },
  });
}
