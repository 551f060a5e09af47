// One of many processes that fight for a lock: FOLDER ROUNDS KILL, where KILL is the step on the disk before which it kills itself (0: never).
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { watchedFileSystem } from './faulty-fs.js';
import { openStore } from './support.js';

const [folder = '', rounds = '', kill = ''] = process.argv.slice(2);
const witness = path.join(folder, 'witness');
let left = Number(kill);
const fs = watchedFileSystem({
  before: () => {
    if (--left === 0) process.kill(process.pid, 'SIGKILL');
  },
});

/** The witness of a process that was killed while it held the lock stays behind: that one is no second holder. */
function isOfTheDead(): boolean {
  const pid = Number(readFileSync(witness, 'utf8'));
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return true;
  }
}

function enter(): void {
  try {
    const file = openSync(witness, 'wx');
    writeSync(file, String(process.pid));
    closeSync(file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST' && isOfTheDead())) throw error;
    rmSync(witness);
    enter();
  }
}

const store = openStore(folder, { fs });
for (let round = 0; round < Number(rounds); round++) {
  const lock = await store.lock('the-one', { wait: 300_000, signal: new AbortController().signal });
  enter();
  await fs.readdir(folder);
  await fs.readdir(folder);
  rmSync(witness);
  await lock.release();
  process.stdout.write('.');
}
