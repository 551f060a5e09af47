/** `tscert rollback`: back to an older generation. */
import type { Context } from '../context.js';
import type { RollbackFlags } from '../rollback-run.js';
import type { Verb } from '../verb.js';
import { addStoreOptions } from './cluster-options.js';

export const rollback: Verb = {
  name: 'rollback',
  summary: 'go back to an older generation of a certificate',
  define(command, run) {
    command.argument('<name>', 'the stored certificate');
    command.addHelpText(
      'before',
      `Most people need one of these first:
  $ tscert rollback www --list            # its history: what there is to go back to
  $ tscert rollback www                   # to the generation before the current one
  $ tscert rollback www --to 0003         # to this one, older or newer
`,
    );
    command.option('--to <generation>', 'the generation to go to (default: the one before the current one)');
    command.option('--list', 'show the history, and change nothing');
    command.option('--force', 'take a generation that has expired, is damaged or was revoked');
    command.addHelpText(
      'after',
      `
The files under DIR/live/NAME become those of that generation in one step, and it is deployed as a new one would be. It is
renewed when it is due by its dates; old generations are removed by --keep-generations and --keep-age of tscert issue.`,
    );
    addStoreOptions(command);
    command.action(
      run(async (context: Context, name: string, flags: RollbackFlags) => {
        const { runRollback } = await import('../rollback-run.js');
        return runRollback(context, name, flags);
      }),
    );
  },
};
