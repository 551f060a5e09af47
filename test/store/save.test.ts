import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isTscertError } from '../../src/base/errors.js';
import type { FileSystem } from '../../src/store/files.js';
import { makeBundle } from '../contract/certificates.js';
import { type Step, systemError, watchedFileSystem } from './faulty-fs.js';
import { openStore, withFolder } from './support.js';

const NAME = 'www.test';
const first = makeBundle('first.test');
const second = makeBundle('second.test');

/** All that there is below a folder, with links as their targets. */
function treeOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const file = path.join(folder, entry.name);
      if (entry.isSymbolicLink()) return [`${entry.name} -> ${readlinkSync(file)}`];
      return [entry.name, ...(entry.isDirectory() ? treeOf(file).map((below) => `${entry.name}/${below}`) : [])];
    })
    .sort();
}

const modesOf = (folder: string): Record<string, string> =>
  Object.fromEntries(
    treeOf(folder)
      .filter((file) => !file.includes(' -> '))
      .map((file) => [file, (lstatSync(path.join(folder, file)).mode & 0o777).toString(8)]),
  );

test('one symbolic link, files with the names of certbot, and modes that no umask changes', async () => {
  for (const umask of [0o000, 0o022, 0o077]) {
    await withFolder(async (parent) => {
      const folder = path.join(parent, 'not', 'there');
      const before = process.umask(umask);
      try {
        const store = openStore(folder);
        await store.probe();
        await store.save(NAME, { ...first, chain: second.certificate });
        await store.put('accounts', 'a', 1);
        await store.put('journal', 'j', 2);
        await (await store.lock('l', { wait: 0, signal: new AbortController().signal })).release();
      } finally {
        process.umask(before);
      }
      assert.equal(readlinkSync(path.join(folder, 'live', NAME)), `../archive/${NAME}/0001`);
      assert.equal(readFileSync(path.join(folder, 'live', NAME, 'fullchain.pem'), 'utf8'), first.certificate + second.certificate);
      assert.equal(readFileSync(path.join(folder, 'live', NAME, 'privkey.pem'), 'utf8'), first.privateKey);
      const at = `archive/${NAME}`;
      assert.deepEqual(modesOf(folder), {
        live: '755',
        archive: '755',
        [at]: '755',
        [`${at}/0001`]: '755',
        [`${at}/0001/privkey.pem`]: '600',
        [`${at}/0001/cert.pem`]: '644',
        [`${at}/0001/chain.pem`]: '644',
        [`${at}/0001/fullchain.pem`]: '644',
        [`${at}/0001/meta.json`]: '600',
        accounts: '700',
        'accounts/a.json': '600',
        state: '700',
        'state/journal': '700',
        'state/journal/j.json': '600',
        'state/ledger': '700',
        'state/cache': '700',
        'state/locks': '700',
      });
    });
  }
});

test('a folder that its owner closed stays closed', async () => {
  await withFolder(async (folder) => {
    for (const name of ['live', 'archive']) {
      mkdirSync(path.join(folder, name));
      chmodSync(path.join(folder, name), 0o700);
    }
    await openStore(folder).save(NAME, first);
    assert.equal(modesOf(folder).live, '700');
    assert.equal(modesOf(folder).archive, '700');
  });
});

/** Plays the steps on a disk that forgets, at a power failure, all that was not brought to stable storage; says what could be lost. */
function losses(steps: readonly Step[], live: string): string[] {
  const wrong: string[] = [];
  const unsynced = new Set<string>();
  for (const { what, path: file, to } of steps) {
    const folder = path.dirname(file);
    if (what === 'handle.writeFile') unsynced.add(file);
    if (what === 'handle.sync') unsynced.delete(file);
    if (what === 'mkdir' || what === 'handle.writeFile') unsynced.add(`entry of ${folder}`);
    if (what === 'handle.sync') unsynced.delete(`entry of ${file}`);
    if (what === 'rename' && to !== undefined) {
      // The entries of the folder in which the temporary name stands may be lost: it is the new name that counts.
      const below = [...unsynced].filter((item) => item.startsWith(`${file}/`) || item === file || item === `entry of ${file}`);
      if (below.length > 0) wrong.push(`${to} is named before it is safe: ${below.join(', ')}`);
      if (to.startsWith(live) && unsynced.size > 0) wrong.push(`${to} is switched before all is safe: ${[...unsynced].join(', ')}`);
      unsynced.delete(`entry of ${folder}`);
      unsynced.add(`entry of ${path.dirname(to)}`);
    }
  }
  return [...wrong, ...[...unsynced].map((item) => `at the end, ${item} is not safe`)];
}

