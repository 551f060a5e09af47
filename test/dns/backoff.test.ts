import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TscertError } from '../../src/base/errors.js';
import type { Event } from '../../src/base/events.js';
import { createBackoff } from '../../src/dns/backoff.js';
import { createVirtualClock, settle } from '../support/clock.js';

const never = new AbortController().signal;
const transient = (): TscertError => new TscertError('provider-failed', 'Cannot change: try later', { data: { transient: true } });
const throttled = (): TscertError =>
  new TscertError('provider-failed', 'Cannot change: slow down', { data: { transient: true, throttled: true } });

function setUp(random = (): number => 0.999_999) {
  const clock = createVirtualClock(0);
  const events: Event[] = [];
  const backoff = createBackoff({ provider: 'memory', clock, random, emit: (event) => void events.push(event) });
  return { clock, events, backoff };
}

test('a transient failure is tried again after a delay that doubles up to 20 s', async () => {
  const { clock, backoff, events } = setUp();
  const at: number[] = [];
  const result = backoff.run(async () => {
    at.push(clock.now());
    if (at.length <= 9) throw transient();
    return 'done';
  }, never);
  assert.equal(await clock.until(result), 'done');
  const gaps = at.slice(1).map((time, i) => Math.round((time - (at[i] ?? 0)) / 10) * 10);
  assert.deepEqual(gaps, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000]);
  assert.equal(events.filter(({ type }) => type === 'waiting').length, 9);
});

test('the delay is a random part of the whole', async () => {
  const { clock, backoff } = setUp(() => 0.5);
  let tries = 0;
  const result = backoff.run(async () => {
    if (++tries <= 2) throw transient();
  }, never);
  await clock.until(result);
  assert.equal(clock.now(), 125 + 250);
});

test('a lasting failure is thrown at once', async () => {
  const { clock, backoff } = setUp();
  const denied = new TscertError('provider-denied', 'Cannot change: not allowed');
  await assert.rejects(
    backoff.run(() => Promise.reject(denied), never),
    denied,
  );
  assert.equal(clock.now(), 0);
});

test('after three minutes the last failure is thrown', async () => {
  const { clock, backoff } = setUp();
  await assert.rejects(clock.until(backoff.run(() => Promise.reject(transient()), never)), { code: 'provider-failed' });
  assert.ok(clock.now() >= 180_000 && clock.now() < 201_000, String(clock.now()));
});

test('a throttled answer slows every operation of the provider, and successes let it go again', async () => {
  const { clock, backoff } = setUp(() => 0);
  let left = 4;
  await clock.until(
    backoff.run(async () => {
      if (left-- > 0) throw throttled();
    }, never),
  );
  const begin = clock.now();
  const starts: number[] = [];
  await clock.until(Promise.all(Array.from({ length: 8 }, () => backoff.run(async () => void starts.push(clock.now() - begin), never))));
  assert.ok((starts[1] ?? 0) - (starts[0] ?? 0) >= 400, 'spaced while the provider is strained');
  const after = clock.now();
  await Promise.all(Array.from({ length: 8 }, () => backoff.run(async () => undefined, never)));
  assert.equal(clock.now(), after, 'no spacing left');
});

test('an aborted wait rejects with the reason at once', async () => {
  const { clock, backoff } = setUp();
  const abort = new AbortController();
  const result = backoff.run(() => Promise.reject(transient()), abort.signal);
  await settle();
  abort.abort(new Error('enough'));
  await assert.rejects(result, /enough/);
  assert.equal(clock.sleepers(), 0);
});
