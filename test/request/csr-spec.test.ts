import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { createCsr, readCsr } from '../../src/pki/csr.js';
import { specOf } from '../../src/request/csr-spec.js';
import type { CertificateSpec } from '../../src/request/request.js';

const KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const again = (spec: CertificateSpec): CertificateSpec => specOf(readCsr(createCsr(spec, KEY).der));

const specs: Readonly<Record<string, CertificateSpec>> = {
  'a name': { names: [{ type: 'dns', value: 'a.example' }] },
  'names of all kinds, in their order': {
    names: [
      { type: 'uri', value: 'spiffe://a.example/b' },
      { type: 'ip', value: '2001:db8::1' },
      { type: 'dns', value: '*.a.example' },
      { type: 'email', value: 'x@a.example' },
      { type: 'other', oid: '1.3.6.1.4.1.311.20.2.3', value: 'x@a.example' },
      { type: 'ip', value: '192.0.2.1' },
    ],
  },
  'a subject': {
    names: [],
    commonName: 'Somebody',
    subject: {
      countries: ['DE'],
      organizations: ['One', 'Two'],
      organizationalUnits: ['U'],
      localities: ['L'],
      provinces: ['P'],
      streetAddresses: ['S'],
      postalCodes: ['1'],
      serialNumber: '7',
      emailAddresses: ['x@a.example'],
      extra: [{ oid: '2.5.4.12', value: 'Dr.' }],
    },
  },
  usages: {
    names: [{ type: 'dns', value: 'a.example' }],
    usages: ['digital signature', 'key encipherment', 'server auth'],
    mustStaple: true,
  },
  'a CA': {
    names: [],
    commonName: 'CA',
    usages: ['cert sign', 'crl sign'],
    isCa: true,
    pathLength: 0,
    nameConstraints: {
      critical: true,
      permitted: { dnsDomains: ['a.example'], ipRanges: ['10.0.0.0/8'] },
      excluded: { emailAddresses: ['b.example'] },
    },
  },
};
for (const [what, spec] of Object.entries(specs))
  test(`${what}: a CSR asks for what it was made of`, () => assert.deepEqual(again(spec), spec));

test('names of others become canonical, those that are none stay', () => {
  const names = ['WWW.Example.COM', 'a b', 'münchen.example'].map((value) => ({ type: 'dns' as const, value }));
  assert.deepEqual(
    specOf({
      ...readCsr(createCsr({ names: [] }, KEY).der),
      extensions: { ...readCsr(createCsr({ names: [] }, KEY).der).extensions, names },
    }).names,
    ['www.example.com', 'a b', 'xn--mnchen-3ya.example'].map((value) => ({ type: 'dns', value })),
  );
});

test('a common name that is a host is a name, once', () => {
  const [www, apex, ip] = [
    { type: 'dns', value: 'www.a.example' },
    { type: 'dns', value: 'a.example' },
    { type: 'ip', value: '192.0.2.1' },
  ] as const;
  assert.deepEqual(again({ names: [], commonName: 'WWW.a.example' }).names, [www]);
  assert.deepEqual(again({ names: [apex], commonName: 'www.a.example' }).names, [apex, www]);
  assert.deepEqual(again({ names: [apex, www], commonName: 'a.example' }).names, [apex, www]);
  assert.deepEqual(again({ names: [apex], commonName: '192.0.2.1' }).names, [apex, ip]);
  for (const commonName of ['Example CA', 'localhost', 'x@a.example', 'https://a.example/', 'Example, Inc. Root v1.0']) {
    assert.deepEqual(again({ names: [apex], commonName }).names, [apex], commonName);
  }
});
