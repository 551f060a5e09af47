/** What is whole is seen alike by Go's reader, which the API server and the signers have: no name more, none less, none other. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodePem } from '../../../src/base/pem.js';
import { readCsr } from '../../../src/pki/csr.js';
import { setOf } from '../../../src/pki/der.js';
import { readDer } from '../../../src/pki/der-reader.js';
import { preflight } from '../../../src/policy/signers/preflight.js';
import { lookAt } from '../../../src/policy/whole/look.js';
import { mutated } from '../../pki/fuzz.js';
import { RUNS } from '../../support/property.js';
import { servers, skipUnless } from '../../support/servers.js';
import { attribute, CN, dnsName, ext, type Forgery, forgeDer, O, raw, rdn, san } from '../forge.js';

const skip = skipUnless('go-csr');

const FULL: Forgery = {
  subject: [
    rdn('2.5.4.6', 'DE', 0x13),
    rdn('2.5.4.8', 'P'),
    rdn('2.5.4.7', 'L'),
    rdn('2.5.4.9', 'S'),
    rdn('2.5.4.17', '1'),
    setOf([attribute(O, 'a'), attribute(O, 'b')]),
    rdn('2.5.4.11', 'u'),
    rdn(CN, 'c'),
    rdn('2.5.4.5', '12', 0x13),
  ],
  extensions: [
    san(
      dnsName('*.a.b'),
      dnsName('xn--bcher-kva.example'),
      raw(0x87, Buffer.from([10, 0, 0, 1])),
      raw(0x87, Buffer.from('20010db8000000000000000000000001', 'hex')),
      raw(0x86, 'spiffe://a/b?c#d'),
      raw(0x86, 'http://h.i:80/%41'),
      raw(0x81, 'a@b.c'),
    ),
    ext('2.5.29.15', raw(3, Buffer.from([5, 0xa0]))),
  ],
};
const SAMPLES: readonly Forgery[] = [{}, FULL, { extensions: [] }];

/** Names that readers disagree on, each as e-mail address, DNS name and URI. */
const ODD = [
  ...[
    'a..b',
    '.a',
    'a.',
    'a_b',
    '-a',
    'a-',
    'A.B',
    'xn--',
    'xn--a',
    'a b',
    'a\tb',
    '*',
    '*.',
    '*.*.a',
    '1.2.3.4',
    'a.1',
    '::1',
    'a@b',
    'a/b',
    'a:b',
  ],
  ...[
    '',
    `${'a'.repeat(64)}.b`,
    'a%41',
    '\u00e4',
    'http://a:b@c/',
    'http://[::1]/',
    'http://[::1%25eth0]/',
    'http://a:99999/',
    'http://a:/',
    'mailto:x',
  ],
  ...[
    'urn:x:y',
    'http://a%41/',
    'http://a/%zz',
    '//x/y',
    'http://A/',
    'HTTP://a',
    'http://a/../b',
    'http://1.2.3.4/',
    'spiffe://td/a b',
    'http://a.b./',
  ],
  ...[
    'http://ab_c/',
    'http://a;b/',
    'http://user@/',
    'http:///a',
    'ldap://x/o=?a',
    'http://a/"',
    'http://a/[b]',
    'http://a?%zz',
    'http://a#%zz',
    'a:[',
    'x:%41',
  ],
  ...[
    'http://a/b|c',
    "http://a/'",
    'http://[::1',
    'http://a]b/',
    'http://a@b@c/',
    'http://a:b',
    'http://a:1:2/',
    'spiffe://a?',
    'spiffe://a#',
    'spiffe://a/%2f',
  ],
];

interface Seen {
  readonly error?: string;
  readonly commonName: string;
  readonly serialNumber: string;
  readonly subject: Readonly<Record<string, readonly string[] | null>>;
  readonly dns: readonly string[] | null;
  readonly ip: readonly string[] | null;
  readonly email: readonly string[] | null;
  readonly uri: readonly string[] | null;
}

function hasUnreadableNames(der: Buffer): boolean {
  return preflight({ csr: readCsr(der), signerName: 'example.com/any', usages: ['any'] }).broken.some(({ rule }) => rule === 'names');
}

test('a whole request is the same to Go', { skip }, () => {
  const bodies = SAMPLES.map((sample) => readDer(forgeDer(sample)).children[0]?.der ?? Buffer.alloc(0));
  const changed = fc.sample(
    fc
      .nat(SAMPLES.length - 1)
      .chain((at) => mutated([bodies[at] ?? Buffer.alloc(0)]).map((body) => ({ ...SAMPLES[at], edit: () => body }))),
    RUNS,
  );
  const odd = ODD.flatMap((value) => [0x81, 0x82, 0x86].map((tag) => ({ extensions: [san(raw(tag, Buffer.from(value)))] })));
  const character = fc.constantFrom(...'abZ09-._~:/?#[]@!$&*()+,;=%<"', '://', '%2f', '..', 'xn--');
  const names = fc.sample(
    fc.tuple(
      fc.constantFrom(0x81, 0x82, 0x86),
      fc.constantFrom('', 'http://', 'spiffe://', 'a:', 'a@b'),
      fc.array(character, { maxLength: 8 }).map((all) => all.join('')),
    ),
    RUNS,
  );
  const made = names.map(([tag, head, rest]) => ({ extensions: [san(raw(tag, head + rest))] }));
  const ders = [...SAMPLES, ...odd, ...made, ...changed].map((forgery) => forgeDer(forgery));
  const input = ders.map((der) => `${der.toString('base64')}\n`).join('');
  const lines = execFileSync(servers('go-csr')['go-csr'] ?? '', { input, maxBuffer: 1 << 28, encoding: 'utf8' })
    .trim()
    .split('\n');
  let whole = 0;
  for (const [at, der] of ders.entries()) {
    const go = JSON.parse(lines[at] ?? '{}') as Seen;
    // What is whole but for its names: the preflight knows whether the API server reads them.
    if (at < ders.length - changed.length) assert.equal(hasUnreadableNames(der), go.error !== undefined, der.toString('latin1'));
    const { isWhole, csr, description } = lookAt(Buffer.from(encodePem('CERTIFICATE REQUEST', der)));
    if (!isWhole || csr === undefined || description === undefined) continue;
    whole++;
    assert.equal(go.error, undefined, description.subject);
    const { dns, ip, email, uri } = description.names;
    assert.deepEqual({ dns, ip, email, uri }, { dns: go.dns ?? [], ip: go.ip ?? [], email: go.email ?? [], uri: go.uri ?? [] });
    const valuesOf = (oid: string): string[] => csr.subject.flat().flatMap((one) => (one.oid === oid ? [one.value] : []));
    assert.deepEqual([description.commonName ?? '', valuesOf('2.5.4.5').join()], [go.commonName, go.serialNumber]);
    for (const [oid, values] of Object.entries(go.subject)) assert.deepEqual(valuesOf(oid), values ?? []);
  }
  assert.ok(whole > SAMPLES.length + 20, `${whole}`);
});
