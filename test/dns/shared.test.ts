import assert from 'node:assert/strict';
import { test } from 'node:test';
import { share } from '../../src/dns/shared.js';

const never = new AbortController().signal;

test('work that is shared is done once, and its result stands', async () => {
  let runs = 0;
  const shared = share(async () => ++runs);
  assert.deepEqual(await Promise.all([shared(never), shared(never)]), [1, 1]);
  assert.equal(await shared(never), 1);
});

test('after a failure the next caller starts anew', async () => {
  let runs = 0;
  const shared = share(async () => {
    if (++runs === 1) throw new Error('first');
    return runs;
  });
  const both = await Promise.allSettled([shared(never), shared(never)]);
  assert.deepEqual(
    both.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.equal(await shared(never), 2);
});

test('one caller that leaves does not end the work of the others; the last one does', async () => {
  const signals: AbortSignal[] = [];
  const shared = share(
    (signal) =>
      new Promise<void>((_, reject) => {
        signals.push(signal);
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
  );
  const [one, two] = [new AbortController(), new AbortController()];
  const [first, second] = [shared(one.signal), shared(two.signal)];
  one.abort(new Error('one'));
  await assert.rejects(first, /one/);
  assert.equal(signals[0]?.aborted, false);
  two.abort(new Error('two'));
  await assert.rejects(second, /two/);
  assert.equal(signals[0]?.aborted, true);
  const again = new AbortController();
  const third = shared(again.signal);
  assert.equal(signals.length, 2);
  again.abort(new Error('three'));
  await assert.rejects(third, /three/);
});
