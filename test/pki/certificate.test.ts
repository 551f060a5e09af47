import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { type ErrorCode, isTscertError } from '../../src/base/errors.js';
import { encodePem } from '../../src/base/pem.js';
import { type CertificateSpec, createCertificate, isIssuedBy, readCertificate, readCertificates } from '../../src/pki/certificate.js';
import { keyIdentifier, keyWords, publicKeyEquals } from '../../src/pki/key.js';
import { formatDistinguishedName } from '../../src/pki/rfc4514.js';
import { commonNameOf } from '../../src/pki/subject.js';
import { usageOfBit, usageOfOid } from '../../src/pki/usage.js';
import { servers, skipUnless } from '../support/servers.js';
import { authority, DAY, keyOf, NOW, openssl, opensslBytes, party, QUICK_KINDS, read, tmp, write } from './support.js';

const SPEC: CertificateSpec = {
  commonName: 'example.com',
  names: [{ type: 'dns', value: 'example.com' }],
  serialNumber: Buffer.from('00112233445566778899aabbccddeeff', 'hex'),
  notBefore: new Date(NOW - DAY),
  notAfter: new Date(NOW + DAY),
};

function refuses(code: ErrorCode, message: RegExp, work: () => unknown): void {
  assert.throws(work, (error) => {
    assert.ok(isTscertError(error, code), String(error));
    assert.match(error.message, message);
    return true;
  });
}

/** `-----BEGIN` to `-----END`, with a line feed. */
const blockOf = (text: string): string => /-----BEGIN [\s\S]*?-----END [A-Z ]+-----\n/.exec(text)?.[0] ?? '';

for (const kind of QUICK_KINDS) {
  test(`${kind}: openssl verifies and reads what is made, signed by itself and by a CA`, () => {
    const key = keyOf(kind);
    const self = createCertificate({ ...SPEC, isCa: true, usages: ['crl sign'] }, key);
    write('self.pem', self.pem);
    const at = `-attime ${NOW / 1000} -check_ss_sig -x509_strict`;
    assert.match(openssl(`verify ${at} -CAfile self.pem self.pem`), /OK/);
    const issuer = { name: readCertificate(self.pem).subject, key };
    write('made.pem', createCertificate({ ...SPEC, commonName: 'below' }, createPublicKey(keyOf('ec256', 1)), issuer).pem);
    assert.match(openssl(`verify ${at} -CAfile self.pem made.pem`), /OK/);
    const made = readCertificate(read('made.pem'));
    assert.ok(isIssuedBy(made, readCertificate(self.pem)));
    assert.ok(!isIssuedBy(readCertificate(self.pem), made));
    assert.equal(made.serialNumber, '112233445566778899aabbccddeeff');
    assert.equal(openssl('x509 -noout -serial -in made.pem'), 'serial=112233445566778899AABBCCDDEEFF\n');
  });
}

const OPENSSL_KINDS: readonly (readonly [string, string, string])[] = [
  ['rsa:2048', 'RSA 2048', 'SHA256-RSA'],
  ['rsa-pss -pkeyopt rsa_keygen_bits:2048', 'RSA-PSS 2048', 'RSA-PSS'],
  ['rsa:2048 -sigopt rsa_padding_mode:pss', 'RSA 2048', 'RSA-PSS'],
  ['ec -pkeyopt ec_paramgen_curve:P-256', 'ECDSA P-256', 'ECDSA-SHA256'],
  ['ec -pkeyopt ec_paramgen_curve:P-384 -sha384', 'ECDSA P-384', 'ECDSA-SHA384'],
  ['ec -pkeyopt ec_paramgen_curve:P-521 -sha512', 'ECDSA P-521', 'ECDSA-SHA512'],
  ['ed25519', 'Ed25519', 'Ed25519'],
];

