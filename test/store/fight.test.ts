import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openStore, withFolder } from './support.js';

const PROCESSES = 20;
const ROUNDS = 4;

test('twenty processes fight for one lock while many are killed: never two holders, and everyone who lives gets it', async (t) => {
  if (!existsSync('/proc/self/stat')) return t.skip('this system has no /proc to tell the dead from the living');
  await withFolder(async (folder) => {
    const child = fileURLToPath(new URL('./fight-child.js', import.meta.url));
    let killed = 0;
    let turns = 0;
    let wounded = 2;
    const fighter = async (): Promise<void> => {
      for (;;) {
        // Every second one dies, each at another step: over the run, before every step of taking and letting go.
        const kill = wounded++ % 2 === 0 ? wounded >> 1 : 0;
        const run = spawn(process.execPath, [child, folder, String(ROUNDS), String(kill)], { stdio: ['ignore', 'pipe', 'pipe'] });
        let words = '';
        run.stdout.on('data', (dots: Buffer) => {
          turns += dots.length;
        });
        run.stderr.on('data', (text: Buffer) => {
          words += text;
        });
        const [code, signal] = (await once(run, 'close')) as [number | null, string | null];
        if (signal !== 'SIGKILL') {
          assert.equal(code, 0, words);
          return;
        }
        killed++;
      }
    };
    await Promise.all(Array.from({ length: PROCESSES }, fighter));
    assert.ok(turns >= PROCESSES * ROUNDS, `only ${turns} turns`);
    assert.ok(killed >= PROCESSES / 2, `only ${killed} were killed`);
    const store = openStore(folder);
    await (await store.lock('the-one', { wait: 1_000, signal: new AbortController().signal })).release();
    assert.deepEqual(readdirSync(folder), ['state']);
    await store.probe();
    assert.deepEqual(readdirSync(path.join(folder, 'state/locks')), []);
  });
});
