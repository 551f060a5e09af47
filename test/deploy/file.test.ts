/** Files for others: their content, owner and mode, and everything that may stand or happen in their way. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import type { FileRequest, TargetRequest } from '../../src/request/request.js';
import { type Step, systemError, watchedFileSystem } from '../store/faulty-fs.js';
import { withFolder } from '../store/support.js';
import { withMount } from '../support/mount.js';
import { bringTo, deliveryOf, failure, partsOf } from './kit.js';

const old = deliveryOf('old.test');
const fresh = deliveryOf('fresh.test');
const chained = { ...fresh, stored: { ...fresh.stored, chain: old.stored.certificate } };
const needsRoot = process.getuid?.() === 0 ? false : 'owners are given by root alone';

const file = (where: string, changes: Partial<FileRequest> = {}): TargetRequest => ({
  kind: 'file',
  path: where,
  content: ['fullchain', 'key'],
  mode: 0o600,
  ...changes,
});
const combinedOf = ({ stored }: typeof fresh): string => stored.certificate + stored.chain + stored.privateKey;

test('the parts of a certificate, one after the other', () =>
  withFolder(async (folder) => {
    const { certificate, chain, privateKey = '' } = chained.stored;
    for (const [content, text] of [
      [['cert'], certificate],
      [['chain'], chain],
      [['fullchain'], certificate + chain],
      [['fullchain', 'key'], certificate + chain + privateKey],
      [['key', 'cert'], privateKey + certificate],
    ] as const) {
      const where = path.join(folder, content.join('-'));
      await bringTo(file(where, { content }), chained);
      assert.equal(await readFile(where, 'utf8'), text);
    }
  }));

test('mode and owner are there before the file is, and it is nobody else’s on the way', { skip: needsRoot }, () =>
  withFolder(async (folder) => {
    const where = path.join(folder, 'www.pem');
    const seen: string[] = [];
    const look = ({ what, path: at }: Step): void => {
      if (what === 'open' || !at.includes('tscert-new')) return;
      const { uid, gid, mode, size } = statSync(at);
      seen.push(`${what} ${uid}:${gid} ${(mode & 0o7777).toString(8)} ${size > 0 ? 'full' : 'empty'}`);
    };
    const parts = partsOf({ fs: watchedFileSystem({ before: (step) => (step.what === 'rm' ? undefined : look(step)) }) });
    const before = process.umask(0o077);
    try {
      await bringTo(file(where, { owner: 'daemon', group: 'bin', mode: 0o640 }), fresh, parts);
    } finally {
      process.umask(before);
    }
    assert.deepEqual(seen, [
      'handle.chown 0:0 600 empty',
      'handle.chmod 1:2 600 empty',
      'handle.writeFile 1:2 640 empty',
      'handle.sync 1:2 640 full',
      'handle.close 1:2 640 full',
      'rename 1:2 640 full',
    ]);
    const { uid, gid, mode } = await stat(where);
    assert.deepEqual([uid, gid, mode & 0o7777], [1, 2, 0o640]);
  }),
);

test('a file is written again when its content, its mode or its owner differs, and only then', { skip: needsRoot }, () =>
  withFolder(async (folder) => {
    const where = path.join(folder, 'www.pem');
    const inode = async (): Promise<number> => (await stat(where)).ino;
    const wanted = file(where, { owner: '1', mode: 0o640 });
    await bringTo(wanted, old);
    let last = await inode();
    await bringTo(wanted, old);
    assert.equal(await inode(), last);
    for (const change of [
      () => bringTo(wanted, fresh),
      () => writeFile(where, combinedOf(fresh).replace('A', 'B')).then(() => bringTo(wanted, fresh)),
      () => bringTo(file(where, { owner: '1', mode: 0o600 }), fresh),
      () => bringTo(file(where, { owner: '2', mode: 0o600 }), fresh),
      () => bringTo(file(where, { owner: '2', group: 'bin', mode: 0o600 }), fresh),
    ]) {
      await change();
      assert.notEqual(await inode(), last);
      last = await inode();
      assert.equal(await readFile(where, 'utf8'), combinedOf(fresh));
    }
  }),
);

test('what is no regular file is neither followed nor replaced', () =>
  withFolder(async (folder) => {
    const victim = path.join(folder, 'victim');
    await writeFile(victim, 'precious');
    const at = (name: string): string => path.join(folder, name);
    await symlink(victim, at('link'));
    await symlink(at('nowhere'), at('dangling'));
    await symlink('loop', at('loop'));
    await mkdir(at('folder'));
    execFileSync('mkfifo', [at('pipe')]);
    for (const [name, kind] of [
      ['link', 'a symbolic link'],
      ['dangling', 'a symbolic link'],
      ['loop', 'a symbolic link'],
      ['folder', 'a folder'],
      ['pipe', 'no regular file'],
    ] as const) {
      const before = (await lstat(at(name))).ino;
      const { message } = await failure(bringTo(file(at(name)), fresh));
      assert.equal(message, `Cannot deploy "fresh.test" to the file "${at(name)}": it is ${kind}; remove it, or name another file`);
      assert.equal((await lstat(at(name))).ino, before);
    }
    assert.equal(await readFile(victim, 'utf8'), 'precious');
    assert.deepEqual((await readdir(folder)).sort(), ['dangling', 'folder', 'link', 'loop', 'pipe', 'victim']);
  }));

test('links that are planted in the way lead nowhere', () =>
  withFolder(async (folder) => {
    const [victim, where] = [path.join(folder, 'victim'), path.join(folder, 'www.pem')];
    const temporary = path.join(folder, '.www.pem.tscert-new');
    await writeFile(victim, 'precious');
    // Where the new file is made: before the run, and in the moment before it is opened.
    await symlink(victim, temporary);
    await bringTo(file(where), fresh);
    assert.equal(await readFile(where, 'utf8'), combinedOf(fresh));
    const plantAt = (what: string, place: string) => async (step: Step) => {
      if (step.what !== what || (what === 'open' && step.path !== place)) return;
      await rm(place, { force: true });
      await symlink(victim, place);
    };
    const planting = (what: string, place: string) => partsOf({ fs: watchedFileSystem({ before: plantAt(what, place) }) });
    const { message } = await failure(bringTo(file(where), old, planting('open', temporary)));
    assert.match(message, /EEXIST/);
    assert.equal(await readFile(where, 'utf8'), combinedOf(fresh));
    // Where the file stands: between the look at it and its opening, and before it is replaced.
    await failure(bringTo(file(where), fresh, planting('open', where)));
    assert.equal(await readlink(where), victim);
    await rm(where);
    await bringTo(file(where), fresh, planting('rename', where));
    assert.ok((await lstat(where)).isFile());
    assert.equal(await readFile(victim, 'utf8'), 'precious');
  }));

test('a step that fails leaves the old file whole, and nothing beside it', () =>
  withFolder(async (folder) => {
    const where = path.join(folder, 'www.pem');
    await bringTo(file(where), old);
    const steps: string[] = [];
    await bringTo(file(`${where}2`), old, partsOf({ fs: watchedFileSystem({ before: ({ what }) => void steps.push(what) }) }));
    assert.ok(steps.length >= 9, steps.join());
    await rm(`${where}2`);
    const wanted = file(where, { owner: String(process.getuid?.()) });
    for (const code of ['ENOSPC', 'EROFS', 'EPERM']) {
      for (const broken of ['open', 'handle.chown', 'handle.chmod', 'handle.writeFile', 'handle.sync', 'handle.close', 'rename']) {
        const before = ({ what, path: at }: Step): void => {
          if (what === broken && at.includes('tscert-new')) throw systemError(code, at);
        };
        const { message } = await failure(bringTo(wanted, fresh, partsOf({ fs: watchedFileSystem({ before }) })));
        assert.match(message, /: (the disk is full|the file system is mounted read-only|the operation is not permitted there)$/);
        assert.equal(await readFile(where, 'utf8'), combinedOf(old));
        assert.deepEqual(await readdir(folder), ['www.pem'], `${code} at ${broken}`);
      }
    }
  }));

test('a full disk and a read-only folder keep the old file, and are told', async (t) => {
  await withFolder((folder) =>
    withMount(t, ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs'], folder, async () => {
      const where = path.join(folder, 'www.pem');
      await bringTo(file(where), old);
      await assert.rejects(writeFile(path.join(folder, 'ballast'), Buffer.alloc(128 * 1024)), { code: 'ENOSPC' });
      const full = await failure(bringTo(file(where), fresh));
      assert.equal(full.data.reason, 'the disk is full');
      assert.equal(await readFile(where, 'utf8'), combinedOf(old));
      assert.deepEqual((await readdir(folder)).sort(), ['ballast', 'www.pem']);
      await rm(path.join(folder, 'ballast'));
      execFileSync('mount', ['-o', 'remount,ro', folder]);
      const { data } = await failure(bringTo(file(where), fresh));
      assert.equal(data.reason, 'the file system is mounted read-only');
      // What is there as it should be needs no writing.
      await bringTo(file(where), old);
    }),
  );
});

test('a folder that is missing, and a file in its place', () =>
  withFolder(async (folder) => {
    const where = path.join(folder, 'none', 'www.pem');
    assert.equal((await failure(bringTo(file(where), fresh))).data.reason, 'there is no such file or folder');
    await writeFile(path.join(folder, 'none'), '');
    assert.equal((await failure(bringTo(file(where), fresh))).data.reason, 'a part of the path is a file, not a folder');
  }));

test('users and groups that nobody knows', () =>
  withFolder(async (folder) => {
    const where = path.join(folder, 'www.pem');
    const user = await failure(bringTo(file(where, { owner: 'no-such-user' }), fresh));
    assert.equal(user.data.reason, 'there is no user "no-such-user" on this machine');
    const group = await failure(bringTo(file(where, { group: 'no-such-group' }), fresh));
    assert.equal(group.data.reason, 'there is no group "no-such-group" on this machine');
    assert.deepEqual(await readdir(folder), []);
  }));

test('what a run that was killed has left goes with the next one', () =>
  withFolder(async (folder) => {
    await writeFile(path.join(folder, '.www.pem.tscert-new'), 'half');
    await bringTo(file(path.join(folder, 'www.pem')), fresh);
    assert.deepEqual(await readdir(folder), ['www.pem']);
  }));

test('a key that was never here cannot be written', () =>
  withFolder(async (folder) => {
    const { privateKey: _, ...keyless } = fresh.stored;
    const { data } = await failure(bringTo(file(path.join(folder, 'www.pem')), { ...fresh, stored: keyless }));
    assert.equal(data.reason, 'its key is not here');
    assert.deepEqual(await readdir(folder), []);
  }));
