import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { openQuietNotes, type QuietNotes } from '../../src/flow/quiet-notes.js';
import { createMemoryStore } from '../../src/store/memory.js';
import type { Store } from '../../src/store/store.js';
import { makeBundle } from '../contract/certificates.js';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const HOUR = 3_600_000;
const basis = ['0.1.0', { jobs: 3 }];
let store: Store;

beforeEach(async () => {
  store = createMemoryStore({ clock: { now: () => NOW, sleep: async () => undefined } });
  await store.save('www.test', makeBundle('www.test'));
  const notes = await openQuietNotes(store, { basis, now: NOW });
  notes.add('www.test', await stateIn(notes), { askAt: NOW + 6 * HOUR, renewAt: NOW + 24 * HOUR });
  await notes.save();
});

async function stateIn(notes: QuietNotes): Promise<string> {
  return (await notes.stateOf('www.test')) ?? assert.fail('it has no state');
}

async function isNoted(options: Partial<Parameters<typeof openQuietNotes>[1]> = {}): Promise<boolean> {
  const notes = await openQuietNotes(store, { basis, now: NOW, ...options });
  return notes.has('www.test', await stateIn(notes));
}

test('what was found quiet is quiet until the CA is to be asked, or the certificate is due', async () => {
  assert.equal(await isNoted(), true);
  assert.equal(await isNoted({ now: NOW + 6 * HOUR - 1 }), true);
  assert.equal(await isNoted({ now: NOW + 6 * HOUR }), false);
  assert.equal(await isNoted({ nextLook: NOW + 24 * HOUR - 1 }), true);
  assert.equal(await isNoted({ nextLook: NOW + 24 * HOUR }), false);
});

test('it is looked at again when anything changes that the finding rests on', async () => {
  assert.equal(await isNoted({ basis: ['0.2.0', { jobs: 3 }] }), false);
  assert.equal(await isNoted({ basis: ['0.1.0', { jobs: 4 }] }), false);
  for (const key of ['certificate:www.test', 'given:www.test', 'deploy:www.test']) {
    await store.put('ledger', key, { changed: true });
    assert.equal(await isNoted(), false, key);
    await store.delete('ledger', key);
    assert.equal(await isNoted(), true, key);
  }
  await store.save('www.test', makeBundle('www.test'));
  assert.equal(await isNoted(), false);
});

test('what a clock that was ahead has noted is not believed', async () => {
  assert.equal(await isNoted({ now: NOW - 1 }), false);
});

test('notes that are damaged, or of another version, are as good as none', async () => {
  const whole = await store.get('cache', 'quiet');
  assert.ok(typeof whole === 'object' && whole !== null && !Array.isArray(whole));
  for (const record of [
    7,
    null,
    [],
    {},
    { ...whole, version: 2 },
    { ...whole, notes: ['www.test'] },
    { ...whole, notes: { 'www.test': 1 } },
  ]) {
    await store.put('cache', 'quiet', record);
    assert.equal(await isNoted(), false);
  }
});

test('a name that nobody asked for is forgotten, and nothing is written where nothing is new', async () => {
  let writes = 0;
  const watched: Store = {
    ...store,
    async put(kind, key, value) {
      writes++;
      await store.put(kind, key, value);
    },
  };
  const same = await openQuietNotes(watched, { basis, now: NOW });
  assert.equal(same.has('www.test', await stateIn(same)), true);
  await same.save();
  assert.equal(writes, 0);
  await (await openQuietNotes(watched, { basis, now: NOW })).save();
  assert.equal(writes, 1);
  assert.equal(await isNoted(), false);
});
