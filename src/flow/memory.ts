/** What is remembered of one certificate while its line runs: read at the beginning, written once at the end, under the certificate's lock. */
import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.js';
import { isTscertError, messageOf } from '../base/errors.js';
import type { Event } from '../base/events.js';
import { nextAttempt } from '../policy/backoff.js';
import { failureFacts } from '../policy/failure.js';
import type { CertificateRequest } from '../request/request.js';
import {
  type CertificateLedger,
  emptyLedger,
  type LedgerEvent,
  type RenewalInfoRecord,
  type RevocationCheckRecord,
  readLedger,
  writeLedger,
} from '../store/ledger.js';
import type { Records } from '../store/store.js';

export interface Memory {
  readonly ledger: CertificateLedger;
  /** Takes an event of the line into the record, where it is worth remembering. */
  watch(event: Event): void;
  note(reason: string, message: string): void;
  setRenewalInfo(info: RenewalInfoRecord | undefined): void;
  setRevocationCheck(check: RevocationCheckRecord): void;
  /** A new certificate is stored: what went wrong before is over. */
  issued(): void;
  /** A good certificate stands, and nothing is to be done: failures are over too. */
  kept(): void;
  /** @param end of the stored certificate, milliseconds since the epoch, where a good one stands */
  failed(error: unknown, request: string, end: number | undefined): void;
  save(): Promise<void>;
}

/**
 * Opens the memory of a certificate.
 * @param fresh begins anew where the record is damaged: somebody forces it
 * @throws {TscertError} `store-damaged`
 */
export async function openMemory(
  name: string,
  records: Pick<Records, 'get' | 'put'>,
  clock: Pick<Clock, 'now'>,
  { fresh }: { readonly fresh: boolean },
): Promise<Memory> {
  let ledger = await readLedger(name, records).catch((error: unknown) => {
    if (fresh && isTscertError(error, 'store-damaged')) return emptyLedger();
    throw error;
  });
  const change = (changes: Partial<CertificateLedger>): void => {
    ledger = { ...ledger, ...changes };
  };
  const add = (type: LedgerEvent['type'], reason: string, message: string): void =>
    change({ events: [...ledger.events, { at: new Date(clock.now()).toISOString(), type, reason, message }] });
  const forget = (...keys: readonly ('failure' | 'renewalInfo' | 'revocation' | 'revocationCheck')[]): void => {
    ledger = Object.fromEntries(Object.entries(ledger).filter(([key]) => !keys.some((one) => one === key))) as unknown as CertificateLedger;
  };

  return {
    get ledger() {
      return ledger;
    },
    watch(event) {
      const told = tellingOf(event, name);
      if (told !== undefined) add('Normal', ...told);
    },
    note: (reason, message) => add('Normal', reason, message),
    setRenewalInfo(info) {
      if (info === undefined) forget('renewalInfo');
      else change({ renewalInfo: info });
    },
    setRevocationCheck: (revocationCheck) => change({ revocationCheck }),
    issued() {
      forget('failure', 'renewalInfo', 'revocation', 'revocationCheck');
      change({ counts: { ...ledger.counts, issued: ledger.counts.issued + 1 } });
    },
    kept: () => forget('failure'),
    failed(error, request, end) {
      const facts = failureFacts(error);
      if (facts === undefined) return;
      const now = clock.now();
      const before = ledger.failure?.request === request ? ledger.failure : undefined;
      const count = (before?.count ?? 0) + 1;
      const message = messageOf(error);
      add('Warning', 'Failed', message);
      change({
        failure: {
          count,
          since: before?.since ?? new Date(now).toISOString(),
          at: new Date(now).toISOString(),
          nextAt: new Date(nextAttempt(facts, { count, now, ...(end === undefined ? {} : { end }) })).toISOString(),
          kind: facts.kind,
          code: isTscertError(error) ? error.code : 'internal',
          message,
          request,
          ...(facts.unpauseUrl === undefined ? {} : { unpauseUrl: facts.unpauseUrl }),
        },
        counts: { ...ledger.counts, failed: ledger.counts.failed + 1 },
      });
    },
    save: () => writeLedger(name, ledger, records),
  };
}

/**
 * Digest of what a request asks for and of how it is to be proven, beside the fingerprint of its certificate: whoever changes either after a
 * failure wants another try.
 */
export function requestDigest({ solvers, issuer }: CertificateRequest, fingerprint: string): string {
  const { notAfter: _, ...account } = { notAfter: undefined, ...issuer };
  return createHash('sha256')
    .update(JSON.stringify([fingerprint, solvers, account]))
    .digest('hex');
}

/** The events that cert-manager has words for. */
function tellingOf(event: Event, name: string): [string, string] | undefined {
  if (event.type === 'planned') return event.action === 'issue' || event.action === 'resume' ? ['Issuing', event.message] : undefined;
  if (event.type !== 'stage' || event.state !== 'end') return undefined;
  if (event.stage === 'order') return ['Requested', `Ordered the certificate "${name}" from its CA`];
  if (event.stage === 'store') return ['Issued', 'The certificate has been successfully issued'];
  return undefined;
}
