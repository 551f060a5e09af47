// Pebble and pebble-challtestsrv: built with Go where there is one that is new enough, else Debian's package, installed by root and
// unpacked into the cache by anybody else.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { built } from './cache.mjs';
import { find, findGo, fromDebian, goBuild, run, Unavailable } from './tools.mjs';

const VERSION = 'v2.10.1';
const PROGRAMS = ['pebble', 'pebble-challtestsrv'];

/**
 * Makes sure of both programs.
 * @returns an object of program names to paths
 * @throws {Unavailable}
 */
export async function install(cache) {
  const go = await findGo([1, 25]);
  if (go !== undefined) {
    return goBuild(
      cache,
      go,
      'pebble',
      VERSION,
      PROGRAMS.map((name) => `github.com/letsencrypt/pebble/v2/cmd/${name}`),
    );
  }
  const isThere = PROGRAMS.every((program) => find(program) !== undefined);
  const what = `pebble (no Go 1.25 or later to build ${VERSION})`;
  if (isThere || process.getuid?.() === 0 || find('apt-get') === undefined || find('dpkg') === undefined)
    return fromDebian(cache, what, PROGRAMS, ['pebble']);
  const folder = await built(cache, 'pebble-debian', async (temporary) => {
    try {
      await unpack(cache, temporary);
    } catch (cause) {
      throw new Unavailable(`${what} could not be fetched from Debian (${cause.message}): apt-get install pebble`, { cause });
    }
  });
  return Object.fromEntries(PROGRAMS.map((program) => [program, path.join(folder, 'usr/bin', program)]));
}

/** Fetches the machine's own release of the package with apt's tools in a folder of ours; apt checks its signature. */
async function unpack(cache, folder) {
  const work = await mkdtemp(path.join(cache, '.apt-'));
  try {
    for (const place of ['state/lists/partial', 'cache/archives/partial']) await mkdir(path.join(work, place), { recursive: true });
    await writeFile(path.join(work, 'status'), '');
    const config = [
      `Dir::State "${work}/state";`,
      `Dir::State::status "${work}/status";`,
      `Dir::Cache "${work}/cache";`,
      'Acquire::Languages "none";',
      'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";',
      '#clear APT::Update::Post-Invoke;',
      '#clear APT::Update::Post-Invoke-Success;',
    ];
    await writeFile(path.join(work, 'apt.conf'), `${config.join('\n')}\n`);
    const options = { cwd: work, env: { ...process.env, APT_CONFIG: path.join(work, 'apt.conf') } };
    await run('apt-get', ['-q', 'update'], options);
    await run('apt-get', ['-q', 'download', 'pebble'], options);
    const file = (await readdir(work)).find((name) => name.endsWith('.deb'));
    if (file === undefined) throw new Error('apt-get gave no package');
    await run('dpkg', ['-x', path.join(work, file), folder]);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
