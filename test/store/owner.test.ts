import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { type FileSystem, nodeFileSystem } from '../../src/store/files.js';
import { createJudge, describeOwner, type Owner } from '../../src/store/owner.js';
import { isAlive } from './support.js';

const NOW = Date.UTC(2026, 10, 22);
const self: Owner = { pid: 10, startTime: '500', bootId: 'b0', pidNamespace: '77', host: 'here' };

/** A machine whose /proc has these processes. */
function machine(stats: Readonly<Record<number, string>>, uptime?: string): FileSystem {
  const readFileSync = (file: string): string => {
    const found = file === '/proc/uptime' ? uptime : stats[Number(/^\/proc\/(\d+)\/stat$/.exec(file)?.[1])];
    if (found === undefined) throw Object.assign(new Error(`ENOENT: ${file}`), { code: 'ENOENT' });
    return found;
  };
  return { ...nodeFileSystem, readFileSync: readFileSync as FileSystem['readFileSync'] };
}

const stat = (pid: number, startTime: string, state = 'S', command = 'node'): string =>
  `${pid} (${command}) ${state} 1 1 1 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 11 0 ${startTime} 1 1`;

const fs = machine({
  10: stat(10, '500'),
  11: stat(11, '600'),
  12: stat(12, '700', 'Z'),
  13: stat(13, '800', 'R', 'evil) S 1 (x'),
});
const judge = (owner: Partial<Owner>, age = 0, alive: readonly number[] = [10, 11, 12, 13, 14]): boolean =>
  createJudge({ self, clock: { now: () => NOW }, isAlive: (pid) => alive.includes(pid), fs })({ ...self, ...owner }, NOW - age);

const DAY = 86_400_000;

test('a process that runs is alive, however old its file is', () => {
  assert.equal(judge({}, DAY), false);
  assert.equal(judge({ pid: 11, startTime: '600' }, DAY), false);
});

test('a process that is gone is dead at once', () => {
  assert.equal(judge({ pid: 99, startTime: '1' }), true);
});

test('a process id that was given to another process is dead', () => {
  assert.equal(judge({ pid: 11, startTime: '601' }), true);
});

test('a zombie holds nothing any more', () => {
  assert.equal(judge({ pid: 12, startTime: '700' }), true);
});

test('brackets and blanks in the name of a process do not shift its start time', () => {
  assert.equal(judge({ pid: 13, startTime: '800' }, DAY), false);
});

test('a process that /proc hides is alive while its id is', () => {
  assert.equal(judge({ pid: 14, startTime: '900' }, DAY), false);
});

test('after a reboot nobody of the last boot lives, whoever has the process id now', () => {
  assert.equal(judge({ bootId: 'b-1' }), true);
  assert.equal(judge({ pid: 11, startTime: '600', bootId: 'b-1' }), true);
});

test('another machine with the name of this one lives while its file is touched; a reboot ends all of the boot before, whatever the clock did', () => {
  const upFor = (uptime: string, age: number): boolean =>
    createJudge({ self, clock: { now: () => NOW }, isAlive: () => true, fs: machine({ 11: stat(11, '600') }, uptime) })(
      { ...self, pid: 11, startTime: '600', bootId: 'b-1' },
      NOW - age,
    );
  const minute = 60_000;
  // This machine has been up for an hour: whoever touched the file a minute ago is on another one.
  assert.equal(upFor('3600.25 7000.00', minute), false);
  assert.equal(upFor('3600.25 7000.00', -minute), false);
  assert.equal(upFor('3600.25 7000.00', 5 * minute + 1), true);
  // It came up half a minute ago, or the clock was days ahead before.
  assert.equal(upFor('30.00 30.00', minute), true);
  assert.equal(upFor('3600.25 7000.00', -3 * DAY), true);
  assert.equal(upFor('nonsense', 0), true);
});

test('on another host or in another container an owner counts as alive until its file is five minutes old', () => {
  for (const elsewhere of [{ host: 'there' }, { host: 'there', bootId: 'b9' }, { pidNamespace: '78' }, { pidNamespace: '78', pid: 99 }]) {
    assert.equal(judge(elsewhere, 0), false);
    assert.equal(judge(elsewhere, 5 * 60_000), false);
    assert.equal(judge(elsewhere, 5 * 60_000 + 1), true);
    assert.equal(judge(elsewhere, -DAY), false, 'a file from the future is not old');
  }
});

test('without /proc the process id alone decides', () => {
  const bare: Owner = { pid: 11, startTime: '', bootId: '', pidNamespace: '', host: 'here' };
  const decide = (alive: boolean): boolean =>
    createJudge({ self: { ...bare, pid: 10 }, clock: { now: () => NOW }, isAlive: () => alive, fs: machine({}) })(bare, NOW - DAY);
  assert.equal(decide(true), false);
  assert.equal(decide(false), true);
});

test('this process and a child are described so that they are known again, and the child is dead when it has ended', async (t) => {
  const here = describeOwner(nodeFileSystem, { pid: process.pid, host: hostname() });
  if (here.startTime === '') return t.skip('this system has no /proc');
  assert.match(here.startTime, /^\d+$/);
  assert.match(here.bootId, /^[0-9a-f-]{36}$/);
  assert.match(here.pidNamespace, /^\d+$/);
  const isDead = createJudge({ self: here, clock: { now: () => NOW }, isAlive, fs: nodeFileSystem });
  assert.equal(isDead(here, 0), false);
  const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const owner = describeOwner(nodeFileSystem, { pid: child.pid ?? 0, host: hostname() });
  assert.equal(isDead(owner, 0), false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(isDead(owner, 0), true);
});
