import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTscertError, TscertError } from '../../src/base/errors.js';
import type { Event } from '../../src/base/events.js';
import type { Json } from '../../src/base/json.js';
import type { Outcome } from '../../src/flow/outcome.js';
import { createCounter } from '../../src/flow/telemetry.js';
import { createMemoryStore } from '../../src/store/memory.js';
import { addTelemetry, emptyTelemetry, readTelemetry, spreadOf, TELEMETRY_KEY, type Telemetry } from '../../src/store/telemetry.js';
import { openStore, withFolder } from '../store/support.js';
import { createVirtualClock } from '../support/clock.js';
import { RUNS } from '../support/property.js';

const RENEW = { command: 'renew', result: 'done' };
const stage = (milliseconds: number): Event => ({ type: 'stage', stage: 'order', state: 'end', milliseconds });
const challenge = (state: 'queued' | 'valid' | 'invalid', identifier = 'a.test'): Event => ({
  type: 'challenge',
  challenge: 'dns-01',
  identifier,
  state,
});

test('events of a run become counts and durations, and are passed on', async () => {
  const clock = createVirtualClock();
  const store = createMemoryStore({ clock });
  const counter = createCounter(clock);
  const seen: Event[] = [];
  const emit = counter.emitFor((event) => void seen.push(event));
  emit(stage(400));
  emit(stage(700));
  emit(challenge('queued'));
  emit(challenge('queued', 'b.test'));
  await clock.advance(3_000);
  emit(challenge('valid'));
  await clock.advance(1_000);
  emit(challenge('invalid', 'b.test'));
  counter.observe({ action: 'discover', method: 'GET', url: 'https://ca.test:14000/dir?x=y', status: 200, milliseconds: 250 });
  counter.observe({ action: 'discover', method: 'GET', url: 'https://ca.test:14000/dir', milliseconds: 50 });
  counter.observe({ method: 'GET', url: 'https://elsewhere.test/', status: 200, milliseconds: 1 });
  assert.equal(seen.length, 6);
  assert.ok(counter.isEmpty());
  counter.count([
    { name: 'a', stages: [], state: 'failed', error: new TscertError('network', 'Cannot') },
    { name: 'b', stages: [], state: 'pending', reason: 'x' },
  ] as Outcome[]);
  assert.ok(!counter.isEmpty());
  assert.equal(await counter.save(store, { command: 'renew', result: 'partly-failed' }), undefined);
  const counted = await readTelemetry(store);
  assert.deepEqual(
    counted?.stages.map(({ labels, count, seconds }) => ({ ...labels, count, seconds })),
    [{ stage: 'order', count: 2, seconds: 1.1 }],
  );
  assert.deepEqual(
    counted?.challenges.map(({ labels, count, seconds }) => ({ ...labels, count, seconds })),
    [
      { type: 'dns-01', result: 'valid', count: 1, seconds: 3 },
      { type: 'dns-01', result: 'invalid', count: 1, seconds: 4 },
    ],
  );
  const request = { scheme: 'https', host: 'ca.test:14000', action: 'discover', method: 'GET' };
  assert.deepEqual(counted?.requests, [
    { labels: { ...request, status: '200' }, count: 1, seconds: 0.25 },
    { labels: { ...request, status: '999' }, count: 1, seconds: 0.05 },
  ]);
  assert.deepEqual(counted?.failures, [{ labels: { kind: 'unavailable', code: 'network' }, count: 1 }]);
  assert.deepEqual(counted?.runs, [{ labels: { command: 'renew', result: 'partly-failed' }, count: 1 }]);
  assert.deepEqual(counted?.lastRuns, [{ command: 'renew', result: 'partly-failed', at: new Date(clock.now()).toISOString(), seconds: 4 }]);
});

test('runs add up, and the last one that was done stays known when a later one fails', async () => {
  const clock = createVirtualClock();
  const store = createMemoryStore({ clock });
  const first = createCounter(clock);
  first.emitFor(() => undefined)(stage(100));
  await first.save(store, RENEW);
  const done = new Date(clock.now()).toISOString();
  await clock.advance(60_000);
  const second = createCounter(clock);
  second.emitFor(() => undefined)(stage(200));
  await second.save(store, { command: 'renew', result: 'failed' });
  await second.save(store, { command: 'issue', result: 'done' });
  const counted = await readTelemetry(store);
  assert.equal(counted?.stages[0]?.count, 2, 'what is saved is not counted again');
  assert.deepEqual(
    counted?.lastRuns.map(({ command, result, doneAt }) => [command, result, doneAt]),
    [
      ['renew', 'failed', done],
      ['issue', 'done', new Date(clock.now()).toISOString()],
    ],
  );
});

test('runs that end together, each with a store of its own, lose no count', async () => {
  await withFolder(async (folder) => {
    const clock = createVirtualClock();
    const runs = Array.from({ length: 5 }, async () => {
      const counter = createCounter(clock);
      counter.emitFor(() => undefined)(stage(100));
      return counter.save(openStore(folder), RENEW);
    });
    assert.deepEqual(
      await Promise.all(runs),
      runs.map(() => undefined),
    );
    const counted = await readTelemetry(openStore(folder));
    assert.deepEqual([counted?.stages[0]?.count, counted?.runs[0]?.count], [5, 5]);
  });
});

