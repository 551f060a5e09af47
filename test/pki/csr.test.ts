import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import { type ErrorCode, isTscertError } from '../../src/base/errors.js';
import { encodePem } from '../../src/base/pem.js';
import { type CsrSpec, createCsr, readCsr } from '../../src/pki/csr.js';
import { publicKeyEquals } from '../../src/pki/key.js';
import { formatDistinguishedName } from '../../src/pki/rfc4514.js';
import { extendedKeyUsageOids, keyUsageBits, parseUsage, USAGES } from '../../src/pki/usage.js';
import { keyOf, openssl, opensslBytes, QUICK_KINDS, read, write } from './support.js';

function refuses(code: ErrorCode, message: RegExp, work: () => unknown): void {
  assert.throws(work, (error) => {
    assert.ok(isTscertError(error, code), String(error));
    assert.match(error.message, message);
    return true;
  });
}

for (const kind of QUICK_KINDS) {
  test(`${kind}: openssl verifies what is made, and we read it back`, () => {
    const key = keyOf(kind);
    const made = createCsr({ commonName: 'example.com', names: [{ type: 'dns', value: 'example.com' }] }, key);
    write('a.csr', made.pem);
    assert.equal(openssl('req -in a.csr -noout -verify -subject'), 'subject=CN = example.com\n');
    assert.equal(openssl('req -in a.csr -noout -pubkey'), createPublicKey(key).export({ type: 'spki', format: 'pem' }));
    const found = readCsr(made.pem);
    assert.ok(found.signatureValid && publicKeyEquals(found.publicKey, key));
    assert.deepEqual(readCsr(made.der).der, made.der);
    const changed = Buffer.from(made.der);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    assert.equal(readCsr(changed).signatureValid, false);
  });
}

test('nothing is added to what the spec says', () => {
  const bare = readCsr(createCsr({ names: [] }, keyOf('ec256')).der);
  assert.deepEqual([bare.subject, bare.extensions.all, bare.otherAttributes], [[], [], []]);
  const one = readCsr(createCsr({ names: [{ type: 'dns', value: 'a.b' }] }, keyOf('ec256')).der);
  assert.deepEqual(
    one.extensions.all.map(({ oid, critical }) => [oid, critical]),
    [['2.5.29.17', true]],
    'critical, for the subject is empty',
  );
  const two = readCsr(createCsr({ commonName: 'a.b', names: [{ type: 'dns', value: 'a.b' }] }, keyOf('ec256')).der);
  assert.deepEqual(
    two.extensions.all.map(({ critical }) => critical),
    [false],
  );
});

test('names are written once, in their order', () => {
  const names: CsrSpec['names'] = ['b.a', 'a.a', 'b.a'].map((value) => ({ type: 'dns', value }));
  assert.deepEqual(readCsr(createCsr({ names }, keyOf('ec256')).der).extensions.names, [names[0], names[1]]);
});

test('every usage word is one that openssl knows, too', () => {
  const spec: CsrSpec = { names: [], usages: USAGES };
  const { pem } = createCsr(spec, keyOf('ed25519'));
  const text = openssl('req -noout -text', pem);
  assert.match(
    text,
    /Key Usage: critical\n\s+Digital Signature, Non Repudiation, Key Encipherment, Data Encipherment, Key Agreement, Certificate Sign, CRL Sign, Encipher Only, Decipher Only\n/,
  );
  assert.match(
    text,
    /Any Extended Key Usage, TLS Web Server Authentication, TLS Web Client Authentication, Code Signing, E-mail Protection, IPSec End System, IPSec Tunnel, IPSec User, Time Stamping, OCSP Signing, Microsoft Server Gated Crypto, Netscape Server Gated Crypto\n/,
  );
  const { extensions } = readCsr(pem);
  assert.deepEqual(extensions.keyUsage, keyUsageBits(USAGES));
  assert.deepEqual(extensions.extendedKeyUsage, extendedKeyUsageOids(USAGES));
  assert.equal(parseUsage(' Server_Auth '), 'server auth');
  assert.equal(parseUsage('S/MIME'), 's/mime');
  refuses('request-invalid', /the words are signing, digital signature/, () => parseUsage('web'));
});