for (const [words, key, algorithm] of OPENSSL_KINDS) {
  test(`reads what openssl makes with ${words}`, () => {
    openssl(`req -x509 -newkey ${words} -nodes -subj /C=DE/O=Example/CN=example.com -days 90 -keyout key.pem -out cert.pem`);
    const found = readCertificate(read('cert.pem'));
    const oracle = new X509Certificate(read('cert.pem'));
    assert.equal(found.version, 3);
    assert.equal(found.serialNumber, oracle.serialNumber.toLowerCase());
    assert.equal(formatDistinguishedName(found.subject), 'CN=example.com,O=Example,C=DE');
    assert.deepEqual(found.subject, found.issuer);
    assert.equal(found.notBefore.getTime(), Date.parse(oracle.validFrom));
    assert.equal(found.notAfter.getTime(), Date.parse(oracle.validTo));
    assert.ok(found.publicKey && publicKeyEquals(found.publicKey, oracle.publicKey));
    assert.equal(keyWords(found.publicKey), key);
    assert.equal(found.signatureAlgorithm, algorithm);
    assert.ok(found.der.equals(oracle.raw));
    assert.equal(found.pem, blockOf(read('cert.pem')));
    assert.ok(isIssuedBy(found, found));
    assert.ok(found.extensions.isCa);
    assert.deepEqual(found.extensions.subjectKeyIdentifier, keyIdentifier(found.publicKey));
    assert.deepEqual(found.extensions.authorityKeyIdentifier, keyIdentifier(found.publicKey));
  });
}

test('a signature over other octets, or another one, does not fit', () => {
  for (const kind of QUICK_KINDS) {
    const { der } = createCertificate(SPEC, keyOf(kind));
    const [first, last] = [Buffer.from(der), Buffer.from(der)];
    // A digit of the year of notBefore, and the last octet of the signature.
    const at = der.indexOf('261122');
    first[at] = 0x31;
    last[last.length - 1] = (last.at(-1) ?? 0) ^ 1;
    for (const [what, changed] of [
      ['body', first],
      ['signature', last],
    ] as const) {
      const certificate = readCertificate(changed);
      assert.ok(!isIssuedBy(certificate, certificate), `${kind} ${what}`);
    }
  }
});

test('reads every extension that openssl writes', () => {
  write(
    'all.cnf',
    `[req]
distinguished_name=dn
[dn]
[v3]
basicConstraints=critical,CA:TRUE,pathlen:3
keyUsage=critical,keyCertSign,cRLSign,digitalSignature
extendedKeyUsage=serverAuth,clientAuth,1.2.3.4.5
subjectAltName=DNS:example.com,DNS:*.example.com,IP:192.0.2.1,IP:2001:db8::1,email:me@example.com,URI:https://example.com/a,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:me@example.com,RID:1.2.3.4,dirName:dir
authorityInfoAccess=OCSP;URI:http://ocsp.example.com/,caIssuers;URI:http://ca.example.com/a.cer
crlDistributionPoints=URI:http://crl.example.com/a.crl,URI:http://crl.example.com/b.crl
nameConstraints=permitted;DNS:example.com,permitted;IP:10.0.0.0/255.0.0.0,excluded;email:evil.example.com
tlsfeature=status_request
1.2.3.4.5.6=critical,DER:0500
[dir]
CN=somebody
`,
  );
  openssl('req -x509 -config all.cnf -extensions v3 -newkey ed25519 -nodes -subj /CN=all -days 1 -keyout key.pem -out all.pem');
  const { extensions } = readCertificate(read('all.pem'));
  assert.deepEqual(extensions.names, [
    { type: 'dns', value: 'example.com' },
    { type: 'dns', value: '*.example.com' },
    { type: 'ip', value: '192.0.2.1' },
    { type: 'ip', value: '2001:db8::1' },
    { type: 'email', value: 'me@example.com' },
    { type: 'uri', value: 'https://example.com/a' },
    { type: 'other', oid: '1.3.6.1.4.1.311.20.2.3', value: 'me@example.com' },
  ]);
  assert.deepEqual(
    extensions.unknownNames.map(({ der }) => der.slice(0, 2)),
    ['88', 'a4'],
  );
  assert.deepEqual(extensions.keyUsage?.map(usageOfBit), ['digital signature', 'cert sign', 'crl sign']);
  assert.deepEqual(
    extensions.extendedKeyUsage?.map((oid) => usageOfOid(oid) ?? oid),
    ['server auth', 'client auth', '1.2.3.4.5'],
  );
  assert.deepEqual([extensions.isCa, extensions.pathLength, extensions.mustStaple], [true, 3, true]);
  assert.deepEqual(extensions.ocspUrls, ['http://ocsp.example.com/']);
  assert.deepEqual(extensions.caIssuerUrls, ['http://ca.example.com/a.cer']);
  assert.deepEqual(extensions.crlUrls, ['http://crl.example.com/a.crl', 'http://crl.example.com/b.crl']);
  assert.deepEqual(extensions.nameConstraints, {
    critical: false,
    permitted: { dnsDomains: ['example.com'], ipRanges: ['10.0.0.0/8'] },
    excluded: { emailAddresses: ['evil.example.com'] },
  });
  const own = extensions.all.find(({ oid }) => oid === '1.2.3.4.5.6');
  assert.deepEqual(own, { oid: '1.2.3.4.5.6', critical: true, value: Buffer.of(5, 0) });
});

