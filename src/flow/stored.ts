/** What is stored under a name, and what is known of it. */
import { isTscertError } from '../base/errors.js';
import { type CertificateContent, readCertificate } from '../pki/certificate.js';
import { keyTypeOf, publicKeyEquals } from '../pki/key.js';
import { readPrivateKey } from '../pki/key-reader.js';
import { commonNameOf } from '../pki/subject.js';
import { type Advice, type Due, type DueInput, dueCheck, renewalOf, type StoredFacts } from '../policy/renewal.js';
import type { CertificateRequest } from '../request/request.js';
import type { CertificateLedger, RevocationRecord } from '../store/ledger.js';
import type { Store, Stored } from '../store/store.js';
import { type Brought, broughtKeyOf } from './material.js';
import type { Kept } from './outcome.js';

/** A certificate that is stored whole, or what is wrong with it. */
export type Found = { readonly state: 'whole'; readonly stored: Stored } | { readonly state: 'damaged'; readonly message: string };

/**
 * Looks for a certificate. Damage that a new generation heals is told, not thrown.
 * @throws {TscertError} `store-damaged` when something stands in its place that is not tscert's; `file-unreadable`
 */
export async function findStored(name: string, store: Pick<Store, 'load'>): Promise<Found | undefined> {
  try {
    const stored = await store.load(name);
    return stored && { state: 'whole', stored };
  } catch (error) {
    if (isTscertError(error, 'store-damaged') && error.data.isForeign !== true) return { state: 'damaged', message: error.message };
    throw error;
  }
}

/** Why a certificate must be issued, looking at what is stored and at what was brought along. */
export function dueOf(
  found: Found | undefined,
  wanted: CertificateRequest,
  brought: Brought,
  known: Pick<DueInput, 'issuerKey' | 'now' | 'advice' | 'revocation' | 'nextLook'>,
): Due | undefined {
  const certificate = found?.state === 'whole' ? readOrNothing(found.stored.certificate) : undefined;
  const broughtKey = broughtKeyOf(brought);
  const fits = broughtKey && certificate && certificate.publicKey !== undefined && publicKeyEquals(certificate.publicKey, broughtKey);
  return dueCheck({
    stored: found && factsOf(found, certificate),
    wanted,
    ...known,
    ...(fits === undefined ? {} : { broughtKeyFits: fits }),
  });
}

function factsOf(found: Found, certificate: CertificateContent | undefined): StoredFacts {
  if (found.state === 'damaged') return found;
  const { stored } = found;
  return {
    state: 'whole',
    certificate: certificate && {
      names: certificate.extensions.names,
      commonName: commonNameOf(certificate.subject),
      notBefore: certificate.notBefore.getTime(),
      notAfter: certificate.notAfter.getTime(),
      keyType: certificate.publicKey && keyTypeOf(certificate.publicKey),
    },
    key: stored.privateKey === undefined ? 'none' : fits(stored.privateKey, certificate) ? 'fits' : 'differs',
    meta: stored.meta,
  };
}

/** A stored certificate with the times that people ask for. */
export function keptOf(stored: Stored, { renewBefore }: Pick<CertificateRequest, 'renewBefore'>, advice?: Advice): Kept {
  const { notBefore, notAfter } = readCertificate(stored.certificate);
  const dates = { notBefore: notBefore.getTime(), notAfter: notAfter.getTime() };
  return { stored, ...dates, renewAt: renewalOf(dates, renewBefore, advice).at };
}

/** That the stored certificate was revoked; what was remembered of an earlier one does not count. */
export function revocationOf(stored: Stored | undefined, { revocation }: CertificateLedger): RevocationRecord | undefined {
  if (stored === undefined || revocation === undefined) return undefined;
  return readOrNothing(stored.certificate)?.serialNumber === revocation.serialNumber ? revocation : undefined;
}

function readOrNothing(pem: string): CertificateContent | undefined {
  try {
    return readCertificate(pem);
  } catch (error) {
    if (isTscertError(error)) return undefined;
    throw error;
  }
}

function fits(privateKey: string, certificate: CertificateContent | undefined): boolean {
  if (certificate?.publicKey === undefined) return false;
  try {
    return publicKeyEquals(readPrivateKey(privateKey), certificate.publicKey);
  } catch (error) {
    if (isTscertError(error)) return false;
    throw error;
  }
}
