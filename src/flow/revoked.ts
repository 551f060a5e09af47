/** That a stored certificate was revoked, written down, whoever says so: it is due at once, with a new key. Under the lock of its name. */
import { isTscertError } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import { type CertificateContent, readCertificate } from '../pki/certificate.js';
import { publicKeyDer } from '../pki/key.js';
import { readPrivateKey } from '../pki/key-reader.js';
import { openJournal } from '../store/journal.js';
import type { CertificateLedger, RevocationRecord } from '../store/ledger.js';
import { readRevoked, writeRevoked } from '../store/revoked.js';
import type { Store } from '../store/store.js';
import { fingerprintOfDer } from './history.js';
import { orElse, recordEvent } from './recorded.js';

/**
 * Writes down that a certificate of this name was revoked.
 * @returns true when it is the current one
 * @throws {TscertError} `store-unwritable`, `file-unreadable`
 */
export async function recordRevoked(
  name: string,
  certificate: CertificateContent,
  { at, reason, by }: Omit<RevocationRecord, 'serialNumber'>,
  { store, emit }: { readonly store: Store; readonly emit: Emit },
): Promise<boolean> {
  const fingerprint = fingerprintOfDer(certificate.der);
  const others = await orElse(readRevoked(name, store), [], emit, 'It is begun anew: ');
  await writeRevoked(name, [...others.filter((one) => one.fingerprint !== fingerprint), { fingerprint, at, reason }], store);
  if ((await currentOf(name, store))?.der.equals(certificate.der) !== true) return false;
  const { serialNumber } = certificate;
  const message = `The certificate ${serialNumber} was revoked (${reason})`;
  const revocation = { serialNumber, at, reason, by };
  await recordEvent(name, { at, type: 'Warning', reason: 'Revoked', message }, withRevocation(revocation), { records: store, emit });
  return true;
}

/** The ledger with what is known of the revocation. */
export const withRevocation =
  (revocation: RevocationRecord) =>
  (ledger: CertificateLedger): CertificateLedger => ({ ...ledger, revocation });

/** An order under way for the key of the certificate is not gone on with: the next one is for another key. */
export async function forgetKey(name: string, spki: Buffer, store: Store): Promise<void> {
  const journal = await openJournal(store, name);
  const key = await journal.privateKey();
  if (key !== undefined && publicKeyDer(readPrivateKey(key)).equals(spki)) await journal.close();
}

/** The current certificate of a name, where it is whole. */
export async function currentOf(name: string, store: Store): Promise<CertificateContent | undefined> {
  const stored = await passDamage(store.load(name), undefined);
  return stored && passDamage(readOne(stored.certificate), undefined);
}

/** Reads a certificate; what is wrong with it is a rejection. */
export async function readOne(pem: string): Promise<CertificateContent> {
  return readCertificate(pem);
}

/** What is damaged is passed over. */
export async function passDamage<T>(work: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (isTscertError(error, 'store-damaged') || isTscertError(error, 'certificate-invalid')) return otherwise;
    throw error;
  }
}
