/**
 * The approver as a controller: one leader among several replicas (a Lease) follows all requests and judges each pending one as soon as it is there. What gets
 * no verdict is judged again, after an error soon, else when it changes or the policies do, and from time to time. Nothing that fails ends it but a right that is missing.
 */
import type { Clock, Random } from '../../base/clock.js';
import { isTscertError, type TscertError } from '../../base/errors.js';
import { type CertificateSigningRequest, CSR, stateOf } from '../../kubernetes/csr.js';
import { acquireLease } from '../../kubernetes/lease.js';
import { SIDE_BY_SIDE } from './pass.js';
import { createTurnQueue } from './queue.js';
import { type Review, type ReviewParts, review } from './review.js';

export interface ControllerParts extends Omit<ReviewParts, 'policies' | 'clock' | 'signal'> {
  /** As they are now: they may be read again. */
  readonly policies: () => ReviewParts['policies'];
  readonly clock: Clock;
  readonly background: Pick<Clock, 'sleep'>;
  readonly random: Random;
  /** Only these are judged. */
  readonly signer?: string;
  readonly labels?: string;
  /** Absent: there is no other replica. */
  readonly lease?: { readonly name: string; readonly identity: string };
  readonly onReview: (review: Review) => void;
  readonly onState: (state: ControllerState) => void;
  /** Ends it: what is being judged is finished. */
  readonly stop: AbortSignal;
  /** Cuts off what is being judged. */
  readonly signal: AbortSignal;
}

export type ControllerState =
  | { readonly type: 'waiting'; readonly error?: TscertError }
  | { readonly type: 'leading' }
  | { readonly type: 'listed'; readonly pending: number }
  | { readonly type: 'pending'; readonly pending: number }
  | { readonly type: 'interrupted'; readonly error: TscertError }
  | { readonly type: 'lost'; readonly error: TscertError };

export interface Controller {
  /** Resolves when it has stopped; rejects with what no later try would mend. */
  readonly ended: Promise<void>;
  /** Judges everything that is pending anew: the policies have changed. */
  reconsider(): void;
}

const LEASE_SECONDS = 15;
const RESYNC = 10 * 60_000;
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 5 * 60_000;
/** Pause after a Lease that could not be asked for, in milliseconds. */
const AGAIN = 5_000;

const FINAL = ['cluster-forbidden', 'cluster-login', 'tls-untrusted', 'config-invalid', 'request-invalid', 'internal'] as const;

export function startController(parts: ControllerParts): Controller {
  let reconsider = (): void => undefined;
  const run = async (): Promise<void> => {
    while (!parts.stop.aborted) {
      await lead(parts, (again) => {
        reconsider = again;
      });
    }
  };
  return { ended: run(), reconsider: () => reconsider() };
}

/** One term as leader, from waiting for the Lease to its loss or the end. */
async function lead(parts: ControllerParts, onQueue: (reconsider: () => void) => void): Promise<void> {
  const { client, clock, background, uptime, random, lease, stop } = parts;
  if (lease === undefined) return await follow(parts, stop, onQueue);
  parts.onState({ type: 'waiting' });
  const seconds = LEASE_SECONDS;
  let held: Awaited<ReturnType<typeof acquireLease>>;
  try {
    const wait = Number.POSITIVE_INFINITY;
    held = await acquireLease({ ...lease, client, seconds, wait, clock, background, uptime, random, signal: stop });
  } catch (error) {
    if (stop.aborted) return;
    if (!isTscertError(error) || FINAL.some((code) => error.code === code)) throw error;
    parts.onState({ type: 'waiting', error });
    await clock.sleep(AGAIN, stop).catch(() => undefined);
    return;
  }
  try {
    await follow(parts, AbortSignal.any([stop, held.lost]), onQueue);
    if (held.lost.aborted && !stop.aborted) parts.onState({ type: 'lost', error: held.lost.reason as TscertError });
  } finally {
    await held.release();
  }
}

