/** What is stored under a name, and what is known of it. */
import { isTscertError } from '../base/errors.js';
import { type CertificateContent, readCertificate } from '../pki/certificate.js';
import { publicKeyEquals } from '../pki/key.js';
import { type Advice, type Due, type DueInput, dueCheck, renewalOf, type StoredFacts } from '../policy/renewal.js';
import type { CertificateRequest } from '../request/request.js';
import type { CertificateLedger, RevocationRecord } from '../store/ledger.js';
import type { Store, Stored } from '../store/store.js';
import { knownOf } from './known.js';
import { type Brought, broughtKeyOf } from './material.js';
import type { Kept } from './outcome.js';

/** A certificate that is stored whole, and what it says; undefined when it cannot be read. */
export interface Whole {
  readonly state: 'whole';
  readonly stored: Stored;
  readonly certificate: CertificateContent | undefined;
}

/** A certificate that is stored whole, or what is wrong with it. */
export type Found = Whole | { readonly state: 'damaged'; readonly message: string; readonly isPairBroken: boolean };

/**
 * Looks for a certificate. Damage that a new generation heals is told, not thrown.
 * @throws {TscertError} `store-damaged` when something stands in its place that is not tscert's; `file-unreadable`
 */
export async function findStored(name: string, store: Pick<Store, 'load'>): Promise<Found | undefined> {
  try {
    const stored = await store.load(name);
    return stored && wholeOf(stored);
  } catch (error) {
    if (!isTscertError(error, 'store-damaged') || error.data.isForeign === true) throw error;
    return { state: 'damaged', message: error.message, isPairBroken: error.data.fault === 'certificate-mismatch' };
  }
}

/** Why a certificate must be issued, looking at what is stored and at what was brought along. */
export function dueOf(
  found: Found | undefined,
  wanted: CertificateRequest,
  brought: Brought,
  known: Pick<DueInput, 'issuerKey' | 'now' | 'advice' | 'revocation' | 'nextLook'>,
): Due | undefined {
  const certificate = found?.state === 'whole' ? found.certificate : undefined;
  const broughtKey = broughtKeyOf(brought);
  const fits = broughtKey && certificate && certificate.publicKey !== undefined && publicKeyEquals(certificate.publicKey, broughtKey);
  return dueCheck({
    stored: found && factsOf(found),
    wanted,
    ...known,
    ...(fits === undefined ? {} : { broughtKeyFits: fits }),
  });
}

function factsOf(found: Found): StoredFacts {
  if (found.state === 'damaged') return found;
  const { stored, certificate } = found;
  return {
    state: 'whole',
    certificate: certificate && knownOf(certificate),
    hasKey: stored.privateKey !== undefined,
    meta: stored.meta,
  };
}

/** What was stored just now, or found. */
export function wholeOf(stored: Stored): Whole {
  return { state: 'whole', stored, certificate: readOrNothing(stored.certificate) };
}

/** A stored certificate that can be read, with the times that people ask for. */
export function keptOf(
  { stored, certificate = readCertificate(stored.certificate) }: Whole,
  { renewBefore }: Pick<CertificateRequest, 'renewBefore'>,
  advice?: Advice,
): Kept {
  const dates = { notBefore: certificate.notBefore.getTime(), notAfter: certificate.notAfter.getTime() };
  return { stored, ...dates, renewAt: renewalOf(dates, renewBefore, advice).at };
}

/** That the stored certificate was revoked; what was remembered of an earlier one does not count. */
export function revocationOf(found: Whole | undefined, { revocation }: CertificateLedger): RevocationRecord | undefined {
  return found?.certificate?.serialNumber === revocation?.serialNumber ? revocation : undefined;
}

function readOrNothing(pem: string): CertificateContent | undefined {
  try {
    return readCertificate(pem);
  } catch (error) {
    if (isTscertError(error)) return undefined;
    throw error;
  }
}
