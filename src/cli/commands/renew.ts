/** `tscert renew`: everything that is due. */
import type { Context } from '../context.js';
import type { Verb } from '../verb.js';
import { addStoreOptions } from './cluster-options.js';
import { countOption, withoutStore } from './issue-options.js';

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
    command.option('--jitter <duration>', 'wait a random time up to this before beginning; there is no wait without it');
    command.addOption(countOption('--jobs <n>', 'certificates under way at once (default: 300)'));
    command.addHelpText(
      'after',
      `
A certificate of the configuration file is renewed as the file says; one that was issued from the command line with the
flags it was issued with. What was left undone by an earlier run is finished: an order, TXT records, a deploy hook.
What failed is tried again after 1, 10 and 100 minutes, then once a day, and not before the CA said; --force does not wait.`,
    );
    addStoreOptions(command);
    command.action(
      run(async (context: Context, names: readonly string[], { force, dryRun, jitter, ...flags }: Record<string, unknown>) => {
        const { runRenew } = await import('../renew-run.js');
        const run = { force: force === true, dryRun: dryRun === true, ...(typeof jitter === 'string' ? { jitter } : {}) };
        return runRenew(context, names, withoutStore(flags), run);
      }),
    );
  },
};
