/** Keeps what the CA advises about a stored certificate (RFC 9773) up to date: asked when it is time, the pick drawn once a window. */
import { certificateId, type RenewalInfo } from '../acme/renewal-info.js';
import type { Clock, Random } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import type { Advice } from '../policy/renewal.js';
import type { IssuerRequest } from '../request/request.js';
import type { RenewalInfoRecord } from '../store/ledger.js';
import type { Whole } from './stored.js';

/** Asks an authority about a certificate (PEM) that it issued; `undefined` when it gives no advice to anybody. */
export type AskForAdvice = (issuer: IssuerRequest, certificate: string, signal: AbortSignal) => Promise<RenewalInfo | undefined>;

export interface AdviceParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  readonly ask: AskForAdvice;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** RFC 9773 §4.3.3: after a lasting error, and where the server does not say. */
const USUAL = 6 * HOUR;

/**
 * What is known of the CA's advice now. It is asked only when its last word is over; a window that stands keeps its pick; when it cannot be
 * asked, its last word stands for six hours more. A CA that fails to advise never fails a renewal.
 */
export async function currentAdvice(
  { stored, certificate: content }: Whole,
  issuer: IssuerRequest,
  known: RenewalInfoRecord | undefined,
  { clock, random, ask, emit, signal }: AdviceParts,
): Promise<RenewalInfoRecord | undefined> {
  const certificate = content && certificateId(content);
  if (certificate === undefined) return undefined;
  const last = known?.certificate === certificate ? known : undefined;
  const now = clock.now();
  if (isCurrentFor(certificate, last, now)) return last;
  const until = (milliseconds: number): string => new Date(now + milliseconds).toISOString();
  let info: RenewalInfo | undefined;
  try {
    info = await ask(issuer, stored.certificate, signal);
  } catch (error) {
    signal.throwIfAborted();
    emit({ type: 'note', message: `the CA gives no renewal information now: ${messageOf(error)}` });
    return { ...last, certificate, checkAt: until(USUAL) };
  }
  if (info === undefined) return { certificate, checkAt: until(DAY) };
  const window = { start: new Date(info.window.start).toISOString(), end: new Date(info.window.end).toISOString() };
  const stands = last?.window?.start === window.start && last.window.end === window.end && last.pick !== undefined;
  if (last?.window !== undefined && !stands) {
    const why = info.explanationUrl === undefined ? '' : `; it tells why at ${info.explanationUrl}`;
    emit({ type: 'note', message: `the CA has moved the renewal window to ${window.start} - ${window.end}${why}` });
  }
  const pick = stands ? last.pick : new Date(drawIn(info.window, random)).toISOString();
  return {
    certificate,
    window,
    ...(pick === undefined ? {} : { pick }),
    ...(info.explanationUrl === undefined ? {} : { explanationUrl: info.explanationUrl }),
    checkAt: until(Math.min(DAY, Math.max(MINUTE, info.retryAfter ?? USUAL))),
  };
}

/** The advice of a record, in times that the checks understand; `undefined` when it holds none. */
export function adviceOf(record: RenewalInfoRecord | undefined): Advice | undefined {
  if (record?.window === undefined || record.pick === undefined) return undefined;
  return {
    window: { start: Date.parse(record.window.start), end: Date.parse(record.window.end) },
    pick: Date.parse(record.pick),
    ...(record.explanationUrl === undefined ? {} : { explanationUrl: record.explanationUrl }),
  };
}

/**
 * Whether what is known of the advice for a certificate is not to be asked for yet. A word that is to be good for more than a day was
 * written by a clock that was wrong.
 */
export function isCurrentFor(id: string | undefined, known: RenewalInfoRecord | undefined, now: number): boolean {
  if (id === undefined || known?.certificate !== id) return false;
  const until = Date.parse(known.checkAt);
  return now < until && until <= now + DAY + MINUTE;
}

/** Uniform in the window (RFC 9773 §4.2), in whole milliseconds. */
function drawIn({ start, end }: RenewalInfo['window'], random: Random): number {
  return start + Math.floor(random() * (end - start));
}
