/** Real servers and peers for the tests, found or installed by scripts/servers.mjs. */
import { spawnSync } from 'node:child_process';
import process from 'node:process';

const known = new Map<string, Readonly<Record<string, string>> | Error>();

/**
 * The programs of these servers, by name: `servers('pebble')` gives `{ pebble: PATH, 'pebble-challtestsrv': PATH }`.
 * @throws {Error} with the script's own line when one cannot be had
 */
export function servers(...names: readonly string[]): Readonly<Record<string, string>> {
  return Object.assign({}, ...names.map((name) => oneServer(name)));
}

function oneServer(name: string): Readonly<Record<string, string>> {
  const found = known.get(name) ?? ask(name);
  known.set(name, found);
  if (found instanceof Error) throw found;
  return found;
}

function ask(name: string): Readonly<Record<string, string>> | Error {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/servers.mjs', name], { encoding: 'utf8' });
  if (status === 0) return JSON.parse(stdout) as Record<string, string>;
  return new Error(stderr.trimEnd().split('\n').at(-1) ?? `${name} cannot be had`);
}

/**
 * The `skip` of a test or suite that needs these servers: `test('...', { skip: skipUnless('pebble') }, ...)`.
 * False when they are there, else the reason.
 * @throws {Error} in CI, where every server must be there
 */
export function skipUnless(...names: readonly string[]): string | false {
  try {
    servers(...names);
    return false;
  } catch (error) {
    if (process.env.CI) throw error;
    return (error as Error).message;
  }
}
