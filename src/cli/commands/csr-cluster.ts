/** `tscert csr submit|list|show|fetch|delete`: CertificateSigningRequests of a cluster. */
import type { Command } from 'commander';
import type { ClusterFlags } from '../cluster.js';
import type { Context } from '../context.js';
import type { DeleteFlags } from '../csr/delete-run.js';
import type { FetchFlags } from '../csr/fetch-run.js';
import type { ListFlags } from '../csr/list-run.js';
import type { SubmitFlags } from '../csr/submit-run.js';
import type { Runner } from '../verb.js';
import { addClusterOptions } from './cluster-options.js';
import { addCsrOptions } from './csr-options.js';

const collect = (value: string, previous: readonly string[] = []): string[] => [...previous, value];

const NAMES: ReadonlySet<string> = new Set(['submit', 'list', 'show', 'fetch', 'delete']);
/** Global options that stand alone. */
const ALONE: ReadonlySet<string> = new Set(['--json', '-q', '--quiet', '-v', '--verbose', '--no-color']);

/** True when one of the subcommands is meant, and no file of that name. */
export function isClusterCommand(words: readonly string[]): boolean {
  return NAMES.has(words.find((word) => !ALONE.has(word)) ?? '');
}

export function addClusterCommands(csr: Command, run: Runner): void {
  addSubmit(csr, run);
  addList(csr, run);
  addShow(csr, run);
  addFetch(csr, run);
  addDelete(csr, run);
}

function addSubmit(csr: Command, run: Runner): void {
  const command = csr
    .command('submit [request]')
    .summary('ask a cluster to sign a request')
    .description(
      'Asks a cluster to sign a request: a CSR (PEM or DER), a cfssl request, or what the flags say. What the signer would refuse is refused before it is sent.',
    );
  command.addHelpText(
    'before',
    `Most people need one of these first:
  $ tscert csr submit request.json --bare jane --signer kubernetes.io/kube-apiserver-client   # key, CSR, request
  $ tscert csr submit server.csr --signer example.com/internal --usage 'server auth' --wait --out server.pem
  $ tscert csr submit server.csr --signer example.com/internal --usage 'server auth' --dry-run
`,
  );
  command
    .requiredOption('--signer <name>', 'who shall sign, as in kubernetes.io/kube-apiserver-client')
    .option('--name <name>', 'name of the object (default: after what it is for)')
    .option('--usage <word>', 'what the certificate is for; repeatable (default: what a signer of Kubernetes gives)', collect)
    .option('--expiration <duration>', 'how long it shall hold, at least 10m')
    .option('--wait', 'wait until it is issued, and print the certificate')
    .option('--out <file>', 'with --wait: write the certificate and its intermediates there')
    .option('--dry-run', 'have the server check it (dryRun=All); nothing is kept, and no file is written');
  addCsrOptions(command, ['Names:', 'Subject:', 'The key:']);
  command
    .optionsGroup('Where a new key goes:')
    .option('--key-out <file>', 'write the new key there, 0600')
    .option('--bare <name>', 'write NAME-key.pem and NAME.csr, and with --wait NAME.pem')
    .option('--force', 'overwrite existing key files');
  addClusterOptions(command);
  command.addHelpText(
    'after',
    `
The name of the object goes to standard output, with --wait the certificate. A cluster forgets requests: an hour after they were
issued, denied or failed, a day after they were made when nobody decides. Exit codes: 0 made (with --wait: issued), 1 denied, failed
or refused by the cluster, 2 the signer would not sign it and nothing was sent.`,
  );
  command.action(
    run(async (context: Context, request: string | undefined, flags: SubmitFlags) =>
      (await import('../csr/submit-run.js')).runSubmit(context, request, flags),
    ),
  );
}

function addList(csr: Command, run: Runner): void {
  const command = csr
    .command('list')
    .summary('the requests of a cluster')
    .description('One line a request of the cluster: who asks for what, and how it stands.')
    .option('--signer <name>', 'only requests for this signer')
    .option('-l, --selector <selector>', 'only requests with these labels, as kubectl has it')
    .option('--state <word>', 'only those that are pending, approved, issued, denied or failed; repeatable', collect);
  addClusterOptions(command);
  command.action(run(async (context: Context, flags: ListFlags) => (await import('../csr/list-run.js')).runList(context, flags)));
}

function addShow(csr: Command, run: Runner): void {
  const command = csr
    .command('show <name>')
    .summary('all that is in a request, decoded')
    .description(
      'Shows a request decoded: who asks, for what, every condition, and the certificate; says whether that is all that is in it.',
    );
  addClusterOptions(command);
  command.action(
    run(async (context: Context, name: string, flags: ClusterFlags) => (await import('../csr/show-run.js')).runShow(context, name, flags)),
  );
}

function addFetch(csr: Command, run: Runner): void {
  const command = csr
    .command('fetch <name>')
    .summary('get the certificate of a request')
    .description('Gets the certificate of a request, checked: approved, of the key and the names that were asked for, its chain in order.')
    .option('--key <file>', 'prove that it fits this private key')
    .option('--passphrase-file <file>', 'its first line opens the key')
    .option('--out <file>', 'write the certificate and its intermediates there (default: standard output)')
    .option('--wait', 'wait until it is issued');
  addClusterOptions(command);
  command.addHelpText(
    'after',
    `
Exit codes: 0 it was fetched, 1 denied, failed, or not what was asked for, 5 not issued yet.`,
  );
  command.action(
    run(async (context: Context, name: string, flags: FetchFlags) => (await import('../csr/fetch-run.js')).runFetch(context, name, flags)),
  );
}

function addDelete(csr: Command, run: Runner): void {
  const command = csr
    .command('delete <names...>')
    .summary('remove requests from a cluster')
    .description('Removes requests from the cluster. A certificate that was issued stays valid: Kubernetes revokes nothing.')
    .option('--dry-run', 'have the server check it; nothing is removed');
  addClusterOptions(command);
  command.action(
    run(async (context: Context, names: readonly string[], flags: DeleteFlags) =>
      (await import('../csr/delete-run.js')).runDelete(context, names, flags),
    ),
  );
}
