import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseName } from '../../src/base/names.js';
import { metaOf } from '../../src/policy/meta.js';
import { type CertificateFacts, createChain, type DueInput, dueCheck, renewalTime, type StoredFacts } from '../../src/policy/renewal.js';
import type { AcmeRequest, CertificateRequest, CertificateSpec } from '../../src/request/request.js';

const DAY = 86_400_000;
const NOT_BEFORE = Date.UTC(2026, 0, 1);
const CA = 'acme:https://ca.test/directory';

const names = (...texts: readonly string[]): CertificateSpec['names'] => texts.map(parseName);

function request(spec: Partial<CertificateSpec> = {}, changes: Partial<CertificateRequest> = {}): CertificateRequest {
  return {
    name: 'www',
    spec: { names: names('a.test', 'b.test'), ...spec },
    key: { type: 'ec256', reuse: false },
    issuer: { kind: 'acme', directory: 'https://ca.test/directory', agreeTos: true },
    solvers: [],
    deploy: [],
    ...changes,
  };
}

type Whole = Extract<StoredFacts, { state: 'whole' }>;

const certificate: CertificateFacts = {
  names: names('a.test', 'b.test'),
  commonName: undefined,
  notBefore: NOT_BEFORE,
  notAfter: NOT_BEFORE + 90 * DAY,
  keyType: 'ec256',
};
const whole = {
  state: 'whole',
  certificate,
  hasKey: true,
  meta: metaOf(request(), CA),
} as const satisfies StoredFacts;

const good: DueInput = { stored: whole, wanted: request(), issuerKey: CA, now: NOT_BEFORE + DAY };

/** What the chain says of the good input with these changes: `Reason: message`, or nothing. */
function verdict(changes: Partial<DueInput>): string | undefined {
  const due = dueCheck({ ...good, ...changes });
  return due && `${due.reason}: ${due.message}`;
}
const stored = (changes: Partial<Whole>): Partial<DueInput> => ({ stored: { ...whole, ...changes } });
const cert = (changes: Partial<CertificateFacts>): Partial<DueInput> => stored({ certificate: { ...certificate, ...changes } });
const wants = (spec: Partial<CertificateSpec>, changes: Partial<CertificateRequest> = {}) => ({ wanted: request(spec, changes) });

