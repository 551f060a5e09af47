/** How a certificate is, in cert-manager's words: its conditions, and how far its last issuance got. */
import type { LedgerEvent } from '../store/ledger.js';
import type { CertificateOverview } from './overview.js';

export type ConditionStatus = 'True' | 'False' | 'Unknown';

export interface Condition {
  readonly type: 'Ready' | 'Issuing';
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
}

const READY: Omit<Condition, 'status'> = { type: 'Ready', reason: 'Ready', message: 'Certificate is up to date and has not expired' };

/** Ready: there is a certificate as it is wanted, and it has not expired; that it is due changes nothing. */
export function readyOf({ state, due, certificate, trouble }: CertificateOverview): Condition {
  const not = (status: ConditionStatus, reason: string, message: string): Condition => ({ type: 'Ready', status, reason, message });
  if (state === 'damaged' && due === undefined) return not('Unknown', 'Unknown', trouble ?? 'It cannot be told');
  if (due !== undefined && due.reason !== 'Renewing') return not('False', due.reason, due.message);
  if (certificate === undefined) return not('False', 'DoesNotExist', 'No certificate is stored');
  if (state === 'expired') return not('False', 'Expired', 'The certificate has expired');
  return { ...READY, status: 'True' };
}

/** Ready, and Issuing where an order is under way or the last try failed. */
export function conditionsOf(overview: CertificateOverview): readonly Condition[] {
  const {
    due,
    underWay,
    ledger: { failure },
  } = overview;
  const ready = readyOf(overview);
  if (failure !== undefined) return [ready, { type: 'Issuing', status: 'False', reason: 'Failed', message: failure.message }];
  if (underWay === undefined) return [ready];
  const { reason, message } = due ?? { reason: 'Issuing', message: 'An issuance is under way' };
  return [ready, { type: 'Issuing', status: 'True', reason, message }];
}

/** The steps of an issuance as cert-manager's events name them. */
export const STEPS = ['Issuing', 'Generated', 'Requested', 'Issued'] as const;

export interface Step {
  readonly step: (typeof STEPS)[number];
  readonly state: 'done' | 'failed' | 'open';
  /** RFC 3339, of a step that is done. */
  readonly at?: string;
}

/** How far the last issuance got, by its events; empty when none is remembered. */
export function stepsOf(events: readonly LedgerEvent[]): readonly Step[] {
  const first = events.findLastIndex(({ reason }) => reason === 'Issuing');
  const last = first === -1 ? [] : events.slice(first);
  if (last.length === 0) return [];
  const eventOf = (step: Step['step']): LedgerEvent | undefined => last.find(({ reason }) => reason === step);
  // A key that is kept is not generated: what came after it tells that it is there.
  const reached = STEPS.findLastIndex((step) => eventOf(step) !== undefined);
  const failed = last.some(({ reason }) => reason === 'Failed');
  return STEPS.map((step, at): Step => {
    if (at > reached) return { step, state: failed && at === reached + 1 ? 'failed' : 'open' };
    const event = eventOf(step);
    return { step, state: 'done', ...(event === undefined ? {} : { at: event.at }) };
  });
}
