/** What is remembered between runs: what was written comes back, and what others wrote is whole, refused, or as good as none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTscertError } from '../../src/base/errors.js';
import type { Json } from '../../src/base/json.js';
import { FAILURE_KINDS } from '../../src/policy/failure.js';
import { dropHold, type Held, readHold, writeHold } from '../../src/store/hold.js';
import { type CertificateLedger, ledgerKey, readLedger, writeLedger } from '../../src/store/ledger.js';
import { createMemoryStore } from '../../src/store/memory.js';
import { realClock } from '../support/clock.js';
import { RUNS } from '../support/property.js';

const DAY = 86_400_000;
const NOW = Date.parse('2026-11-25T12:00:00Z');
const store = createMemoryStore({ clock: realClock });
const time = fc.date({ min: new Date(0), max: new Date('2200-01-01'), noInvalidDate: true }).map((date) => date.toISOString());
const text = fc.string({ maxLength: 20 });
const failure = fc.record(
  {
    ...{ count: fc.nat(), since: time, at: time, nextAt: time, kind: fc.constantFrom(...FAILURE_KINDS), code: text, message: text },
    ...{ request: text, unpauseUrl: text },
  },
  { requiredKeys: ['count', 'since', 'at', 'nextAt', 'kind', 'code', 'message', 'request'], noNullPrototype: true },
);
const renewalInfo = fc.oneof(
  fc.record({ certificate: text, checkAt: time }, { noNullPrototype: true }),
  fc.record(
    { certificate: text, checkAt: time, pick: time, window: fc.record({ start: time, end: time }, { noNullPrototype: true }) },
    { noNullPrototype: true },
  ),
);
const event = fc.record({ at: time, type: fc.constantFrom('Normal', 'Warning'), reason: text, message: text }, { noNullPrototype: true });
const ledger = fc.record(
  {
    version: fc.constant(1),
    ...{ failure, renewalInfo },
    revocation: fc.record(
      { serialNumber: text, at: time, reason: text, by: fc.constantFrom('revoke', 'ocsp', 'crl') },
      { noNullPrototype: true },
    ),
    events: fc.array(event, { maxLength: 30 }),
    counts: fc.record({ issued: fc.nat(), failed: fc.nat() }, { noNullPrototype: true }),
  },
  { requiredKeys: ['version', 'events', 'counts'], noNullPrototype: true },
) as fc.Arbitrary<CertificateLedger>;

test('a ledger comes back as it was written, with the newest twenty of its events', async () => {
  await fc.assert(
    fc.asyncProperty(ledger, async (written) => {
      await writeLedger('www', written, store);
      assert.deepEqual(await readLedger('www', store), { ...written, events: written.events.slice(-20) });
    }),
    { numRuns: RUNS },
  );
});

test('a ledger with one member of another form is refused as damaged, and so is any other value', async () => {
  const bent = fc
    .tuple(ledger, fc.constantFrom('version', 'failure', 'renewalInfo', 'revocation', 'events', 'counts'), fc.jsonValue())
    .map(([whole, key, value]) => ({ ...whole, [key]: value }));
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.jsonValue(), bent), async (value) => {
      await store.put('ledger', ledgerKey('other'), value as Json);
      try {
        const { events, counts, failure: failed, renewalInfo: advice } = await readLedger('other', store);
        assert.ok(events.every(({ at, message }) => typeof at === 'string' && typeof message === 'string'));
        assert.ok(Number.isSafeInteger(counts.issued) && Number.isSafeInteger(counts.failed));
        for (const one of [failed?.nextAt, failed?.since, advice?.checkAt, advice?.pick]) {
          assert.ok(one === undefined || !Number.isNaN(Date.parse(one)));
        }
      } catch (error) {
        if (!isTscertError(error, 'store-damaged')) throw error;
        refused++;
      }
    }),
    { numRuns: RUNS },
  );
  assert.ok(refused > 0);
});

const held = fc.record(
  { issuer: fc.webUrl(), email: fc.emailAddress() },
  { requiredKeys: ['issuer'], noNullPrototype: true },
) as fc.Arbitrary<Held>;

test('a hold stands until its time, for its own account alone, and is gone when it is dropped', async () => {
  await fc.assert(
    fc.asyncProperty(held, fc.integer({ min: 1, max: 8 * DAY }), text, async (who, ahead, message) => {
      const until = NOW + ahead;
      await writeHold(who, { until, message }, store);
      assert.deepEqual(await readHold(who, until - 1, store), { until, message });
      assert.equal(await readHold(who, until, store), undefined);
      assert.equal(await readHold({ ...who, email: 'another@hold.test' }, NOW, store), undefined);
      await dropHold(who, store);
      assert.equal(await readHold(who, NOW, store), undefined);
    }),
    { numRuns: Math.ceil(RUNS / 4) },
  );
});

test('a hold that is damaged, or lies further ahead than any CA asks for, is as good as none', async () => {
  const who: Held = { issuer: 'https://ca.test/directory' };
  const almost = fc.record({
    version: fc.constantFrom(1, 2),
    until: fc.oneof(time, text, fc.jsonValue()),
    message: fc.oneof(text, fc.jsonValue()),
  });
  await writeHold(who, { until: NOW + 1_000, message: '' }, store);
  const [key] = await (store as { list(kind: 'ledger'): Promise<string[]> })
    .list('ledger')
    .then((keys) => keys.filter((one) => one.startsWith('hold:')));
  assert.ok(key !== undefined);
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.jsonValue(), almost), async (value) => {
      await store.put('ledger', key, value as Json);
      const found = await readHold(who, NOW, store);
      assert.ok(found === undefined || (typeof found.message === 'string' && found.until > NOW && found.until <= NOW + 8 * DAY));
    }),
    { numRuns: RUNS },
  );
});
