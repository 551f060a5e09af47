import assert from 'node:assert/strict';
import { existsSync, mkdirSync, type PathLike, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTscertError } from '../../src/base/errors.js';
import { createClock } from '../../src/cli/system.js';
import { type FileSystem, nodeFileSystem } from '../../src/store/files.js';
import { createLocks, type LockOptions } from '../../src/store/lock.js';
import { GUARD } from '../../src/store/lock-file.js';
import type { Owner } from '../../src/store/owner.js';
import type { Lock } from '../../src/store/store.js';
import { systemError, watchedFileSystem } from './faulty-fs.js';
import { openStore, withFolder } from './support.js';

const never = new AbortController().signal;
const ownerOf = (pid: number): Owner => ({ pid, startTime: '1', bootId: 'b0', pidNamespace: '1', host: 'host.test' });
const clock = createClock();

/** Something that happens once and can be waited for. */
function createSignal(): { give(): void; readonly promise: Promise<void> } {
  let give = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { give: () => give(), promise };
}

function locksOf(folder: string, pid: number, changes: Partial<LockOptions> = {}) {
  return createLocks({
    folder,
    self: ownerOf(pid),
    command: `run ${pid}`,
    clock,
    background: clock,
    isDead: () => false,
    fs: nodeFileSystem,
    ...changes,
  });
}

test('who is refused learns who holds the lock, since when, and what for', async () => {
  await withFolder(async (folder) => {
    const held = await locksOf(folder, 1).lock('www.test', { wait: 0, signal: never });
    await assert.rejects(locksOf(folder, 2).lock('www.test', { wait: 0, signal: never }), (error) => {
      assert.ok(isTscertError(error, 'locked'));
      assert.match(error.message, /^Cannot lock "www\.test": process 1 on host\.test has held it since 20\d\d-\S+Z \(run 1\)$/);
      const { since, ...data } = error.data;
      assert.deepEqual(data, { key: 'www.test', path: path.join(folder, 'www.test.lock'), pid: 1, host: 'host.test', command: 'run 1' });
      assert.ok(Math.abs(Date.parse(String(since)) - Date.now()) < 60_000);
      return true;
    });
    await held.release();
    assert.deepEqual(readdirSync(folder), []);
  });
});

test('the lock of a dead process is taken over at once, without waiting, and its late release does not take it away', async () => {
  await withFolder(async (folder) => {
    const dead = new Set<number>();
    const isDead = (owner: Owner): boolean => dead.has(owner.pid);
    const lost = await locksOf(folder, 1, { isDead }).lock('k', { wait: 0, signal: never });
    await assert.rejects(locksOf(folder, 2, { isDead }).lock('k', { wait: 0, signal: never }));
    dead.add(1);
    const taken = await locksOf(folder, 2, { isDead }).lock('k', { wait: 0, signal: never });
    await lost.release();
    await assert.rejects(locksOf(folder, 3, { isDead }).lock('k', { wait: 0, signal: never }), /process 2 on/);
    await taken.release();
    assert.deepEqual(readdirSync(folder), []);
  });
});

test('a lock file without a holder counts as taken until it is five minutes old', async () => {
  for (const content of ['', '{"pid":1', 'null', '{"pid":-1,"token":"x"}', '{"pid":"1"}']) {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'k.lock');
      writeFileSync(file, content);
      await assert.rejects(
        locksOf(folder, 1).lock('k', { wait: 0, signal: never }),
        /k\.lock" is damaged and counts as taken until it is five minutes old/,
      );
      const old = Date.now() / 1_000 - 5 * 60 - 5;
      utimesSync(file, old, old);
      await (await locksOf(folder, 1).lock('k', { wait: 0, signal: never })).release();
      assert.deepEqual(readdirSync(folder), []);
    });
  }
});

test('a lock file without a holder that comes from the future, by a clock that was wrong, is taken over', async () => {
  await withFolder(async (folder) => {
    const file = path.join(folder, 'k.lock');
    writeFileSync(file, '');
    const ahead = Date.now() / 1_000 + 3 * 86_400;
    utimesSync(file, ahead, ahead);
    await (await locksOf(folder, 1).lock('k', { wait: 0, signal: never })).release();
    assert.deepEqual(readdirSync(folder), []);
  });
});

