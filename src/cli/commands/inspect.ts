/** `tscert inspect`: what a file or a server shows. */
import type { Context } from '../context.js';
import type { Verb } from '../verb.js';
import { addClusterOptions } from './cluster-options.js';

export const inspect: Verb = {
  name: 'inspect',
  summary: 'show any certificate, chain, CSR or key',
  define(command, run) {
    command.argument('<targets...>', 'files (PEM, DER or base64), - for standard input, HOST:PORT of a TLS server, or secret:NS/NAME');
    command.addHelpText(
      'before',
      `Most people need one of these first:
  $ tscert inspect fullchain.pem          # who, until when, for which names; does the chain hold together
  $ tscert inspect server.csr             # what a request asks for, and whether its signature is valid
  $ tscert inspect example.com:443        # what a server sends
`,
    );
    command.option('--passphrase-file <file>', 'its first line opens encrypted private keys');
    command.addHelpText(
      'after',
      `
More examples:
  $ kubectl get csr my-csr -o 'jsonpath={.spec.request}' | tscert inspect -
  $ tscert inspect --json cert.pem | jq -r '.objects[0].notAfter'

Of a private key only its kind and the digest of its public half are shown. The digests are SHA-256; that of a key is of
its SubjectPublicKeyInfo in base64, as curl --pinnedpubkey takes it.`,
    );
    addClusterOptions(command).optionsGroup('Everywhere:');
    command.action(
      run(async (context: Context, targets: readonly string[], flags: { readonly passphraseFile?: string }) => {
        const { runInspect } = await import('../inspect-run.js');
        return runInspect(context, targets, flags);
      }),
    );
  },
};