const table: readonly [sentence: string, changes: Partial<DueInput>, verdict: string | undefined][] = [
  ['a good certificate is not due', {}, undefined],
  ['nothing stored is DoesNotExist', { stored: undefined }, 'DoesNotExist: No certificate is stored under the name "www"'],
  [
    'a damaged store is MissingData in the words of the store',
    { stored: { state: 'damaged', message: 'cert.pem is missing', isPairBroken: false } },
    'MissingData: cert.pem is missing',
  ],
  [
    'a certificate without its key is MissingData',
    stored({ hasKey: false }),
    'MissingData: The certificate is stored without its private key',
  ],
  [
    'a certificate for a CSR that was brought along needs no key',
    { ...stored({ hasKey: false }), ...wants({}, { csrFile: 'www.csr' }), broughtKeyFits: true },
    undefined,
  ],
  [
    'a certificate that cannot be read is InvalidCertificate',
    stored({ certificate: undefined }),
    'InvalidCertificate: The stored certificate cannot be read',
  ],
  [
    'a key that does not fit is InvalidKeyPair, in the words of the store',
    { stored: { state: 'damaged', message: 'privkey.pem does not belong to it', isPairBroken: true } },
    'InvalidKeyPair: privkey.pem does not belong to it',
  ],
  [
    'another issuer is IncorrectIssuer',
    { issuerKey: 'acme:https://other.test/directory' },
    `IncorrectIssuer: The stored certificate was issued by "${CA}", and "acme:https://other.test/directory" is wanted`,
  ],
  [
    'an issuer that is not known is IncorrectIssuer',
    stored({ meta: {} }),
    `IncorrectIssuer: The stored certificate was issued by an unknown issuer, and "${CA}" is wanted`,
  ],
  [
    'another kind of key is SecretMismatch',
    wants({}, { key: { type: 'rsa2048', reuse: false } }),
    'SecretMismatch: The stored key is of kind ec256, and rsa2048 is wanted',
  ],
  [
    'a kind of key that tscert does not make is SecretMismatch',
    cert({ keyType: undefined }),
    'SecretMismatch: The stored key is of kind unknown, and ec256 is wanted',
  ],
  [
    'another key than the one brought along is SecretMismatch',
    { broughtKeyFits: false },
    'SecretMismatch: The stored certificate is for another key than the one brought along',
  ],
  [
    'the key that was brought along may be of any kind',
    { broughtKeyFits: true, ...wants({}, { key: { type: 'rsa2048', reuse: false } }) },
    undefined,
  ],
  ['names in another order are the same', wants({ names: names('b.test', 'a.test') }), undefined],
  ['a name twice is the same', wants({ names: names('b.test', 'a.test', 'A.test.') }), undefined],
  [
    'a name more is RequestChanged',
    wants({ names: names('a.test', 'b.test', '*.a.test') }),
    'RequestChanged: The names have changed: +dns:*.a.test',
  ],
  ['a name less is RequestChanged', wants({ names: names('a.test') }), 'RequestChanged: The names have changed: -dns:b.test'],
  [
    'another kind of name is RequestChanged, all kinds compared',
    wants({ names: names('a.test', 'b.test', '192.0.2.1', 'a@b.test', 'spiffe://a.test/x') }),
    'RequestChanged: The names have changed: +email:a@b.test +ip:192.0.2.1 +uri:spiffe://a.test/x',
  ],
  ['a common name that the authority took from the names changes nothing', cert({ commonName: 'a.test' }), undefined],
  [
    'a common name counts among the names of the certificate',
    cert({ commonName: 'c.test' }),
    'RequestChanged: The names have changed: -dns:c.test',
  ],
  [
    'a common name counts among the names of the request',
    { ...stored({ meta: { issuer: CA } }), ...wants({ commonName: 'c.test' }) },
    'RequestChanged: The names have changed: +dns:c.test',
  ],
  ['a common name that is no host is not missed among the names', cert({ commonName: 'Example Ltd' }), undefined],
  [
    'another common name of the same names is RequestChanged',
    wants({ commonName: 'b.test' }),
    'RequestChanged: The request has changed: common name (none) became "b.test"',
  ],
  [
    'must-staple asked for is RequestChanged',
    wants({ mustStaple: true }),
    'RequestChanged: The request has changed: must-staple false became true',
  ],
  ['must-staple said to be off is the same asked for', wants({ mustStaple: false, isCa: false }), undefined],
  [
    'other usages are RequestChanged',
    wants({ usages: ['server auth', 'digital signature'] }),
    'RequestChanged: The request has changed: key usages (none) became ["digital signature","server auth"]',
  ],
  [
    'usages in another order are the same',
    {
      ...stored({ meta: metaOf(request({ usages: ['client auth', 'server auth'] }), CA) }),
      ...wants({ usages: ['server auth', 'client auth', 'server auth'] }),
    },
    undefined,
  ],
  [
    'another profile is RequestChanged',
    wants({}, { issuer: { ...(request().issuer as AcmeRequest), profile: 'shortlived' } }),
    'RequestChanged: The request has changed: profile (none) became "shortlived"',
  ],
  [
    'two changes are told together',
    wants({ mustStaple: true, isCa: true }),
    'RequestChanged: The request has changed: CA flag false became true; must-staple false became true',
  ],
  [
    'e-mail, terms, preferred chain, end and solvers make it no other request',
    wants(
      {},
      {
        issuer: {
          ...(request().issuer as AcmeRequest),
          email: 'a@b.test',
          agreeTos: false,
          preferredChain: 'X',
          notAfter: new Date(NOT_BEFORE),
        },
        solvers: [{ type: 'http-01', port: 80 }],
        deploy: [{ kind: 'command', command: 'true', timeout: 1_000 }],
      },
    ),
    undefined,
  ],
  ['facts that were never stored are not compared', { ...stored({ meta: { issuer: CA } }), ...wants({ mustStaple: true }) }, undefined],
  [
    'facts that an older version did not know are not compared',
    { ...stored({ meta: { issuer: CA, request: { profile: null } } }), ...wants({ mustStaple: true }) },
    undefined,
  ],
  [
    'the last second of a certificate is not Expired but Renewing',
    { now: NOT_BEFORE + 90 * DAY },
    'Renewing: The certificate was to be renewed at 2026-03-02T00:00:00Z; it expires at 2026-04-01T00:00:00Z',
  ],
  ['a millisecond later it is Expired', { now: NOT_BEFORE + 90 * DAY + 1 }, 'Expired: The certificate expired at 2026-04-01T00:00:00Z'],
  ['just before two thirds of its life it is not due', { now: NOT_BEFORE + 60 * DAY - 1 }, undefined],
  [
    'at two thirds of its life it is Renewing',
    { now: NOT_BEFORE + 60 * DAY },
    'Renewing: The certificate was to be renewed at 2026-03-02T00:00:00Z; it expires at 2026-04-01T00:00:00Z',
  ],
  [
    'renewBefore decides where it is given',
    { now: NOT_BEFORE + 50 * DAY, ...wants({}, { renewBefore: { milliseconds: 40 * DAY } }) },
    'Renewing: The certificate was to be renewed at 2026-02-20T00:00:00Z; it expires at 2026-04-01T00:00:00Z',
  ],
  [
    'what is wrong with the issuer is told before what is wrong with the names',
    { issuerKey: 'x', ...wants({ names: names('z.test') }), now: Infinity },
    `IncorrectIssuer: The stored certificate was issued by "${CA}", and "x" is wanted`,
  ],
];
for (const [sentence, changes, expected] of table) test(sentence, () => assert.equal(verdict(changes), expected));

