/** `tscert dns`: what a DNS provider needs, and whether it has it. */
import type { Context } from '../context.js';
import type { Verb } from '../verb.js';

type Flags = Readonly<Record<string, unknown>>;

const collect = (value: string, previous: readonly string[] = []): string[] => [
  ...previous,
  ...value.split(',').map((part) => part.trim()),
];

export const dns: Verb = {
  name: 'dns',
  summary: 'the least rights a DNS provider needs; a harmless test of it',
  define(command, run) {
    command.addHelpText(
      'before',
      `Most people need one of these first:
  $ tscert dns policy route53 --zone example.com > policy.json    # the least IAM policy
  $ tscert dns test -d example.com --dns route53                  # write a value, see it, remove it
`,
    );
    command
      .command('policy <provider>')
      .description('print the least rights with which a provider works: route53 (IAM), alidns (RAM) or rfc2136 (BIND update-policy)')
      .summary('print the least rights with which a provider works')
      .option('--zone <name>', 'the zone')
      .option('--zone-id <id>', 'route53: the id of the hosted zone; without it the policy holds for every zone of the account')
      .option('-d, --domain <name>', 'only for the challenges of this name; repeatable', collect)
      .action(
        run(async (context: Context, provider: string, flags: Flags) =>
          (await import('../dns-policy.js')).runDnsPolicy(context, provider, flags),
        ),
      );
    command
      .command('test')
      .description('write a TXT value at _acme-challenge of a name, look for it at the name servers, and remove it')
      .summary('write a harmless TXT value, read it back, remove it')
      .option('-d, --domain <name>', 'a name of a certificate; repeatable', collect)
      .option('--zone <name>', 'a zone, instead of a name')
      .option('--dns <provider[@zone]>', 'as in tscert issue; repeatable', collect)
      .option('--dns-resolver <host[:port]>', 'resolver for everything that is looked up; repeatable', collect)
      .option('--dns-nameserver <host[:port][@zone]>', "ask this server instead of the zone's own; repeatable", collect)
      .option('--dns-check <who>', 'who must have the value: authoritative, recursive or none')
      .option('--dns-timeout <duration>', 'how long that may take (default: 5m)')
      .action(run(async (context: Context, flags: Flags) => (await import('../dns-test-run.js')).runDnsTest(context, flags)));
    command.addHelpText(
      'after',
      `
More examples:
  $ tscert dns policy rfc2136 --zone example.com -d www.example.com -d '*.example.com'
  $ tscert dns test --zone example.com --dns rfc2136 --json

The test says which zone holds the name, how long writing and spreading took, and leaves nothing behind, also after Ctrl-C.`,
    );
  },
};
