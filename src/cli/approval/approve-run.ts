/** A run of `approve` or `deny`: which requests, judged by whom, and what became of them. */
import { TscertError } from '../../base/errors.js';
import { byHand } from '../../flow/approval/by-hand.js';
import { inOrder, reviewAll } from '../../flow/approval/pass.js';
import type { Review, ReviewParts } from '../../flow/approval/review.js';
import { type CertificateSigningRequest, CSR, stateOf } from '../../kubernetes/csr.js';
import type { Policy } from '../../policy/approval/policy.js';
import { type Cluster, openCluster } from '../cluster.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import { paintOfOutput } from '../ui/states.js';
import { type ApproveFlags, factsFor, readPolicyFile, reasonOf } from './approve-parts.js';
import { documentOf, linesOf, requestLines } from './approve-text.js';

/** Runs `approve` or `deny` and gives its exit code. */
export async function runApprove(
  context: Context,
  word: 'approve' | 'deny',
  names: readonly string[],
  flags: ApproveFlags,
): Promise<number> {
  checkFlags(word, names, flags);
  const file = flags.policy === undefined ? undefined : await readPolicyFile(context, flags.policy);
  const cluster = await openCluster(context, flags);
  try {
    if (flags.watch === true && file !== undefined && flags.policy !== undefined) {
      const { runApproveWatch } = await import('./approve-watch.js');
      return await runApproveWatch(context, cluster, flags, { file: flags.policy, first: file });
    }
    return await runOnce(context, word, names, flags, { cluster, policies: file?.policies });
  } finally {
    cluster.client.close();
  }
}

/** @throws {TscertError} `usage` */
function checkFlags(word: string, names: readonly string[], { allPending, signer, selector, policy, watch }: ApproveFlags): void {
  const refuse = (why: string): never => {
    throw new TscertError('usage', `Cannot ${word}: ${why}`, { data: { help: `tscert ${word} --help` } });
  };
  if (watch === true && policy === undefined) refuse('--watch decides by policies; name them with --policy FILE');
  if (watch === true && names.length > 0) refuse('--watch looks at whatever is asked, and names none');
  if (names.length > 0 && (allPending === true || selector !== undefined || signer !== undefined))
    refuse('name requests, or select them by --all-pending, --signer and --selector; not both');
  if (names.length === 0 && allPending !== true && policy === undefined)
    refuse(
      signer === undefined && selector === undefined
        ? 'name the requests, or say --all-pending'
        : 'add --all-pending to take all that are selected',
    );
}

interface Judges {
  readonly cluster: Cluster;
  readonly policies: readonly Policy[] | undefined;
}

async function runOnce(
  context: Context,
  word: 'approve' | 'deny',
  names: readonly string[],
  flags: ApproveFlags,
  { cluster, policies }: Judges,
): Promise<number> {
  const { system, globals, ui, signal } = context;
  const { client } = cluster;
  const reason = reasonOf(flags, policies !== undefined ? 'TscertPolicy' : word === 'approve' ? 'TscertApproved' : 'TscertDenied');
  const readAt = system.uptime();
  const { found, absent } = await findRequests(context, cluster, names, flags);
  const dryRun = flags.dryRun === true;
  const common = { client, clock: system.clock, dryRun, signal, reason, ...(flags.message !== undefined && { message: flags.message }) };
  const paint = await paintOfOutput(system, globals);
  const show = (review: Review): void => {
    if (!ui.json && globals.quiet !== true)
      ui.data(`${linesOf(review, { paint, dryRun, verbose: globals.verbose === true }).join('\n')}\n`);
  };
  const reviews: Review[] = [];
  if (policies === undefined) {
    for (const csr of found) {
      const onLook = (): void => {
        if (!ui.json && globals.quiet !== true) ui.data(`${requestLines(csr, paint).join('\n')}\n`);
      };
      const review = await byHand(csr, word === 'approve' ? 'Approved' : 'Denied', { ...common, onLook });
      reviews.push(review);
      show(review);
    }
  } else {
    const facts = factsFor(context, cluster);
    const carriesOut: ReviewParts['carriesOut'] = word === 'approve' ? ['Approved', 'Denied'] : ['Denied'];
    const pending = found.filter((csr) => names.length > 0 || stateOf(csr) === 'pending');
    reviews.push(...(await reviewAll(pending, readAt, { ...common, policies, facts, carriesOut, uptime: () => system.uptime() })));
    for (const review of reviews) show(review);
  }
  for (const error of absent) ui.fail(error);
  if (ui.json) ui.document(word, { dryRun, requests: reviews.map(documentOf), absent: absent.map(({ data }) => data.name) });
  else if (reviews.length === 0 && absent.length === 0) ui.say('no request waits');
  return exitCodeFor(reviews, absent.length, policies !== undefined, word);
}

/** With policies 3 as soon as one got no verdict; by hand 3 when some failed, 1 when all did. */
function exitCodeFor(reviews: readonly Review[], absent: number, isByPolicy: boolean, word: 'approve' | 'deny'): number {
  const wanted = word === 'approve' ? ['approved', 'issued'] : ['denied'];
  const isGood = (review: Review): boolean => {
    if (review.state === 'settled') return isByPolicy || wanted.includes(review.found);
    if (review.state === 'gone') return isByPolicy;
    return review.state === 'approved' || review.state === 'denied' || review.state === 'not-carried-out';
  };
  const bad = reviews.filter((review) => !isGood(review)).length + absent;
  if (bad === 0) return EXIT.done;
  return isByPolicy || bad < reviews.length + absent ? EXIT.partly : EXIT.failed;
}

async function findRequests(
  { signal }: Context,
  { client }: Cluster,
  names: readonly string[],
  { signer, selector }: ApproveFlags,
): Promise<{ readonly found: readonly CertificateSigningRequest[]; readonly absent: readonly TscertError[] }> {
  if (names.length === 0) {
    const query = {
      ...(signer !== undefined && { fields: `spec.signerName=${signer}` }),
      ...(selector !== undefined && { labels: selector }),
    };
    const { items } = await client.list(CSR, query, { signal });
    return { found: inOrder(items.filter((csr) => stateOf(csr) === 'pending')), absent: [] };
  }
  const found: CertificateSigningRequest[] = [];
  const absent: TscertError[] = [];
  for (const name of new Set(names)) {
    const csr = await client.get(CSR, { name }, { signal });
    if (csr !== undefined) found.push(csr);
    else absent.push(new TscertError('cluster-absent', `Cannot find the request "${name}": it is not there`, { data: { name } }));
  }
  return { found, absent };
}
