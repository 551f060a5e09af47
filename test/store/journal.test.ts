import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Challenge } from '../../src/acme/solver.js';
import { isTscertError } from '../../src/base/errors.js';
import type { Json } from '../../src/base/json.js';
import { type Journal, openJournal } from '../../src/store/journal.js';
import { createMemoryStore } from '../../src/store/memory.js';
import type { Records } from '../../src/store/store.js';
import { realClock } from '../support/clock.js';
import { systemError, watchedFileSystem } from './faulty-fs.js';
import { openStore, withFolder } from './support.js';

const KEY = '-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n';
const order = { url: 'https://ca.test/order/1', account: 'https://ca.test/acct/1' };

const challenge = (name: string, changes: Partial<Challenge> = {}): Challenge => ({
  type: 'dns-01',
  identifier: { type: 'dns', value: name },
  wildcard: false,
  token: `token-${name}`,
  keyAuthorization: `token-${name}.thumb`,
  digest: `digest-${name}`,
  ...changes,
});
const [a, b] = [challenge('a.test'), challenge('b.test')];

const memory = (): Records => createMemoryStore({ clock: realClock });

/** All that the journal of "www" tells, as a later process reads it. */
async function told(records: Records): Promise<unknown> {
  const { fingerprint, order, isFinalizing, challenges, ...journal } = await openJournal(records, 'www');
  return { fingerprint, order, isFinalizing, challenges, privateKey: await journal.privateKey() };
}
const nothing = { fingerprint: undefined, order: undefined, isFinalizing: false, challenges: [], privateKey: undefined };

async function refusal(records: Records): Promise<string> {
  const error = await openJournal(records, 'www').then(
    () => assert.fail('it was opened'),
    (reason: unknown) => reason,
  );
  assert.ok(isTscertError(error, 'store-damaged'), String(error));
  assert.deepEqual(error.data, { name: 'www' });
  return error.message;
}

test('a journal that was never written is empty, and reading it writes nothing', async () => {
  const records = memory();
  assert.deepEqual(await told(records), nothing);
  assert.deepEqual(await records.list('journal'), []);
});

test('each word of an order is there for the next process, and all of it is gone at the end', async () => {
  const records = memory();
  const journal = await openJournal(records, 'www');
  const so = { ...nothing, fingerprint: 'f1', privateKey: KEY };
  await journal.begin('f1', KEY);
  assert.deepEqual(await told(records), so);
  await journal.setOrder(order);
  assert.deepEqual(await told(records), { ...so, order });
  await journal.add([a, b]);
  assert.deepEqual(await told(records), { ...so, order, challenges: [{ challenge: a }, { challenge: b }] });
  await journal.remember(a, { zone: 'a.test' });
  assert.deepEqual(await told(records), { ...so, order, challenges: [{ challenge: b }, { challenge: a, note: { zone: 'a.test' } }] });
  await journal.setFinalizing();
  await journal.withdrawn(a);
  assert.deepEqual(await told(records), { ...so, order, isFinalizing: true, challenges: [{ challenge: b }] });
  await journal.withdrawn(b);
  await journal.close();
  assert.deepEqual(await told(records), nothing);
  assert.deepEqual(await records.list('journal'), []);
});

test('what stands in the world outlives its order, until it is withdrawn', async () => {
  const records = memory();
  const journal = await openJournal(records, 'www');
  await journal.begin('f1', KEY);
  await journal.setOrder(order);
  await journal.add([a, b]);
  await journal.withdrawn(b);
  await journal.close();
  assert.deepEqual(await told(records), { ...nothing, challenges: [{ challenge: a }] });
  const later = await openJournal(records, 'www');
  await later.begin('f2', undefined);
  assert.deepEqual(await told(records), { ...nothing, fingerprint: 'f2', challenges: [{ challenge: a }] });
  await later.close();
  await later.withdrawn(a);
  assert.deepEqual(await records.list('journal'), []);
});

test('a new order is not finalizing, and an order that is given up leaves key and challenges', async () => {
  const records = memory();
  const journal = await openJournal(records, 'www');
  await journal.begin('f1', KEY);
  await journal.add([a]);
  await journal.setOrder(order);
  await journal.setFinalizing();
  await journal.setOrder({ ...order, url: 'https://ca.test/order/2' });
  assert.deepEqual([journal.isFinalizing, journal.order?.url], [false, 'https://ca.test/order/2']);
  await journal.setFinalizing();
  await journal.setOrder(undefined);
  assert.deepEqual(await told(records), { ...nothing, fingerprint: 'f1', challenges: [{ challenge: a }], privateKey: KEY });
});

