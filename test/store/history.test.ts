/** The history of a certificate on disk: going back, and what is pruned, also when it is cut off or the disk takes nothing. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { isTscertError } from '../../src/base/errors.js';
import { DEFAULT_RETENTION, outlived } from '../../src/store/history.js';
import type { Generation, Store } from '../../src/store/store.js';
import { makeBundle } from '../contract/certificates.js';
import { RUNS } from '../support/property.js';
import { systemError, watchedFileSystem } from './faulty-fs.js';
import { openStore, withFolder } from './support.js';

const NAME = 'www.test';
const DAY = 86_400_000;
const first = makeBundle('first.test');
const second = makeBundle('second.test');

const idsOf = async (store: Store): Promise<string[]> => (await store.generations(NAME)).map(({ id }) => id);
const currentOf = (folder: string): string => path.basename(readlinkSync(path.join(folder, 'live', NAME)));
const home = (folder: string): string => path.join(folder, 'archive', NAME);

async function saveMany(folder: string, count: number): Promise<Store> {
  const store = openStore(folder);
  for (let at = 0; at < count; at++) await store.save(NAME, at % 2 === 0 ? first : second);
  return store;
}

test('what is pruned is neither new, nor young, nor current, nor the one before the current one', () => {
  const history = fc
    .array(fc.integer({ min: -400, max: 400 }), { maxLength: 12 })
    .chain((days) =>
      fc
        .tuple(fc.constant(days), fc.nat(12))
        .map(([ages, current]) =>
          ages.map((age, at): Generation => ({ id: String(at + 1).padStart(4, '0'), storedAt: -age * DAY, isCurrent: at === current })),
        ),
    );
  fc.assert(
    fc.property(history, fc.nat(6), fc.nat(60), (generations, count, days) => {
      const gone = new Set(outlived(generations, { count, age: days * DAY }, 0));
      const current = generations.findIndex(({ isCurrent }) => isCurrent);
      const kept = generations.filter(({ id }) => !gone.has(id));
      if (current < 0) assert.equal(gone.size, 0);
      for (const [at, { id, storedAt }] of generations.entries()) {
        const isNew = at >= generations.length - Math.max(1, count);
        const mayGo = current >= 0 && !isNew && at !== current && at !== current - 1 && -storedAt >= days * DAY;
        assert.equal(gone.has(id), mayGo, id);
      }
      assert.ok(kept.length >= Math.min(count, generations.length));
    }),
    { numRuns: RUNS },
  );
});

test('by default the newest five are kept, and all of the last thirty days, whatever the clock has done', () => {
  const made = (...days: readonly number[]): Generation[] =>
    days.map((age, at) => ({ id: String(at + 1), storedAt: -age * DAY, isCurrent: at === days.length - 1 }));
  const gone = (...days: readonly number[]): string[] => outlived(made(...days), DEFAULT_RETENTION, 0);
  assert.deepEqual(gone(400, 340, 280, 220, 160), []);
  assert.deepEqual(gone(400, 340, 280, 220, 160, 100, 40), ['1', '2']);
  // Six-day certificates, renewed every four days.
  assert.deepEqual(gone(36, 32, 28, 24, 20, 16, 12, 8, 4, 0), ['1', '2']);
  // The clock was ten years ahead for a while: what was stored then comes from the future.
  assert.deepEqual(gone(100, -3_650, -3_650, 90, 80, 70, 60, 50), ['1']);
});

test('when a generation was stored is told by itself; of early versions, and of damaged ones, by its folder', async () => {
  await withFolder(async (folder) => {
    const store = openStore(folder, { clock: { now: () => Date.UTC(2026, 0, 2), sleep: async () => undefined } });
    await store.save(NAME, first);
    await store.save(NAME, second);
    const times = async (): Promise<number[]> => (await store.generations(NAME)).map(({ storedAt }) => storedAt);
    // A copy without the times of files, as some backups make it.
    cpSync(path.join(home(folder), '0001'), path.join(folder, 'copy'), { recursive: true });
    rmSync(path.join(home(folder), '0001'), { recursive: true });
    cpSync(path.join(folder, 'copy'), path.join(home(folder), '0001'), { recursive: true });
    assert.deepEqual(await times(), [Date.UTC(2026, 0, 2), Date.UTC(2026, 0, 2)]);
    const meta = path.join(home(folder), '0001', 'meta.json');
    const early = JSON.parse(readFileSync(meta, 'utf8')) as Record<string, unknown>;
    delete early.storedAt;
    for (const content of [JSON.stringify(early), '', '{"version":1,"sha256":{},"meta":null,"storedAt":"yesterday"}']) {
      writeFileSync(meta, content);
      utimesSync(path.join(home(folder), '0001'), 1_700_000_000, 1_700_000_000);
      assert.deepEqual(await times(), [1_700_000_000_000, Date.UTC(2026, 0, 2)]);
    }
    writeFileSync(meta, JSON.stringify(early));
    assert.equal((await store.loadGeneration(NAME, '0001'))?.certificate, first.certificate);
  });
});

test('a generation that is not whole is not made current, unless that is asked for', async () => {
  await withFolder(async (folder) => {
    const store = await saveMany(folder, 2);
    rmSync(path.join(home(folder), '0001', 'chain.pem'));
    await assert.rejects(store.loadGeneration(NAME, '0001'), { code: 'store-damaged' });
    await assert.rejects(store.pointTo(NAME, '0001'), { code: 'store-damaged' });
    assert.equal(currentOf(folder), '0002');
    await store.pointTo(NAME, '0001', { evenDamaged: true });
    assert.equal(currentOf(folder), '0001');
    await assert.rejects(store.load(NAME), { code: 'store-damaged' });
    assert.equal((await store.save(NAME, first)).generation, '0003');
  });
});

test('a live link that leads nowhere, or is gone, is no hindrance; one that is not ours stays as it is', async () => {
  await withFolder(async (folder) => {
    const store = await saveMany(folder, 3);
    rmSync(path.join(home(folder), '0003'), { recursive: true });
    assert.deepEqual(
      (await store.generations(NAME)).map(({ id, isCurrent }) => [id, isCurrent]),
      [
        ['0001', false],
        ['0002', false],
      ],
    );
    assert.deepEqual(await store.prune(NAME, { count: 1, age: 0 }), []);
    await store.pointTo(NAME, '0002');
    assert.equal((await store.load(NAME))?.generation, '0002');
    const link = path.join(folder, 'live', NAME);
    rmSync(link);
    await store.pointTo(NAME, '0001');
    assert.equal((await store.load(NAME))?.generation, '0001');
    rmSync(link);
    symlinkSync('/etc', link);
    for (const work of [store.pointTo(NAME, '0002'), store.generations(NAME), store.prune(NAME, { count: 1, age: 0 })]) {
      await assert.rejects(work, (error) => isTscertError(error, 'store-damaged') && error.data.isForeign === true);
    }
    assert.equal(readlinkSync(link), '/etc');
  });
});

test('a generation that a killed run has left unlinked is linked by the next run also after a rollback; one that was left is not', async () => {
  await withFolder(async (folder) => {
    const store = await saveMany(folder, 2);
    await store.pointTo(NAME, '0001');
    await store.save(NAME, first);
    // As if the run that saved 0004 had been killed before it switched the link.
    await store.save(NAME, second);
    rmSync(path.join(folder, 'live', NAME));
    symlinkSync(`../archive/${NAME}/0003`, path.join(folder, 'live', NAME));
    assert.equal((await store.save(NAME, second)).generation, '0004');
    await store.pointTo(NAME, '0003');
    assert.equal((await store.save(NAME, second)).generation, '0005');
    await store.pointTo(NAME, '0003');
    // Without its note, or with one that cannot be read, nothing is taken for unlinked.
    writeFileSync(path.join(home(folder), 'rolled-back'), '');
    assert.equal((await store.save(NAME, second)).generation, '0006');
  });
});

test('a disk that takes no note takes the link all the same', async () => {
  await withFolder(async (folder) => {
    await saveMany(folder, 2);
    const fs = watchedFileSystem({
      before: ({ what, path: file }) => {
        if (what === 'handle.writeFile') throw systemError('ENOSPC', file);
      },
    });
    await openStore(folder, { fs }).pointTo(NAME, '0001');
    assert.equal(currentOf(folder), '0001');
    assert.deepEqual(readdirSync(home(folder)).sort(), ['0001', '0002']);
  });
});

test('going back that fails at any step leaves the link as it was, and pruning that fails leaves whole generations only', async () => {
  for (const [what, work] of [
    ['pointTo', (store: Store): Promise<unknown> => store.pointTo(NAME, '0002')],
    ['prune', (store: Store): Promise<unknown> => store.prune(NAME, { count: 1, age: 0 })],
  ] as const) {
    let failed = 0;
    for (let k = 1; ; k++) {
      const isDone = await withFolder(async (folder) => {
        await saveMany(folder, 4);
        let left = k;
        const fs = watchedFileSystem({
          before: ({ path: file }) => {
            if (--left === 0) throw systemError('EROFS', file);
          },
        });
        try {
          await work(openStore(folder, { fs }));
        } catch (error) {
          failed++;
          assert.ok(isTscertError(error, 'store-unwritable'), `${what}, step ${k}: ${error}`);
          assert.match(error.message, /^Cannot (make the generation|remove old generations) .*: the file system is mounted read-only$/);
          assert.equal(currentOf(folder), '0004');
        }
        const store = openStore(folder);
        for (const { id } of await store.generations(NAME)) assert.ok((await store.loadGeneration(NAME, id)) !== undefined);
        await work(store);
        assert.deepEqual(await idsOf(store), what === 'prune' ? ['0003', '0004'] : ['0001', '0002', '0003', '0004']);
        return left > 0;
      });
      if (isDone) break;
    }
    assert.ok(failed > 3, `${what} failed ${failed} times`);
  }
});

test('a kill -9 before any step leaves a whole current generation; the next call ends what was begun and leaves nothing else', async () => {
  const child = fileURLToPath(new URL('./history-child.js', import.meta.url));
  await withFolder(async (parent) => {
    let kills = 0;
    const template = path.join(parent, 'template');
    await saveMany(template, 5);
    const killedBefore = async (k: number): Promise<boolean> => {
      const folder = path.join(parent, String(k));
      cpSync(template, folder, { recursive: true, verbatimSymlinks: true });
      const run = spawn(process.execPath, [child, folder, NAME, String(k)], { stdio: ['ignore', 'ignore', 'inherit'] });
      const [code, signal] = (await once(run, 'exit')) as [number | null, string | null];
      if (signal === 'SIGKILL') kills++;
      else assert.equal(code, 0);
      const store = openStore(folder);
      assert.ok(['0004', '0005'].includes((await store.load(NAME))?.generation ?? ''), `killed before step ${k}`);
      for (const { id } of await store.generations(NAME)) assert.ok((await store.loadGeneration(NAME, id)) !== undefined);
      await store.pointTo(NAME, '0004');
      await store.prune(NAME, { count: 1, age: 0 });
      assert.deepEqual(
        readdirSync(home(folder)).filter((entry) => entry !== 'rolled-back'),
        ['0003', '0004', '0005'],
        `killed before step ${k}`,
      );
      assert.ok(existsSync(path.join(folder, 'live', NAME, 'fullchain.pem')));
      return signal === null;
    };
    for (let k = 1; ; k += 2) {
      const done = await Promise.all([killedBefore(k), killedBefore(k + 1)]);
      if (done.includes(true)) break;
    }
    assert.ok(kills > 10, `only ${kills} kills`);
  });
});