test('a held lock shows a sign of life every minute, a released one none', async () => {
  await withFolder(async (folder) => {
    let now = Date.UTC(2026, 0, 1);
    const naps: { ms: number; wake: () => void; signal: AbortSignal | undefined }[] = [];
    const fake = {
      now: () => now,
      sleep: (ms: number, signal?: AbortSignal) => new Promise<void>((wake) => naps.push({ ms, wake, signal })),
    };
    const touched = createSignal();
    const fs = watchedFileSystem({ after: ({ what }) => what === 'utimes' && touched.give() });
    const lock = await locksOf(folder, 1, { clock: fake, background: fake, fs }).lock('k', { wait: 0, signal: never });
    assert.deepEqual(
      naps.map(({ ms }) => ms),
      [60_000],
    );
    now += 60_000;
    naps[0]?.wake();
    await touched.promise;
    assert.equal(statSync(path.join(folder, 'k.lock')).mtimeMs, now);
    await lock.release();
    assert.equal(naps.at(-1)?.signal?.aborted, true);
  });
});

test('a disk that has become full does not keep a lock from being released', async () => {
  await withFolder(async (folder) => {
    let full = false;
    const fs = watchedFileSystem({
      before: ({ what, path: file }) => {
        if (full && what === 'open') throw systemError('ENOSPC', file);
      },
    });
    const lock = await locksOf(folder, 1, { fs }).lock('k', { wait: 0, signal: never });
    full = true;
    await lock.release();
    assert.deepEqual(readdirSync(folder), []);
    await assert.rejects(locksOf(folder, 1, { fs }).lock('k', { wait: 0, signal: never }), (error) => {
      assert.ok(isTscertError(error, 'store-unwritable'));
      assert.match(error.message, /^Cannot write the lock file ".*k\.lock": the disk is full$/);
      return true;
    });
  });
});

test('a lock that waited long is fresh when it is taken', async () => {
  await withFolder(async (folder) => {
    let now = Date.UTC(2026, 0, 1);
    let held: Lock | undefined = await locksOf(folder, 1).lock('k', { wait: 0, signal: never });
    const fake = {
      now: () => now,
      async sleep(ms: number) {
        now += ms;
        if (now > Date.UTC(2026, 0, 1, 0, 10)) await held?.release();
        if (now > Date.UTC(2026, 0, 1, 0, 10)) held = undefined;
      },
    };
    const idle = { sleep: () => new Promise<void>(() => undefined) };
    const lock = await locksOf(folder, 2, { clock: fake, background: idle }).lock('k', { wait: 3_600_000, signal: never });
    assert.ok(now - statSync(path.join(folder, 'k.lock')).mtimeMs <= 61_000);
    await lock.release();
  });
});

