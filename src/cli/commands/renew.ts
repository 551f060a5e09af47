/** `tscert renew`: everything that is due. */
import type { Context } from '../context.js';
import type { Verb } from '../verb.js';
import { countOption } from './issue-options.js';

export const renew: Verb = {
  name: 'renew',
  summary: 'renew every certificate that is due',
  define(command, run) {
    command.argument('[names...]', 'only these stored certificates');
    command.addHelpText(
      'before',
      `Most people need one of these first:
  $ tscert renew --quiet                  # from cron, twice a day: says nothing unless something is wrong
  $ tscert plan                           # what it would do, and why
  $ tscert renew www --force              # one certificate, now
`,
    );
    command.option('--force', 'renew even what is not due');
    command.option('--dry-run', 'go through all of it with the staging directory and throw the result away');
    command.addOption(countOption('--jobs <n>', 'certificates under way at once (default: 300)'));
    command.addHelpText(
      'after',
      `
A certificate of the configuration file is renewed as the file says; one that was issued from the command line with the
flags it was issued with. What was left undone by an earlier run is finished: an order, TXT records, a deploy hook.`,
    );
    command.action(
      run(async (context: Context, names: readonly string[], { force, dryRun, ...flags }: Record<string, unknown>) => {
        const { runRenew } = await import('../renew-run.js');
        return runRenew(context, names, flags, { force: force === true, dryRun: dryRun === true });
      }),
    );
  },
};
