import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTscertError } from '../../src/base/errors.js';
import type { CrlCache, CrlFacts } from '../../src/store/crl-cache.js';
import { createDiskCrlCache } from '../../src/store/disk-crl-cache.js';
import { RUNS } from '../support/property.js';
import { systemError, watchedFileSystem } from './faulty-fs.js';
import { isAlive, openStore, withFolder } from './support.js';

const NOW = Date.parse('2026-11-23T12:00:00Z');
const DAY = 86_400_000;
const URL = 'http://crl.test/ca.crl';
const CRL = Buffer.from('what was fetched, '.repeat(10_000));
const FACTS: CrlFacts = { nextUpdate: NOW + DAY, etag: '"abc"', lastModified: 'Mon, 23 Nov 2026 10:00:00 GMT' };

function openCache(folder: string, changes: Partial<Parameters<typeof createDiskCrlCache>[0]> = {}): CrlCache {
  return createDiskCrlCache({ folder, process: { pid: process.pid, host: 'here' }, isAlive, clock: { now: () => NOW }, ...changes });
}

async function* chunksOf(bytes: Uint8Array, size = 1_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function gathered(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

async function put(cache: CrlCache, url = URL, bytes: Uint8Array = CRL, facts = FACTS): Promise<boolean> {
  const draft = cache.begin(url);
  assert.deepEqual(await gathered(draft.through(chunksOf(bytes))), Buffer.from(bytes), 'the chunks pass unchanged');
  return await draft.keep(facts);
}

/** The octets that the cache has for a URL; empty when it has none. */
async function contentIn(cache: CrlCache, url = URL): Promise<Buffer> {
  const found = await cache.get(url);
  return found === undefined ? Buffer.alloc(0) : await gathered(found.read());
}

const place = (folder: string): string => path.join(folder, 'state/cache/crl');
const filesIn = (folder: string): string[] => readdirSync(place(folder));
const fileIn = (folder: string): string => path.join(place(folder), filesIn(folder)[0] ?? '');

test('what was kept comes back with its facts, for other processes too, and closed to others', async () => {
  await withFolder(async (folder) => {
    assert.equal(await openCache(folder).get(URL), undefined);
    assert.equal(await put(openCache(folder)), true);
    const found = await openCache(folder).get(URL);
    assert.ok(found);
    const { read, ...facts } = found;
    assert.deepEqual(facts, { ...FACTS, url: URL, size: CRL.length, checkedAt: NOW });
    assert.deepEqual(await gathered(read()), CRL);
    assert.deepEqual(await gathered(read()), CRL, 'a second time');
    assert.equal(await openCache(folder).get(`${URL}x`), undefined);
    assert.deepEqual(filesIn(folder), ['http%3A%2F%2Fcrl.test%2Fca.crl.crl']);
    assert.equal(statSync(fileIn(folder)).mode & 0o777, 0o600);
    assert.equal(statSync(place(folder)).mode & 0o777, 0o700);
  });
});

test('it stands beside the records of the cache, which do not see it', async () => {
  await withFolder(async (folder) => {
    const store = openStore(folder);
    await store.put('cache', 'directory', { a: 1 });
    await put(openCache(folder));
    assert.deepEqual(await openStore(folder).get('cache', 'directory'), { a: 1 });
    await openStore(folder).probe();
    assert.ok(await openCache(folder).get(URL));
  });
});

test('a newer one takes the place of the old one, which stands until then', async () => {
  await withFolder(async (folder) => {
    const cache = openCache(folder);
    await put(cache);
    const draft = cache.begin(URL);
    await gathered(draft.through(chunksOf(Buffer.from('newer'))));
    assert.deepEqual(await contentIn(cache), CRL);
    assert.equal(await draft.keep(FACTS), true);
    assert.equal(await draft.keep(FACTS), false, 'once');
    await draft.drop();
    assert.equal((await contentIn(cache)).toString(), 'newer');
    assert.equal(filesIn(folder).length, 1);
  });
});

test('what is dropped or was not read to its end leaves nothing', async () => {
  await withFolder(async (folder) => {
    const cache = openCache(folder);
    const draft = cache.begin(URL);
    for await (const _ of draft.through(chunksOf(CRL))) break;
    assert.equal(await draft.keep(FACTS), false);
    await draft.drop();
    const dropped = cache.begin(URL);
    await gathered(dropped.through(chunksOf(CRL)));
    await dropped.drop();
    assert.equal(await dropped.keep(FACTS), false);
    const broken = cache.begin(URL);
    const chunks = async function* () {
      yield CRL;
      throw new Error('the line is dead');
    };
    await assert.rejects(gathered(broken.through(chunks())), /the line is dead/);
    assert.equal(await broken.keep(FACTS), false);
    await broken.drop();
    assert.equal(await cache.begin(URL).keep(FACTS), false, 'nothing came');
    assert.deepEqual(filesIn(folder), []);
  });
});

test('it is kept until it is to be replaced', async () => {
  await withFolder(async (folder) => {
    await put(openCache(folder));
    assert.ok(await openCache(folder, { clock: { now: () => NOW + DAY } }).get(URL));
    assert.equal(await openCache(folder, { clock: { now: () => NOW + DAY + 1 } }).get(URL), undefined);
  });
});

test('a confirmed one is of now', async () => {
  await withFolder(async (folder) => {
    await put(openCache(folder));
    await openCache(folder, { clock: { now: () => NOW + 5 } }).confirm(URL);
    const found = await openCache(folder).get(URL);
    assert.deepEqual([found?.checkedAt, found?.etag], [NOW + 5, FACTS.etag]);
    assert.deepEqual(await contentIn(openCache(folder)), CRL);
    await openCache(folder).confirm('http://elsewhere.test/');
    assert.equal(filesIn(folder).length, 1);
  });
});

test('long URLs and long facts', async () => {
  await withFolder(async (folder) => {
    const cache = openCache(folder);
    const [one, other] = [`http://crl.test/${'a'.repeat(500)}1`, `http://crl.test/${'a'.repeat(500)}2`];
    await put(cache, one, Buffer.from('one'));
    await put(cache, other, Buffer.from('other'));
    assert.equal((await contentIn(cache, one)).toString(), 'one');
    assert.equal((await contentIn(cache, other)).toString(), 'other');
    assert.equal(await put(cache, URL, CRL, { ...FACTS, etag: 'e'.repeat(5_000) }), false);
    assert.equal(filesIn(folder).length, 2);
  });
});

test('the oldest go when there are too many octets, those that are to be replaced first', async () => {
  await withFolder(async (folder) => {
    const at = (now: number): CrlCache => openCache(folder, { clock: { now: () => NOW + now }, maxBytes: 3_000 });
    const kilobyte = Buffer.alloc(1_000, 'x');
    const has = async (url: string): Promise<boolean> => (await at(10).get(url)) !== undefined;
    await put(at(0), 'a', kilobyte);
    await put(at(1), 'b', kilobyte);
    await put(at(2), 'c', kilobyte);
    await at(3).confirm('a');
    await put(at(4), 'd', kilobyte);
    assert.deepEqual(await Promise.all(['a', 'b', 'c', 'd'].map(has)), [true, false, true, true]);
    await put(at(5), 'e', kilobyte, { nextUpdate: NOW + 6 });
    assert.deepEqual(await Promise.all(['a', 'c', 'd'].map(has)), [true, false, true]);
    await put(at(7), 'f', kilobyte);
    assert.deepEqual(await Promise.all(['a', 'd', 'f'].map(has)), [true, true, true]);
    assert.equal(await put(at(8), 'g', Buffer.alloc(3_001)), false, 'larger than all may be');
    assert.equal(filesIn(folder).length, 3);
  });
});

test('a cut or changed file is as good as none, and is replaced', async () => {
  await withFolder(async (folder) => {
    const cache = openCache(folder);
    await put(cache);
    const whole = readFileSync(fileIn(folder));
    for (const length of [0, 1, 64, 4_095, 4_096, 4_097, whole.length - 1]) {
      writeFileSync(fileIn(folder), whole);
      truncateSync(fileIn(folder), length);
      assert.equal(await cache.get(URL), undefined, `${length}`);
    }
    writeFileSync(fileIn(folder), Buffer.concat([whole, Buffer.of(0)]));
    assert.equal(await cache.get(URL), undefined, 'an octet more');
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, octet) => {
        const changed = Buffer.from(whole);
        changed[at] = (changed[at] ?? 0) ^ octet;
        writeFileSync(fileIn(folder), changed);
        assert.equal(await cache.get(URL), undefined);
      }),
      {
        numRuns: Math.min(RUNS, 300),
        examples: [
          [0, 1],
          [64, 10],
          [200, 1],
          [4_000, 42],
          [4_095, 42],
        ],
      },
    );
    assert.equal(await put(cache), true);
    assert.ok(await cache.get(URL));
  });
});

