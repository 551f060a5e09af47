/**
 * One request, judged and decided. What is written is the verdict on the very object that was judged: when it has changed meanwhile it is read and judged
 * anew, and when an answer is lost the object itself tells what became of it.
 */
import { isTscertError, messageOf, TscertError } from '../../base/errors.js';
import { type CertificateSigningRequest, CSR, type CsrState, stateOf } from '../../kubernetes/csr.js';
import { judge } from '../../policy/approval/judge.js';
import type { Policy } from '../../policy/approval/policy.js';
import type { Verdict } from '../../policy/approval/verdict.js';
import { type DecideParts, type Decision, decide, isDecided } from './decide.js';
import type { ClusterFacts } from './facts.js';
import { requestOf } from './requested.js';

export interface ReviewParts extends DecideParts {
  readonly policies: readonly Policy[];
  readonly facts: ClusterFacts;
  readonly uptime: () => number;
  /** Which verdicts are carried out; `deny` alone leaves what would be approved. */
  readonly carriesOut: readonly Decision['type'][];
  readonly reason: string;
  /** In place of the verdict's own words. */
  readonly message?: string;
}

/** What became of a request. */
export type Review = {
  readonly name: string;
  readonly csr: CertificateSigningRequest;
  /** How often it was judged anew because it had changed. */
  readonly conflicts: number;
} & (
  | { readonly state: 'approved' | 'denied' | 'unprocessed' | 'not-carried-out'; readonly verdict: Verdict }
  /** Somebody else was faster. */
  | { readonly state: 'settled'; readonly found: CsrState }
  | { readonly state: 'gone' }
  | { readonly state: 'failed'; readonly error: TscertError; readonly verdict?: Verdict }
);

/** An object that changes so often while it is judged is somebody's game. */
const MOST_CONFLICTS = 20;

/**
 * Judges a request and carries the verdict out. Rejects with nothing but the reason of the signal.
 * @param given as it was read at `readAt` (by `uptime`)
 */
export async function review(given: CertificateSigningRequest, readAt: number, parts: ReviewParts): Promise<Review> {
  let csr = given;
  let since = readAt;
  for (let conflicts = 0; ; conflicts++) {
    const head = { name: csr.metadata.name, csr, conflicts };
    const found = stateOf(csr);
    if (found !== 'pending') return { ...head, state: 'settled', found };
    let verdict: Verdict | undefined;
    try {
      verdict = await judge(requestOf(csr), parts.policies, parts.facts.asOf(since), parts.clock.now());
      parts.signal.throwIfAborted();
      if (verdict.outcome === 'Unprocessed') return { ...head, state: 'unprocessed', verdict };
      if (!parts.carriesOut.includes(verdict.outcome)) return { ...head, state: 'not-carried-out', verdict };
      const decision: Decision = { type: verdict.outcome, reason: parts.reason, message: parts.message ?? verdict.message };
      const done = await decideOrFind(csr, decision, parts);
      if (done.state === 'decided') return { ...head, state: verdict.outcome === 'Approved' ? 'approved' : 'denied', verdict };
      if (done.csr === undefined) return { ...head, state: 'gone' };
      if (conflicts >= MOST_CONFLICTS)
        throw new TscertError('cluster-conflict', `Cannot decide on "${head.name}": it changes all the time`);
      // What was made before it was there when it was first read; another of its name is a later one.
      if (done.csr.metadata.uid !== csr.metadata.uid) since = parts.uptime();
      csr = done.csr;
    } catch (error) {
      parts.signal.throwIfAborted();
      return { ...head, state: 'failed', error: asError(error), ...(verdict !== undefined && { verdict }) };
    }
  }
}

/** Decides; or gives the object as it is now, to be judged anew. */
async function decideOrFind(
  csr: CertificateSigningRequest,
  decision: Decision,
  parts: DecideParts,
): Promise<{ readonly state: 'decided' } | { readonly state: 'changed'; readonly csr: CertificateSigningRequest | undefined }> {
  const { client, signal } = parts;
  const { name, uid } = csr.metadata;
  try {
    await decide(csr, decision, parts);
    return { state: 'decided' };
  } catch (error) {
    if (isTscertError(error, 'cluster-absent')) return { state: 'changed', csr: undefined };
    const isLost = isTscertError(error) && error.data.sent === true;
    if (!isLost && !isTscertError(error, 'cluster-conflict')) throw error;
    const now = await client.get(CSR, { name }, { signal });
    if (now === undefined) return { state: 'changed', csr: undefined };
    // Ours, of which the answer was lost; another of the same name is another request.
    if (now.metadata.uid === uid && isDecided(now, decision)) return { state: 'decided' };
    return { state: 'changed', csr: now };
  }
}

function asError(error: unknown): TscertError {
  return error instanceof TscertError ? error : new TscertError('internal', messageOf(error), { cause: error });
}
