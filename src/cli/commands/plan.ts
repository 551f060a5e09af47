/** `tscert plan`: what `renew` would do, and why. */
import type { Context } from '../context.js';
import type { Verb } from '../verb.js';
import { addStoreOptions } from './cluster-options.js';

export const plan: Verb = {
  name: 'plan',
  summary: 'what renew would do, and why; changes nothing',
  define(command, run) {
    command.argument('[names...]', 'only these stored certificates');
    command.addHelpText(
      'before',
      `Most people need one of these first:
  $ tscert plan                           # every certificate, one line each
  $ tscert plan --detailed-exitcode       # 6 when something is due
  $ tscert plan --json www
`,
    );
    command.option('--detailed-exitcode', 'end with 6 when something is due, with 0 when nothing is');
    addStoreOptions(command);
    command.action(
      run(async (context: Context, names: readonly string[], flags: { readonly detailedExitcode?: boolean }) => {
        const { runPlan } = await import('../plan-run.js');
        return runPlan(context, names, flags);
      }),
    );
  },
};
