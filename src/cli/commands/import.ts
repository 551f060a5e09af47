/** `tscert import`: moving in from another tool. */
import { Argument, Option } from 'commander';
import { TOOLS, type Tool } from '../../migration/holdings.js';
import type { Context } from '../context.js';
import type { Verb } from '../verb.js';
import { addStoreOptions } from './cluster-options.js';
import { addSomeIssueOptions, withoutStore } from './issue-options.js';

/** What the folder of another tool may leave open. */
const FLAGS = [
  '--email',
  '--dns',
  '--http',
  '--tls-alpn',
  '--dns-resolver',
  '--dns-nameserver',
  '--dns-check',
  '--dns-timeout',
  '--deploy-hook',
  '--probe',
  '--renew-before',
];

export const importVerb: Verb = {
  name: 'import',
  summary: 'take over certificates and accounts of certbot, lego or acme.sh',
  define(command, run) {
    command.addArgument(new Argument('<tool>', 'whose folder it is').choices(TOOLS));
    command.argument('<dir>', 'its folder: /etc/letsencrypt, ~/.lego, ~/.acme.sh; it is read and never written');
    command.argument('[names...]', 'only these certificates, under their names here or there');
    command.addHelpText(
      'before',
      `Most people need one of these first:
  $ tscert import certbot /etc/letsencrypt --dry-run      # what it would take, and what would not be as it was
  $ tscert import certbot /etc/letsencrypt
  $ tscert import lego ~/.lego --dns route53              # lego keeps no word of how names are proven
`,
    );
    command.optionsGroup('The run:');
    command.option('--force', 'put it in the place of another certificate that is stored under its name');
    command.option('--dry-run', 'change nothing');
    command.optionsGroup('Who signs:');
    command.addOption(new Option('--server <name|url>', 'ACME directory of certificates whose folder does not tell it (lego)'));
    addSomeIssueOptions(command, FLAGS);
    command.optionsGroup('Everywhere:');
    command.addHelpText(
      'after',
      `
Nothing is issued and no server is asked. Keys, certificates, chains and ACME accounts are kept as they are, and with
each certificate how it was asked for, so that tscert renew goes on with the same account. What tscert does not do as the
other tool did is told for each certificate. A second run takes nothing twice; a certificate that is stored already
is never replaced without --force. What is given here goes before what the other tool keeps.

Afterwards: let servers read DIR/live/NAME, look at tscert plan, and stop the other tool's timer.`,
    );
    addStoreOptions(command);
    command.action(
      run(async (context: Context, tool: Tool, folder: string, names: readonly string[], flags: Record<string, unknown>) => {
        const { force, dryRun, ...others } = flags;
        const options = withoutStore(others);
        const { runImport } = await import('../import-run.js');
        return runImport(context, { tool, folder, names }, options, { force: force === true, dryRun: dryRun === true });
      }),
    );
  },
};