test('long and odd keys have locks of their own', async () => {
  await withFolder(async (folder) => {
    const long = `dns-01:${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;
    const keys = [long, `${long}e`, '', '.', '..', '../x', 'a/b', '*.a', 'A', 'a'];
    const held = await Promise.all(keys.map((key) => locksOf(folder, 1).lock(key, { wait: 0, signal: never })));
    assert.equal(readdirSync(folder).length, keys.length);
    await Promise.all(held.map((lock) => lock.release()));
    assert.deepEqual(readdirSync(folder), []);
  });
});

test('the lock file says who holds it, and is for the owner alone', async () => {
  await withFolder(async (folder) => {
    const lock = await openStore(folder).lock('www.test', { wait: 0, signal: never });
    const file = path.join(folder, 'state/locks/www.test.lock');
    const holder = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    assert.deepEqual(Object.keys(holder).sort(), ['bootId', 'command', 'host', 'pid', 'pidNamespace', 'since', 'startTime', 'token']);
    assert.equal(holder.pid, process.pid);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    await lock.release();
  });
});

/** A baton that one process at a time has; who gets it next is chosen when all the others stand and wait for it. */
function createBaton(choices: Iterator<number>, members: number) {
  const waiting: (() => void)[] = [];
  let running = members;
  const pass = (): void => {
    if (running > 0 || waiting.length === 0) return;
    const [next] = waiting.splice(choices.next().value % waiting.length, 1);
    running++;
    next?.();
  };
  const leave = (): void => {
    running--;
    pass();
  };
  return {
    leave,
    step: () =>
      new Promise<void>((resolve) => {
        waiting.push(resolve);
        leave();
      }),
  };
}

/**
 * Several processes, played in this one: `choices` decide which of them does its next step on the disk, and some die before one of
 * their steps. Gives what went wrong, and how often the lock was had.
 */
async function play(choices: Iterator<number>, folder: string, deaths: readonly (number | undefined)[], guarded: boolean) {
  const dead = new Set<number>();
  const wrong: string[] = [];
  let holder: number | undefined;
  let turns = 0;
  const { step, leave } = createBaton(choices, deaths.length);
  const run = async (pid: number, deathAt: number | undefined): Promise<void> => {
    let steps = 0;
    const died = createSignal();
    const fs = watchedFileSystem({
      before: async ({ what, path: file }) => {
        await step();
        if (what === 'unlink' && path.basename(file) === 'k.lock' && existsSync(file)) {
          const owner = (JSON.parse(readFileSync(file, 'utf8')) as Owner).pid;
          if (owner !== pid && !dead.has(owner)) wrong.push(`${pid} removes the lock of ${owner}, which lives`);
        }
        if (++steps !== deathAt) return;
        dead.add(pid);
        died.give();
        await new Promise<never>(() => undefined);
      },
    });
    const idle = { sleep: () => new Promise<void>(() => undefined) };
    const locks = locksOf(folder, pid, {
      fs: guarded ? fs : withoutGuards(fs),
      clock: { now: () => 0, sleep: step },
      background: idle,
      isDead: (owner) => dead.has(owner.pid),
    });
    const work = async (): Promise<void> => {
      for (let round = 0; round < 2; round++) {
        const lock = await locks.lock('k', { wait: Number.MAX_SAFE_INTEGER, signal: never });
        if (holder !== undefined && !dead.has(holder)) wrong.push(`${holder} and ${pid} hold the lock`);
        holder = pid;
        for (let i = 0; i < 3; i++) await step();
        if (holder !== pid) wrong.push(`${pid} lost the lock to ${holder}`);
        holder = undefined;
        turns++;
        await lock.release();
      }
    };
    await Promise.race([work(), died.promise]).finally(leave);
  };
  await Promise.all(deaths.map((deathAt, at) => run(at + 1, deathAt)));
  return { wrong, turns, survivors: deaths.length - dead.size };
}

/** A file system on which everybody gets every guard at once. */
function withoutGuards(fs: FileSystem): FileSystem {
  const isGuard = (file: PathLike): boolean => path.basename(String(file)).startsWith(GUARD);
  return {
    ...nodeFileSystem,
    ...Object.fromEntries((['open', 'mkdir', 'rm', 'chmod'] as const).map((name) => [name, fs[name]])),
    link: async (from, to) => (isGuard(to) ? undefined : fs.link(from, to)),
    unlink: async (file) => (isGuard(file) ? undefined : fs.unlink(file).catch(() => undefined)),
  };
}

/** Runs of {@link play} with chosen orders and deaths, each in a folder of its own. */
function playing(parent: string, guarded: boolean) {
  const deaths = fc.array(fc.option(fc.integer({ min: 1, max: 26 }), { nil: undefined }), { minLength: 2, maxLength: 5 });
  let runs = 0;
  return fc.asyncProperty(fc.infiniteStream(fc.nat(59)), deaths, async (choices, chosen) => {
    const folder = path.join(parent, String(++runs));
    mkdirSync(folder);
    const { wrong, turns, survivors } = await play(choices, folder, chosen, guarded);
    assert.deepEqual(wrong, []);
    assert.ok(turns >= survivors * 2);
  });
}

test('in whatever order processes take their steps and die, two never hold a lock and nobody waits for ever', async () => {
  const numRuns = Math.ceil(Number(process.env.TSCERT_TEST_FUZZ ?? 2000) / 10);
  await withFolder((parent) => fc.assert(playing(parent, true), { numRuns }));
});

test('the same play finds the fault in locks that are taken over without a guard', async () => {
  const found = await withFolder(async (parent) => fc.check(playing(parent, false), { numRuns: 5_000, endOnFailure: true }));
  assert.match(String(found.errorInstance), /hold the lock|, which lives|lost the lock/);
});