/** Follows and judges until `end`; what is being judged is finished, unless the Lease is lost: then another judges it. */
async function follow(parts: ControllerParts, end: AbortSignal, onQueue: (reconsider: () => void) => void): Promise<void> {
  const { client, uptime, clock, signer, labels, stop } = parts;
  parts.onState({ type: 'leading' });
  const known = new Map<string, { readonly csr: CertificateSigningRequest; readonly readAt: number; readonly pause: number }>();
  const queue = createTurnQueue({ uptime, clock });
  onQueue(() => {
    for (const name of known.keys()) queue.add(name, uptime());
  });
  const over = new AbortController();
  const ended = AbortSignal.any([end, over.signal]);
  // After the loss of the Lease nothing may be written any more.
  const cut = new AbortController();
  const lose = (): void => {
    if (!stop.aborted) cut.abort(end.reason);
  };
  end.addEventListener('abort', lose, { once: true });
  const signal = AbortSignal.any([parts.signal, cut.signal]);

  const take = (csr: CertificateSigningRequest, readAt: number): void => {
    const { name } = csr.metadata;
    if (stateOf(csr) !== 'pending') {
      forget(name);
      return;
    }
    const before = known.get(name);
    const isSame = before?.csr.metadata.uid === csr.metadata.uid && before.csr.metadata.resourceVersion === csr.metadata.resourceVersion;
    // What has not changed keeps its turn.
    if (isSame) return;
    known.set(name, { csr, readAt, pause: 0 });
    queue.add(name, uptime());
  };
  const forget = (name: string): void => {
    known.delete(name);
    queue.remove(name);
  };
  const work = async (name: string): Promise<void> => {
    const entry = known.get(name);
    if (entry === undefined) return;
    try {
      const outcome = await review(entry.csr, entry.readAt, { ...parts, policies: parts.policies(), signal });
      parts.onReview(outcome);
      if (outcome.state === 'unprocessed' || outcome.state === 'failed' || outcome.state === 'not-carried-out' || parts.dryRun)
        putOff(name, outcome);
      // Another state comes with the next event; one that had changed is told by the watch, too.
      else if (known.get(name) === entry) forget(name);
    } catch {
      // Cut off: whoever leads next judges it.
    }
    parts.onState({ type: 'pending', pending: known.size });
  };
  const putOff = (name: string, outcome: Review): void => {
    const entry = known.get(name);
    if (entry === undefined) return;
    const pause = isTransient(outcome) ? Math.min(LONGEST_PAUSE, Math.max(FIRST_PAUSE, entry.pause * 2)) : RESYNC;
    known.set(name, { ...entry, pause });
    queue.add(name, uptime() + pause);
  };
  const watch = async (): Promise<void> => {
    const query = {
      ...(signer !== undefined && { fields: `spec.signerName=${signer}` }),
      ...(labels !== undefined && { labels }),
    };
    for await (const event of client.watch(CSR, query, { signal: ended })) {
      const readAt = uptime();
      if (event.type === 'interrupted') parts.onState({ type: 'interrupted', error: event.error });
      else if (event.type === 'removed') forget(event.object.metadata.name);
      else if (event.type === 'changed') take(event.object, readAt);
      else {
        if (signer === undefined && labels === undefined) parts.facts.know(event.objects, readAt);
        const names = new Set(event.objects.map(({ metadata }) => metadata.name));
        for (const name of [...known.keys()].filter((one) => !names.has(one))) forget(name);
        for (const csr of event.objects) take(csr, readAt);
        parts.onState({ type: 'listed', pending: known.size });
      }
    }
  };
  const both = [watch(), queue.run(work, SIDE_BY_SIDE, ended)].map((one) => one.finally(() => over.abort()));
  // Both have ended when this does, whichever fails.
  const failed = (await Promise.allSettled(both)).find((one) => one.status === 'rejected');
  end.removeEventListener('abort', lose);
  if (failed === undefined) return;
  const error: unknown = failed.reason;
  if (!isTscertError(error) || FINAL.some((code) => error.code === code)) throw error;
  parts.onState({ type: 'interrupted', error });
  await clock.sleep(AGAIN, end).catch(() => undefined);
}

/** An answer that was missing may be there in a moment; a policy that does not decide will not. */
function isTransient(outcome: Review): boolean {
  if (outcome.state === 'failed') return true;
  return outcome.state === 'unprocessed' && outcome.verdict.policies.some((policy) => policy.outcome === 'undecided');
}
