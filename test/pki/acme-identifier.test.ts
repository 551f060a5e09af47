import assert from 'node:assert/strict';
import { createHash, createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { createAcmeIdentifierCertificate } from '../../src/pki/acme-identifier.js';
import { readCertificate } from '../../src/pki/certificate.js';
import { keyTypeOf } from '../../src/pki/key.js';
import { DAY, NOW, openssl, write } from './support.js';

const digest = createHash('sha256').update('token.thumbprint').digest();

test('RFC 8737 §3 as openssl sees it: one name, the digest in a critical extension, signed by itself', () => {
  for (const [type, value, name] of [
    ['dns', 'example.com', 'DNS:example.com'],
    ['dns', 'xn--bcher-kva.example', 'DNS:xn--bcher-kva.example'],
    ['ip', '192.0.2.1', 'IP Address:192.0.2.1'],
    ['ip', '2001:db8::1', 'IP Address:2001:DB8:0:0:0:0:0:1'],
  ] as const) {
    const { key, certificate } = createAcmeIdentifierCertificate({ identifier: { type, value }, digest }, NOW);
    write('acme.pem', certificate);
    assert.match(openssl(`verify -attime ${NOW / 1000} -check_ss_sig -ignore_critical -CAfile acme.pem acme.pem`), /OK/);
    const text = openssl('x509 -in acme.pem -noout -ext subjectAltName');
    assert.equal(text.split('\n')[1]?.trim(), name);
    const lines = openssl('asn1parse -in acme.pem').split('\n');
    const at = lines.findIndex((line) => /OBJECT\s+:1\.3\.6\.1\.5\.5\.7\.1\.31$/.test(line));
    assert.match(lines[at + 1] ?? '', /BOOLEAN\s+:255$/);
    assert.match(lines[at + 2] ?? '', new RegExp(`OCTET STRING\\s+\\[HEX DUMP\\]:0420${digest.toString('hex').toUpperCase()}$`));
    assert.ok(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)));
    assert.equal(keyTypeOf(createPrivateKey(key)), 'ec256');
  }
});

test('it is valid around the time that it is made for, and no two share key or serial number', () => {
  const make = () => createAcmeIdentifierCertificate({ identifier: { type: 'dns', value: 'example.com' }, digest: randomBytes(32) }, NOW);
  const [a, b] = [make(), make()];
  const [one, two] = [readCertificate(a.certificate), readCertificate(b.certificate)];
  assert.deepEqual([one.notBefore.getTime(), one.notAfter.getTime()], [NOW - DAY, NOW + 7 * DAY]);
  assert.notEqual(one.serialNumber, two.serialNumber);
  assert.notEqual(a.key, b.key);
});
