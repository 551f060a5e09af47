import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { TscertError } from '../../src/base/errors.js';
import { createCsr, readCsr } from '../../src/pki/csr.js';
import { type CsrFlags, specOfFlags } from '../../src/request/csr-flags.js';

test('what is not given is not there', () => assert.deepEqual(specOfFlags({}), {}));

test('names of every kind, each once, in their order', () =>
  assert.deepEqual(
    specOfFlags({
      domain: ['B.example, a.example', 'spiffe://a.example/x', 'b.example', 'ip:::1', 'x@a.example'],
      otherName: ['1.2.3;UTF8:Ü;x', '1.2.3;Ü;x'],
    }).names,
    [
      { type: 'dns', value: 'b.example' },
      { type: 'dns', value: 'a.example' },
      { type: 'uri', value: 'spiffe://a.example/x' },
      { type: 'ip', value: '::1' },
      { type: 'email', value: 'x@a.example' },
      { type: 'other', oid: '1.2.3', value: 'Ü;x' },
    ],
  ));

test('fields of the subject keep their commas', () =>
  assert.deepEqual(
    specOfFlags({
      cn: 'x',
      organization: ['Example, Inc.', 'Two'],
      serialNumber: '1',
      subjectOid: ['2.5.4.12=a=b'],
      subjectEmail: ['a@b.example'],
    }),
    {
      commonName: 'x',
      subject: {
        organizations: ['Example, Inc.', 'Two'],
        serialNumber: '1',
        emailAddresses: ['a@b.example'],
        extra: [{ oid: '2.5.4.12', value: 'a=b' }],
      },
    },
  ));

test('usages, CA and must-staple', () =>
  assert.deepEqual(specOfFlags({ usage: ['Server-Auth,client_auth', 'cert sign'], isCa: true, pathLength: 0, mustStaple: true }), {
    usages: ['server auth', 'client auth', 'cert sign'],
    isCa: true,
    pathLength: 0,
    mustStaple: true,
  }));

test('subtrees are told apart as names are', () =>
  assert.deepEqual(
    specOfFlags({
      permit: ['dns:.München.example,a.example', '10.0.0.0/8', '2001:db8::1', 'ip:192.0.2.1'],
      exclude: ['email:b.example', 'x@b.example', 'email:.c.example', 'uri:.d.example'],
    }).nameConstraints,
    {
      critical: true,
      permitted: { dnsDomains: ['.xn--mnchen-3ya.example', 'a.example'], ipRanges: ['10.0.0.0/8', '2001:db8::1/128', '192.0.2.1/32'] },
      excluded: { emailAddresses: ['b.example', 'x@b.example', '.c.example'], uriDomains: ['.d.example'] },
    },
  ));

const refused: readonly (readonly [CsrFlags, RegExp])[] = [
  [{ domain: ['a b'] }, /as a name/],
  [{ otherName: ['1.2.3'] }, /it wants OID;VALUE/],
  [{ otherName: ['upn;x'] }, /it wants OID;VALUE/],
  [{ subjectOid: ['title=Dr.'] }, /it wants OID=VALUE/],
  [{ usage: ['server'] }, /as a key usage: the words are signing/],
  [{ permit: ['*.a.example'] }, /without "\*"/],
  [{ exclude: ['uri:https://a.example'] }, /as a name/],
];
for (const [flags, message] of refused) {
  test(`${JSON.stringify(flags)} is refused`, () =>
    assert.throws(
      () => specOfFlags(flags),
      (error: unknown) => error instanceof TscertError && message.test(error.message),
    ));
}

/** Texts of which many get past the first check. */
const text = fc.oneof(
  fc.constantFrom(
    'a.example',
    '*.a.example',
    '10.0.0.0/8',
    '::1/200',
    '1.2.3;x',
    '3.9;x',
    '1.2.3=x',
    '1.99=x',
    'server auth',
    'DE',
    'CN=a',
    'O=#0500',
    'x@y.example',
  ),
  fc.string({ unit: 'binary' }),
  fc
    .tuple(
      fc.constantFrom('dns:', 'ip:', 'email:', 'uri:', 'email:.', 'CN=', '1.2.3=', '2.5.4.6=', '1.2.3;'),
      fc.string({ unit: 'grapheme' }),
    )
    .map((parts) => parts.join('')),
);
const texts = fc.array(text, { maxLength: 3 });
const flags: fc.Arbitrary<CsrFlags> = fc.record(
  {
    domain: texts,
    otherName: texts,
    cn: text,
    subject: text,
    country: texts,
    organization: texts,
    province: texts,
    serialNumber: text,
    subjectEmail: texts,
    subjectOid: texts,
    usage: texts,
    isCa: fc.boolean(),
    pathLength: fc.nat(255),
    permit: texts,
    exclude: texts,
  },
  { requiredKeys: [] },
);

test('any flags give a CSR that can be read, or a TscertError', () => {
  const key = generateKeyPairSync('ed25519').privateKey;
  let made = 0;
  fc.assert(
    fc.property(flags, (given) => {
      try {
        const { signatureValid } = readCsr(createCsr({ names: [], ...specOfFlags(given) }, key).der);
        assert.ok(signatureValid);
        made++;
      } catch (error) {
        assert.ok(error instanceof TscertError, error instanceof Error ? error.stack : String(error));
        assert.ok(['request-invalid', 'name-invalid'].includes(error.code), `${error.code}: ${error.message}`);
      }
    }),
    { numRuns: Number(process.env.FUZZ_RUNS ?? 1_000), examples: [[{ domain: ['a.example'], isCa: true }]] },
  );
  assert.ok(made > 0);
});

test('any single flag gives a CSR that can be read, or a TscertError', () => {
  const key = generateKeyPairSync('ed25519').privateKey;
  const single = fc
    .tuple(flags, fc.nat(14))
    .map(([given, at]) =>
      Object.fromEntries(
        Object.entries({ ...given, ...((given.permit ?? given.exclude) ? { isCa: true } : {}) }).filter(
          ([name], place) => place === at % 5 || name === 'isCa',
        ),
      ),
    );
  fc.assert(
    fc.property(single, (given) => {
      try {
        assert.ok(readCsr(createCsr({ names: [], ...specOfFlags(given) }, key).der).signatureValid);
      } catch (error) {
        assert.ok(error instanceof TscertError && ['request-invalid', 'name-invalid'].includes(error.code), String(error));
      }
    }),
    { numRuns: Number(process.env.FUZZ_RUNS ?? 1_000) },
  );
});
