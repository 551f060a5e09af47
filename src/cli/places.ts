/** Where things are when nobody says otherwise. */
import path from 'node:path';
import type { GlobalOptions } from './globals.js';
import type { System } from './system.js';

/** The folder where everything is kept, absolute: `--dir`, TSCERT_DIR, /etc/tscert for root, else $XDG_DATA_HOME/tscert. */
export function dataFolder(system: System, globals: GlobalOptions): string {
  const { env } = system;
  const given = globals.dir ?? env.TSCERT_DIR;
  if (given !== undefined && given !== '') return path.resolve(system.cwd, given);
  if (system.isRoot) return '/etc/tscert';
  return path.join(env.XDG_DATA_HOME || path.join(env.HOME || system.cwd, '.local', 'share'), 'tscert');
}
