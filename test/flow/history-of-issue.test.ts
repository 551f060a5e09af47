/** What an issuance does to the history of a certificate, and with keys that are kept, brought along or known to others. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import { isGiven, keepGiven } from '../../src/flow/given.js';
import { readCertificate } from '../../src/pki/certificate.js';
import { encodePrivateKey, publicKeyDer, publicKeyEquals } from '../../src/pki/key.js';
import { readPrivateKey } from '../../src/pki/key-reader.js';
import { markCompromised } from '../../src/store/compromised.js';
import { emptyLedger, readLedger, writeLedger } from '../../src/store/ledger.js';
import type { Store } from '../../src/store/store.js';
import { openStore, withFolder } from '../store/support.js';
import { newKey } from './generations.js';
import { createWorld, DAY, request } from './kit.js';

const reusing = (type: 'ec256' | 'ec384' = 'ec256') => request(['a.test'], { key: { type, reuse: true } });
const ids = async (store: Store): Promise<string[]> => (await store.generations('www')).map(({ id }) => id);
const keyOf = async (store: Store): Promise<string> => (await store.load('www'))?.privateKey ?? assert.fail();
const isSame = (a: string, b: string): boolean => publicKeyEquals(readPrivateKey(a), readPrivateKey(b));

test('old generations go when a new one is stored: by default the newest five stay, and those of thirty days', async () => {
  const world = createWorld();
  for (let at = 0; at < 7; at++) {
    await world.run(request(), { force: true });
    await world.clock.advance(10 * DAY);
  }
  // The last was stored on day 60: those before day 30 have had their time.
  assert.deepEqual(await ids(world.store), ['0003', '0004', '0005', '0006', '0007']);
  await world.run(request(['a.test'], { history: { count: 2, age: 15 * DAY } }), { force: true });
  assert.deepEqual(await ids(world.store), ['0007', '0008']);
});

test('a history that cannot be pruned is a warning, and the certificate is issued', async () => {
  const world = createWorld();
  const store: Store = { ...world.store, prune: () => Promise.reject(new Error('the disk is tired')) };
  assert.equal((await world.run(request(), { store })).state, 'issued');
  assert.ok(world.events.some((event) => event.type === 'warning' && event.message === 'the disk is tired'));
});

test('a key that is kept stays the same through renewals, is new for another kind, and new when it was revoked or is known', async () => {
  const world = createWorld();
  await world.run(reusing());
  const first = await keyOf(world.store);
  for (let at = 0; at < 3; at++) {
    await world.clock.advance(80 * DAY);
    assert.equal((await world.run(reusing())).state, 'issued');
    assert.ok(isSame(await keyOf(world.store), first));
  }
  await world.run(reusing('ec384'));
  const other = await keyOf(world.store);
  assert.ok(!isSame(other, first));
  await world.run(reusing('ec384'), { force: true });
  assert.ok(isSame(await keyOf(world.store), other));

  const { serialNumber } = readCertificate((await world.store.load('www'))?.certificate ?? '');
  const revocation = { serialNumber, at: new Date(world.clock.now()).toISOString(), reason: 'superseded', by: 'revoke' } as const;
  await writeLedger('www', { ...emptyLedger(), revocation }, world.store);
  await world.run(reusing('ec384'));
  assert.equal(world.planned()?.reason, 'Revoked');
  const third = await keyOf(world.store);
  assert.ok(!isSame(third, other));
  assert.equal((await readLedger('www', world.store)).revocation, undefined);

  await markCompromised(publicKeyDer(readPrivateKey(third)), '2026-01-01T00:00:00.000Z', world.store);
  await world.run(reusing('ec384'), { force: true });
  assert.ok(!isSame(await keyOf(world.store), third));
});

test('where the current generation is damaged, a key that is kept comes from the newest that is whole', async () => {
  await withFolder(async (folder) => {
    const world = createWorld();
    const store = openStore(folder, { clock: world.clock });
    for (let at = 0; at < 3; at++) await world.run(reusing(), { store, force: true });
    const key = await keyOf(store);
    const part = (id: string, file: string): string => path.join(folder, 'archive/www', id, file);
    rmSync(part('0003', 'chain.pem'));
    writeFileSync(part('0002', 'privkey.pem'), '');
    assert.equal((await world.run(reusing(), { store })).state, 'issued');
    assert.equal(world.planned()?.reason, 'MissingData');
    assert.ok(isSame(await keyOf(store), key));
    // When all are damaged it is lost.
    for (const id of ['0001', '0004']) rmSync(part(id, 'privkey.pem'));
    assert.equal((await world.run(reusing(), { store })).state, 'issued');
    assert.ok(!isSame(await keyOf(store), key));
  });
});

test('a key that was revoked as compromised is refused before anything is spent, by a trial too', async () => {
  await withFolder(async (folder) => {
    const world = createWorld();
    const key = newKey();
    const file = path.join(folder, 'key.pem');
    writeFileSync(file, encodePrivateKey(key));
    const wanted = request(['a.test'], { key: { type: 'ec256', reuse: false, file } });
    await markCompromised(publicKeyDer(key), '2026-01-01T00:00:00.000Z', world.store);
    for (const dryRun of [false, true]) {
      await assert.rejects(world.run(wanted, { dryRun }), (error) => {
        assert.ok(isTscertError(error, 'key-compromised'));
        assert.match(error.message, /^Cannot certify the key of ".*key\.pem" for "www": it was revoked as compromised/);
        assert.ok(!error.message.includes('PRIVATE'));
        return true;
      });
    }
    assert.deepEqual(world.log, []);
  });
});

test('the request is taken as it stands under the lock of the certificate', async () => {
  const world = createWorld();
  await world.run(request(['a.test', 'b.test']));
  const steps: string[] = [];
  const store: Store = {
    ...world.store,
    async lock(key, options) {
      const lock = await world.store.lock(key, options);
      steps.push('locked');
      return { release: () => lock.release().then(() => void steps.push('released')) };
    },
  };
  const refresh = async (): Promise<ReturnType<typeof request>> => {
    steps.push('refreshed');
    return request(['a.test', 'b.test']);
  };
  assert.equal((await world.run(request(['a.test']), { store, refresh })).state, 'kept');
  assert.deepEqual(steps, ['locked', 'refreshed', 'released']);
  // What another run has kept in the meantime stays.
  const newer = { domains: ['a.test', 'b.test'], reuseKey: true };
  await keepGiven('www', newer, world.store);
  await world.run({ ...request(['a.test']), given: { domains: ['a.test'] } }, { refresh });
  assert.equal(await isGiven('www', newer, world.store), true);
});

test('how it was asked for is kept before the new certificate is current', async () => {
  const world = createWorld();
  const given = { domains: ['a.test'] };
  let wasKept: boolean | undefined;
  const store: Store = {
    ...world.store,
    async save(...values) {
      wasKept = await isGiven('www', given, world.store);
      return await world.store.save(...values);
    },
  };
  await world.run({ ...request(), given }, { store });
  assert.equal(wasKept, true);
});
