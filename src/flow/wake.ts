/** When there is something to do next. Pure: what is known of the certificates and the time come in; all times are milliseconds since the epoch. */
import { failureFacts } from '../policy/failure.js';
import type { Outcome } from './outcome.js';
import type { CertificateOverview } from './overview.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** However little there is to do, and however much. */
const LONGEST = 12 * HOUR;
const SHORTEST = MINUTE;
/** After the first, the second and the third failure in a row of a deployment; then as often as anybody looks. */
const DEPLOY = [MINUTE, 10 * MINUTE, 100 * MINUTE] as const;
/** Another run is at it. */
const LOCKED = 5 * MINUTE;
/** A person has something to do first. */
const PENDING = HOUR;

/** When what became of certificates in the last pass wants another look; remembers how often deployments failed. */
export interface Retries {
  /** The times of these outcomes that lie ahead. */
  take(outcomes: readonly Outcome[], now: number): number[];
}

export function createRetries(): Retries {
  const failed = new Map<string, number>();
  const retryOf = (outcome: Outcome, now: number): number | undefined => {
    if ('deployError' in outcome && outcome.deployError !== undefined) {
      const count = failed.get(outcome.name) ?? 0;
      failed.set(outcome.name, count + 1);
      return now + (DEPLOY[count] ?? LONGEST);
    }
    failed.delete(outcome.name);
    if (outcome.state === 'pending') return now + PENDING;
    // All other failures are in the ledger, with the time of the next attempt.
    return outcome.state === 'failed' && failureFacts(outcome.error) === undefined ? now + LOCKED : undefined;
  };
  return {
    take: (outcomes, now) =>
      outcomes
        .flatMap((outcome) => [retryOf(outcome, now), outcome.state === 'deferred' ? outcome.until : undefined])
        .filter((time) => time !== undefined),
  };
}

/**
 * The first time at which any certificate wants to be looked at: its renewal, the CA's next word about it, the next attempt after a
 * failure, or what `retries` say; within a minute and twelve hours from now.
 * @param begun when the pass began that ends now: what came due while it went on may have been looked at too early
 */
export function nextWake(
  overviews: Iterable<CertificateOverview>,
  retries: readonly number[],
  { begun, now }: { readonly begun: number; readonly now: number },
): number {
  let first = now + LONGEST;
  const take = (time: number | undefined): void => {
    // What was past when the pass began has been looked at.
    if (time !== undefined && time > begun && time < first) first = time;
  };
  for (const time of retries) take(time);
  for (const { renewal, certificate, ledger } of overviews) {
    take(renewal?.at);
    take(certificate?.notAfter);
    if (ledger.renewalInfo !== undefined) take(Date.parse(ledger.renewalInfo.checkAt));
    if (ledger.revocationCheck !== undefined) take(Date.parse(ledger.revocationCheck.checkAt));
    if (ledger.failure !== undefined) take(Date.parse(ledger.failure.nextAt));
  }
  return Math.max(first, now + SHORTEST);
}
