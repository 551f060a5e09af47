/** `tscert status`: all that is known of a certificate. */
import type { Context } from '../context.js';
import type { Verb } from '../verb.js';
import { addStoreOptions } from './cluster-options.js';

export const status: Verb = {
  name: 'status',
  summary: 'all that is known of a certificate: renewal, failures, targets, events',
  define(command, run) {
    command.argument('<names...>', 'stored or configured certificates');
    command.addHelpText(
      'before',
      `Most people need one of these first:
  $ tscert status www                     # when it renews and who decides that, what failed, where it was deployed
  $ tscert status --json www | jq '.certificates[0].renewal'
`,
    );
    command.addHelpText(
      'after',
      `
Conditions, steps and events have cert-manager's words: Issuing, Generated, Requested, Issued, Failed. Nothing is changed, and
nobody is asked: what the CA advises is what it said when it was last asked.`,
    );
    addStoreOptions(command);
    command.action(run(async (context: Context, names: readonly string[]) => (await import('../status-run.js')).runStatus(context, names)));
  },
};