test('what is under another URL is not given out', async () => {
  await withFolder(async (folder) => {
    const cache = openCache(folder);
    await put(cache);
    writeFileSync(path.join(place(folder), 'other.crl'), readFileSync(fileIn(folder)));
    assert.equal(await cache.get('other'), undefined);
  });
});

test('a disk that fails at any step lets the octets pass and keeps what there is', async () => {
  for (const what of ['mkdir', 'open', 'rename', 'handle.close', 'readdir']) {
    await withFolder(async (folder) => {
      await put(openCache(folder), URL, Buffer.from('old'));
      const fs = watchedFileSystem({
        before: (step) => {
          if (step.what === what) throw systemError('ENOSPC', step.path);
        },
      });
      const isKept = await put(openCache(folder, { fs }));
      const content = (await contentIn(openCache(folder))).toString();
      assert.equal(content, isKept ? CRL.toString() : 'old', what);
      assert.equal(filesIn(folder).length, 1, what);
      if (what === 'open') assert.equal(await openCache(folder, { fs }).get(URL), undefined);
    });
  }
});

test('a folder that cannot be made is an empty cache', async () => {
  await withFolder(async (folder) => {
    mkdirSync(path.join(folder, 'state'));
    writeFileSync(path.join(folder, 'state/cache'), 'in the way');
    const cache = openCache(folder);
    assert.equal(await put(cache), false);
    assert.equal(await cache.get(URL), undefined);
    await cache.confirm(URL);
  });
});

test('what was removed since is told when it is read', async () => {
  await withFolder(async (folder) => {
    const cache = openCache(folder, { maxBytes: CRL.length });
    await put(cache);
    const found = await cache.get(URL);
    await put(cache, 'other');
    assert.ok(found);
    await assert.rejects(gathered(found.read()), (error) => isTscertError(error, 'file-unreadable'));
  });
});

test('what a dead process left half-written goes', async () => {
  await withFolder(async (folder) => {
    const dead = openCache(folder, { process: { pid: 2 ** 22 + 1, host: 'here' } });
    await gathered(dead.begin(URL).through(chunksOf(CRL)));
    assert.equal(filesIn(folder).length, 1);
    await put(openCache(folder));
    assert.deepEqual(
      filesIn(folder).filter((name) => name.startsWith('.')),
      [],
    );
    assert.ok(existsSync(fileIn(folder)));
  });
});
