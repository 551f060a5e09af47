// A reader of container recipes: BuildKit's own parser, in a small program of this project.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { findGo, goBuild, Unavailable } from './tools.mjs';

/**
 * Makes sure of the program, which takes a recipe on standard input and prints its stages as JSON.
 * @throws {Unavailable}
 */
export async function install(cache) {
  const go = await findGo([1, 26]);
  if (go === undefined) throw new Unavailable('containerfile is built with Go 1.26 or later, which is not here: https://go.dev/dl/');
  // The program is ours: it is another one when its text or what it stands on changes.
  const digest = createHash('sha256');
  for (const file of ['main.go', 'go.mod']) digest.update(await readFile(path.resolve('test/servers/containerfile', file)));
  return goBuild(cache, go, 'containerfile', digest.digest('hex').slice(0, 12), ['tscert.test/containerfile']);
}
