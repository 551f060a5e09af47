/** What a line remembers between runs: the CA's advice, failures, holds, revocation, and the staging directory first. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isTscertError, TscertError } from '../../src/base/errors.js';
import type { AskForAdvice } from '../../src/flow/advice.js';
import type { IssueParts } from '../../src/flow/issue-parts.js';
import { planCertificate } from '../../src/flow/plan.js';
import { readCertificate } from '../../src/pki/certificate.js';
import { type CertificateLedger, ledgerKey, readLedger } from '../../src/store/ledger.js';
import type { Records } from '../../src/store/store.js';
import { createWorld, DAY, request } from './kit.js';

const HOUR = DAY / 24;
const DIRECTORY = 'https://ca.test/directory';
const STAGING = 'https://staging.ca.test/directory';

type World = ReturnType<typeof createWorld>;
const ledgerOf = (world: World): Promise<CertificateLedger> => readLedger('www', world.store);
const timer = (more: Partial<IssueParts> = {}): Partial<IssueParts> => ({ patient: true, ...more });

/** A CA that advises renewal in this window, days from the start of the clock, and counts how often it was asked. */
function advisor(world: World, days: readonly [number, number], more: { retryAfter?: number; explanationUrl?: string } = {}) {
  const begin = world.clock.now();
  const state = { asked: 0, days, fails: false };
  const advise: AskForAdvice = async () => {
    state.asked++;
    if (state.fails) throw new TscertError('network', 'Cannot reach it');
    const [start, end] = state.days;
    return { window: { start: begin + start * DAY, end: begin + end * DAY }, ...more };
  };
  return { state, advise };
}

