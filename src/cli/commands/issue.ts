/** `tscert issue`: a certificate, now. */
import type { Context } from '../context.js';
import type { Verb } from '../verb.js';
import { addStoreOptions } from './cluster-options.js';
import { addIssueOptions, issueFlags } from './issue-options.js';

export const issue: Verb = {
  name: 'issue',
  summary: 'get a certificate; does nothing when a good one is there',
  define(command, run) {
    command.addHelpText(
      'before',
      `Most people need one of these first:
  $ tscert issue -d example.com -d '*.example.com' --dns route53      # wildcard, names proven in Route 53
  $ tscert issue -d example.com --http standalone --deploy nginx
  $ tscert issue                                                      # every certificate of the configuration file
`,
    );
    addIssueOptions(command);
    command.addHelpText(
      'after',
      `
More examples:
  $ tscert issue -d example.com --dns rfc2136 --server https://ca.internal/acme/directory --ca-bundle ca.pem
  $ tscert issue -d a.example.com -d b.example.org --dns route53@example.com --dns acmesh:dns_cf@example.org
  $ tscert issue --csr server.csr --http webroot:/var/www/html
  $ tscert issue -d example.com --dns route53 --dry-run

Each option can stand in the configuration file (dnsResolver: ...) and in the environment (TSCERT_DNS_RESOLVER=...).`,
    );
    addStoreOptions(command);
    command.action(
      run(async (context: Context, parsed: Record<string, unknown>) => {
        const { runIssue } = await import('../issue-run.js');
        return runIssue(context, issueFlags(parsed), { force: parsed.force === true, dryRun: parsed.dryRun === true });
      }),
    );
  },
};
