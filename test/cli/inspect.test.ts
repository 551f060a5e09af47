import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { TscertError } from '../../src/base/errors.js';
import { encodePem } from '../../src/base/pem.js';
import { foundText } from '../../src/cli/inspect-text.js';
import { type Found, inspectBytes } from '../../src/flow/inspect.js';
import { createCsr } from '../../src/pki/csr.js';
import { encodePrivateKey, publicKeyDer } from '../../src/pki/key.js';
import { derLike, mutated, RUNS } from '../pki/fuzz.js';
import { authority, DAY, keyOf, NOW, openssl, opensslBytes, party, read, tmp, write } from '../pki/support.js';
import { skipUnless } from '../support/servers.js';

const root = authority('Root');
const middle = authority('Middle', root, { pathLength: 0 });
const leaf = party('a.example', middle, { names: [{ type: 'dns', value: 'a.example' }], usages: ['server auth'], mustStaple: true });
const see = (text: string | Buffer, passphrase?: string): readonly Found[] =>
  inspectBytes(Buffer.from(text), { now: NOW, ...(passphrase === undefined ? {} : { passphrase }) });
const only = (text: string | Buffer, passphrase?: string): Found => {
  const [first, ...more] = see(text, passphrase);
  assert.ok(first !== undefined && more.length === 0);
  return first;
};
const words = (text: string | Buffer): string =>
  see(text)
    .map((found, at) => foundText(found, at + 1))
    .join('\n');

test('a chain: each is signed by the next, or is not', () => {
  const signed = (...pems: readonly string[]): unknown[] =>
    see(pems.join('')).map((found) => 'signedByNext' in found && found.signedByNext);
  assert.deepEqual(signed(leaf.pem, middle.pem, root.pem), [true, true, false]);
  assert.deepEqual(signed(leaf.pem, root.pem), [false, false]);
  assert.equal('signedByNext' in (see(root.pem + leaf.pem)[0] ?? {}), false);
  assert.match(words(leaf.pem + middle.pem), /signature +ECDSA-SHA256\n +signed by certificate 2/);
  assert.match(words(leaf.pem + root.pem), /NOT signed by certificate 2/);
});

test('what a certificate says, as data', () => {
  const found = only(leaf.pem);
  assert.ok(found.type === 'certificate');
  const { subject, issuer, commonName, names, usages, isCa, mustStaple, validity, daysLeft, key, isSelfSigned } = found;
  assert.deepEqual(
    { subject, issuer, commonName, dns: names.dns, usages, isCa, mustStaple, validity, daysLeft, kind: key.kind, isSelfSigned },
    {
      subject: 'CN=a.example',
      issuer: 'CN=Middle',
      commonName: 'a.example',
      dns: ['a.example'],
      usages: ['server auth'],
      isCa: false,
      mustStaple: true,
      validity: 'valid',
      daysLeft: 90,
      kind: 'ECDSA P-256',
      isSelfSigned: false,
    },
  );
});

test('days are counted to the end, and words say when it is over', () => {
  const at = (from: number, to: number): string =>
    words(party('x', undefined, { notBefore: new Date(NOW + from * DAY), notAfter: new Date(NOW + to * DAY) }).pem);
  assert.match(at(-1, 1.5), /\(1 day left\)/);
  assert.match(at(-1, 0.5), /\(0 days left\)/);
  assert.match(at(-9, -1.5), /\(EXPIRED 1 day ago\)/);
  assert.match(at(1, 2), /\(NOT YET VALID\)/);
});

test('of a private key only its kind and the digest of its public half are shown', () => {
  const key = keyOf('ec256');
  for (const pem of [encodePrivateKey(key), encodePrivateKey(key, { encoding: 'pkcs1' }), encodePrivateKey(key, { passphrase: 'x' })]) {
    const text = `${words(pem)}${JSON.stringify(see(pem, 'x'))}`;
    const scalar = key.export({ format: 'jwk' }).d ?? '';
    for (const secret of [scalar, Buffer.from(scalar, 'base64url').toString('hex'), Buffer.from(scalar, 'base64url').toString('base64')]) {
      assert.ok(!text.includes(secret));
    }
  }
});

