/** `tscert verify`: whether a certificate is good. */
import type { Context } from '../context.js';
import type { Verb } from '../verb.js';
import type { VerifyFlags } from '../verify-run.js';
import { addStoreOptions } from './cluster-options.js';

const collect = (value: string, previous: readonly string[] = []): string[] => [...previous, value];

export const verify: Verb = {
  name: 'verify',
  summary: 'check a stored certificate, or what a server sends',
  define(command, run) {
    command.argument('<targets...>', 'stored certificates, or HOST:PORT of TLS servers');
    command.option('--probe <host:port>', 'a stored certificate must be what this server sends; repeatable', collect);
    command.option('--roots <file>', 'more trust roots, PEM, as that of a private CA; repeatable', collect);
    command.option('--allow-private', 'OCSP responders and CRLs may be on loopback, private and other inner addresses');
    command.option('--offline', 'do not ask whether it was revoked');
    command.addHelpText(
      'before',
      `Most people need one of these first:
  $ tscert verify www                                 # files, key, dates, chain, root, revocation, what is wanted
  $ tscert verify www --probe www.example.com:443     # and that the server sends it
  $ tscert verify www.example.com:443                 # what a server sends: name, dates, chain, root, revocation
`,
    );
    command.addHelpText(
      'after',
      `
One line a check: ✔ passed, ✘ failed with cert-manager's word for it, – cannot be told here. It ends with 0 when nothing failed,
else with 1. Roots are those of Node.js, of the system, of --ca-bundle and of --roots; of a stored certificate it is no failure that
its root is not known, unless roots were given. tscert ocsp-check tells more of revocation.`,
    );
    addStoreOptions(command);
    command.action(
      run(async (context: Context, targets: readonly string[], flags: VerifyFlags) =>
        (await import('../verify-run.js')).runVerify(context, targets, flags),
      ),
    );
  },
};