test('a store that cannot be written costs a word, and the counts come with the next run', async () => {
  const clock = createVirtualClock();
  const store = createMemoryStore({ clock });
  const counter = createCounter(clock);
  counter.emitFor(() => undefined)(stage(100));
  const full = async (): Promise<never> => Promise.reject(new TscertError('store-unwritable', 'Cannot write: the disk is full'));
  assert.equal(await counter.save({ ...store, put: full }, RENEW), 'Cannot write: the disk is full');
  assert.equal(await counter.save({ ...store, lock: full }, RENEW), 'Cannot write: the disk is full');
  assert.equal(await counter.save(store, RENEW), undefined);
  const counted = await readTelemetry(store);
  assert.deepEqual([counted?.stages[0]?.count, counted?.runs[0]?.count], [1, 3]);
});

test('a damaged record is told, and counting begins anew', async () => {
  const clock = createVirtualClock();
  const store = createMemoryStore({ clock });
  await store.put('ledger', TELEMETRY_KEY, { version: 7 });
  const said = await createCounter(clock).save(store, RENEW);
  assert.match(said ?? '', /unknown version 7.*; counting begins anew$/);
  assert.equal((await readTelemetry(store))?.runs[0]?.count, 1);
});

test('a server that makes up hosts does not make the record grow for ever', async () => {
  const clock = createVirtualClock();
  const store = createMemoryStore({ clock });
  const counter = createCounter(clock);
  for (let at = 0; at < 3_000; at++) counter.observe({ action: 'x', method: 'GET', url: `https://h${at}.test/`, milliseconds: 1 });
  await counter.save(store, RENEW);
  assert.equal((await readTelemetry(store))?.requests.length, 500);
});

const labels = fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('x', 'y'), { noNullPrototype: true });
const counted = fc.record({ labels, count: fc.nat(1_000) });
const spread = fc.tuple(labels, fc.nat(5_000)).map(([one, seconds]) => spreadOf(one, seconds));
const time = fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }).map((date) => date.toISOString());
const telemetry: fc.Arbitrary<Telemetry> = fc.record({
  version: fc.constant(1 as const),
  since: time,
  lastRuns: fc.array(fc.record({ command: fc.constantFrom('issue', 'renew'), result: fc.string(), at: time, seconds: fc.nat() }), {
    maxLength: 3,
  }),
  runs: fc.array(counted, { maxLength: 4 }),
  certificates: fc.array(counted, { maxLength: 4 }),
  failures: fc.array(counted, { maxLength: 4 }),
  stages: fc.array(spread, { maxLength: 4 }),
  challenges: fc.array(spread, { maxLength: 4 }),
  requests: fc.array(fc.record({ labels, count: fc.nat(1_000), seconds: fc.nat(1_000) }), { maxLength: 4 }),
});

/** Sums that do not depend on the order in which things were added. */
function sums(of: Telemetry): Json {
  const sum = (items: readonly { readonly count: number; readonly seconds?: number; readonly within?: readonly number[] }[]): number[] => [
    items.reduce((total, { count }) => total + count, 0),
    items.reduce((total, { seconds = 0 }) => total + seconds, 0),
    items.reduce((total, { within = [] }) => total + within.reduce((all, one) => all + one, 0), 0),
  ];
  const { runs, certificates, failures, stages, challenges, requests } = of;
  return [of.since, ...[runs, certificates, failures, stages, challenges, requests].map(sum)];
}

test('adding keeps every sum whatever the order, and each series once', () => {
  fc.assert(
    fc.property(telemetry, telemetry, (a, b) => {
      const [one, other] = [addTelemetry(a, b), addTelemetry(b, a)];
      assert.deepEqual(sums(one), sums(other));
      const keys = one.requests.map((item) => JSON.stringify(Object.entries(item.labels).sort()));
      assert.equal(new Set(keys).size, keys.length);
    }),
    { numRuns: RUNS },
  );
});

test('a version that has no text is told all the same', async () => {
  const record = { ...emptyTelemetry(0), version: { toString: false } } as unknown as Json;
  await assert.rejects(readTelemetry({ get: async () => record }), (error) => isTscertError(error, 'store-damaged'));
});

test('a record that is whole is read as itself, any other value is store-damaged', async () => {
  const read = async (value: Json): Promise<Telemetry | undefined> => readTelemetry({ get: async () => value });
  await fc.assert(
    fc.asyncProperty(telemetry, fc.nat(60), fc.option(fc.jsonValue(), { nil: undefined }), async (value, part, other) => {
      const whole = JSON.parse(JSON.stringify(value)) as Json;
      assert.deepEqual(await read(whole), whole);
      let nth = 0;
      const broken = JSON.parse(JSON.stringify(whole, (_, one: unknown) => (nth++ === part ? other : one)) ?? 'null') as Json;
      try {
        const result = (await read(broken)) ?? emptyTelemetry(0);
        assert.deepEqual(await read(addTelemetry(result, result) as unknown as Json), addTelemetry(result, result));
      } catch (error) {
        assert.ok(isTscertError(error, 'store-damaged'), String(error));
      }
    }),
    { numRuns: RUNS },
  );
});
