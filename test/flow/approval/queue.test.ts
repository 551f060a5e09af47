import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTurnQueue } from '../../../src/flow/approval/queue.js';
import { realClock } from '../../support/clock.js';

const parts = { clock: realClock, uptime: () => performance.now() };

test('each name once, the one that is due first', async () => {
  const queue = createTurnQueue(parts);
  const [stop, seen] = [new AbortController(), [] as string[]];
  const now = parts.uptime();
  queue.add('late', now + 30);
  queue.add('first', now - 2);
  queue.add('second', now - 1);
  queue.add('second', now + 1e6);
  queue.add('gone', now - 3);
  queue.remove('gone');
  assert.equal(queue.size, 3);
  await queue.run(
    async (name) => {
      seen.push(name);
      if (name === 'late') stop.abort();
    },
    1,
    stop.signal,
  );
  assert.deepEqual(seen, ['first', 'second', 'late']);
});

test('a name that comes back while it is worked on has another turn, and never two at once', async () => {
  const queue = createTurnQueue(parts);
  const stop = new AbortController();
  let [turns, busy, most] = [0, 0, 0];
  queue.add('a', 0);
  await queue.run(
    async (name) => {
      most = Math.max(most, ++busy);
      if (++turns < 5) {
        queue.add(name, 0);
        await realClock.sleep(1);
      } else stop.abort();
      busy--;
    },
    4,
    stop.signal,
  );
  assert.deepEqual([turns, most], [5, 1]);
});

test('what is under way at the end is finished, and nothing else begun', async () => {
  const queue = createTurnQueue(parts);
  const [stop, done] = [new AbortController(), [] as string[]];
  for (const name of ['a', 'b', 'c']) queue.add(name, 0);
  await queue.run(
    async (name) => {
      stop.abort();
      await realClock.sleep(5);
      done.push(name);
    },
    1,
    stop.signal,
  );
  assert.deepEqual(done, ['a']);
});
