// Finished builds, taken as they are: a folder a version, built under another name and renamed when whole. A lock spares
// a second run the same work; it is no guard, because whoever comes second with a finished build takes the first one's.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where the builds are kept: $TSCERT_TEST_CACHE, else tscert-test in the user's cache folder. */
export function cacheFolder(env = process.env) {
  if (env.TSCERT_TEST_CACHE) return path.resolve(env.TSCERT_TEST_CACHE);
  return path.join(env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'tscert-test');
}

/**
 * The folder `key` of the cache, built by `build(temporary, final)` when it is not there. Two runs at once build once.
 * With TSCERT_TEST_BUILD=no in the environment nothing is built: what is not there is an error.
 * @returns the absolute path
 */
export async function built(cache, key, build) {
  const final = path.join(cache, key);
  if (existsSync(final)) return final;
  if (process.env.TSCERT_TEST_BUILD === 'no') throw new Error(`${key} is not in ${cache}`);
  return withLock(cache, key, async () => {
    if (existsSync(final)) return final;
    await removeLeftovers(cache, key);
    const temporary = path.join(cache, `.${key}.${process.pid}`);
    await mkdir(temporary, { recursive: true });
    try {
      await build(temporary, final);
      await rename(temporary, final);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      if (!existsSync(final)) throw error;
    }
    return final;
  });
}

/** Half builds of runs that were killed. */
async function removeLeftovers(cache, key) {
  for (const name of await readdir(cache)) {
    const pid = name.startsWith(`.${key}.`) ? name.slice(key.length + 2) : '';
    if (/^\d+$/.test(pid) && !isAlive(Number(pid))) await rm(path.join(cache, name), { recursive: true, force: true });
  }
}

/** Runs `work` while no other process runs it under the same key; a holder that died is not waited for. */
export async function withLock(cache, key, work) {
  const lock = path.join(cache, `.${key}.lock`);
  await mkdir(cache, { recursive: true });
  for (let told = false; ; ) {
    try {
      await mkdir(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (await isStale(lock)) await rm(lock, { recursive: true, force: true });
      else {
        if (!told) console.error(`waiting for another run that is getting ${key}`);
        told = true;
        await sleep(200);
      }
    }
  }
  try {
    await writeFile(path.join(lock, 'holder'), `${process.pid} ${os.hostname()}\n`);
    return await work();
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

/** True for a lock of this machine whose process is gone, or one that nobody has signed for ten seconds. */
async function isStale(lock) {
  try {
    const [pid, host] = (await readFile(path.join(lock, 'holder'), 'utf8')).trim().split(' ');
    return host === os.hostname() && !isAlive(Number(pid));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return stat(lock).then(
      ({ mtimeMs }) => Date.now() - mtimeMs > 10_000,
      () => false,
    );
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