test('what is made with everything, openssl and our own reader find there', () => {
  const spec: CertificateSpec = {
    ...SPEC,
    subject: { organizations: ['Exämple, Inc.'], countries: ['DE'] },
    names: [
      { type: 'dns', value: '*.example.com' },
      { type: 'ip', value: '192.0.2.1' },
      { type: 'ip', value: '2001:db8::1' },
      { type: 'email', value: 'me@example.com' },
      { type: 'uri', value: 'spiffe://example.com/a' },
      { type: 'other', oid: '1.3.6.1.4.1.311.20.2.3', value: 'mé@example.com' },
    ],
    usages: ['digital signature', 'server auth', 'client auth'],
    isCa: true,
    pathLength: 1,
    nameConstraints: {
      critical: true,
      permitted: { dnsDomains: ['example.com'], ipRanges: ['2001:db8::/32'] },
      excluded: { uriDomains: ['a.b'] },
    },
    mustStaple: true,
    ocspUrls: ['http://ocsp.example.com/'],
    caIssuerUrls: ['http://ca.example.com/a.cer'],
    crlUrls: ['http://crl.example.com/a.crl'],
  };
  const made = createCertificate(spec, keyOf('ec256'));
  const text = openssl('x509 -noout -text -nameopt RFC2253', made.pem);
  for (const line of [
    'Subject: CN=example.com,O=Ex\\C3\\A4mple\\, Inc.,C=DE',
    'DNS:*.example.com, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1, email:me@example.com, URI:spiffe://example.com/a, othername: UPN::m',
    'X509v3 Key Usage: critical\n                Digital Signature, Certificate Sign\n',
    'TLS Web Server Authentication, TLS Web Client Authentication',
    'X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:1\n',
    'X509v3 Name Constraints: critical\n                Permitted:\n                  DNS:example.com\n                  IP:2001:DB8:0:0:0:0:0:0/FFFF:FFFF:0:0:0:0:0:0\n                Excluded:\n                  URI:a.b\n',
    'TLS Feature: \n                status_request\n',
    'OCSP - URI:http://ocsp.example.com/',
    'CA Issuers - URI:http://ca.example.com/a.cer',
    'URI:http://crl.example.com/a.crl',
  ]) {
    assert.ok(text.includes(line), `${line}\n---\n${text}`);
  }
  const { extensions } = readCertificate(made.der);
  assert.deepEqual(extensions.names, spec.names);
  assert.deepEqual(extensions.nameConstraints, spec.nameConstraints);
  assert.deepEqual([extensions.ocspUrls, extensions.caIssuerUrls, extensions.crlUrls], [spec.ocspUrls, spec.caIssuerUrls, spec.crlUrls]);
  assert.deepEqual([extensions.isCa, extensions.pathLength, extensions.mustStaple], [true, 1, true]);
});

test('dates are UTCTime until 2049 and GeneralizedTime from 2050, as openssl reads them', () => {
  for (const [from, to, tags] of [
    ['1949-12-31T23:59:59Z', '1950-01-01T00:00:00Z', [0x18, 0x17]],
    ['2049-12-31T23:59:59Z', '2050-01-01T00:00:00Z', [0x17, 0x18]],
    ['2000-02-29T12:00:00Z', '9999-12-31T23:59:59Z', [0x17, 0x18]],
  ] as const) {
    const { der, pem } = createCertificate({ ...SPEC, notBefore: new Date(from), notAfter: new Date(to) }, keyOf('ec256'));
    const found = readCertificate(der);
    assert.deepEqual([found.notBefore, found.notAfter], [new Date(from), new Date(to)]);
    const forms = openssl('asn1parse', pem).match(/(UTC|GENERALIZED)TIME/g);
    assert.deepEqual(
      forms,
      tags.map((tag) => (tag === 0x17 ? 'UTCTIME' : 'GENERALIZEDTIME')),
    );
    assert.equal(Date.parse(openssl('x509 -noout -enddate', pem).replace('notAfter=', '')), Date.parse(to));
  }
});

