// Alibaba Cloud's Python SDK for AliDNS in a virtual environment of its own: a second official client for the AliDNS emulator.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { built } from './cache.mjs';
import { find, run, Unavailable } from './tools.mjs';

/**
 * Installs what test/servers/alidns-python/requirements.txt pins; gives the interpreter that finds it.
 * @throws {Unavailable}
 */
export async function install(cacheFolder) {
  const python = find('python3');
  if (python === undefined) throw new Unavailable('the Python SDK of AliDNS needs python3 (3.10 or later): apt-get install python3-venv');
  const requirements = path.resolve('test/servers/alidns-python/requirements.txt');
  const version = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 12);
  const folder = await built(cacheFolder, `alidns-python-${version}`, async (temporary) => {
    try {
      await run(python, ['-m', 'venv', temporary]);
      await run(path.join(temporary, 'bin/python'), ['-m', 'pip', 'install', '-q', '--require-hashes', '-r', requirements]);
    } catch (cause) {
      throw new Unavailable(
        `the Python SDK of AliDNS could not be installed (${cause.message}): apt-get install python3-venv, or see whether PyPI can be reached`,
      );
    }
  });
  return { python: path.join(folder, 'bin/python') };
}