describe('the advice of the CA', () => {
  test('the pick is drawn once, kept while the window stands, and drawn anew when it moves', async () => {
    const world = createWorld();
    await world.run();
    const { state, advise } = advisor(world, [50, 60]);
    let chance = 0.3;
    const run = () => world.run(request(), timer({ advise, random: () => chance }));
    assert.equal((await run()).state, 'kept');
    const first = (await ledgerOf(world)).renewalInfo;
    assert.equal(Date.parse(first?.pick ?? ''), world.clock.now() + 53 * DAY);
    chance = 0.9;
    await world.clock.advance(7 * HOUR);
    await run();
    assert.equal(state.asked, 2);
    assert.equal((await ledgerOf(world)).renewalInfo?.pick, first?.pick);
    state.days = [10, 20];
    await world.clock.advance(7 * HOUR);
    await run();
    assert.equal(Date.parse((await ledgerOf(world)).renewalInfo?.pick ?? ''), world.clock.now() - 14 * HOUR + 19 * DAY);
    assert.match(JSON.stringify(world.events), /the CA has moved the renewal window to/);
  });

  test('Retry-After is kept, within a minute and a day, and six hours are usual', async () => {
    for (const [retryAfter, hours] of [
      [3 * HOUR, 3],
      [90 * DAY, 24],
      [0, 1 / 60],
      [undefined, 6],
    ] as const) {
      const world = createWorld();
      await world.run();
      const { state, advise } = advisor(world, [50, 60], retryAfter === undefined ? {} : { retryAfter });
      await world.run(request(), timer({ advise }));
      await world.clock.advance(hours * HOUR - 1);
      await world.run(request(), timer({ advise }));
      assert.equal(state.asked, 1, String(hours));
      await world.clock.advance(1);
      await world.run(request(), timer({ advise }));
      assert.equal(state.asked, 2, String(hours));
    }
  });

  test('the certificate is renewed at its pick, telling why and naming what it replaces; the new one has another pick', async () => {
    const world = createWorld();
    await world.run();
    const { advise } = advisor(world, [2, 4], { explanationUrl: 'https://ca.test/why' });
    const replaced: (string | undefined)[] = [];
    world.behave((key, context) => {
      replaced.push(context.replaces);
      return key;
    });
    await world.clock.advance(3 * DAY - HOUR);
    assert.equal((await world.run(request(), timer({ advise }))).state, 'kept');
    await world.clock.advance(HOUR);
    assert.equal((await world.run(request(), timer({ advise }))).state, 'issued');
    assert.match(JSON.stringify(world.planned()), /advises to renew it between .* was drawn; .* it tells why at https:\/\/ca\.test\/why/);
    assert.match(replaced[0] ?? '', /^[\w-]{27}\.[\w-]+$/);
    assert.equal((await ledgerOf(world)).renewalInfo, undefined);
  });

  test('a pick before the next run of the timer is not waited for (RFC 9773 §4.2)', async () => {
    const world = createWorld();
    await world.run();
    const { advise } = advisor(world, [2, 4]);
    await world.clock.advance(2.8 * DAY);
    const now = world.clock.now();
    assert.equal((await world.run(request(), timer({ advise, nextLook: now + 3 * HOUR }))).state, 'kept');
    assert.equal((await world.run(request(), timer({ advise, nextLook: now + 12 * HOUR }))).state, 'issued');
  });

  test('a CA that cannot be asked never fails a renewal: its last word stands, else the dates decide', async () => {
    const world = createWorld();
    await world.run();
    const { state, advise } = advisor(world, [10, 12]);
    await world.run(request(), timer({ advise }));
    state.fails = true;
    await world.clock.advance(11 * DAY);
    assert.equal((await world.run(request(), timer({ advise }))).state, 'issued');
    const never = createWorld();
    await never.run();
    const { state: silent, advise: failing } = advisor(never, [1, 2]);
    silent.fails = true;
    await never.clock.advance(59 * DAY);
    assert.equal((await never.run(request(), timer({ advise: failing }))).state, 'kept');
    await never.clock.advance(2 * DAY);
    assert.equal((await never.run(request(), timer({ advise: failing }))).state, 'issued');
  });

  test('no window keeps a certificate until it expires, and whoever asks for renewBefore gets it', async () => {
    const world = createWorld();
    await world.run();
    const { advise } = advisor(world, [200, 300]);
    await world.clock.advance(85 * DAY);
    assert.equal((await world.run(request(), timer({ advise }))).state, 'kept');
    await world.clock.advance(DAY);
    assert.equal((await world.run(request(), timer({ advise }))).state, 'issued');
    const early = request(['a.test'], { renewBefore: { percent: 80 } });
    const other = createWorld();
    await other.run(early);
    await other.clock.advance(19 * DAY);
    assert.equal((await other.run(early, timer({ advise: advisor(other, [50, 60]).advise }))).state, 'issued');
  });

  test('advice that was remembered by a clock that ran ahead is asked for again', async () => {
    const world = createWorld();
    await world.run();
    const { state, advise } = advisor(world, [50, 60]);
    await world.run(request(), timer({ advise }));
    const { renewalInfo, ...rest } = await ledgerOf(world);
    const ahead = { ...rest, renewalInfo: { ...renewalInfo, checkAt: new Date(world.clock.now() + 30 * DAY).toISOString() } };
    await world.store.put('ledger', ledgerKey('www'), JSON.parse(JSON.stringify(ahead)));
    await world.run(request(), timer({ advise }));
    assert.equal(state.asked, 2);
  });
});

/** The authority refuses with this error. */
const refusing = (world: World, code: ConstructorParameters<typeof TscertError>[0], message = 'no TXT record', data = {}): void =>
  world.behave(() => {
    throw new TscertError(code, message, { data });
  });

