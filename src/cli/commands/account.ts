/** `tscert account`: the ACME account itself. */
import type { Command } from 'commander';
import type { Context } from '../context.js';
import type { Runner, Verb } from '../verb.js';
import { addStoreOptions } from './cluster-options.js';

type Flags = Readonly<Record<string, unknown>>;

export const account: Verb = {
  name: 'account',
  summary: 'show, update, re-key or deactivate the ACME account',
  define(command, run) {
    command.addHelpText(
      'before',
      `Most people need one of these first:
  $ tscert account show                               # who we are to the CA, and whether it still knows us
  $ tscert account update --email ops@example.com     # another contact
  $ tscert account rollover                           # a new account key, as after a leak
`,
    );
    const add = (name: 'show' | 'update' | 'rollover' | 'deactivate', summary: string, email: string): Command =>
      addServer(command.command(name).description(summary).summary(summary)).option('--email <address>', email);
    const which = 'the account of this e-mail, where there are several';
    const act = (kind: 'show' | 'rollover' | 'deactivate') =>
      runner(run, async (context, flags) => (await load()).runAccount(context, kind, flags));
    add('show', 'show the account as the CA sees it', which).action(act('show'));
    add('update', 'change the contact of the account', 'the new contact')
      .option('--current-email <address>', which)
      .action(runner(run, async (context, flags) => (await load()).runUpdate(context, flags)));
    add('rollover', 'give the account a new key', which).action(act('rollover'));
    add('deactivate', 'end the account for good', which).action(act('deactivate'));
    command.addHelpText(
      'after',
      `
More examples:
  $ tscert account show --server zerossl --json
  $ tscert account deactivate --staging

An account is made by the first tscert issue. After a rollover nothing else is to be done: certificates stay as they are.
A deactivated account cannot be brought back; the next tscert issue makes another one. Certificates stay valid.`,
    );
  },
};

function load(): Promise<typeof import('../account-run.js')> {
  return import('../account-run.js');
}

function runner(run: Runner, action: (context: Context, flags: Flags) => Promise<number>): (flags: Flags) => Promise<void> {
  return run(action);
}

function addServer(command: Command): Command {
  return addStoreOptions(command)
    .option('--server <name|url>', 'ACME directory: a short name (see tscert issue --help) or a URL; default letsencrypt')
    .option('--staging', 'the staging directory of that CA');
}
