/** Runs of `renew` beside each other and beside `issue`: no double work, nothing undone, and one that is locked stops no other. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { nodeFileSystem } from '../../src/store/files.js';
import { describeOwner, type Owner } from '../../src/store/owner.js';
import { openStore } from '../store/support.js';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { skipUnless } from '../support/servers.js';
import { verifyFiles } from '../support/verify.js';

const never = new AbortController().signal;

describe('renew beside others', { skip: skipUnless('pebble') }, () => {
  let world: AcmeWorld;
  let roots: string;
  const names = ['a', 'b', 'c'].map((label) => `${label}.example.com`);
  before(async () => {
    world = await startAcmeWorld({ route53: { dns: { servers: [{ address: '127.0.0.1', lag: 300 }] } } });
    roots = await world.rootFile();
    const runs = await Promise.all(names.map((name) => world.run(['issue', '-d', name, ...world.flags])));
    for (const { code, stderr } of runs) assert.equal(code, 0, stderr);
  });
  after(() => world.close());

  const live = (name: string): string => path.join(world.folder, 'live', name);
  const generations = async (name: string): Promise<string[]> => (await readdir(path.join(world.folder, 'archive', name))).sort();
  const issued = (): number => world.pebble.log().match(/Issued certificate serial/g)?.length ?? 0;
  const orders = (): number => world.pebble.log().match(/Added order "/g)?.length ?? 0;
  /** Makes a certificate due: its chain is lost. */
  const damage = async (name: string): Promise<void> => writeFile(path.join(live(name), 'chain.pem'), 'lost');
  const leftovers = (): Promise<string[]> => readdir(path.join(world.folder, 'state/locks'));

  test('three at once renew what is due once; who comes too late says so or finds the fresh one', async () => {
    for (const name of names) await damage(name);
    const before = [issued(), orders()];
    const runs = await Promise.all([1, 2, 3].map(() => world.run(['renew'])));
    for (const { code, stderr } of runs) {
      assert.ok([0, 3, 5].includes(code), stderr);
      if (code !== 0) assert.match(stderr, /process \d+ on \S+ has held it since .*tscert renew/);
    }
    assert.ok(runs.some(({ code }) => code === 0));
    assert.deepEqual([issued(), orders()], [(before[0] ?? 0) + 3, (before[1] ?? 0) + 3]);
    for (const name of names) {
      assert.deepEqual(await generations(name), ['0001', '0002']);
      await verifyFiles(live(name), [name], roots);
    }
    assert.deepEqual(await leftovers(), []);
    assert.deepEqual(world.txtSets(), []);
  });

  test('one whose lock a living process holds is left, the others go on: 3; alone: 5', async () => {
    for (const name of names) await damage(name);
    const lock = await openStore(world.folder).lock('certificate:b.example.com', { wait: 0, signal: never });
    try {
      const { code, stdout, stderr } = await world.run(['renew']);
      assert.equal(code, 3, stderr);
      assert.match(stderr, /error: b\.example\.com: cannot lock "certificate:b\.example\.com": process \d+ on /);
      assert.match(stdout, /a\.example\.com is issued/);
      assert.match(stdout, /c\.example\.com is issued/);
      assert.match(stderr, /3 certificates: 2 renewed, 1 failed\n$/);
      const alone = await world.run(['renew', 'b.example.com']);
      assert.equal(alone.code, 5, alone.stderr);
    } finally {
      await lock.release();
    }
    // That it was locked is no failure of it: nothing is put off.
    const { code, stderr } = await world.run(['renew']);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /3 certificates: 1 renewed, 2 not due\n$/);
  });

  test('a renew that waits while issue asks for other names does not undo them', async () => {
    await damage('a.example.com');
    const before = issued();
    const issue = world.start(['issue', '-d', 'a.example.com', '-d', 'more.example.com', ...world.flags, '--json']);
    await issue.said(/"stage":"finalize","state":"begin"/);
    // It has read how the certificate was asked for before the lock is free.
    const renew = world.start(['renew', 'a.example.com']);
    const [first, second] = [await issue.finished, await renew.finished];
    assert.equal(first.code, 0, first.stderr);
    assert.ok(second.code === 0 || second.code === 5, second.stderr);
    const later = await world.run(['renew', 'a.example.com']);
    assert.match(later.stderr, /1 certificate: 1 not due\n$/);
    assert.equal(issued(), before + 1);
    await verifyFiles(live('a.example.com'), ['a.example.com', 'more.example.com'], roots);
  });

  test('a lock of the last boot, or of a process whose id another one has now, is taken over; that of a living one is not', async () => {
    const child: ChildProcess = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], { stdio: 'ignore' });
    await once(child, 'spawn');
    try {
      const living = describeOwner(nodeFileSystem, { pid: child.pid ?? 0, host: hostname() });
      const file = path.join(world.folder, 'state/locks/certificate%3Ac.example.com.lock');
      const hold = (owner: Owner): Promise<void> =>
        writeFile(file, JSON.stringify({ ...owner, token: 'token', command: 'tscert renew', since: new Date().toISOString() }));
      await hold(living);
      const refused = await world.run(['renew', 'c.example.com', '--force']);
      assert.equal(refused.code, 5, refused.stderr);
      assert.equal(JSON.parse(await readFile(file, 'utf8')).pid, child.pid);
      for (const gone of [
        { ...living, bootId: '00000000-0000-0000-0000-000000000000' },
        { ...living, startTime: String(Number(living.startTime) - 1) },
      ]) {
        await hold(gone);
        // As a lock of the last boot is: older than this one.
        const { utimes } = nodeFileSystem;
        await utimes(file, 1_000_000_000, 1_000_000_000);
        const { code, stderr } = await world.run(['renew', 'c.example.com', '--force']);
        assert.equal(code, 0, stderr);
        assert.deepEqual(await leftovers(), []);
      }
    } finally {
      child.kill('SIGKILL');
    }
  });
});
