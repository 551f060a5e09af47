// promtool as Debian's package prometheus brings it, unpacked without being installed: the package would start a server.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { built, withLock } from './cache.mjs';
import { find, run, Unavailable } from './tools.mjs';

/**
 * Makes sure of promtool, on PATH or in the cache. Two runs at once install once.
 * @returns `{ promtool: PATH }`
 * @throws {Unavailable}
 */
export async function install(cache) {
  const here = find('promtool');
  if (here !== undefined) return { promtool: here };
  for (const tool of ['apt-get', 'dpkg']) {
    if (find(tool) === undefined) throw new Unavailable('promtool is not here: https://prometheus.io/download/');
  }
  const folder = await built(cache, 'promtool-debian', async (temporary) => {
    const work = await mkdtemp(path.join(cache, '.apt-'));
    try {
      await withLock(cache, 'apt', () => download(work));
      const name = (await readdir(work)).find((file) => file.endsWith('.deb'));
      if (name === undefined) throw new Error('apt-get gave no package');
      await run('dpkg', ['-x', path.join(work, name), temporary]);
    } catch (cause) {
      throw new Unavailable(`promtool could not be fetched (${cause.message}): apt-get install prometheus`, { cause });
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
  return { promtool: path.join(folder, 'usr/bin/promtool') };
}

async function download(work) {
  const fetch = () => run('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', 'prometheus'], { cwd: work });
  await fetch().catch(async () => {
    await run('apt-get', ['update', '-q']);
    await fetch();
  });
}
