/** When it is to be asked again whether a stored certificate was revoked. Pure; times are milliseconds since the epoch. */
import type { RevocationRequest } from '../../request/request.js';
import type { RevocationCheckRecord } from '../../store/ledger.js';
import type { KnownCertificate } from '../known.js';
import type { OcspEvidence, RevocationReport } from './evidence.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** After a failure; what passes by itself has passed then. */
const AFTER_FAILURE = 6 * HOUR;
/** A staple is missed sooner. */
const WITHOUT_STAPLE = HOUR;

/**
 * Whether it is time to ask about a certificate. One that names nobody is not asked about, unless a staple is wanted of it.
 * @param last what is remembered, perhaps of an earlier certificate
 */
export function isCheckDue(
  certificate: Pick<KnownCertificate, 'serialNumber' | 'isRevocable'>,
  { check, staple }: Partial<RevocationRequest> | undefined = {},
  last: RevocationCheckRecord | undefined,
  now: number,
): boolean {
  const isWanted = staple !== undefined || (check !== false && certificate.isRevocable);
  if (!isWanted) return false;
  if (last?.serialNumber !== certificate.serialNumber || last.staple?.file !== staple) return true;
  const next = Date.parse(last.checkAt);
  // What lies further ahead was written by a clock that was wrong.
  return now >= next || next > now + DAY + MINUTE;
}

/**
 * When to ask again: once a day, or when what was said is over; within the life of a staple at its half.
 * @param staple the response that stands in the file, where one is wanted and there is one
 */
export function nextCheckAfter(
  { status, decisive }: Pick<RevocationReport, 'status' | 'decisive'>,
  staple: { readonly isWanted: boolean; readonly isPossible: boolean; readonly response: OcspEvidence | undefined },
  now: number,
): number {
  const until = decisive?.nextUpdate?.getTime();
  const isTold = status === 'good' || status === 'revoked' || status === 'no-way';
  const next = isTold ? Math.min(now + DAY, Math.max(until ?? now + DAY, now + HOUR)) : now + AFTER_FAILURE;
  if (!staple.isWanted || !staple.isPossible) return next;
  return Math.min(next, staple.response === undefined ? now + WITHOUT_STAPLE : Math.max(halfLifeOf(staple.response), now + MINUTE));
}

/** Half of its life; a response that does not say how long it is good is as good as renewed after half a day. */
function halfLifeOf({ thisUpdate, nextUpdate }: OcspEvidence): number {
  const from = thisUpdate.getTime();
  return nextUpdate === undefined ? from + DAY / 2 : (from + nextUpdate.getTime()) / 2;
}