test('the first check of a chain that says something decides, and those after it are not asked', () => {
  const asked: string[] = [];
  const check = (word: string, speaks: boolean) => () => {
    asked.push(word);
    return speaks ? ({ reason: 'Renewing', message: word } as const) : undefined;
  };
  assert.deepEqual(createChain([check('a', false), check('b', true), check('c', true)])(good), { reason: 'Renewing', message: 'b' });
  assert.deepEqual(asked, ['a', 'b']);
  assert.equal(createChain([])(good), undefined);
});

test('a meta that is no meta tells of no issuer and no facts', () => {
  for (const meta of [null, 1, 'x', [], { issuer: 7, request: [] }, { request: 'x' }]) {
    assert.match(verdict(stored({ meta })) ?? '', /^IncorrectIssuer: The stored certificate was issued by an unknown issuer/);
  }
});

test('the facts of a request survive JSON and do not make it another one', () => {
  const wanted = request({
    subject: { organizations: ['Ä & Söhne'], countries: ['DE'] },
    usages: ['any'],
    isCa: true,
    pathLength: 0,
    nameConstraints: { critical: true, permitted: { dnsDomains: ['a.test'] }, excluded: {} },
  });
  const kept = JSON.parse(JSON.stringify(metaOf(wanted, CA)));
  assert.equal(verdict({ ...stored({ meta: kept }), wanted }), undefined);
});

const times: readonly [sentence: string, lifetime: number, renewBefore: Parameters<typeof renewalTime>[2], ahead: number][] = [
  ['a third of 90 days is 30 days', 90 * DAY, undefined, 30 * DAY],
  ['a third of 45 days is 15 days', 45 * DAY, undefined, 15 * DAY],
  ['a third of 6 days is 2 days', 6 * DAY, undefined, 2 * DAY],
  ['a third of 398 days is 132 days and 16 hours', 398 * DAY, undefined, 132 * DAY + 16 * 3_600_000],
  ['a duration is taken as it is', 90 * DAY, { milliseconds: 10 * DAY }, 10 * DAY],
  ['a duration as long as the lifetime would renew for ever and is not taken', 6 * DAY, { milliseconds: 6 * DAY }, 2 * DAY],
  ['a duration longer than the lifetime is not taken', 6 * DAY, { milliseconds: 30 * DAY }, 2 * DAY],
  ['a percentage is one of the real lifetime', 40 * DAY, { percent: 25 }, 10 * DAY],
  ['a hundred percent is not taken', 90 * DAY, { percent: 100 }, 30 * DAY],
  ['no percent is not taken', 90 * DAY, { percent: 0 }, 30 * DAY],
];
for (const [sentence, lifetime, renewBefore, ahead] of times) {
  test(`renewal: ${sentence}`, () =>
    assert.equal(renewalTime(NOT_BEFORE, NOT_BEFORE + lifetime, renewBefore), NOT_BEFORE + lifetime - ahead));
}

test('the renewal time lies on a whole second within the lifetime, whatever is asked for', () => {
  const asked = fc.option(
    fc.oneof(
      fc.record({ milliseconds: fc.integer({ min: 1, max: 1e12 }) }),
      fc.record({ percent: fc.double({ min: 0, max: 200, noNaN: true }) }),
    ),
    { nil: undefined },
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e9 }), fc.integer({ min: 2, max: 4e8 }), asked, (start, seconds, renewBefore) => {
      const [notBefore, notAfter] = [start * 1_000, (start + seconds) * 1_000];
      const at = renewalTime(notBefore, notAfter, renewBefore);
      assert.ok(at >= notBefore && at <= notAfter && at % 1_000 === 0);
    }),
    { numRuns: Number(process.env.TSCERT_TEST_FUZZ ?? 2000) },
  );
});
