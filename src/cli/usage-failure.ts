/** A command line that cannot be understood. */
import { EXIT } from './exit.js';
import type { System } from './system.js';
import { VERBS } from './table.js';
import { createUi } from './ui/ui.js';
import { usageError } from './ui/usage.js';

/**
 * Tells what is wrong with the command line, and gives the exit code.
 * @param code and `message` as commander has them; help that was asked for by saying nothing is printed already
 */
export async function failUsage(system: System, code: string, message: string): Promise<number> {
  if (code === 'commander.help') return EXIT.usage;
  const has = (...flags: readonly string[]): boolean => flags.some((flag) => system.argv.includes(flag));
  const ui = await createUi(system, { json: has('--json'), color: !has('--no-color') });
  const verb = VERBS.find(({ name }) => name === system.argv.find((word) => !word.startsWith('-')))?.name;
  ui.fail(usageError(message, verb));
  return EXIT.usage;
}
