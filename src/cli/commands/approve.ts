/** `tscert approve` and `tscert deny`: CertificateSigningRequests of a cluster, by hand or by policy. */
import type { Command } from 'commander';
import type { ApproveFlags } from '../approval/approve-parts.js';
import type { Context } from '../context.js';
import type { Verb } from '../verb.js';
import { addClusterOptions } from './cluster-options.js';

type Word = 'approve' | 'deny';

const EXAMPLES: Readonly<Record<Word, string>> = {
  approve: `Most people need one of these first:
  $ tscert approve csr-x7k2p                              # shows what it asks for, then approves it
  $ tscert approve --all-pending --policy policy.yaml     # each by a policy: approved, denied, or left
  $ tscert approve --policy policy.yaml --dry-run         # what would be decided, and by which rule
  $ tscert approve --policy policy.yaml --watch           # as a controller: decides as soon as something is asked
`,
  deny: `Most people need one of these first:
  $ tscert deny csr-x7k2p --message "ask with your own name"
  $ tscert deny --all-pending --signer example.com/old    # everything that waits for a signer
  $ tscert deny --all-pending --policy policy.yaml        # what no policy would approve; the rest is left
`,
};

const AFTER: Readonly<Record<Word, string>> = {
  approve: `
A request is refused when what can be shown of it is not all that is in it: a second PEM block, two common names, a name of a
hidden kind, a weak key. With --policy, everything that is not allowed is denied, and what cannot be found out is left as it is.
The verdict is written on the very object that was judged; when that has changed it is judged anew. --dry-run has the server go
through all of it (dryRun=All). Exit code with --policy: 0 when every verdict was carried out, 3 when a request got none.`,
  deny: `
Denied requests cannot be approved any more. With --policy, only its denials are carried out.`,
};

function verbOf(word: Word, summary: string): Verb {
  return {
    name: word,
    summary,
    define(command: Command, run) {
      command.argument('[names...]', 'requests (CertificateSigningRequest)');
      command.addHelpText('before', EXAMPLES[word]);
      command
        .option('--all-pending', 'everything that waits')
        .option('--signer <name>', 'only requests for this signer')
        .option('-l, --selector <selector>', 'only requests with these labels, as kubectl has it')
        .option('--policy <file>', 'decide by these policies: YAML of tscert or of approver-policy')
        .option('--dry-run', 'decide, and have the server check it; nothing is kept')
        .option(
          '--reason <word>',
          `reason of the condition (default: ${word === 'approve' ? 'TscertApproved' : 'TscertDenied'}, with --policy TscertPolicy)`,
        )
        .option('--message <text>', 'message of the condition (default: why)');
      if (word === 'approve') {
        command
          .optionsGroup('As a controller:')
          .option('--watch', 'go on: judge whatever is asked, until it is stopped; SIGHUP reads the policies again')
          .option('--lease <name>', 'Lease by which one of several replicas leads (default: tscert-approver)')
          .option('--no-lease', 'there is no other replica')
          .option('--listen <host:port>', 'where /metrics, /healthz and /readyz are (TSCERT_LISTEN; default 127.0.0.1:9402)')
          .option('--no-listen', 'serve nothing')
          .option('--grace <duration>', 'what is being judged may take so long after SIGTERM (default: 30s)');
      }
      addClusterOptions(command);
      command.addHelpText('after', AFTER[word]);
      command.action(
        run(async (context: Context, names: readonly string[], flags: ApproveFlags) => {
          const { runApprove } = await import('../approval/approve-run.js');
          return runApprove(context, word, names, flags);
        }),
      );
    },
  };
}

export const approve = verbOf('approve', 'approve requests of a cluster, by hand or by policy');
export const deny = verbOf('deny', 'deny requests of a cluster');