describe('failures', () => {
  test("are counted, wait their time in a timer's run, and are over with a success", async () => {
    const world = createWorld();
    refusing(world, 'order-invalid');
    await assert.rejects(world.run(request(), timer()));
    const minute = 60_000;
    const begin = world.clock.now();
    const deferred = await world.run(request(), timer());
    assert.deepEqual(deferred, { state: 'deferred', until: begin + minute, reason: 'the last try failed: no TXT record' });
    assert.deepEqual(world.log, ['preflight', 'new order']);
    for (const pause of [1, 10, 100, 23 * 60]) {
      await world.clock.advance(pause * minute - 1);
      assert.equal((await world.run(request(), timer())).state, 'deferred');
      await world.clock.advance(1);
      await assert.rejects(world.run(request(), timer()), /no TXT record/);
    }
    const { failure, counts, events } = await ledgerOf(world);
    assert.deepEqual([failure?.count, failure?.kind, counts], [5, 'validation', { issued: 0, failed: 5 }]);
    assert.equal(failure?.since, new Date(begin).toISOString());
    assert.deepEqual(
      events.slice(-2).map(({ reason, type }) => [reason, type]),
      [
        ['Issuing', 'Normal'],
        ['Failed', 'Warning'],
      ],
    );
    world.behave((key) => key);
    assert.equal((await world.run(request(), timer({ force: true }))).state, 'issued');
    const healed = await ledgerOf(world);
    assert.deepEqual([healed.failure, healed.counts], [undefined, { issued: 1, failed: 5 }]);
    assert.deepEqual(
      healed.events.slice(-2).map(({ reason }) => reason),
      ['Issuing', 'Issued'],
    );
  });

  test('do not hold back a person who asks again, unless the CA said so', async () => {
    const world = createWorld();
    refusing(world, 'order-invalid');
    await assert.rejects(world.run());
    await assert.rejects(world.run(), /no TXT record/);
    const retryAt = new Date(world.clock.now() + 2 * HOUR).toISOString();
    refusing(world, 'rate-limited', 'too many failed authorizations (5) for "a.test"', { status: 429, retryAt });
    await assert.rejects(world.run());
    world.behave((key) => key);
    const deferred = await world.run();
    assert.deepEqual([deferred.state, deferred.state === 'deferred' && deferred.until], ['deferred', Date.parse(retryAt)]);
    assert.equal((await world.run(request(['b.test']))).state, 'issued');
  });

  test('of the whole account are one refusal for all its certificates, until the time is over', async () => {
    const world = createWorld();
    const retryAt = new Date(world.clock.now() + HOUR).toISOString();
    refusing(world, 'rate-limited', 'too many new orders (300) from this account', { status: 429, retryAt });
    await assert.rejects(world.run(request(), timer()));
    world.behave((key) => key);
    const other = request(['b.test'], { name: 'other' });
    const result = await world.run(other, timer());
    assert.deepEqual(result, { state: 'deferred', until: Date.parse(retryAt), reason: 'too many new orders (300) from this account' });
    const elsewhere = { ...other, issuer: { ...other.issuer, directory: 'https://other.test/directory' } };
    assert.equal((await world.run(elsewhere, timer())).state, 'issued');
    await world.clock.advance(HOUR);
    assert.equal((await world.run({ ...other, name: 'third' }, timer())).state, 'issued');
    assert.deepEqual(await world.store.list(), ['other', 'third']);
  });

  test('plan tells that it waits, and touches nothing', async () => {
    const world = createWorld();
    refusing(world, 'order-invalid');
    await assert.rejects(world.run(request(), timer()));
    const before = await ledgerOf(world);
    const plan = await planCertificate(request(), { store: world.store, clock: world.clock });
    assert.ok(plan.state === 'due');
    assert.deepEqual([plan.due.reason, plan.deferral?.until], ['DoesNotExist', world.clock.now() + 60_000]);
    assert.deepEqual(await ledgerOf(world), before);
  });

  test("an interrupted run, a lock and a person's turn are none", async () => {
    for (const code of ['interrupted', 'locked', 'manual-pending'] as const) {
      const world = createWorld();
      refusing(world, code);
      await assert.rejects(world.run());
      assert.equal((await ledgerOf(world)).failure, undefined, code);
    }
  });

  test('a ledger that is damaged is told and holds up its certificate alone; --force begins anew', async () => {
    const world = createWorld();
    await world.run();
    await world.store.put('ledger', ledgerKey('www'), { version: 1, events: 'none' });
    await assert.rejects(world.run(), (error) => isTscertError(error, 'store-damaged') && /renew it with --force/.test(error.message));
    assert.equal((await world.run(request(), { force: true })).state, 'issued');
    assert.equal((await ledgerOf(world)).counts.issued, 1);
    await world.store.put('ledger', ledgerKey('www'), { version: 9 });
    await assert.rejects(world.run(), /unknown version 9 \(of a later tscert\?\)/);
  });
});

