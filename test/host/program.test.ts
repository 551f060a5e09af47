import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Clock } from '../../src/base/clock.js';
import { TscertError } from '../../src/base/errors.js';
import { createClock } from '../../src/cli/system.js';
import { findProgram, type Program, pickEnvironment, runProgram } from '../../src/host/program.js';

const clock = createClock();
const shell = (script: string, more: Partial<Program> = {}): Program => ({
  file: 'sh',
  args: ['-c', script],
  env: { PATH: process.env.PATH ?? '' },
  timeout: 60_000,
  secrets: [],
  failure: 'provider-failed',
  what: 'Cannot change the record',
  ...more,
});

async function failure(running: Promise<unknown>): Promise<TscertError> {
  const error = await running.then(
    () => assert.fail('it succeeded'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof TscertError, String(error));
  return error;
}

describe('a program of others', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'tscert-program-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('gives what it prints on standard output', async (t) => {
    assert.equal(await runProgram(shell('echo out; echo err >&2'), clock, t.signal), 'out');
  });

  test('sees the listed environment only', async (t) => {
    const env = pickEnvironment(
      { PATH: process.env.PATH, HOME: '/h', LC_ALL: 'C', AWS_SECRET_ACCESS_KEY: 'x', EXEC_TOKEN: 'y', LD_PRELOAD: 'z', NONE: undefined },
      (name) => name.startsWith('EXEC_'),
    );
    const names = (await runProgram(shell('env', { env }), clock, t.signal)).split('\n').map((line) => line.split('=')[0]);
    assert.deepEqual(names.filter((name) => name !== 'PWD' && name !== '_' && name !== 'SHLVL').sort(), [
      'EXEC_TOKEN',
      'HOME',
      'LC_ALL',
      'PATH',
    ]);
  });

  test('fails with its exit code and its last words on standard error', async (t) => {
    const error = await failure(runProgram(shell('echo nothing; seq 1 50 >&2; exit 7'), clock, t.signal));
    assert.equal(error.code, 'provider-failed');
    assert.deepEqual([error.data.exitCode, error.data.output], [7, '43\n44\n45\n46\n47\n48\n49\n50']);
    assert.match(error.message, /^Cannot change the record: it ended with exit code 7, saying "43\n/);
  });

  test('that ends by a signal fails with its name', async (t) => {
    const error = await failure(runProgram(shell('kill -KILL $$'), clock, t.signal));
    assert.equal(error.data.exitSignal, 'SIGKILL');
  });

  test('that is not there fails in words', async (t) => {
    const error = await failure(runProgram(shell('', { file: path.join(folder, 'nowhere') }), clock, t.signal));
    assert.match(error.message, /^Cannot change the record: spawn .*ENOENT$/);
  });

  test('that prints ten megabytes is kept short, at its end', async (t) => {
    const output = await runProgram(shell('head -c 10000000 /dev/zero | tr "\\0" x; echo end'), clock, t.signal);
    assert.equal(output.length, 16_383);
    assert.ok(output.endsWith('xend'));
    const error = await failure(runProgram(shell('head -c 10000000 /dev/zero | tr "\\0" x >&2; exit 1'), clock, t.signal));
    assert.equal(error.data.output, 'x'.repeat(1_000));
  });

  test('prints no secret, not even half of one at the cut', async (t) => {
    const secrets = ['sekret-abcdefghij', 'sekret-abcdefghij-longer'];
    const error = await failure(
      runProgram(shell('', { secrets, args: ['-c', 'echo "token=$1 other=$2" >&2; exit 1', 'sh', ...secrets] }), clock, t.signal),
    );
    assert.equal(error.data.output, 'token=*** other=***');
    for (const shift of [0, 5, 10, 15, 20]) {
      const script = 'head -c "$2" /dev/zero | tr "\\0" "\\n"; i=0; while [ $i -lt 2000 ]; do printf "%s" "$1"; i=$((i+1)); done';
      const output = await runProgram(shell('', { secrets, args: ['-c', script, 'sh', secrets[0] ?? '', `${shift}`] }), clock, t.signal);
      assert.doesNotMatch(output, /sekret-|[a-j]{7}\*\*\*/);
    }
  });

  test('that hangs is ended with all its children when the time is over', async (t) => {
    const [file, ready] = [path.join(folder, 'pids'), path.join(folder, 'hanging')];
    const hanging = `(trap "" TERM; echo hanging >&2; : > ${ready}; sleep 1001)`;
    const script = `echo $$ > ${file}; sleep 1000 & echo $! >> ${file}; ${hanging} & echo $! >> ${file}; wait`;
    const over = overWhen(async () => (await stat(ready).catch(() => undefined)) !== undefined && (await linesOf(file)).length === 3);
    const error = await failure(runProgram(shell(script, { timeout: 300 }), over, t.signal));
    assert.match(error.message, /it did not end within 0.3 s, saying "hanging"$/);
    await assertGone(await linesOf(file));
  });

  test('that ignores SIGTERM is killed', async (t) => {
    const file = path.join(folder, 'stubborn');
    const script = `trap "" TERM; echo $$ > ${file}; while :; do sleep 0.05; done`;
    const over = overWhen(async () => (await linesOf(file)).length === 1);
    await failure(runProgram(shell(script, { timeout: 300 }), over, t.signal));
    await assertGone(await linesOf(file));
  });

  test('is ended when the run is aborted, and the reason comes back', async () => {
    const controller = new AbortController();
    const reason = new TscertError('interrupted', 'Cannot go on: the test stopped it');
    const file = path.join(folder, 'aborted');
    process.once('SIGUSR2', () => controller.abort(reason));
    const running = runProgram(shell(`echo $$ > ${file}; kill -USR2 $PPID; sleep 1000`), clock, controller.signal);
    assert.equal(await failure(running), reason);
    await assertGone([(await readFile(file, 'utf8')).trim()]);
  });

  test('that leaves a child behind with its streams is not waited for', async (t) => {
    const output = await runProgram(shell('sleep 1000 & echo $!'), clock, t.signal);
    process.kill(Number(output), 'SIGKILL');
  });

  test('is found as a shell finds it', async () => {
    const file = path.join(folder, 'dns.sh');
    await writeFile(file, '#!/bin/sh\n');
    assert.equal(await findProgram('dns.sh', folder), undefined);
    await chmod(file, 0o755);
    assert.equal(await findProgram('dns.sh', `/nowhere:${folder}`), file);
    assert.equal(await findProgram(file, undefined), file);
    assert.equal(await findProgram(folder, ''), undefined);
  });
});

/** A clock on which the first wait, the time limit of the program, is over as soon as `is` says so. */
function overWhen(is: () => Promise<boolean>): Clock {
  let first = true;
  return {
    ...clock,
    async sleep(milliseconds, signal) {
      if (!first) return clock.sleep(milliseconds, signal);
      first = false;
      while (!(await is())) await clock.sleep(10, signal);
    },
  };
}

async function linesOf(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').slice(0, -1);
}

/**
 * Waits until the processes are gone: one that has been killed runs until the kernel gets to it, and may stand as a zombie until its
 * new parent looks.
 */
async function assertGone(pids: readonly string[]): Promise<void> {
  for (const pid of pids) {
    for (let look = 0; ; look++) {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State:\tX');
      if (/State:\t[XZ]/.test(status)) break;
      assert.ok(look < 1_000, `process ${pid} is left`);
      await clock.sleep(10);
    }
  }
}
