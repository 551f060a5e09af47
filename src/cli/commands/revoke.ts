/** `tscert revoke`: a certificate shall not be trusted any more. */
import type { Context } from '../context.js';
import type { RevokeFlags } from '../revoke-run.js';
import type { Verb } from '../verb.js';
import { addStoreOptions } from './cluster-options.js';

export const revoke: Verb = {
  name: 'revoke',
  summary: 'have a certificate revoked by its CA',
  define(command, run) {
    command.argument('<target>', 'a stored certificate, or a file: PEM or DER; - is standard input');
    command.addHelpText(
      'before',
      `Most people need one of these first:
  $ tscert revoke www --reason superseded         # the stored certificate, by the account that got it
  $ tscert revoke www --reason keyCompromise      # others may know the key: it is never used again
  $ tscert revoke old.pem --key old-key.pem       # a file, by the certificate's own key
`,
    );
    command.option('--reason <word>', 'unspecified (default), keyCompromise, affiliationChanged, superseded or cessationOfOperation');
    command
      .option('--key <file>', "sign with the certificate's own key")
      .option('--passphrase-file <file>', 'passphrase of that key')
      .option('--server <name|url>', 'ACME directory, for a file that is not stored: a short name or a URL; default letsencrypt')
      .option('--staging', 'the staging directory of that CA')
      .option('--email <address>', 'sign with the account of this e-mail, where there are several')
      .option('--dry-run', 'show what would be revoked, and by whom; nobody is asked');
    command.addHelpText(
      'after',
      `
A stored certificate that is revoked is renewed by the next tscert renew, with a new key. With keyCompromise the request is
signed by the key itself where it is at hand, which proves it to the CA; such a key is refused from then on. Otherwise the
account signs, and the key where there is no account: some CAs take that for keyCompromise, whatever the reason.`,
    );
    addStoreOptions(command);
    command.action(
      run(async (context: Context, target: string, flags: RevokeFlags) => {
        const { runRevoke } = await import('../revoke-run.js');
        return runRevoke(context, target, flags);
      }),
    );
  },
};
