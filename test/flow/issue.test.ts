import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import { openJournal } from '../../src/store/journal.js';
import type { Records } from '../../src/store/store.js';
import { withFolder } from '../store/support.js';
import { createWorld, DAY, request } from './kit.js';

async function assertClean(records: Records): Promise<void> {
  assert.deepEqual(await records.list('journal'), []);
}

test('a new certificate is stored with the key that was journaled before it was certified, and the journal is gone', async () => {
  const world = createWorld();
  const result = await world.run();
  assert.equal(result.state, 'issued');
  assert.deepEqual(world.log, ['preflight', 'new order', 'abandon', 'deploy']);
  const stored = await world.store.load('www');
  assert.match(stored?.privateKey ?? '', /^-----BEGIN PRIVATE KEY-----/);
  await assertClean(world.store);
});

test('a good certificate is left alone, one that is due is not, and force asks for another', async () => {
  const world = createWorld();
  await world.run();
  const first = await world.store.load('www');
  world.log.length = 0;
  assert.equal((await world.run()).state, 'kept');
  assert.deepEqual(world.log, ['deploy']);
  assert.deepEqual(await world.store.load('www'), first);
  assert.equal((await world.run(request(), { force: true })).state, 'issued');
  assert.notDeepEqual(await world.store.load('www'), first);
  assert.equal((await world.run(request(['a.test', 'b.test']))).state, 'issued');
  assert.match(JSON.stringify(world.planned()), /"reason":"RequestChanged","message":"The names have changed: \+dns:b.test"/);
  await world.clock.advance(61 * DAY);
  assert.equal((await world.run(request(['a.test', 'b.test']))).state, 'issued');
  assert.match(JSON.stringify(world.planned()), /"reason":"Renewing"/);
});

test('a run that was killed goes on with the same order and the same key', async () => {
  const world = createWorld();
  world.behave(() => 'dies');
  await assert.rejects(world.run(), /killed/);
  const key = await world.journaledKey();
  world.behave((publicKey) => publicKey);
  assert.equal((await world.run()).state, 'issued');
  assert.deepEqual(world.planned(), {
    type: 'planned',
    action: 'resume',
    reason: 'DoesNotExist',
    message: 'No certificate is stored under the name "www"; going on with the order of an earlier run',
  });
  assert.deepEqual(world.log.slice(2), ['preflight', 'known order', 'abandon', 'deploy']);
  assert.equal((await world.store.load('www'))?.privateKey, key);
  await assertClean(world.store);
});

test('what stays pending keeps key and order for the next run', async () => {
  const world = createWorld();
  world.behave(() => 'pending');
  assert.deepEqual(await world.run(), { state: 'pending', reason: 'not yet' });
  const key = await world.journaledKey();
  assert.deepEqual(await world.run(), { state: 'pending', reason: 'not yet' });
  assert.equal(await world.journaledKey(), key);
  assert.deepEqual(world.log, ['preflight', 'new order', 'preflight', 'known order']);
});

test('another request withdraws what an earlier run left, and starts anew with a new key', async () => {
  const world = createWorld();
  world.behave(() => 'dies');
  await assert.rejects(world.run());
  const key = await world.journaledKey();
  world.behave((publicKey) => publicKey);
  await world.run(request(['other.test']));
  assert.deepEqual(world.log.slice(2), ['preflight', 'abandon', 'new order', 'abandon', 'deploy']);
  assert.notEqual((await world.store.load('www'))?.privateKey, key);
});

test('a journal whose key is lost starts anew, with a key that is on stable storage first', async () => {
  const world = createWorld();
  world.behave(() => 'dies');
  await assert.rejects(world.run());
  await world.store.delete('journal', 'key:www');
  world.behave((publicKey) => publicKey);
  assert.equal((await world.run()).state, 'issued');
  assert.deepEqual(world.log.slice(2), ['preflight', 'abandon', 'new order', 'abandon', 'deploy']);
});

test('a certificate for another key replaces nothing, and its order is not asked again', async () => {
  const world = createWorld();
  await world.run();
  const first = await world.store.load('www');
  const wrong = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  world.behave(() => wrong);
  await assert.rejects(world.run(request(), { force: true }), (error) => isTscertError(error, 'certificate-mismatch'));
  assert.deepEqual(await world.store.load('www'), first);
  const key = await world.journaledKey();
  assert.ok(key !== undefined);
  world.behave((publicKey) => publicKey);
  world.log.length = 0;
  assert.equal((await world.run(request(), { force: true })).state, 'issued');
  assert.deepEqual(world.log, ['preflight', 'new order', 'abandon', 'deploy']);
  assert.equal((await world.store.load('www'))?.privateKey, key);
});

