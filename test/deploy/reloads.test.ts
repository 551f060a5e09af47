import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReloads } from '../../src/deploy/reloads.js';

/** Reloads that end when they are told to, and what was asked for. */
function createWorld() {
  const reloads = createReloads();
  const running: { end(): void; fail(): void }[] = [];
  let begun = 0;
  return {
    running,
    begun: () => begun,
    ask: (key = 'nginx') =>
      reloads(key, () => {
        begun++;
        return new Promise((resolve, reject) => running.push({ end: resolve, fail: () => reject(new Error('no')) }));
      }),
  };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('who asks while one is under way shares the next one, and never gets one that began before', async () => {
  const { ask, running, begun } = createWorld();
  const [first, second] = [ask(), ask()];
  await settle();
  assert.equal(begun(), 1);
  const late = [ask(), ask(), ask()];
  await settle();
  assert.equal(begun(), 1);
  running[0]?.end();
  await Promise.all([first, second]);
  await settle();
  assert.equal(begun(), 2);
  running[1]?.end();
  await Promise.all(late);
  const again = ask();
  await settle();
  assert.equal(begun(), 3);
  running[2]?.end();
  await again;
});

test('a failure is that of all who share it, and of nobody else', async () => {
  const { ask, running } = createWorld();
  const [first, second] = [ask(), ask()];
  await settle();
  const next = ask();
  running[0]?.fail();
  await assert.rejects(first, /no/);
  await assert.rejects(second, /no/);
  await settle();
  running[1]?.end();
  await next;
});

test('servers do not wait for each other', async () => {
  const { ask, running, begun } = createWorld();
  const both = [ask('nginx'), ask('haproxy')];
  await settle();
  assert.equal(begun(), 2);
  for (const one of running) one.end();
  await Promise.all(both);
});