test('a challenge is listed once, with its newest note; apex and wildcard, and kinds of one name, are several', async () => {
  const records = memory();
  const journal = await openJournal(records, 'www');
  await journal.add([a]);
  await journal.remember(a, 1);
  await journal.remember(a, 2);
  await journal.add([a, challenge('a.test', { wildcard: true }), challenge('a.test', { type: 'http-01' })]);
  await journal.add([challenge('a.test', { token: 'other' })]);
  assert.deepEqual(
    journal.challenges.map(({ challenge: { type, wildcard, token }, note }) => [type, wildcard, token, note]),
    [
      ['dns-01', false, 'token-a.test', 2],
      ['dns-01', true, 'token-a.test', undefined],
      ['http-01', false, 'token-a.test', undefined],
      ['dns-01', false, 'other', undefined],
    ],
  );
  await journal.withdrawn(a);
  assert.equal(journal.challenges.length, 3);
});

test('the journals of two certificates know nothing of each other', async () => {
  const records = memory();
  const [www, api] = [await openJournal(records, 'www'), await openJournal(records, 'api')];
  await www.begin('f1', KEY);
  await api.begin('f2', 'other');
  await api.close();
  assert.deepEqual(await told(records), { ...nothing, fingerprint: 'f1', privateKey: KEY });
});

test('a record of another version is refused with both numbers', async () => {
  const records = memory();
  await records.put('journal', 'www', { version: 2, challenges: [] });
  assert.equal(await refusal(records), 'Cannot read the journal of "www": it is of version 2, and this tscert knows version 1 only');
  assert.deepEqual(await records.get('journal', 'www'), { version: 2, challenges: [] });
});

const damaged: readonly Json[] = [
  null,
  [],
  'journal',
  {},
  { challenges: [] },
  { version: '1', challenges: [] },
  { version: 1 },
  { version: 1, challenges: {} },
  { version: 1, challenges: [null] },
  { version: 1, challenges: [{ note: 1 }] },
  { version: 1, challenges: [{ challenge: { ...a, identifier: 'a.test' } }] },
  { version: 1, challenges: [{ challenge: { ...a, token: 7 } }] },
  { version: 1, challenges: [{ challenge: { ...a, wildcard: 'no' } }] },
  { version: 1, challenges: [], fingerprint: 1 },
  { version: 1, challenges: [], order: 'https://ca.test/order/1' },
  { version: 1, challenges: [], order: { url: order.url } },
  { version: 1, challenges: [], finalizing: 'yes' },
];
for (const record of damaged) {
  test(`a record that is ${JSON.stringify(record)} is refused with a word, and stays`, async () => {
    const records = memory();
    await records.put('journal', 'www', record);
    assert.equal(await refusal(records), 'Cannot read the journal of "www": it is not whole');
    assert.deepEqual(await records.get('journal', 'www'), record);
  });
}

test('whatever stands in a record, it is read or refused', async () => {
  const shape = fc.record({ version: fc.constant(1), challenges: fc.jsonValue(), order: fc.jsonValue() }, { requiredKeys: [] });
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.jsonValue(), shape), async (value) => {
      const records = memory();
      await records.put('journal', 'www', value as Json);
      const journal = await openJournal(records, 'www').catch((error: unknown) => assert.ok(isTscertError(error, 'store-damaged')));
      for (const one of journal?.challenges ?? []) assert.equal(typeof one.challenge.token, 'string');
    }),
  );
});

test('no record ever speaks of a key that is not the one beside it', async () => {
  const records = memory();
  const log: string[] = [];
  const spy: Records = {
    ...records,
    put: async (kind, name, value) => {
      await records.put(kind, name, value);
      log.push(`put ${name} ${name === 'www' ? String((value as { fingerprint?: Json }).fingerprint) : String(value)}`);
    },
    delete: async (kind, name) => {
      await records.delete(kind, name);
      log.push(`delete ${name}`);
    },
  };
  const journal = await openJournal(spy, 'www');
  await journal.begin('f1', 'K1');
  await journal.setOrder(order);
  await journal.begin('f2', 'K2');
  await journal.begin('f3', undefined);
  await journal.begin('f4', 'K4');
  await journal.close();
  assert.deepEqual(log, [
    ...['put key:www K1', 'put www f1'],
    'put www f1',
    ...['delete www', 'put key:www K2', 'put www f2'],
    ...['delete www', 'delete key:www', 'put www f3'],
    ...['delete www', 'put key:www K4', 'put www f4'],
    ...['delete www', 'delete key:www'],
  ]);
});

