import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import { createOcspNonce, createOcspRequest, ocspGetUrl } from '../../src/pki/ocsp-request.js';
import { skipUnless } from '../support/servers.js';
import { files, ocspCa, ocspLeaf } from './ocsp-world.js';
import { openssl, tmp, write } from './support.js';

const skip = skipUnless('openssl');
const ca = ocspCa('CA');
const leaves = ['00ff', '7f', '80', '0102030405060708090a0b0c0d0e0f1011121314'].map((serial) =>
  ocspLeaf('leaf', ca, { serialNumber: Buffer.from(serial, 'hex') }),
);
const certificates = leaves.map(({ certificate }) => certificate);
const issuer = ca.certificate;

for (const hash of ['sha1', 'sha256'] as const) {
  test(`${hash}: the request is the very one that openssl makes, for one certificate and for four`, { skip }, () => {
    const { certificate } = files('ca', ca);
    for (const some of [leaves.slice(0, 1), leaves]) {
      const named = some.map((leaf, nth) => `-cert ${files(`leaf${nth}`, leaf).certificate}`).join(' ');
      openssl(`ocsp -issuer ${certificate} -${hash} ${named} -no_nonce -reqout ${tmp('theirs')}`);
      const ours = createOcspRequest({ issuer, certificates: some.map((leaf) => leaf.certificate), hash });
      assert.deepEqual(ours, readFileSync(tmp('theirs')));
    }
  });
}

test('openssl reads the nonce, which has 32 octets unless it was asked otherwise', { skip }, () => {
  const nonce = createOcspNonce();
  assert.equal(nonce.length, 32);
  assert.notDeepEqual(nonce, createOcspNonce());
  for (const octets of [nonce, createOcspNonce(1), createOcspNonce(128)]) {
    write('request', createOcspRequest({ issuer, certificates, hash: 'sha1', nonce: octets }));
    const text = openssl(`ocsp -reqin ${tmp('request')} -req_text -noverify`).replaceAll(/\s+/g, '');
    const length = octets.length > 127 ? '8180' : octets.length.toString(16).padStart(2, '0').toUpperCase();
    assert.ok(text.includes(`OCSPNonce:04${length}`), text);
    assert.ok(text.includes(octets.subarray(0, 8).toString('hex').toUpperCase()), text);
  }
});

test('a nonce has 1 to 128 octets, and a request asks for something', () => {
  const refused = (error: unknown): boolean => isTscertError(error, 'request-invalid');
  for (const length of [0, 129, 1.5, -1, Number.NaN]) assert.throws(() => createOcspNonce(length), refused);
  for (const length of [0, 129]) {
    assert.throws(() => createOcspRequest({ issuer, certificates, hash: 'sha1', nonce: Buffer.alloc(length) }), refused);
  }
  assert.throws(() => createOcspRequest({ issuer, certificates: [], hash: 'sha1' }), refused);
});

test('negative serial numbers are asked for as they stand', { skip }, () => {
  write('request', createOcspRequest({ issuer, certificates: [{ serialNumber: '-0100' }, { serialNumber: '-01' }], hash: 'sha1' }));
  assert.match(openssl(`ocsp -reqin ${tmp('request')} -req_text -noverify`), /Serial Number: -0100[\s\S]*Serial Number: -01\n/);
});

test('by GET go requests whose URL stays below 255 characters', () => {
  const request = Buffer.from('fbffbf', 'hex');
  assert.equal(ocspGetUrl('http://ocsp.test', request), 'http://ocsp.test/%2B%2F%2B%2F');
  assert.equal(ocspGetUrl('http://ocsp.test/a/', request), 'http://ocsp.test/a/%2B%2F%2B%2F');
  assert.equal(ocspGetUrl('http://ocsp.test/a?b=c', request), undefined);
  assert.equal(ocspGetUrl('http://ocsp.test/a#b', request), undefined);
  const base = 'http://ocsp.test/';
  assert.equal(ocspGetUrl(`${base}${'x'.repeat(254 - base.length - 5)}`, request.fill(0))?.length, 254);
  assert.equal(ocspGetUrl(`${base}${'x'.repeat(254 - base.length - 4)}`, request), undefined);
  const { length } =
    ocspGetUrl('http://ocsp.example.com', createOcspRequest({ issuer, certificates: certificates.slice(0, 1), hash: 'sha1' })) ?? '';
  assert.ok(length > 100 && length < 255, 'the usual request');
});
