import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLimiter } from '../../src/net/limiter.js';
import { settle } from '../support/clock.js';

const never = new AbortController().signal;

test('a limiter runs so many at a time, the others in their order, failures or not', async () => {
  const limit = createLimiter(2);
  const started: number[] = [];
  const gates = [0, 1, 2, 3].map(() => gate());
  const all = gates.map((one, at) =>
    limit(async () => {
      started.push(at);
      await one.promise;
    }, never).catch(() => undefined),
  );
  await settle();
  assert.deepEqual(started, [0, 1]);
  gates[1]?.reject(new Error('no'));
  await settle();
  assert.deepEqual(started, [0, 1, 2]);
  for (const one of gates) one.resolve();
  await Promise.all(all);
  assert.deepEqual(started, [0, 1, 2, 3]);
});

function gate(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve = (): void => undefined;
  let reject = (_: Error): void => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

test('an operation aborted in the queue never runs, and the others take its turn', async () => {
  const limit = createLimiter(1);
  const first = gate();
  const started: string[] = [];
  const one = limit(() => first.promise, never);
  const abort = new AbortController();
  const two = limit(async () => void started.push('two'), abort.signal);
  const three = limit(async () => void started.push('three'), never);
  abort.abort(new Error('enough'));
  await assert.rejects(two, /enough/);
  await assert.rejects(
    limit(async () => void started.push('late'), abort.signal),
    /enough/,
  );
  first.resolve();
  await Promise.all([one, three]);
  assert.deepEqual(started, ['three']);
});