test('specs that ask for what no request can hold', () => {
  const ranges = (ipRanges: string[]): CsrSpec => ({
    names: [],
    isCa: true,
    nameConstraints: { critical: true, permitted: { ipRanges }, excluded: {} },
  });
  for (const [spec, why] of [
    [{ names: [], pathLength: 1 }, /for a CA only/],
    [{ names: [], isCa: true, pathLength: 256 }, /256 is not a whole number/],
    [{ names: [], isCa: true, pathLength: 0.5 }, /0\.5 is not/],
    [{ names: [], isCa: true, nameConstraints: { critical: true, permitted: {}, excluded: {} } }, /are empty$/],
    [ranges(['10.0.0.0']), /IP range/],
    [ranges(['10.0.0.0/33']), /IP range/],
    [ranges(['a/8']), /IP range/],
    [ranges(['10.0.0.0/8/8']), /IP range/],
    [ranges(['fe80::1%lo/8']), /IP range/],
    [{ names: [{ type: 'dns', value: 'ü.example' }] }, /ASCII/],
  ] as const) {
    refuses('request-invalid', why, () => createCsr(spec, keyOf('ec256')));
  }
  refuses('key-invalid', /./, () => createCsr({ names: [] }, createPublicKey(keyOf('ec256'))));
});

test('name constraints of every kind and mask come back', () => {
  const nameConstraints = {
    critical: true,
    permitted: {
      dnsDomains: ['example.com', '.example.org'],
      ipRanges: ['10.0.0.0/8', '192.0.2.128/25', '0.0.0.0/0', '2001:db8::/33'],
      emailAddresses: ['a.b'],
    },
    excluded: { uriDomains: ['.evil.example'], ipRanges: ['::1/128'] },
  };
  const found = readCsr(createCsr({ names: [], isCa: true, pathLength: 0, nameConstraints }, keyOf('ec256')).der).extensions;
  assert.deepEqual(found.nameConstraints, nameConstraints);
  assert.deepEqual([found.isCa, found.pathLength], [true, 0]);
  const loose = { ...nameConstraints, permitted: { ipRanges: ['10.1.2.3/8'] } };
  const cut = readCsr(createCsr({ names: [], isCa: true, nameConstraints: loose }, keyOf('ec256')).der).extensions;
  assert.deepEqual(cut.nameConstraints?.permitted.ipRanges, ['10.0.0.0/8'], 'bits behind the mask are zero');
});

test('reads what openssl makes, other attributes and old labels included', () => {
  write(
    'a.cnf',
    '[req]\ndistinguished_name=dn\nattributes=at\nreq_extensions=v3\nprompt=no\n[dn]\nC=DE\nCN=example.com\n[at]\nchallengePassword=abcd\n[v3]\nsubjectAltName=DNS:example.com,IP:192.0.2.1\ntlsfeature=status_request\n',
  );
  openssl('req -new -config a.cnf -newkey rsa:2048 -nodes -keyout key.pem -out a.csr');
  const found = readCsr(read('a.csr'));
  assert.equal(formatDistinguishedName(found.subject), 'CN=example.com,C=DE');
  assert.deepEqual(found.otherAttributes, ['1.2.840.113549.1.9.7']);
  assert.deepEqual(found.extensions.names, [
    { type: 'dns', value: 'example.com' },
    { type: 'ip', value: '192.0.2.1' },
  ]);
  assert.ok(found.extensions.mustStaple && found.signatureValid);
  assert.equal(found.signatureAlgorithm, 'SHA256-RSA');
  const old = openssl('req -in a.csr -newhdr');
  assert.match(old, /BEGIN NEW CERTIFICATE REQUEST/);
  assert.deepEqual(readCsr(old).der, found.der);
  assert.deepEqual(readCsr(opensslBytes('req -in a.csr -outform DER')).pem, found.pem);
});

test('what is no request is refused with the reason', () => {
  const { pem, der } = createCsr({ names: [] }, keyOf('ed25519'));
  refuses('csr-invalid', /there are 2 of them$/, () => readCsr(pem + pem));
  refuses('csr-invalid', /there is no block "CERTIFICATE REQUEST"$/, () => readCsr('hello'));
  refuses('csr-invalid', /./, () => readCsr(der.subarray(0, -1)));
  const version = Buffer.from(der);
  version[version.indexOf('020100', 0, 'hex') + 2] = 1;
  refuses('csr-invalid', /the version 2 of requests is not known$/, () => readCsr(version));
  openssl('req -x509 -newkey ed25519 -nodes -subj /CN=a -keyout key.pem -out cert.pem');
  refuses('csr-invalid', /there is no block "CERTIFICATE REQUEST"$/, () => readCsr(read('cert.pem')));
  const certificate = Buffer.from(read('cert.pem').replaceAll(/-----.*-----|\n/g, ''), 'base64');
  refuses('csr-invalid', /the version of the body of the request has tag 0xa0/, () =>
    readCsr(encodePem('CERTIFICATE REQUEST', certificate)),
  );
});
