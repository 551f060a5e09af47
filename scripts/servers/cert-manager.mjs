// cert-manager's CustomResourceDefinitions, which are plain YAML in its Go module: pinned by go.sum, and nothing of it is built.
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { built } from './cache.mjs';
import { findGo, run, Unavailable } from './tools.mjs';

const MODULE = 'github.com/cert-manager/cert-manager';
const VERSION = 'v1.21.2';

/**
 * Makes sure of the definitions.
 * @returns `cert-manager-crds`: the folder that holds them
 * @throws {Unavailable}
 */
export async function install(cache) {
  const folder = await built(cache, `cert-manager-crds-${VERSION}`, async (temporary) => {
    const go = await findGo([1, 21]);
    if (go === undefined)
      throw new Unavailable("cert-manager's definitions are had with Go 1.21 or later, which is not here: https://go.dev/dl/");
    const options = {
      cwd: path.resolve('test/servers/cert-manager'),
      env: { ...process.env, GOWORK: 'off', GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly' },
    };
    const { Dir } = JSON.parse(await run(go, ['mod', 'download', '-json', MODULE], { ...options, capture: true }));
    await cp(path.join(Dir, 'deploy', 'crds'), temporary, { recursive: true });
  });
  return { 'cert-manager-crds': folder };
}
