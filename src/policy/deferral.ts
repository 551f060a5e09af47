/** Whether something that is due is not to be tried yet. Pure: what is remembered and the time come in. */
import type { FailureKind } from './failure.js';

/** Why not, and until when (milliseconds since the epoch). */
export interface Deferral {
  readonly until: number;
  readonly reason: string;
}

export interface DeferralInput {
  /** The failures in a row of this certificate. Times are RFC 3339. */
  readonly failure:
    | {
        readonly at: string;
        readonly nextAt: string;
        readonly kind: FailureKind;
        readonly message: string;
        readonly count: number;
        readonly request: string;
      }
    | undefined;
  /** That its CA, or the account, is not to be asked. */
  readonly hold: { readonly until: number; readonly message: string } | undefined;
  /** Digest of what is asked for now: trouble with another request says nothing of this one. */
  readonly request: string;
  readonly now: number;
  /** A timer waits as long as is remembered; a person who asks now, only as long as the CA itself said. */
  readonly patient: boolean;
}

/** What is remembered from later than this, in milliseconds, was written by a clock that was wrong. */
const CLOCK_ALLOWANCE = 5 * 60_000;
const SAID_BY_CA: ReadonlySet<FailureKind> = new Set(['rate-limited', 'paused']);

export function deferralOf({ failure, hold, request, now, patient }: DeferralInput): Deferral | undefined {
  if (hold !== undefined && hold.until > now) return { until: hold.until, reason: hold.message };
  if (failure === undefined || failure.request !== request) return undefined;
  const until = Date.parse(failure.nextAt);
  const counts = patient || SAID_BY_CA.has(failure.kind);
  if (!counts || until <= now || Date.parse(failure.at) > now + CLOCK_ALLOWANCE) return undefined;
  const times = failure.count === 1 ? 'the last try failed' : `the last ${failure.count} tries failed`;
  return { until, reason: `${times}: ${failure.message}` };
}