test('a trial stores nothing, deploys nothing, and leaves the journal of the real order alone', async () => {
  const world = createWorld();
  world.behave(() => 'pending');
  await world.run();
  const key = await world.journaledKey();
  world.behave((publicKey) => publicKey);
  world.log.length = 0;
  assert.equal((await world.run(request(), { dryRun: true })).state, 'tested');
  assert.deepEqual(world.log, ['preflight', 'new order', 'abandon']);
  assert.equal(await world.store.load('www'), undefined);
  assert.equal(await world.journaledKey(), key);
});

test('what a killed trial left in the world is withdrawn by the next real run', async () => {
  const world = createWorld();
  world.behave(() => 'dies');
  await assert.rejects(world.run(request(), { dryRun: true }), /killed/);
  world.behave((publicKey) => publicKey);
  assert.equal((await world.run()).state, 'issued');
  assert.deepEqual(world.log.slice(2), ['abandon', 'preflight', 'new order', 'abandon', 'deploy']);
  await assertClean(world.store);
});

test('a pre-hook is run for what is going to be ordered, and when it fails nothing is', async () => {
  const world = createWorld();
  await assert.rejects(world.run(request(), { hooks: { before: () => Promise.reject(new Error('not now')) } }), /not now/);
  assert.deepEqual(world.log, ['preflight']);
  await assertClean(world.store);
  const hooks = { before: async () => void world.log.push('before') };
  await world.run(request(), { hooks });
  await world.run(request(), { hooks });
  assert.deepEqual(world.log.slice(1), ['preflight', 'before', 'new order', 'abandon', 'deploy', 'deploy']);
});

test('a deploy that fails leaves a good certificate and is told beside it', async () => {
  const world = createWorld();
  const failure = new Error('reload failed');
  const result = await world.run(request(), { deployer: { deploy: () => Promise.reject(failure), isDone: async () => false } });
  assert.ok(result.state === 'issued' && result.deployError === failure);
  assert.ok(await world.store.load('www'));
});

test('what a run that was killed after the store left is withdrawn by the next one, which leaves the certificate alone', async () => {
  const world = createWorld();
  await world.run();
  const journal = await openJournal(world.store, 'www');
  await journal.begin('of the last run', 'key');
  world.log.length = 0;
  assert.equal((await world.run()).state, 'kept');
  assert.deepEqual(world.log, ['abandon', 'deploy']);
  await assertClean(world.store);
});

test('with key reuse the next certificate is for the same key, unless another kind is wanted', async () => {
  const world = createWorld();
  const reuse = request(['a.test'], { key: { type: 'ec256', reuse: true } });
  await world.run(reuse);
  const key = (await world.store.load('www'))?.privateKey;
  await world.run(reuse, { force: true });
  assert.equal((await world.store.load('www'))?.privateKey, key);
  await world.run(request(['a.test'], { key: { type: 'ec384', reuse: true } }));
  assert.match(JSON.stringify(world.planned()), /"reason":"SecretMismatch"/);
  assert.notEqual((await world.store.load('www'))?.privateKey, key);
});

test('a key that is brought along is certified and stays; another one makes the certificate due', async () => {
  await withFolder(async (folder) => {
    const file = path.join(folder, 'key.pem');
    const newKey = (): string =>
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const wanted = request(['a.test'], { key: { type: 'ec256', reuse: false, file } });
    const world = createWorld();
    await assert.rejects(world.run(wanted), (error) => isTscertError(error, 'file-unreadable'));
    assert.deepEqual(world.log, []);
    const key = newKey();
    await writeFile(file, key);
    await world.run(wanted);
    assert.equal((await world.store.load('www'))?.privateKey, key);
    assert.equal((await world.run(wanted)).state, 'kept');
    await writeFile(file, newKey());
    assert.equal((await world.run(wanted)).state, 'issued');
    assert.match(JSON.stringify(world.planned()), /"reason":"SecretMismatch"/);
  });
});

test('a line whose lock is lost stops, and leaves what is remembered to whoever holds it now', async () => {
  const world = createWorld();
  const lost = new AbortController();
  const reason = new Error('the lock is lost');
  const store = { ...world.store, lock: async () => ({ release: async () => undefined, lost: lost.signal }) };
  world.behave((_, { signal }) => {
    lost.abort(reason);
    signal.throwIfAborted();
    return 'dies';
  });
  await assert.rejects(world.run(request(), { store }), (error) => error === reason);
  assert.equal(await world.store.get('ledger', 'certificate:www'), undefined);
});

test('what went wrong is told, also where it cannot be remembered', async () => {
  const world = createWorld();
  const put: typeof world.store.put = (kind, ...rest) =>
    kind === 'ledger' ? Promise.reject(new Error('full')) : world.store.put(kind, ...rest);
  world.behave(() => 'dies');
  await assert.rejects(world.run(request(), { store: { ...world.store, put } }), /^Error: killed$/);
});
