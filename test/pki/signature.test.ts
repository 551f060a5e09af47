import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import { encodeDer, nothing, oid, sequence } from '../../src/pki/der.js';
import { readDer } from '../../src/pki/der-reader.js';
import { encodePrivateKey } from '../../src/pki/key.js';
import { readPrivateKey } from '../../src/pki/key-reader.js';
import { isSignedBy, signatureAlgorithmName, signerOf, signWith } from '../../src/pki/signature.js';
import { keyOf, openssl, opensslBytes, QUICK_KINDS, tmp, write } from './support.js';

const DATA = Buffer.from('what is signed');
const NAMES = {
  rsa2048: 'SHA256-RSA',
  rsa3072: 'SHA384-RSA',
  rsa4096: 'SHA512-RSA',
  ec256: 'ECDSA-SHA256',
  ec384: 'ECDSA-SHA384',
  ec521: 'ECDSA-SHA512',
  ed25519: 'Ed25519',
};

for (const kind of QUICK_KINDS) {
  test(`${kind}: openssl verifies, and another key, text or algorithm does not fit`, () => {
    const key = keyOf(kind);
    const signature = signWith(key, DATA);
    const identifier = readDer(encodeDer(signerOf(key).identifier));
    const name = NAMES[kind as keyof typeof NAMES];
    assert.equal(signatureAlgorithmName(identifier), name);
    write('data', DATA);
    write('signature', signature);
    write('public.pem', createPublicKey(key).export({ type: 'spki', format: 'pem' }));
    const digest = /SHA\d+/.exec(name)?.[0];
    const how = digest === undefined ? '-rawin' : `-rawin -digest ${digest.toLowerCase()}`;
    assert.match(openssl(`pkeyutl -verify -pubin -inkey public.pem ${how} -in data -sigfile signature`), /Verified Successfully/);
    assert.equal(isSignedBy(identifier, createPublicKey(key), DATA, signature), true);
    assert.equal(isSignedBy(identifier, key, DATA, signature), true, 'the private half knows too');
    assert.equal(isSignedBy(identifier, key, Buffer.from('another text'), signature), false);
    assert.equal(isSignedBy(identifier, key, DATA, signature.subarray(1)), false);
    assert.equal(isSignedBy(identifier, key, DATA, Buffer.alloc(0)), false);
    for (const other of QUICK_KINDS) {
      if (other === kind) continue;
      assert.equal(isSignedBy(identifier, keyOf(other), DATA, signature), false, other);
      assert.equal(isSignedBy(readDer(encodeDer(signerOf(keyOf(other)).identifier)), key, DATA, signature), false, other);
    }
  });
}

test('RSASSA-PSS with the parameters that openssl writes', () => {
  write('rsa.pem', encodePrivateKey(keyOf('rsa2048')));
  for (const [hash, salt] of [
    ['sha256', 32],
    ['sha384', 20],
    ['sha512', 64],
    ['sha1', 20],
  ] as const) {
    openssl(
      `req -new -x509 -key rsa.pem -subj /CN=a -${hash} -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:${salt} -outform DER -out a.der`,
    );
    const [tbs, algorithm, signature] = readDer(readFileSync(tmp('a.der'))).children;
    assert.ok(tbs && algorithm && signature);
    assert.equal(signatureAlgorithmName(algorithm), 'RSA-PSS');
    assert.equal(isSignedBy(algorithm, keyOf('rsa2048'), tbs.der, signature.content.subarray(1)), true, hash);
    assert.equal(isSignedBy(algorithm, keyOf('rsa2048', 1), tbs.der, signature.content.subarray(1)), false, hash);
  }
});

test('a PSS key that is bound to one hash does not fit another, and nothing is thrown', () => {
  const words = 'genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_pss_keygen_md:sha512';
  const bound = readPrivateKey(openssl(words));
  write('rsa.pem', encodePrivateKey(keyOf('rsa2048')));
  const [tbs, algorithm, signature] = readDer(
    opensslBytes('req -new -x509 -key rsa.pem -subj /CN=a -sha256 -sigopt rsa_padding_mode:pss -outform DER'),
  ).children;
  assert.ok(tbs && algorithm && signature);
  assert.equal(isSignedBy(algorithm, bound, tbs.der, signature.content.subarray(1)), false);
});

test('an unknown algorithm is named by its numbers and signs nothing', () => {
  const unknown = readDer(encodeDer(sequence(oid('1.2.3.4'), nothing())));
  assert.equal(signatureAlgorithmName(unknown), '1.2.3.4');
  assert.equal(isSignedBy(unknown, keyOf('ec256'), DATA, signWith(keyOf('ec256'), DATA)), false);
});

test('keys that should not sign are refused with the reason', () => {
  for (const [key, why] of [
    [generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey, /1024 bits of RSA are too few/],
    [generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey, /not one of P-256, P-384 and P-521$/],
    [generateKeyPairSync('x25519').privateKey, /kind "x25519" are not supported$/],
    [createPublicKey(keyOf('ec256')), /./],
  ] as const) {
    assert.throws(
      () => signerOf(key),
      (error) => isTscertError(error, 'key-invalid') && why.test(error.message),
    );
  }
});

test('a certificate by openssl with SHA-1 is read as such', () => {
  write('rsa.pem', encodePrivateKey(keyOf('rsa2048')));
  const [tbs, algorithm, signature] = readDer(opensslBytes('req -new -x509 -key rsa.pem -subj /CN=a -sha1 -outform DER')).children;
  assert.ok(tbs && algorithm && signature);
  assert.equal(signatureAlgorithmName(algorithm), 'SHA1-RSA');
  assert.equal(isSignedBy(algorithm, keyOf('rsa2048'), tbs.der, signature.content.subarray(1)), true);
});
