// acme.sh as Debian sid packs it: fetched with apt's own tools under a configuration of its own, so that the sources of the
// machine stay as they are, and unpacked without being installed.
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { built } from './cache.mjs';
import { find, run, Unavailable } from './tools.mjs';

const VERSION = '3.1.5+~cs0.0.20260919-1';
const SHA256 = 'c7df8c36483a20dc04981354af7bef6841f6a886330995104d92c672334e8e00';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
// Sid keeps only the newest version; the archive of snapshots has this one for good.
const SOURCES = [
  `deb [signed-by=${KEYRING}] http://deb.debian.org/debian sid main`,
  `deb [signed-by=${KEYRING} check-valid-until=no] http://snapshot.debian.org/archive/debian/20261101T000000Z sid main`,
];

/**
 * Makes sure of acme.sh in the cache. Two runs at once install once.
 * @returns `{ 'acme.sh': FOLDER }`: the folder with the program acme.sh and its dnsapi scripts
 * @throws {Unavailable}
 */
export async function install(cache) {
  for (const tool of ['apt-get', 'dpkg']) {
    if (find(tool) === undefined) throw new Unavailable(`${tool} is not here; unpack Debian sid's package acme.sh ${VERSION} by hand`);
  }
  const folder = await built(cache, `acme.sh-${VERSION}`, async (temporary) => {
    const work = await mkdtemp(path.join(cache, '.apt-'));
    try {
      await run('dpkg', ['-x', await download(work), temporary]);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
  return { 'acme.sh': path.join(folder, 'usr/share/acme.sh') };
}

async function download(work) {
  for (const folder of ['state/lists/partial', 'cache/archives/partial']) await mkdir(path.join(work, folder), { recursive: true });
  await writeFile(path.join(work, 'status'), '');
  let failure;
  for (const source of SOURCES) {
    await writeFile(path.join(work, 'sources.list'), `${source}\n`);
    const config = [
      `Dir::State "${work}/state";`,
      `Dir::State::status "${work}/status";`,
      `Dir::Cache "${work}/cache";`,
      `Dir::Etc::sourcelist "${work}/sources.list";`,
      'Dir::Etc::sourceparts "-";',
      'Acquire::Languages "none";',
      'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";',
      'APT::Sandbox::User "root";',
      '#clear APT::Update::Post-Invoke;',
      '#clear APT::Update::Post-Invoke-Success;',
    ];
    await writeFile(path.join(work, 'apt.conf'), `${config.join('\n')}\n`);
    const options = { cwd: work, env: { ...process.env, APT_CONFIG: path.join(work, 'apt.conf') } };
    try {
      await run('apt-get', ['-q', 'update'], options);
      await run('apt-get', ['-q', 'download', `acme.sh=${VERSION}`], options);
      return await checked(work);
    } catch (error) {
      failure = error;
    }
  }
  throw new Unavailable(`${VERSION} could not be fetched from Debian sid or its snapshots (${failure.message})`);
}

async function checked(work) {
  const name = (await readdir(work)).find((file) => file.endsWith('.deb'));
  if (name === undefined) throw new Error('apt-get gave no package');
  const file = path.join(work, name);
  const sum = createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
  if (sum !== SHA256) throw new Error(`the package has the SHA-256 ${sum}, not ${SHA256}`);
  return file;
}