describe('the staging directory', () => {
  const staged = request(['a.test'], { issuer: { kind: 'acme', directory: DIRECTORY, staging: STAGING, agreeTos: true } });
  const asked = (world: World, answers: Readonly<Record<string, unknown>>): string[] => {
    const seen: string[] = [];
    world.behave((key, _context, { issuer }) => {
      seen.push(issuer.directory);
      const answer = answers[issuer.directory];
      if (answer !== undefined) throw answer;
      return key;
    });
    return seen;
  };
  const failed = async (world: World, code: 'order-invalid' | 'network' = 'order-invalid'): Promise<void> => {
    refusing(world, code);
    await assert.rejects(world.run(staged, timer()));
    await world.clock.advance(2 * HOUR);
  };

  test('is tried first after a failure that cost a limit, and the real one only when that went well', async () => {
    const world = createWorld();
    await failed(world);
    const invalid = new TscertError('order-invalid', 'still no TXT record');
    const first = asked(world, { [STAGING]: invalid });
    await assert.rejects(world.run(staged, timer()), /still no TXT record \(tried with the staging directory https:\/\/staging/);
    assert.deepEqual(first, [STAGING]);
    assert.equal((await ledgerOf(world)).failure?.count, 2);
    await world.clock.advance(DAY);
    const second = asked(world, {});
    assert.equal((await world.run(staged, timer())).state, 'issued');
    assert.deepEqual(second, [STAGING, DIRECTORY]);
    assert.deepEqual(await (world.store as Records).list('journal'), []);
  });

  test('is left out when it cannot be had, when nothing was spent, and when a person asks', async () => {
    const world = createWorld();
    await failed(world);
    const seen = asked(world, { [STAGING]: new TscertError('network', 'Cannot reach it') });
    assert.equal((await world.run(staged, timer())).state, 'issued');
    assert.deepEqual(seen, [STAGING, DIRECTORY]);
    for (const [code, flags] of [
      ['network', timer()],
      ['order-invalid', {}],
      ['order-invalid', timer({ force: true })],
    ] as const) {
      const other = createWorld();
      await failed(other, code);
      const only = asked(other, {});
      assert.equal((await other.run(staged, flags)).state, 'issued');
      assert.deepEqual(only, [DIRECTORY], code);
    }
  });

  test('does not keep a certificate from the real one in its last two days', async () => {
    const world = createWorld();
    await world.run(staged);
    await world.clock.advance(88.5 * DAY);
    await failed(world);
    const seen = asked(world, { [STAGING]: new TscertError('order-invalid', 'no') });
    assert.equal((await world.run(staged, timer())).state, 'issued');
    assert.deepEqual(seen, [DIRECTORY]);
  });
});

test('a revoked certificate is due at once, with a new key also where keys are kept; its successor is good', async () => {
  const world = createWorld();
  const kept = request(['a.test'], { key: { type: 'ec256', reuse: true } });
  await world.run(kept);
  const stored = await world.store.load('www');
  const { serialNumber } = readCertificate(stored?.certificate ?? '');
  const revocation = { serialNumber, at: '2026-11-22T00:00:00.000Z', reason: 'keyCompromise', by: 'revoke' };
  await world.store.put('ledger', ledgerKey('www'), JSON.parse(JSON.stringify({ ...(await ledgerOf(world)), revocation })));
  assert.equal((await world.run(kept, timer())).state, 'issued');
  assert.match(JSON.stringify(world.planned()), /"reason":"Revoked","message":"The certificate was revoked at 2026-11-22.*keyCompromise/);
  assert.notEqual((await world.store.load('www'))?.privateKey, stored?.privateKey);
  assert.equal((await world.run(kept, timer())).state, 'kept');
});
