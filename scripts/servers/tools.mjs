// What the recipes stand on: programs that are there, Go modules of this project, and Debian's packages.
import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { built, withLock } from './cache.mjs';

/** A server or peer that cannot be had here; the message says which, why, and how to get it. */
export class Unavailable extends Error {}

/** The absolute path of a program on PATH or in the folders where servers live, or undefined. */
export function find(program) {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/go/bin'];
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => path.resolve(folder, program))
    .find(isProgram);
}

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Runs a program; what it says goes to stderr. Gives its stdout when `capture` is set. */
export function run(program, args, { capture = false, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', capture ? 'pipe' : 2, 2], ...options });
    let output = '';
    child.stdout?.on('data', (chunk) => {
      output += chunk;
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${path.basename(program)} ${args.slice(0, 2).join(' ')} ended with ${signal ?? code}`));
    });
  });
}

/** The Go command when it is at least of this version (`[1, 25]`), else undefined. */
export async function findGo([major, minor]) {
  const go = find('go');
  if (go === undefined) return undefined;
  const [, ownMajor, ownMinor] = /go(\d+)\.(\d+)/.exec(await run(go, ['env', 'GOVERSION'], { capture: true })) ?? [];
  return Number(ownMajor) > major || (Number(ownMajor) === major && Number(ownMinor) >= minor) ? go : undefined;
}

/**
 * Builds packages of the module test/servers/NAME, whose go.sum pins everything.
 * @param more further words for `go build`
 * @returns an object of program names to paths
 */
export async function goBuild(cache, go, name, version, packages, more = []) {
  const folder = await built(cache, `${name}-${version}`, async (temporary) => {
    console.error(`building ${name} ${version} with Go; this takes some minutes the first time`);
    const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' };
    const args = ['build', '-trimpath', '-buildvcs=false', ...more, '-o', `${temporary}${path.sep}`, ...packages];
    await run(go, args, { cwd: path.resolve('test/servers', name), env });
  });
  return Object.fromEntries(packages.map((each) => [path.basename(each), path.join(folder, path.basename(each))]));
}

/**
 * The programs, from where they are or from Debian's packages when we may install them.
 * @throws {Unavailable}
 */
export async function fromDebian(cache, what, programs, packages) {
  const found = () => programs.map((program) => [program, find(program)]);
  const all = (pairs) => pairs.every(([, file]) => file !== undefined);
  if (!all(found())) {
    const how = `apt-get install ${packages.join(' ')}`;
    if (process.getuid?.() !== 0 || find('apt-get') === undefined) throw new Unavailable(`${what} is not installed: ${how}`);
    await withLock(cache, 'apt', async () => {
      if (all(found())) return;
      const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
      const install = ['install', '-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', ...packages];
      try {
        await run('apt-get', install, { env }).catch(async () => {
          await run('apt-get', ['update', '-q'], { env });
          await run('apt-get', install, { env });
        });
      } catch (cause) {
        throw new Unavailable(`${what} could not be installed (${cause.message}): ${how}`, { cause });
      }
    });
  }
  const pairs = found();
  if (!all(pairs)) throw new Unavailable(`${what} is not on PATH after the installation of ${packages.join(' ')}`);
  return Object.fromEntries(pairs);
}
