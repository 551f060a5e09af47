/** `tscert list`: every certificate in one line. */
import type { Context } from '../context.js';
import type { Verb } from '../verb.js';
import { addStoreOptions } from './cluster-options.js';

export const list: Verb = {
  name: 'list',
  summary: 'every certificate in one line: until when, and how it is',
  define(command, run) {
    command.addHelpText(
      'before',
      `Most people need one of these first:
  $ tscert list
  $ tscert list --json | jq -r '.certificates[] | select(.state != "ready") | .name'
  $ tscert status www                     # all that is known of one
`,
    );
    command.addHelpText(
      'after',
      `
States: ready; due (renew will take it); waiting (the CA wants to be left alone for a while); failing (due, and the last try
failed); deploy-failed (good, but not everywhere it should be); expired; missing (wanted, and not there yet); damaged.

Nothing is changed, and nobody is asked. On a terminal the table fits the line; in a pipe nothing is cut.`,
    );
    addStoreOptions(command);
    command.action(run(async (context: Context) => (await import('../list-run.js')).runList(context)));
  },
};
