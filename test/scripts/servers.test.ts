import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { skipUnless } from '../support/servers.js';

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run of the script with an empty cache and a `go` that waits for the file `go-on` before it "builds". */
interface Run {
  readonly ended: Promise<Ended>;
  /** Resolves when stderr has these words. */
  said(words: string): Promise<void>;
  kill(): Promise<void>;
}

interface World {
  readonly cache: string;
  start(...names: readonly string[]): Run;
  builds(): Promise<number>;
  goOn(): Promise<void>;
}

async function inWorld(version: string, run: (world: World) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tscert-servers-'));
  const bin = path.join(folder, 'bin');
  const cache = path.join(folder, 'cache');
  const log = path.join(folder, 'log');
  await mkdir(bin);
  const fake = `#!/bin/sh
if [ "$1" = env ]; then echo ${version}; exit; fi
echo build >> ${log}
while [ ! -e ${folder}/go-on ]; do sleep 0.02; done
while [ "$1" != -o ]; do shift; done
shift; to=$1; shift
for each; do printf '#!/bin/sh\\n' > "$to$(basename $each)"; done
`;
  await writeFile(path.join(bin, 'go'), fake, { mode: 0o755 });
  const started: Run[] = [];
  try {
    await run({
      cache,
      start(...names) {
        const each = startScript(names, { ...process.env, PATH: `${bin}:/usr/bin:/bin`, TSCERT_TEST_CACHE: cache });
        started.push(each);
        return each;
      },
      builds: async () => (await readFile(log, 'utf8').catch(() => '')).split('\n').length - 1,
      goOn: () => writeFile(path.join(folder, 'go-on'), ''),
    });
  } finally {
    await writeFile(path.join(folder, 'go-on'), '');
    for (const each of started) await each.ended;
    await rm(folder, { recursive: true, force: true });
  }
}

function startScript(names: readonly string[], env: NodeJS.ProcessEnv): Run {
  const child = spawn(process.execPath, ['scripts/servers.mjs', ...names], { env });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const ended = once(child, 'exit').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return {
    ended: once(child, 'close').then(() => ended),
    async said(words) {
      while (!stderr.includes(words)) await Promise.race([once(child.stderr, 'data'), ended.then(() => assert.fail(`ended: ${stderr}`))]);
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

test('prints where the programs are, and builds them once', () =>
  inWorld('go1.26.8', async ({ start, builds, goOn, cache }) => {
    await goOn();
    for (let n = 0; n < 2; n++) {
      const { code, stdout } = await start('pebble').ended;
      assert.equal(code, 0);
      const paths = JSON.parse(stdout) as Record<string, string>;
      assert.deepEqual(Object.keys(paths), ['pebble', 'pebble-challtestsrv']);
      for (const file of Object.values(paths)) assert.ok(file.startsWith(cache) && existsSync(file), file);
    }
    assert.equal(await builds(), 1);
  }));

test('two runs at once build once, and both have it', () =>
  inWorld('go1.26.8', async ({ start, builds, goOn, cache }) => {
    const first = start('pebble');
    await first.said('building pebble');
    const second = start('pebble');
    await second.said('waiting for another run');
    await goOn();
    const [one, other] = await Promise.all([first.ended, second.ended]);
    assert.deepEqual([one.code, other.code], [0, 0]);
    assert.equal(one.stdout, other.stdout);
    assert.equal(await builds(), 1);
    assert.deepEqual(await readdir(cache), ['pebble-v2.10.1'], 'no lock and no half build is left');
  }));

test('a run that was killed is not waited for', () =>
  inWorld('go1.26.8', async ({ start, goOn, cache }) => {
    const first = start('pebble');
    await first.said('building pebble');
    await first.kill();
    assert.equal(existsSync(path.join(cache, 'pebble-v2.10.1')), false);
    await goOn();
    const { code, stdout } = await start('pebble').ended;
    assert.equal(code, 0);
    assert.ok(existsSync((JSON.parse(stdout) as { pebble: string }).pebble));
    assert.deepEqual(await readdir(cache), ['pebble-v2.10.1'], 'no lock and no half build is left');
  }));

test('a build that fails, or a Go that is too old, is one line that says how to get the server, and exit code 3', async () => {
  await inWorld('go1.20.1', async ({ start }) => {
    const { code, stdout, stderr } = await start('lego').ended;
    assert.deepEqual([code, stdout], [3, '']);
    assert.match(stderr, /^lego cannot be had: .*Go 1\.25 or later.*https:\/\/go\.dev\/dl\/\n$/);
  });
  await inWorld('go1.26.8', async ({ start, goOn, cache }) => {
    await writeFile(path.join(cache, '..', 'bin', 'go'), '#!/bin/sh\n[ "$1" = env ] && echo go1.26.8 || exit 1\n');
    await goOn();
    const { code, stdout, stderr } = await start('cfssl').ended;
    assert.deepEqual([code, stdout], [3, '']);
    assert.match(stderr.trimEnd().split('\n').at(-1) ?? '', /^cfssl cannot be had: go build .* ended with 1$/);
    assert.deepEqual(await readdir(cache), [], 'nothing half done is left');
  });
});

test('an unknown name is a usage error', () =>
  inWorld('go1.26.8', async ({ start }) => {
    const { code, stderr } = await start('pebbles').ended;
    assert.equal(code, 2);
    assert.match(stderr, /unknown server: pebbles/);
  }));

test('a suite is skipped with the reason, but in CI it fails', () => {
  assert.equal(skipUnless('openssl'), false);
  const before = process.env.CI;
  try {
    delete process.env.CI;
    assert.match(String(skipUnless('no-such-server')), /no-such-server|usage/);
    process.env.CI = 'true';
    assert.throws(() => skipUnless('no-such-server'));
  } finally {
    if (before === undefined) delete process.env.CI;
    else process.env.CI = before;
  }
});
