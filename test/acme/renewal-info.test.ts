import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Answer } from '../../src/acme/answer.js';
import { certificateId, parseRenewalInfo } from '../../src/acme/renewal-info.js';
import { isTscertError } from '../../src/base/errors.js';
import type { CertificateContent } from '../../src/pki/certificate.js';

const now = Date.UTC(2026, 10, 25);
const answer = (body: unknown, headers: Readonly<Record<string, string>> = {}): Answer => ({
  url: 'https://ca.test/renewal-info/x',
  status: 200,
  headers,
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});
const WINDOW = { start: '2026-12-01T00:00:00Z', end: '2026-12-03T00:00:00+01:00' };

function contentWith(keyIdentifier: string | undefined, serialNumber: string): CertificateContent {
  const authorityKeyIdentifier = keyIdentifier === undefined ? undefined : Buffer.from(keyIdentifier, 'hex');
  return { serialNumber, extensions: { authorityKeyIdentifier } } as unknown as CertificateContent;
}

test('the certificate id is that of the example of RFC 9773 §4.1, with its leading zero', () => {
  assert.equal(certificateId(contentWith('69885b6b87464041e1b37b847ba0ae2cde01c8d4', '87654321')), 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE');
});

test('without a key identifier, or with a negative serial number, there is no id', () => {
  assert.equal(certificateId(contentWith(undefined, '01')), undefined);
  assert.equal(certificateId(contentWith('aa', '-01')), undefined);
});

test('a window is read with its zone, Retry-After in both forms, and an explanation that is a web address', () => {
  const info = parseRenewalInfo(
    answer({ suggestedWindow: WINDOW, explanationURL: 'https://ca.test/why' }, { 'retry-after': '21600' }),
    now,
  );
  assert.deepEqual(info, {
    window: { start: Date.UTC(2026, 11, 1), end: Date.UTC(2026, 11, 2, 23) },
    explanationUrl: 'https://ca.test/why',
    retryAfter: 21_600_000,
  });
  const dated = parseRenewalInfo(answer({ suggestedWindow: WINDOW }, { 'retry-after': 'Wed, 25 Nov 2026 01:00:00 GMT' }), now);
  assert.equal(dated.retryAfter, 3_600_000);
  assert.equal(parseRenewalInfo(answer({ suggestedWindow: WINDOW, explanationURL: 'javascript:alert(1)' }), now).explanationUrl, undefined);
});

test('what is no window is refused', () => {
  const bad = [
    {},
    { suggestedWindow: null },
    { suggestedWindow: { start: WINDOW.start } },
    { suggestedWindow: { start: 1, end: 2 } },
    { suggestedWindow: { start: 'tomorrow', end: WINDOW.end } },
    { suggestedWindow: { start: '2026-12-01', end: '2026-12-02' } },
    { suggestedWindow: { start: WINDOW.end, end: WINDOW.start } },
    { suggestedWindow: { start: WINDOW.start, end: WINDOW.start } },
    [],
    'no JSON',
  ];
  for (const body of bad) {
    assert.throws(
      () => parseRenewalInfo(answer(body), now),
      (error) => isTscertError(error, 'response-invalid'),
      JSON.stringify(body),
    );
  }
});

test('any JSON is renewal information or response-invalid', () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.record({ suggestedWindow: fc.record({ start: fc.string(), end: fc.string() }) })), (body) => {
      try {
        const { window } = parseRenewalInfo(answer(body), now);
        assert.ok(window.end > window.start);
      } catch (error) {
        assert.ok(isTscertError(error, 'response-invalid'), String(error));
      }
    }),
  );
});