test('everything is on stable storage before it is named, and all of it before the switch', async () => {
  await withFolder(async (folder) => {
    const live = path.join(folder, 'live');
    for (const bundle of [first, second]) {
      const steps: Step[] = [];
      await openStore(folder, { fs: watchedFileSystem({ after: (step) => steps.push(step) }) }).save(NAME, bundle);
      assert.deepEqual(losses(steps, live), []);
      const syncs = steps.filter(({ what }) => what === 'handle.sync').length;
      assert.ok(syncs >= 8, `five files and three folders, not ${syncs}`);
      // The watcher itself: when any one of these places is never synced, it must complain.
      for (const place of new Set(steps.filter(({ what }) => what === 'handle.sync').map(({ path: file }) => file))) {
        const without = steps.filter((step) => step.what !== 'handle.sync' || step.path !== place);
        assert.notDeepEqual(losses(without, live), [], `nobody missed the sync of ${place}`);
      }
    }
    for (const kind of ['accounts', 'journal', 'ledger'] as const) {
      const steps: Step[] = [];
      await openStore(folder, { fs: watchedFileSystem({ after: (step) => steps.push(step) }) }).put(kind, 'key', 1);
      assert.deepEqual(losses(steps, live), []);
    }
  });
});

/** How many steps a save has, and what stands afterwards when each of them fails. */
async function failEachStep(older: typeof first | undefined, code: string): Promise<number> {
  for (let k = 1; ; k++) {
    const done = await withFolder(async (folder) => {
      if (older !== undefined) await openStore(folder).save(NAME, older);
      const before = older === undefined ? [] : treeOf(folder);
      let left = k;
      const fs: FileSystem = watchedFileSystem({
        before: ({ path: file }) => {
          if (--left === 0) throw systemError(code, file);
        },
      });
      try {
        await openStore(folder, { fs }).save(NAME, second);
      } catch (error) {
        assert.ok(isTscertError(error, 'store-unwritable'), `step ${k}: ${error}`);
        assert.match(error.message, /^Cannot store the certificate "www\.test" in ".*archive": ./);
        assert.equal(error.data.code, code);
        const left = treeOf(folder).filter((file) => !['live', 'archive'].includes(file));
        assert.deepEqual(
          left,
          before.filter((file) => !['live', 'archive'].includes(file)),
          `step ${k} left something`,
        );
        assert.deepEqual((await openStore(folder).load(NAME))?.certificate, older?.certificate);
        await openStore(folder).save(NAME, second);
        return false;
      }
      assert.equal((await openStore(folder).load(NAME))?.certificate, second.certificate);
      return left > 0;
    });
    if (done) return k - 1;
  }
}

test('a save that fails at any step leaves the old generation current and nothing of the new one', async () => {
  assert.ok((await failEachStep(first, 'ENOSPC')) > 25);
  assert.ok((await failEachStep(undefined, 'EROFS')) > 25);
});

test('a kill -9 before any step leaves the old generation whole and current, until the new one is; the next save cleans up', async () => {
  const child = fileURLToPath(new URL('./save-child.js', import.meta.url));
  await withFolder(async (parent) => {
    const file = path.join(parent, 'bundle.json');
    writeFileSync(file, JSON.stringify(second));
    let kills = 0;
    const saveUntil = async (k: number): Promise<boolean> => {
      const folder = path.join(parent, String(k));
      const store = openStore(folder);
      const old = await store.save(NAME, first);
      const run = spawn(process.execPath, [child, folder, NAME, file, String(k)], { stdio: ['ignore', 'ignore', 'inherit'] });
      const [code, signal] = (await once(run, 'exit')) as [number | null, string | null];
      if (signal === 'SIGKILL') kills++;
      else assert.equal(code, 0);
      const current = await store.load(NAME);
      assert.ok(current !== undefined);
      if (current.generation === old.generation) assert.deepEqual(current, old);
      else assert.equal(current.certificate, second.certificate);
      assert.ok(signal !== null || current.certificate === second.certificate);
      const next = await store.save(NAME, second);
      assert.deepEqual(await store.load(NAME), next);
      const rest = treeOf(folder).filter((entry) => entry.includes('.new-'));
      assert.deepEqual(rest, [], `killed before step ${k}`);
      return signal === null;
    };
    for (let k = 1; ; k += 2) {
      const done = await Promise.all([saveUntil(k), saveUntil(k + 1)]);
      if (done.includes(true)) break;
    }
    assert.ok(kills > 25, `only ${kills} kills`);
  });
});

test('what a live process is writing is not swept away', async () => {
  await withFolder(async (folder) => {
    let another: Promise<unknown> | undefined;
    const fs = watchedFileSystem({
      before: ({ what }) => {
        if (what === 'handle.writeFile') another ??= openStore(folder).save(NAME, second);
      },
    });
    await openStore(folder, { fs }).save(NAME, first);
    await another;
    assert.deepEqual(readdirSync(path.join(folder, 'archive', NAME)).sort(), ['0001', '0002']);
    assert.ok((await openStore(folder).load(NAME)) !== undefined);
  });
});
