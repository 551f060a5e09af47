/** Whatever comes, it is read or refused with a TscertError, and nothing hangs. */
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { encodePem } from '../../src/base/pem.js';
import { encodePrivateKey } from '../../src/pki/key.js';
import { readPrivateKey } from '../../src/pki/key-reader.js';
import { anything, mutated, staysCalm } from './fuzz.js';
import { bytesOf, KEYS } from './samples.js';

describe('private keys', () => {
  const codes = ['key-invalid', 'key-passphrase', 'pem-invalid'];
  const read = (bytes: Uint8Array) => readPrivateKey(bytes, 'secret');
  const plain = KEYS.flatMap((key) => (['pkcs1', 'pkcs8'] as const).map((encoding) => encodePrivateKey(key, { encoding })));
  const locked = [KEYS[0], KEYS[1]].flatMap((key) =>
    key === undefined ? [] : (['pkcs1', 'pkcs8'] as const).map((encoding) => encodePrivateKey(key, { encoding, passphrase: 'secret' })),
  );
  const derOf = (pem: string): Buffer => Buffer.from(pem.replaceAll(/-----.*-----|\n/g, ''), 'base64');
  test('anything', () => staysCalm(anything, read, codes));
  test('anything in a block', () =>
    staysCalm(
      fc.tuple(
        fc.constantFrom('PRIVATE KEY', 'ENCRYPTED PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY', 'Ed25519 PRIVATE KEY'),
        anything,
      ),
      ([label, bytes]) => readPrivateKey(encodePem(label, bytes), 'secret'),
      codes,
    ));
  test('changed ones', () => staysCalm(mutated(plain.map(derOf)), read, codes));
  test('changed texts', () => staysCalm(mutated(bytesOf(plain)), read, codes));
  test('changed texts of encrypted ones', () => staysCalm(mutated(bytesOf(locked)), read, codes));
  test('changed encrypted ones', () => staysCalm(mutated(locked.filter((pem) => !pem.includes('DEK')).map(derOf)), read, codes));
});
