/** What is stored under a name, and what is known of it. */
import type { KeyObject } from 'node:crypto';
import { isTscertError } from '../base/errors.js';
import { type CertificateContent, readCertificate } from '../pki/certificate.js';
import { keyTypeOf, publicKeyEquals } from '../pki/key.js';
import { readPrivateKey } from '../pki/key-reader.js';
import { commonNameOf } from '../pki/subject.js';
import { renewalTime, type StoredFacts } from '../policy/renewal.js';
import type { CertificateRequest } from '../request/request.js';
import type { Store, Stored } from '../store/store.js';
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

/** What the checks of src/policy/renewal.ts want to know. */
export function factsOf(
  found: Found,
  broughtKey: KeyObject | undefined,
): { readonly facts: StoredFacts; readonly broughtKeyFits?: boolean } {
  if (found.state === 'damaged') return { facts: found };
  const { stored } = found;
  const certificate = readOrNothing(stored.certificate);
  const facts: StoredFacts = {
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
  if (broughtKey === undefined) return { facts };
  return { facts, broughtKeyFits: certificate?.publicKey !== undefined && publicKeyEquals(certificate.publicKey, broughtKey) };
}

/** A stored certificate with the times that people ask for. */
export function keptOf(stored: Stored, { renewBefore }: CertificateRequest): Kept {
  const { notBefore, notAfter } = readCertificate(stored.certificate);
  const [begin, end] = [notBefore.getTime(), notAfter.getTime()];
  return { stored, notBefore: begin, notAfter: end, renewAt: renewalTime(begin, end, renewBefore) };
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
