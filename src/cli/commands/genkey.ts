/** `tscert genkey`: a key; with a cfssl request also its CSR. */
import { Option } from 'commander';
import type { Context } from '../context.js';
import { encodingOption, keyTypeOption } from '../key-flags.js';
import type { Verb } from '../verb.js';

export const genkey: Verb = {
  name: 'genkey',
  summary: 'make a key; with a cfssl request also its CSR',
  define(command, run) {
    command.argument('[request]', "cfssl's JSON request: a file, or - for standard input");
    command.addHelpText(
      'before',
      `Most people need one of these first:
  $ tscert genkey --out key.pem                                 # ECDSA P-256, PKCS#8, 0600
  $ tscert genkey --key-type rsa4096 --passphrase-file pass.txt --out key.pem
  $ tscert genkey request.json | cfssljson -bare server         # or: tscert genkey request.json --bare server
`,
    );
    command.optionsGroup('The key:');
    command.addOption(keyTypeOption());
    command.addOption(encodingOption());
    command.option('--passphrase-file <file>', 'encrypt the key with the first line of this file');
    command.optionsGroup('Where it goes:');
    command.option('--out <file>', 'write the key there, 0600 (default: standard output)');
    command.addOption(new Option('--bare <name>', 'write NAME-key.pem, and with a request NAME.csr').conflicts('out'));
    command.option('--force', 'overwrite an existing key file');
    command.optionsGroup('Everywhere:');
    command.addHelpText(
      'after',
      `
A key without a request is written as PKCS#8. With a request, standard output gets what \`cfssl genkey\` prints, and the
key is PKCS#1 or SEC 1 as there; --encoding changes it. An existing key file is never overwritten without --force.`,
    );
    command.action(
      run(async (context: Context, request: string | undefined, flags: Record<string, unknown>) => {
        const { runGenkey } = await import('../genkey-run.js');
        return runGenkey(context, request, flags);
      }),
    );
  },
};
