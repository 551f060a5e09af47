/**
 * When a certificate that failed is tried again: Let's Encrypt's advice for clients that run by a timer (1, 10, 100 minutes, then
 * once a day), bent where a certificate would end meanwhile. Pure: times and chance come in.
 */
import type { FailureFacts, FailureKind } from './failure.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A little less than a day: the timer's next run must not come a moment too soon, and so half a day late. */
const DAILY = 23 * HOUR;
/** Milliseconds after the first, the second and the third failure in a row. */
const SCHEDULE = [MINUTE, 10 * MINUTE, 100 * MINUTE] as const;
/** Failures for which the CA did nothing cost nobody a limit: they are tried again more often than daily. */
const COSTS_NOTHING: ReadonlySet<FailureKind> = new Set(['unavailable', 'local', 'provider']);
/** Let's Encrypt gives back one failed validation of a name in twelve minutes. */
const LEAST_BEFORE_END = 12 * MINUTE;
/** No server's wish keeps a certificate longer than this. */
const LONGEST_WISH = 7 * DAY;

/**
 * The time before which nothing is tried, in milliseconds since the epoch.
 * @param count of failures in a row, the last one included
 * @param end of the certificate that is stored and good, if there is one: then there is a try at least in every quarter of what is left
 */
export function nextAttempt(
  { kind, retryAt }: Pick<FailureFacts, 'kind' | 'retryAt'>,
  { count, now, end }: { readonly count: number; readonly now: number; readonly end?: number },
): number {
  const longest = COSTS_NOTHING.has(kind) ? SCHEDULE[2] : DAILY;
  const pause = kind === 'paused' ? DAILY : (SCHEDULE[count - 1] ?? longest);
  const left = end === undefined || end <= now ? Number.POSITIVE_INFINITY : Math.max(LEAST_BEFORE_END, (end - now) / 4);
  const wish = retryAt === undefined ? now : Math.min(retryAt, now + LONGEST_WISH);
  return Math.max(now + Math.min(pause, left), wish);
}
