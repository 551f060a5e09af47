import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { isTscertError } from '../../src/base/errors.js';
import type { Json } from '../../src/base/json.js';
import type { Records, Store } from '../../src/store/store.js';
import { makeBundle } from './certificates.js';

/** Two views of one store, as two processes have them (or the same one twice), and how to leave nothing behind. */
export interface StoreUnderTest {
  readonly store: Store;
  readonly other: Store;
  close(): Promise<void>;
}

const never = new AbortController().signal;
const RUNS = Math.min(Number(process.env.TSCERT_TEST_FUZZ ?? 2000), 100_000);

/** What every Store does; `make` gives an empty one. */
export function storeContract(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`the Store contract: ${name}`, () => {
    const issuer = makeBundle('issuer.test');
    const first = { ...makeBundle('first.test'), chain: issuer.certificate, meta: { names: ['first.test'], again: null } };
    const second = makeBundle('second.test');
    let under: StoreUnderTest;
    before(async () => {
      under = await make();
    });
    after(() => under.close());

    const failsWith = (code: string, work: Promise<unknown>): Promise<void> =>
      assert.rejects(work, (error) => isTscertError(error) && error.code === code);

    test('a certificate that was never stored is undefined', async () => {
      assert.equal(await under.store.load('absent.test'), undefined);
    });

    test('what was saved is loaded, with its parts, its meta and its places', async () => {
      const saved = await under.store.save('first.test', first);
      assert.deepEqual(await under.other.load('first.test'), saved);
      assert.deepEqual({ ...first, ...saved }, saved);
      assert.equal(saved.name, 'first.test');
      assert.equal(new Set(Object.values(saved.locations)).size, 4);
    });

    test('an outline says of the current generation what loading it would, without its parts', async () => {
      assert.equal(await under.store.outline('outline.test'), undefined);
      for (const bundle of [first, { certificate: second.certificate, chain: second.chain, meta: second.meta }]) {
        const { generation, locations, meta, privateKey } = await under.store.save('outline.test', bundle);
        assert.deepEqual(await under.other.outline('outline.test'), { generation, locations, meta, hasKey: privateKey !== undefined });
      }
    });

    test('a mark stays while nothing changes, and is another after each change', async () => {
      const mark = (): Promise<string | undefined> => under.other.mark('mark.test', ['of:mark.test', 'other:mark.test']);
      assert.equal(await mark(), undefined);
      const seen: (string | undefined)[] = [];
      const changes: (() => Promise<unknown>)[] = [
        () => under.store.save('mark.test', first),
        () => under.store.put('ledger', 'of:mark.test', { count: 1 }),
        () => under.store.put('ledger', 'of:mark.test', { count: 2 }),
        () => under.store.put('ledger', 'other:mark.test', 1),
        () => under.store.delete('ledger', 'of:mark.test'),
        () => under.store.save('mark.test', second),
        () => under.store.save('mark.test', first),
      ];
      for (const change of changes) {
        await change();
        seen.push(await mark());
        assert.equal(await mark(), seen.at(-1));
      }
      assert.ok(seen.every((one) => one !== undefined));
      assert.equal(new Set(seen).size, changes.length);
      await under.store.delete('ledger', 'other:mark.test');
    });

    test('a later generation becomes current and sorts after the earlier one', async () => {
      const one = await under.store.save('again.test', first);
      const two = await under.other.save('again.test', second);
      const three = await under.store.save('again.test', first);
      assert.deepEqual(
        [three, one, two].map(({ generation }) => generation).sort(),
        [one, two, three].map(({ generation }) => generation),
      );
      assert.equal((await under.store.load('again.test'))?.certificate, first.certificate);
      assert.equal((await under.store.load('again.test'))?.generation, three.generation);
    });

    test('the history is told from the oldest to the newest, with the times, and each of it can be loaded', async () => {
      assert.deepEqual(await under.store.generations('history.test'), []);
      assert.equal(await under.store.loadGeneration('history.test', '0001'), undefined);
      const begin = Date.now();
      const one = await under.store.save('history.test', first);
      const two = await under.store.save('history.test', second);
      const history = await under.other.generations('History.test');
      assert.deepEqual(
        history.map(({ id, isCurrent }) => [id, isCurrent]),
        [
          [one.generation, false],
          [two.generation, true],
        ],
      );
      for (const { storedAt } of history) assert.ok(storedAt >= begin && storedAt <= Date.now());
      const { locations, ...old } = (await under.other.loadGeneration('history.test', one.generation)) ?? assert.fail();
      assert.deepEqual({ ...old, locations: one.locations }, one);
      assert.equal(new Set(Object.values(locations)).size, 4);
      assert.equal((await under.store.loadGeneration('history.test', two.generation))?.certificate, second.certificate);
      for (const bad of ['9999', '', '.', '..', '../..', '0001/../0001']) {
        assert.equal(await under.store.loadGeneration('history.test', bad), undefined);
      }
    });

    test('an older generation is made current; the next that is saved comes after the newest, even if it is the same', async () => {
      const one = await under.store.save('back.test', first);
      const two = await under.store.save('back.test', second);
      await under.other.pointTo('back.test', one.generation);
      assert.deepEqual(await under.store.load('back.test'), one);
      const three = await under.store.save('back.test', second);
      await under.store.pointTo('back.test', two.generation);
      assert.deepEqual(await under.other.load('back.test'), two);
      await under.store.pointTo('back.test', one.generation);
      const four = await under.other.save('back.test', second);
      const history = await under.store.generations('back.test');
      assert.deepEqual(
        history.map(({ id }) => id),
        [one, two, three, four].map(({ generation }) => generation),
      );
      assert.deepEqual(
        history.filter(({ isCurrent }) => isCurrent).map(({ id }) => id),
        [four.generation],
      );
      assert.equal(new Set(history.map(({ id }) => id)).size, 4);
    });

    test('what is not there cannot be made current, and what was current stays', async () => {
      const one = await under.store.save('stay.test', first);
      for (const bad of ['0009', '', '..', '../stay.test/0001']) await failsWith('store-damaged', under.store.pointTo('stay.test', bad));
      await failsWith('store-damaged', under.store.pointTo('nobody.test', '0001'));
      await failsWith('name-invalid', under.store.pointTo('../stay.test', '0001'));
      assert.deepEqual(await under.store.load('stay.test'), one);
    });

    test('old generations go by count and age, but never the current one, nor the one before it', async () => {
      const ids: string[] = [];
      for (let at = 0; at < 6; at++) ids.push((await under.store.save('old.test', at % 2 === 0 ? first : second)).generation);
      const left = async (): Promise<string[]> => (await under.store.generations('old.test')).map(({ id }) => id);
      assert.deepEqual(await under.store.prune('old.test', { count: 2, age: 86_400_000 }), []);
      assert.deepEqual(await under.other.prune('old.test', { count: 4, age: 0 }), ids.slice(0, 2));
      assert.deepEqual(await left(), ids.slice(2));
      await under.store.pointTo('old.test', ids[3] ?? '');
      assert.deepEqual(await under.store.prune('old.test', { count: 1, age: 0 }), ids.slice(4, 5));
      assert.deepEqual(await left(), [ids[2], ids[3], ids[5]]);
      assert.equal((await under.store.load('old.test'))?.generation, ids[3]);
      assert.deepEqual(await under.store.prune('never.test', { count: 1, age: 0 }), []);
      // The number of a generation that is gone is not given again.
      const next = await under.store.save('old.test', first);
      assert.ok(Number(next.generation) > Number(ids[5]));
    });

    test('a certificate whose key was never seen has none', async () => {
      const { privateKey: _, ...bundle } = first;
      await under.store.save('csr.test', bundle);
      const loaded = await under.store.load('csr.test');
      assert.equal(loaded?.certificate, first.certificate);
      assert.equal(loaded !== undefined && 'privateKey' in loaded, false);
    });

    test('a wildcard is stored with an underscore, and found under both names and in any case', async () => {
      const saved = await under.store.save('*.Wild.test', first);
      assert.equal(saved.name, '_.wild.test');
      assert.deepEqual(await under.store.load('*.wild.test'), saved);
      assert.deepEqual(await under.store.load('_.WILD.test'), saved);
    });

    test('names that could leave their folder are refused before anything is written', async () => {
      for (const bad of [
        '',
        '.',
        '..',
        '.hidden',
        'a/b',
        '../a',
        'a\\b',
        'a\0b',
        'a\nb',
        'a..b',
        '*',
        'a.*.b',
        'x'.repeat(201),
        '\ud800',
      ]) {
        await failsWith('name-invalid', under.store.save(bad, first));
        await failsWith('name-invalid', under.store.load(bad));
      }
    });

    test('an IPv6 address is a name', async () => {
      await under.store.save('2001:db8::1', first);
      assert.equal((await under.store.load('2001:db8::1'))?.name, '2001:db8::1');
    });

    test('a bundle whose parts do not belong together is refused, and what was there stays', async () => {
      await under.store.save('kept.test', first);
      await failsWith('certificate-mismatch', under.store.save('kept.test', { ...second, privateKey: first.privateKey }));
      await failsWith('key-invalid', under.store.save('kept.test', { ...second, privateKey: 'no key\n' }));
      await failsWith('pem-invalid', under.store.save('kept.test', { ...second, certificate: '' }));
      await failsWith('pem-invalid', under.store.save('kept.test', { ...second, certificate: second.certificate.trimEnd() }));
      await failsWith('pem-invalid', under.store.save('kept.test', { ...second, chain: second.privateKey }));
      await failsWith('pem-invalid', under.store.save('kept.test', { ...second, chain: '<html>\n' }));
      assert.equal((await under.store.load('kept.test'))?.certificate, first.certificate);
    });

    test('all stored names are listed, sorted', async () => {
      const names = await under.store.list();
      assert.deepEqual(names, [...names].sort());
      assert.equal(names.includes('first.test'), true);
      assert.equal(names.includes('_.wild.test'), true);
      assert.equal(names.includes('absent.test'), false);
    });

    test('a record is absent, then what was put last, then absent again', async () => {
      const key = 'https://ca.test/directory#admin@example.com';
      for (const kind of ['accounts', 'journal', 'ledger', 'cache'] as const) {
        const records: Records = under.store;
        const others: Records = under.other;
        assert.equal(await records.get(kind, key), undefined);
        await records.put(kind, key, { kind, list: [1, 'two', null] });
        await records.put(kind, key, { kind, list: [] });
        assert.deepEqual(await others.get(kind, key), { kind, list: [] });
        assert.deepEqual(await others.list(kind), [key]);
        await records.delete(kind, key);
        await records.delete(kind, key);
        assert.equal(await others.get(kind, key), undefined);
        assert.deepEqual(await others.list(kind), []);
      }
    });

    test('null is a value, not absence', async () => {
      await under.store.put('ledger', 'null', null);
      assert.equal(await under.store.get('ledger', 'null'), null);
      await under.store.delete('ledger', 'null');
    });

    test('of changes asked for at the same time, the last one asked for stands', async () => {
      await Promise.all(Array.from({ length: 50 }, (_, value) => under.store.put('journal', 'race.test', value)));
      assert.equal(await under.store.get('journal', 'race.test'), 49);
      await Promise.all([under.store.put('journal', 'race.test', 1), under.store.delete('journal', 'race.test')]);
      assert.equal(await under.store.get('journal', 'race.test'), undefined);
    });

    test('what was put is a copy: later changes of the value do not reach the store', async () => {
      const value = { list: ['a'] };
      await under.store.put('ledger', 'copy', value);
      value.list.push('b');
      assert.deepEqual(await under.store.get('ledger', 'copy'), { list: ['a'] });
      const got = (await under.store.get('ledger', 'copy')) as { list: string[] };
      got.list.push('c');
      assert.deepEqual(await under.store.get('ledger', 'copy'), { list: ['a'] });
      await under.store.delete('ledger', 'copy');
    });

    test('every key keeps its own value, whatever it is made of', async () => {
      const records: Records = under.store;
      const keys = fc.uniqueArray(fc.oneof(fc.webUrl(), fc.string({ unit: 'binary', maxLength: 300 })), { maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(keys, fc.jsonValue(), async (some, value) => {
          for (const key of await records.list('cache')) await records.delete('cache', key);
          for (const key of some) await records.put('cache', key, { key, value: value as Json });
          const plain: unknown = JSON.parse(JSON.stringify(value));
          for (const key of some) assert.deepEqual(await records.get('cache', key), { key, value: plain });
          assert.deepEqual(await records.list('cache'), [...some].sort());
          for (const key of some) await records.delete('cache', key);
        }),
        { numRuns: Math.ceil(RUNS / 20) },
      );
    });

    test('a lock has one holder; the next one gets it when it is released', async () => {
      const held = await under.store.lock('one', { wait: 0, signal: never });
      await failsWith('locked', under.store.lock('one', { wait: 0, signal: never }));
      await failsWith('locked', under.other.lock('one', { wait: 60, signal: never }));
      const other = await under.store.lock('two', { wait: 0, signal: never });
      await other.release();
      const waiting = under.other.lock('one', { wait: 60_000, signal: never });
      await held.release();
      await (await waiting).release();
    });

    test('a lock released twice is released once: the next holder keeps it', async () => {
      const held = await under.store.lock('twice', { wait: 0, signal: never });
      await held.release();
      const next = await under.store.lock('twice', { wait: 0, signal: never });
      await held.release();
      await failsWith('locked', under.other.lock('twice', { wait: 0, signal: never }));
      await next.release();
    });

    test('lines of one process get a lock in the order in which they asked', async () => {
      const held = await under.store.lock('queue', { wait: 0, signal: never });
      const order: number[] = [];
      const lines = [0, 1, 2, 3, 4].map(async (line) => {
        const lock = await under.store.lock('queue', { wait: 60_000, signal: never });
        order.push(line);
        await lock.release();
      });
      await held.release();
      await Promise.all(lines);
      assert.deepEqual(order, [0, 1, 2, 3, 4]);
    });

    test('an aborted wait rejects with the reason of its signal, and leaves the queue', async () => {
      const held = await under.store.lock('abort', { wait: 0, signal: never });
      const stop = new AbortController();
      const reason = new Error('that is enough');
      const waiting = under.store.lock('abort', { wait: 60_000, signal: stop.signal });
      const elsewhere = under.other.lock('abort', { wait: 60_000, signal: stop.signal });
      const patient = under.store.lock('abort', { wait: 60_000, signal: never });
      stop.abort(reason);
      await assert.rejects(waiting, (error) => error === reason);
      await assert.rejects(elsewhere, (error) => error === reason);
      await assert.rejects(under.store.lock('free', { wait: 0, signal: stop.signal }), (error) => error === reason);
      await held.release();
      await (await patient).release();
    });

    test('a store that can be written passes the probe, and the probe leaves nothing', async () => {
      const records: Records = under.store;
      const stored = await under.store.list();
      await under.store.probe();
      assert.deepEqual(await under.store.list(), stored);
      for (const kind of ['accounts', 'journal', 'ledger', 'cache'] as const) assert.deepEqual(await records.list(kind), []);
    });
  });
}