test('an encrypted key is told to be one, opened with its passphrase, and refused with another', () => {
  for (const encoding of ['pkcs8', 'pkcs1'] as const) {
    const pem = encodePrivateKey(keyOf('ec384'), { encoding, passphrase: 'secret' });
    assert.deepEqual(only(pem), { type: 'private-key', encrypted: true });
    const open = only(pem, 'secret');
    assert.ok(open.type === 'private-key' && open.key?.kind === 'ECDSA P-384');
    const refused = only(pem, 'wrong');
    assert.ok(refused.type === 'unreadable' && refused.error.code === 'key-passphrase');
  }
});

test('control characters and turned writing in foreign names are shown, not obeyed', () => {
  const evil = 'a\u001b[2Jb\u009b31m\r\n\u202eexe\u2028';
  const request = (text: string, host: string): Buffer =>
    createCsr(
      {
        commonName: text,
        names: [
          { type: 'other', oid: '1.2.3', value: text },
          { type: 'dns', value: host },
        ],
        subject: { organizations: [text] },
      },
      keyOf('ec256'),
    ).der;
  // tscert itself makes no such host name: it is put there afterwards.
  const der = Buffer.from(request(evil, 'xxxxx.example').toString('latin1').replace('xxxxx.example', '\u001b]0;x.example'), 'latin1');
  const text = words(der);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  assert.doesNotMatch(text.replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e]/);
  assert.equal(text.split('\n').length, words(request('x', 'x.example')).split('\n').length);
  assert.match(text, /\\u\{1b\}\]0;x\.example/);
});

test('one bad block does not hide the others', () => {
  const found = see(`${leaf.pem}${encodePem('CERTIFICATE', Buffer.from('3000', 'hex'))}${encodePem('FOO', Buffer.alloc(3))}${middle.pem}`);
  assert.deepEqual(
    found.map(({ type }) => type),
    ['certificate', 'unreadable', 'unreadable', 'certificate'],
  );
  assert.match(words(encodePem('FOO', Buffer.alloc(3))), /cannot read a block "FOO" yet/);
});