test('serial numbers: any sign and length, as whole octets', () => {
  for (const [set, hex] of [
    ['0', '00'],
    ['1', '01'],
    ['0x7f', '7f'],
    ['0x80', '80'],
    ['0xabc', '0abc'],
    ['0x00ff00', 'ff00'],
    [`0x${'f'.repeat(40)}`, 'f'.repeat(40)],
    ['-1', '-01'],
    ['-128', '-80'],
    ['-256', '-0100'],
  ] as const) {
    openssl(`req -x509 -newkey ed25519 -nodes -subj /CN=a -set_serial ${set} -keyout key.pem -out serial.pem`);
    assert.equal(readCertificate(read('serial.pem')).serialNumber, hex);
    const said = openssl('x509 -noout -serial -in serial.pem').trim().slice('serial='.length);
    assert.equal(said.toLowerCase(), hex, 'openssl says the same');
  }
  for (const serialNumber of [Buffer.alloc(0), Buffer.alloc(16), Buffer.alloc(21, 1)]) {
    refuses('request-invalid', /serial number/, () => createCertificate({ ...SPEC, serialNumber }, keyOf('ec256')));
  }
});

test('reads version 1, without extensions', () => {
  openssl('req -newkey ed25519 -nodes -subj /CN=old -keyout key.pem -out old.csr');
  openssl('x509 -req -in old.csr -signkey key.pem -out old.pem');
  const found = readCertificate(read('old.pem'));
  assert.equal(found.version, 1);
  assert.deepEqual([found.extensions.all, found.extensions.names, found.extensions.isCa], [[], [], false]);
});

test('a key of an unknown kind leaves the rest readable', () => {
  const { der } = createCertificate(SPEC, keyOf('ed25519'));
  const changed = Buffer.from(der);
  // 1.3.101.112 within the SubjectPublicKeyInfo becomes 1.3.101.99.
  changed[changed.indexOf('300506032b6570032100', 0, 'hex') + 6] = 0x63;
  const found = readCertificate(changed);
  assert.equal(found.publicKey, undefined);
  assert.equal(commonNameOf(found.subject), 'example.com');
  assert.ok(!isIssuedBy(found, found));
  assert.equal(found.raw.spki.subarray(0, 9).toString('hex'), '302a300506032b6563');
});

test('PEM and DER, labels, and texts with none or several', () => {
  const [one, two] = [party('one'), party('two')];
  const key = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n';
  assert.equal(readCertificate(one.certificate.der).pem, one.pem);
  assert.equal(readCertificate(Buffer.from(one.pem)).pem, one.pem);
  assert.equal(readCertificate(`${key}about it\r\n${one.pem.replaceAll('\n', '\r\n')}`).pem, one.pem);
  for (const label of ['X509 CERTIFICATE', 'TRUSTED CERTIFICATE']) {
    assert.equal(readCertificate(encodePem(label, one.certificate.der)).pem, one.pem);
  }
  refuses('certificate-invalid', /holds 0 of them/, () => readCertificate(key));
  refuses('certificate-invalid', /holds 2 of them/, () => readCertificate(one.pem + two.pem));
  assert.deepEqual(
    readCertificates(one.pem + key + two.pem).map(({ pem }) => pem),
    [one.pem, two.pem],
  );
  assert.deepEqual(readCertificates(key), []);
});

test("openssl's trust settings behind a certificate are refused", () => {
  write('trusted.pem', party('trusted').pem);
  const text = openssl('x509 -in trusted.pem -trustout -addtrust serverAuth -setalias me');
  assert.match(text, /BEGIN TRUSTED CERTIFICATE/);
  refuses('certificate-invalid', /bytes|end|DER|pars/i, () => readCertificate(text));
});

