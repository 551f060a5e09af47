/** The history of a certificate: what each of its generations is, and whether it can be gone back to. */
import { createHash } from 'node:crypto';
import { isTscertError } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import { type CertificateContent, readCertificate } from '../pki/certificate.js';
import { isCompromised } from '../store/compromised.js';
import { type RevokedCertificate, readRevoked } from '../store/revoked.js';
import type { Generation, Store, Stored } from '../store/store.js';
import { orElse } from './recorded.js';

/** One generation, and what is known of it. */
export interface HistoryEntry extends Generation {
  /** Absent when it is damaged. */
  readonly stored?: Stored;
  readonly certificate?: CertificateContent;
  /** Why it cannot be used as it is. */
  readonly damage?: string;
  /** That it was revoked from here. */
  readonly revoked?: RevokedCertificate;
  /** Its key was revoked as known to others. */
  readonly isCompromised: boolean;
}

/** SHA-256 of a certificate's DER, lower-case hex. */
export function fingerprintOfDer(der: Buffer): string {
  return createHash('sha256').update(der).digest('hex');
}

/**
 * All generations, oldest first; none for a certificate that was never stored. That records of revocations cannot be read is a warning.
 * @throws {TscertError} `store-damaged` when something stands in its place that is not tscert's; `file-unreadable`
 */
export async function historyOf(name: string, store: Store, emit: Emit): Promise<readonly HistoryEntry[]> {
  const revoked = await orElse(readRevoked(name, store), [], emit);
  const entries: HistoryEntry[] = [];
  for (const generation of await store.generations(name)) {
    try {
      const stored = await store.loadGeneration(name, generation.id);
      // Somebody has removed it in the meantime.
      if (stored === undefined) continue;
      const certificate = readCertificate(stored.certificate);
      const fingerprint = fingerprintOfDer(certificate.der);
      const note = revoked.find((one) => one.fingerprint === fingerprint);
      entries.push({
        ...generation,
        stored,
        certificate,
        ...(note === undefined ? {} : { revoked: note }),
        isCompromised: await orElse(isCompromised(certificate.raw.spki, store), true, emit),
      });
    } catch (error) {
      if (!isTscertError(error, 'store-damaged') && !isTscertError(error, 'certificate-invalid')) throw error;
      entries.push({ ...generation, damage: error.message, isCompromised: false });
    }
  }
  return entries;
}