test('nothing that could be read is an error', () => {
  for (const text of ['', 'hello', '\n', '{"CN":"a"}', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAA', '\u00fe\u00ed\u00fe\u00ed']) {
    assert.throws(() => see(Buffer.from(text, 'latin1')), TscertError, JSON.stringify(text));
  }
  assert.throws(() => see('-----BEGIN CERTIFICATE-----\nAAAA\n'), /it has no line "-----END CERTIFICATE-----"/);
});

describe('forms that openssl writes', { skip: skipUnless('openssl') }, () => {
  const names = { root: write('root.pem', root.pem), leaf: write('leaf.pem', leaf.pem), key: write('key.pem', encodePrivateKey(leaf.key)) };
  write('csr.pem', createCsr({ names: [{ type: 'dns', value: 'a.example' }] }, leaf.key).pem);
  write('rsa.pem', encodePrivateKey(keyOf('rsa2048')));
  const forms: readonly (readonly [what: string, args: string, type: Found['type'] | RegExp])[] = [
    ['a certificate in DER', `x509 -in ${names.leaf} -outform DER`, 'certificate'],
    ['a trusted certificate', `x509 -in ${names.root} -trustout -addtrust serverAuth`, 'certificate'],
    ['a CSR in DER', 'req -in csr.pem -outform DER', 'csr'],
    ['a key in SEC 1', 'ec -in key.pem', 'private-key'],
    ['a key in SEC 1, DER', 'ec -in key.pem -outform DER', 'private-key'],
    ['a key in PKCS#8, DER', 'pkcs8 -topk8 -nocrypt -in key.pem -outform DER', 'private-key'],
    ['a key in encrypted PKCS#8, DER', 'pkcs8 -topk8 -in key.pem -passout pass:x -outform DER', 'private-key'],
    ['a key with its parameters', 'ecparam -name prime256v1 -genkey', 'private-key'],
    ['an RSA key in PKCS#1, DER', 'rsa -in rsa.pem -traditional -outform DER', 'private-key'],
    ['a public key', 'pkey -in key.pem -pubout', 'public-key'],
    ['a public key in DER', 'pkey -in key.pem -pubout -outform DER', 'public-key'],
    ['an RSA public key', 'rsa -in rsa.pem -RSAPublicKey_out', 'public-key'],
    ['an RSA public key in DER', 'rsa -in rsa.pem -RSAPublicKey_out -outform DER', 'public-key'],
    ['PKCS#7', `crl2pkcs7 -nocrl -certfile ${names.leaf}`, /PKCS#7 yet/],
    ['PKCS#7 in DER', `crl2pkcs7 -nocrl -certfile ${names.leaf} -outform DER`, /PKCS#7 yet/],
    ['PKCS#12', `pkcs12 -export -in ${names.leaf} -inkey key.pem -passout pass:x`, /PKCS#12 yet/],
  ];
  for (const [what, args, type] of forms) {
    test(what, () => {
      const bytes = opensslBytes(args);
      for (const form of [
        bytes,
        Buffer.from(bytes.toString('base64')),
        Buffer.from(`${bytes.toString('base64').replaceAll(/(.{64})/g, '$1\r\n')}\n`),
      ]) {
        const found = only(form);
        if (typeof type === 'string') assert.equal(found.type, type);
        else assert.match(found.type === 'unreadable' ? found.error.message : '', type);
      }
    });
  }

  test('a CRL', () => {
    write('ca.cnf', '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=1\n');
    write('index.txt', '');
    write('root-key.pem', encodePrivateKey(root.key));
    openssl('ca -gencrl -config ca.cnf -cert root.pem -keyfile root-key.pem -out crl.pem');
    const pem = read('crl.pem');
    for (const form of [pem, opensslBytes('crl -in crl.pem -outform DER')]) {
      const found = only(form);
      assert.match(found.type === 'unreadable' ? found.error.message : '', /a CRL yet/);
    }
  });

  test('several certificates in DER, one after the other', () =>
    assert.deepEqual(
      see(Buffer.concat([leaf.certificate.der, middle.certificate.der])).map((found) => 'signedByNext' in found && found.signedByNext),
      [true, false],
    ));

  test('fingerprint and digest are those of openssl', () => {
    const found = only(leaf.pem);
    assert.ok(found.type === 'certificate');
    const fingerprint = openssl(`x509 -in ${names.leaf} -noout -fingerprint -sha256`)
      .trim()
      .split('=')[1]
      ?.replaceAll(':', '')
      .toLowerCase();
    assert.equal(found.fingerprintSha256, fingerprint);
    write('spki.der', publicKeyDer(leaf.key));
    assert.equal(
      Buffer.from(found.key.publicKeySha256, 'base64').toString('hex'),
      openssl(`dgst -sha256 -r ${tmp('spki.der')}`).split(' ')[0],
    );
  });

  test("a CSR whose signature is not its key's is shown as not valid", () => {
    const der = Buffer.from(createCsr({ names: [{ type: 'dns', value: 'a.example' }] }, leaf.key).der);
    der.write('b', der.indexOf('a.example'));
    const found = only(der);
    assert.ok(found.type === 'csr' && !found.signatureValid && found.names.dns[0] === 'b.example');
    assert.match(words(der), /NOT VALID/);
  });
});

const files = [
  leaf.certificate.der,
  Buffer.from(leaf.pem),
  Buffer.concat([leaf.certificate.der, root.certificate.der]),
  createCsr({ names: [{ type: 'dns', value: 'a.example' }], commonName: 'a' }, leaf.key).der,
  Buffer.from(encodePrivateKey(keyOf('ec256'))),
  Buffer.from(encodePrivateKey(keyOf('ec256'), { encoding: 'pkcs1', passphrase: 'x' })),
  publicKeyDer(leaf.key),
];
test('arbitrary bytes are shown, in lines without control characters, or refused with a word', () => {
  const anything = fc.oneof(
    { weight: 3, arbitrary: mutated(files) },
    derLike,
    fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(anything, (bytes) => {
      try {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
        assert.doesNotMatch(words(bytes).replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f]/);
        see(bytes, 'x');
      } catch (error) {
        assert.ok(error instanceof TscertError, error instanceof Error ? error.stack : String(error));
      }
    }),
    { numRuns: RUNS },
  );
});
