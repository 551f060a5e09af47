import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import { makeBundle } from '../contract/certificates.js';
import { withMount } from '../support/mount.js';
import { openStore, withFolder } from './support.js';

const NAME = 'www.test';
const first = makeBundle('first.test');
const second = makeBundle('second.test');

const isUnwritable =
  (reason: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(isTscertError(error, 'store-unwritable'), String(error));
    assert.match(error.message, reason);
    return true;
  };

test('a disk that is full keeps the old generation, and says so before an order is spent', async (t) => {
  await withFolder((folder) =>
    withMount(t, ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs'], folder, async () => {
      const store = openStore(folder);
      const old = await store.save(NAME, first);
      await store.put('ledger', 'kept', 'old');
      await store.probe();
      writeFileSync(path.join(folder, 'ballast'), Buffer.alloc(700 * 1024));
      await assert.rejects(store.probe(), isUnwritable(/only \d+ bytes are free on its disk/));
      // To the last page: files of 4 KiB until there is no room for one more.
      let pages = 0;
      assert.throws(
        () => {
          for (;;) writeFileSync(path.join(folder, `page-${++pages}`), Buffer.alloc(4096));
        },
        { code: 'ENOSPC' },
      );
      await assert.rejects(store.save(NAME, second), isUnwritable(/the disk is full$/));
      await assert.rejects(
        store.put('ledger', 'kept', 'new'.repeat(5_000)),
        isUnwritable(/^Cannot write the record .*: the disk is full$/),
      );
      assert.deepEqual(await store.load(NAME), old);
      assert.equal(await store.get('ledger', 'kept'), 'old');
      assert.deepEqual(readdirSync(path.join(folder, 'archive', NAME)), ['0001']);
      assert.deepEqual(readdirSync(path.join(folder, 'state/ledger')), ['kept.json']);
      // A few pages come free: a save begins, fails in its middle, and gives them back.
      for (let page = 1; page <= 3; page++) rmSync(path.join(folder, `page-${page}`));
      await assert.rejects(store.save(NAME, second), isUnwritable(/the disk is full$/));
      assert.deepEqual(readdirSync(path.join(folder, 'archive', NAME)), ['0001']);
      rmSync(path.join(folder, 'ballast'));
      await store.probe();
      assert.equal((await store.save(NAME, second)).generation, '0002');
    }),
  );
});

test('a folder that is read-only is noticed by the probe, and what is there can still be read', async (t) => {
  await withFolder(async (folder) => {
    const old = await openStore(folder).save(NAME, first);
    await openStore(folder).probe();
    for (const below of ['live', 'archive', 'accounts', 'state/journal', 'state/locks']) {
      const place = path.join(folder, below);
      await withMount(t, ['--bind', '-o', 'ro', place], place, async () => {
        execFileSync('mount', ['-o', 'remount,ro,bind', place]);
        const store = openStore(folder);
        await assert.rejects(store.probe(), isUnwritable(new RegExp(`^Cannot write into the folder ".*/${below}": .*read-only$`)));
        assert.deepEqual(await store.load(NAME), old);
        if (below === 'archive') await assert.rejects(store.save(NAME, second), isUnwritable(/read-only$/));
      });
    }
  });
});

test('a file in the place of a folder is noticed by the probe', async () => {
  for (const below of ['live', 'archive', 'accounts', 'state', 'state/locks', 'state/journal']) {
    await withFolder(async (folder) => {
      mkdirSync(path.dirname(path.join(folder, below)), { recursive: true });
      writeFileSync(path.join(folder, below), '');
      await assert.rejects(openStore(folder).probe(), isUnwritable(/a part of the path is a file, not a folder$/));
    });
  }
});