test('what is no certificate is refused with the reason', () => {
  const { der } = party('example.com').certificate;
  refuses('certificate-invalid', /./, () => readCertificate(Buffer.concat([der, Buffer.of(0)])));
  refuses('certificate-invalid', /./, () => readCertificate(der.subarray(0, -1)));
  refuses('certificate-invalid', /the certificate lacks the body$/, () => readCertificate(Buffer.from('3000', 'hex')));
  const other = createCertificate(SPEC, keyOf('ed25519')).der;
  const twisted = Buffer.from(other);
  twisted[twisted.lastIndexOf('06032b6570', undefined, 'hex') + 4] = 0x71;
  refuses('certificate-invalid', /two signature algorithms differ/, () => readCertificate(twisted));
  const version = Buffer.from(other);
  version[version.indexOf('a003020102', 0, 'hex') + 4] = 7;
  refuses('certificate-invalid', /version 8 of certificates/, () => readCertificate(version));
  const month = Buffer.from(other);
  month[month.indexOf('261122') + 2] = 0x39;
  refuses('certificate-invalid', /the time "269122120000Z" is not of X\.509's form/, () => readCertificate(month));
  const request = opensslBytes('req -newkey ed25519 -nodes -subj /CN=a -keyout key.pem -outform DER');
  refuses('certificate-invalid', /the body of the certificate/, () => readCertificate(request));
});

test('an extension that stands there twice is refused', () => {
  write('twice.cnf', '[req]\ndistinguished_name=dn\n[dn]\n[v3]\n1.2.3.4=DER:0500\n1.2.3.5=DER:0500\n');
  openssl('req -x509 -config twice.cnf -extensions v3 -newkey ed25519 -nodes -subj /CN=a -keyout key.pem -out twice.pem');
  const { der } = readCertificate(read('twice.pem'));
  const changed = Buffer.from(der);
  changed[changed.indexOf('06032a0305', 0, 'hex') + 4] = 4;
  refuses('certificate-invalid', /twice/, () => readCertificate(changed));
});

test('an issuer of another name is none, though its key has signed', () => {
  const one = authority('One');
  const renamed = authority('Two', undefined, { key: one.key });
  const below = party('below', one);
  assert.deepEqual([isIssuedBy(below.certificate, one.certificate), isIssuedBy(below.certificate, renamed.certificate)], [true, false]);
});

test('a key that cannot sign is refused', () => {
  const issuer = authority('CA');
  refuses('key-invalid', /./, () => createCertificate(SPEC, issuer.publicKey));
});

test('reads what cfssl makes, and finds the issuer', { skip: skipUnless('cfssl') }, () => {
  const { cfssl = '' } = servers('cfssl');
  const run = (...args: string[]): Record<string, string> =>
    JSON.parse(execFileSync(cfssl, args, { cwd: tmp('.'), stdio: ['ignore', 'pipe', 'ignore'] }).toString());
  for (const key of [{ algo: 'rsa', size: 2048 }, { algo: 'ecdsa', size: 384 }, { algo: 'ed25519' }]) {
    write('ca.json', JSON.stringify({ CN: 'Example CA', key, names: [{ C: 'DE', O: 'Example', OU: 'Web', L: 'Berlin', ST: 'Berlin' }] }));
    const ca = run('gencert', '-initca', 'ca.json');
    write('ca.pem', ca.cert ?? '');
    write('ca-key.pem', ca.key ?? '');
    write(
      'leaf.json',
      JSON.stringify({ CN: 'example.com', hosts: ['example.com', '192.0.2.1', 'me@example.com', 'https://example.com/'], key }),
    );
    const leaf = run('gencert', '-ca=ca.pem', '-ca-key=ca-key.pem', 'leaf.json');
    const [issuer, certificate] = [readCertificate(ca.cert ?? ''), readCertificate(leaf.cert ?? '')];
    assert.equal(formatDistinguishedName(issuer.subject), 'CN=Example CA,OU=Web,O=Example,L=Berlin,ST=Berlin,C=DE');
    assert.ok(isIssuedBy(certificate, issuer) && isIssuedBy(issuer, issuer) && !isIssuedBy(issuer, certificate), JSON.stringify(key));
    assert.deepEqual(
      certificate.extensions.names.map(({ type, value }) => `${type}:${value}`),
      ['dns:example.com', 'ip:192.0.2.1', 'email:me@example.com', 'uri:https://example.com/'].sort((a, b) => order(a) - order(b)),
    );
    assert.deepEqual(certificate.extensions.authorityKeyIdentifier, issuer.extensions.subjectKeyIdentifier);
    assert.equal(certificate.serialNumber, new X509Certificate(leaf.cert ?? '').serialNumber.toLowerCase());
  }
});

/** Go writes names by kind. */
function order(name: string): number {
  return ['dns', 'email', 'ip', 'uri'].indexOf(name.slice(0, name.indexOf(':')));
}