test('a hundred notes at once are two writes, and none resolves before its own news are written', async () => {
  const records = memory();
  const challenges = Array.from({ length: 100 }, (_, at) => challenge(`h${at}.test`));
  let writes = 0;
  let written: Json = null;
  const journal = await openJournal(
    {
      ...records,
      put: async (kind, name, value) => {
        const snapshot = JSON.stringify(value);
        await realClock.sleep(1);
        await records.put(kind, name, value);
        written = snapshot;
        writes++;
      },
    },
    'www',
  );
  await journal.add(challenges);
  writes = 0;
  await Promise.all(
    challenges.map(async (one, at) => {
      if (at >= 50) await Promise.resolve().then(() => undefined);
      await journal.remember(one, { note: `n${at}` });
      assert.ok(String(written).includes(`"n${at}"`), `note ${at} is not written`);
    }),
  );
  assert.ok(writes <= 3, `${writes} writes`);
});

test('a write that fails is told to those who wait for it, and the next one writes all', async () => {
  const records = memory();
  let full = false;
  const journal = await openJournal(
    { ...records, put: async (...put) => (full ? Promise.reject(new Error('full')) : records.put(...put)) },
    'www',
  );
  await journal.begin('f1', KEY);
  full = true;
  const outcomes = await Promise.allSettled([journal.add([a]), journal.setOrder(order)]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  full = false;
  await journal.add([b]);
  assert.deepEqual(await told(records), {
    ...nothing,
    fingerprint: 'f1',
    privateKey: KEY,
    order,
    challenges: [{ challenge: a }, { challenge: b }],
  });
});

test('on disk key and record are for the owner alone, in a folder for the owner alone, whatever the umask', async () => {
  await withFolder(async (folder) => {
    const before = process.umask(0);
    try {
      const journal = await openJournal(openStore(folder), 'www');
      await journal.begin('f1', KEY);
    } finally {
      process.umask(before);
    }
    const state = path.join(folder, 'state', 'journal');
    const files = readdirSync(state);
    assert.equal(files.length, 2);
    for (const file of files) assert.equal(statSync(path.join(state, file)).mode & 0o777, 0o600, file);
    assert.equal(statSync(state).mode & 0o777, 0o700);
    assert.deepEqual(await told(openStore(folder)), { ...nothing, fingerprint: 'f1', privateKey: KEY });
  });
});

/** The journal of one certificate as a run writes it. */
const steps: readonly ((journal: Journal) => Promise<void>)[] = [
  (journal) => journal.begin('f1', KEY),
  (journal) => journal.setOrder(order),
  (journal) => journal.add([a]),
  (journal) => journal.remember(a, { zone: 'a.test' }),
  (journal) => journal.setFinalizing(),
  (journal) => journal.withdrawn(a),
  (journal) => journal.close(),
];

test('on disk every word is on stable storage, file and folder, before the next act', async () => {
  await withFolder(async (folder) => {
    const log: string[] = [];
    const fs = watchedFileSystem({
      after: ({ what, path: file, to }) => {
        if (['handle.sync', 'rename', 'unlink'].includes(what)) log.push(`${what} ${path.basename(to ?? file)}`);
      },
    });
    const journal = await openJournal(openStore(folder, { fs }), 'www');
    await steps[0]?.(journal);
    for (const step of steps.slice(1)) {
      log.length = 0;
      await step(journal);
      const at = log.findLastIndex((line) => line.startsWith('rename ') || line.startsWith('unlink '));
      assert.equal(log[at + 1], 'handle.sync journal', 'the folder is synced after its entry has changed');
      if (log[at]?.startsWith('rename')) assert.match(log[at - 1] ?? '', /^handle\.sync \./, 'the file is synced before it gets its name');
    }
  });
});

test('killed at any step of the disk, the next process reads the words before or after, with the key that they speak of', async () => {
  let kills = 0;
  for (let at = 0; ; at++) {
    const survived = await withFolder(async (folder) => {
      let count = 0;
      const fs = watchedFileSystem({
        before: ({ what, path: file }) => {
          if (count++ >= at) throw systemError('EIO', `${what} ${file}`);
        },
      });
      const journal = await openJournal(openStore(folder, { fs }), 'www');
      const shadow = memory();
      const model = await openJournal(shadow, 'www');
      for (const step of steps) {
        const before = JSON.stringify(await told(shadow));
        await step(model);
        const after = JSON.stringify(await told(shadow));
        const done = await step(journal).then(
          () => true,
          () => false,
        );
        const now = (await told(openStore(folder))) as { fingerprint?: string; privateKey?: string };
        // The key is there before the first word of it, and goes after the last one.
        const between =
          now.fingerprint === undefined
            ? [
                { ...now, privateKey: undefined },
                { ...now, privateKey: KEY },
              ]
            : [now];
        const expected = done ? [after] : [before, after];
        assert.ok(
          between.some((one) => expected.includes(JSON.stringify(one))),
          `kill ${at}: ${JSON.stringify(now)}`,
        );
        if (now.fingerprint !== undefined) assert.equal(now.privateKey, KEY);
        if (!done) {
          kills++;
          return false;
        }
      }
      return true;
    });
    if (survived) break;
  }
  assert.ok(kills > 30, `${kills} kills`);
});
