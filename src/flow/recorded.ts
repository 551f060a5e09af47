/** What people did to a certificate, written into its ledger; under its lock. */
import { isTscertError } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import { type CertificateLedger, emptyLedger, type LedgerEvent, readLedger, writeLedger } from '../store/ledger.js';
import type { Records } from '../store/store.js';

/** What a damaged record makes impossible is told as a warning, and `otherwise` stands for it. */
export async function orElse<T>(work: Promise<T>, otherwise: T, emit: Emit, words = ''): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isTscertError(error, 'store-damaged')) throw error;
    emit({ type: 'warning', message: `${words}${error.message}` });
    return otherwise;
  }
}

/**
 * Adds an event, and what else changes. A ledger that is damaged is begun anew, with a warning.
 * @throws {TscertError} `store-unwritable`, `file-unreadable`
 */
export async function recordEvent(
  name: string,
  event: LedgerEvent,
  change: (ledger: CertificateLedger) => CertificateLedger,
  { records, emit }: { readonly records: Pick<Records, 'get' | 'put'>; readonly emit: Emit },
): Promise<void> {
  const ledger = await orElse(readLedger(name, records), emptyLedger(), emit, 'What was remembered of the certificate is begun anew: ');
  await writeLedger(name, { ...change(ledger), events: [...ledger.events, event] }, records);
}
