import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TscertError } from '../../src/base/errors.js';
import { nextAttempt } from '../../src/policy/backoff.js';
import { deferralOf } from '../../src/policy/deferral.js';
import { FAILURE_KINDS, failureFacts } from '../../src/policy/failure.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const now = Date.UTC(2026, 10, 25);
const pauses = (kind: (typeof FAILURE_KINDS)[number], end?: number): number[] =>
  [1, 2, 3, 4, 9].map((count) => nextAttempt({ kind }, { count, now, ...(end === undefined ? {} : { end }) }) - now);

test('what costs a limit of the CA is tried after 1, 10 and 100 minutes, then daily, a little early for the timer', () => {
  assert.deepEqual(pauses('validation'), [MINUTE, 10 * MINUTE, 100 * MINUTE, 23 * HOUR, 23 * HOUR]);
  assert.deepEqual(pauses('refused'), pauses('validation'));
});

test('what costs nobody anything is never left for a day, and a paused account is asked once a day', () => {
  assert.deepEqual(pauses('unavailable'), [MINUTE, 10 * MINUTE, 100 * MINUTE, 100 * MINUTE, 100 * MINUTE]);
  assert.deepEqual(pauses('paused'), [23 * HOUR, 23 * HOUR, 23 * HOUR, 23 * HOUR, 23 * HOUR]);
});

test('a certificate that ends soon is tried in every quarter of what is left, but not five times an hour', () => {
  assert.deepEqual(pauses('validation', now + 8 * HOUR), [MINUTE, 10 * MINUTE, 100 * MINUTE, 2 * HOUR, 2 * HOUR]);
  assert.deepEqual(pauses('validation', now + 20 * MINUTE), [MINUTE, 10 * MINUTE, 12 * MINUTE, 12 * MINUTE, 12 * MINUTE]);
  assert.deepEqual(pauses('validation', now - HOUR), pauses('validation'));
});

test("the server's Retry-After is kept, also near the end, but no wish of more than a week", () => {
  const at = (retryAt: number): number => nextAttempt({ kind: 'rate-limited', retryAt }, { count: 1, now, end: now + HOUR }) - now;
  assert.equal(at(now + 34 * HOUR), 34 * HOUR);
  assert.equal(at(now + 400 * DAY), 7 * DAY);
  assert.equal(at(now - DAY), MINUTE);
});

test('the next attempt lies ahead, whatever comes in', () => {
  const time = fc.integer({ min: now - 400 * DAY, max: now + 400 * DAY });
  fc.assert(
    fc.property(fc.constantFrom(...FAILURE_KINDS), fc.integer({ min: 1, max: 10_000 }), time, time, (kind, count, retryAt, end) => {
      const next = nextAttempt({ kind, retryAt }, { count, now, end });
      assert.ok(next > now && next <= now + 7 * DAY);
    }),
  );
});

const error = (code: ConstructorParameters<typeof TscertError>[0], message = 'Cannot do it', data = {}): TscertError =>
  new TscertError(code, message, { data });

test('errors are of the kind that says how soon to try again', () => {
  const kinds = {
    network: 'unavailable',
    'order-invalid': 'validation',
    'propagation-timeout': 'validation',
    'acme-problem': 'refused',
    'provider-denied': 'provider',
    'store-unwritable': 'local',
    'clock-wrong': 'local',
    'terms-not-agreed': 'request',
  } as const;
  for (const [code, kind] of Object.entries(kinds)) assert.equal(failureFacts(error(code as keyof typeof kinds))?.kind, kind, code);
  assert.equal(failureFacts(error('acme-problem', 'Cannot', { status: 500 }))?.kind, 'unavailable');
  assert.equal(failureFacts(new Error('boom'))?.kind, 'local');
  for (const code of ['interrupted', 'locked', 'manual-pending'] as const) assert.equal(failureFacts(error(code)), undefined);
});

test("limits of the account or of the whole server are everybody's, those of a name are not", () => {
  const limited = (message: string, status = 429): unknown =>
    failureFacts(error('rate-limited', `Cannot make the order yet: ${message}`, { status, retryAt: '2026-11-25T03:00:00.000Z' }));
  const shared = { kind: 'rate-limited', retryAt: now + 3 * HOUR, isShared: true };
  assert.deepEqual(limited('too many new orders (300) from this account in the last 3h0m0s, retry after 2026-11-25 03:00:00 UTC'), shared);
  assert.deepEqual(limited('Service busy; retry later.', 503), shared);
  const own = { ...shared, isShared: false };
  assert.deepEqual(limited('too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s'), own);
  assert.deepEqual(limited('too many failed authorizations (5) for "a.example.com" in the last 1h0m0s'), own);
});

test('a paused account comes with the link that lifts it, whole', () => {
  const words =
    'Your account is temporarily prevented from requesting certificates for a.example.com and possibly others. Please visit: https://portal.test/sfe/v1/unpause?jwt=eyJ.abc-_.x (rateLimited)';
  const facts = failureFacts(error('rate-limited', words, { status: 429 }));
  assert.deepEqual(facts, { kind: 'paused', unpauseUrl: 'https://portal.test/sfe/v1/unpause?jwt=eyJ.abc-_.x', isShared: false });
});

const failure = {
  at: new Date(now - HOUR).toISOString(),
  nextAt: new Date(now + HOUR).toISOString(),
  kind: 'validation' as const,
  message: 'no TXT record',
  count: 4,
  request: 'r',
};
const asked = { failure, hold: undefined, request: 'r', now, patient: true };

test('a timer waits as the ledger says; a person only as the CA said', () => {
  assert.deepEqual(deferralOf(asked), { until: now + HOUR, reason: 'the last 4 tries failed: no TXT record' });
  assert.equal(deferralOf({ ...asked, patient: false }), undefined);
  assert.equal(deferralOf({ ...asked, patient: false, failure: { ...failure, kind: 'paused' } })?.until, now + HOUR);
  assert.equal(deferralOf({ ...asked, now: now + HOUR }), undefined);
});

test('another request is another try, and a record from the future holds nobody back', () => {
  assert.equal(deferralOf({ ...asked, request: 'other' }), undefined);
  const future = { ...failure, at: new Date(now + DAY).toISOString(), nextAt: new Date(now + 2 * DAY).toISOString() };
  assert.equal(deferralOf({ ...asked, failure: future }), undefined);
});

test('a CA that holds off is not asked by anybody', () => {
  const hold = { until: now + MINUTE, message: 'too many new orders' };
  for (const patient of [true, false])
    assert.deepEqual(deferralOf({ ...asked, failure: undefined, hold, patient }), { until: hold.until, reason: hold.message });
  assert.equal(deferralOf({ ...asked, failure: undefined, hold: { ...hold, until: now } }), undefined);
});
