import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCertificate } from '../../src/pki/certificate.js';
import { ALL_REASONS, reasonMaskOf, reasonsIn } from '../../src/pki/crl-reason.js';
import { crlAddressesOf } from '../../src/pki/crl-urls.js';
import { oddLeaf } from './crl-openssl.js';
import { authority, party } from './support.js';

const ca = authority('URLs CA');
const pointsOf = (config: string) => readCertificate(oddLeaf(ca, '05', config)).extensions;

test('http and https are fetched, LDAP and others are skipped with a word', () => {
  const names = 'URI:ldap:///CN=CA?certificateRevocationList,URI:http://a.test/crl,URI:HTTPS://b.test/crl,URI:file:///etc/passwd,URI:crl';
  const { crlPoints, crlUrls } = pointsOf(`crlDistributionPoints = dp\n[dp]\nfullname = ${names}\n`);
  assert.equal(crlUrls.length, 5);
  assert.deepEqual(crlAddressesOf(crlPoints), {
    addresses: [{ urls: ['http://a.test/crl', 'HTTPS://b.test/crl'], reasons: ALL_REASONS }],
    skipped: [
      {
        url: 'ldap:///CN=CA?certificateRevocationList',
        code: 'scheme',
        words: 'CRLs are fetched by http and https only, not by ldap',
      },
      { url: 'file:///etc/passwd', code: 'scheme', words: 'CRLs are fetched by http and https only, not by file' },
      { url: 'crl', code: 'scheme', words: 'it is no URL' },
    ],
  });
});

test('several points, with reasons, without a name, and of another issuer', () => {
  const { crlPoints, crlUrls } = pointsOf(
    'crlDistributionPoints = one, two, three, four\n' +
      '[one]\nfullname = URI:http://a.test/1\nreasons = keyCompromise, AACompromise\n' +
      '[two]\nfullname = dirName:whole\n[three]\nrelativename = whole\n[whole]\nCN = part\n' +
      '[four]\nfullname = URI:http://a.test/4\nCRLissuer = dirName:whole\n',
  );
  assert.deepEqual(crlUrls, ['http://a.test/1', 'http://a.test/4']);
  assert.deepEqual(
    crlPoints.map(({ name, crlIssuer }) => [name?.kind, crlIssuer?.length]),
    [
      ['full', undefined],
      ['full', undefined],
      ['relative', undefined],
      ['full', 1],
    ],
  );
  const { addresses, skipped } = crlAddressesOf(crlPoints);
  assert.deepEqual(
    addresses.map(({ urls, reasons }) => [urls, reasonsIn(reasons)]),
    [[['http://a.test/1'], ['keyCompromise', 'aACompromise']]],
  );
  assert.deepEqual(
    skipped.map(({ url, code }) => [url, code]),
    [
      [undefined, 'no-url'],
      [undefined, 'no-url'],
      ['http://a.test/4', 'indirect'],
    ],
  );
});

test('delta CRLs have points of their own', () => {
  const { crlPoints, deltaCrlPoints } = pointsOf('freshestCRL = URI:http://a.test/delta\n');
  assert.deepEqual(crlPoints, []);
  assert.deepEqual(
    crlAddressesOf(deltaCrlPoints).addresses.map(({ urls }) => urls),
    [['http://a.test/delta']],
  );
  const { extensions } = party('leaf', ca, { crlUrls: ['http://a.test/1', 'http://a.test/2'] }).certificate;
  assert.deepEqual(
    crlAddressesOf(extensions.crlPoints).addresses.map(({ urls }) => urls),
    [['http://a.test/1'], ['http://a.test/2']],
  );
});

test('sets of reasons', () => {
  assert.equal(reasonMaskOf([0, 9, 12]), 0, 'bits that mean nothing');
  assert.equal(reasonMaskOf([1, 2, 3, 4, 5, 6, 7, 8]), ALL_REASONS);
  assert.deepEqual(reasonsIn(ALL_REASONS).length, 8);
  assert.deepEqual(reasonsIn(reasonMaskOf([7])), ['privilegeWithdrawn']);
});
