/** `tscert csr`: certificate signing requests. */
import type { Context } from '../context.js';
import type { CsrRunFlags } from '../csr-run.js';
import type { Verb } from '../verb.js';
import { addClusterCommands, isClusterCommand } from './csr-cluster.js';
import { addCsrOptions } from './csr-options.js';

export const csr: Verb = {
  name: 'csr',
  summary: 'make a certificate signing request; have it signed by a cluster',
  define(command, run, words) {
    if (isClusterCommand(words)) {
      // Both know -d and --key: options of the plain verb would take them away from its subcommands.
      addClusterCommands(command, run);
      return;
    }
    command.argument('[requests...]', "cfssl's JSON requests: files, or - for standard input (one request, or JSON lines)");
    command.addHelpText(
      'before',
      `Most people need one of these first:
  $ tscert csr -d example.com -d '*.example.com' --bare server      # server.csr and server-key.pem
  $ tscert csr -d example.com --key privkey.pem > server.csr        # of an existing key
  $ tscert csr request.json | cfssljson -bare server                # from a cfssl request
  $ tscert csr submit request.json --bare jane --signer kubernetes.io/kube-apiserver-client   # for a cluster
`,
    );
    addCsrOptions(command);
    command.addHelpText(
      'after',
      `
More examples:
  $ tscert csr -d spiffe://example.com/web --usage 'client auth' --key-type ec384 --key-out key.pem --out web.csr
  $ tscert csr --subject 'CN=Example CA,O=Example,C=DE' --is-ca --path-length 0 --permit dns:example.com --bare ca
  $ tscert csr a.json b.json --out-dir requests
  $ tscert csr - < requests.jsonl > results.jsonl

Flags stand over what a request says. Without --key, --key-out, --bare and --out-dir a request gives cfssl's JSON with the
new key in it; with --json every CSR is one line of JSON. In JSON lines a bad request becomes a line with "error", the
others are made all the same, and the exit code is 3.`,
    );
    command.action(
      run(async (context: Context, requests: readonly string[], flags: CsrRunFlags) => {
        const { runCsr } = await import('../csr-run.js');
        return runCsr(context, requests, flags);
      }),
    );
    addClusterCommands(command, run);
  },
};
