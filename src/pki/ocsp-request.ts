/** Questions to OCSP responders (RFC 6960 §4.1, RFC 5019 §2.1, RFC 9654). */
import { randomBytes } from 'node:crypto';
import { TscertError } from '../base/errors.js';
import type { CertificateContent } from './certificate.js';
import { encodeDer, octetString, oid, sequence, tagged } from './der.js';
import { type CertIdHash, certIdsOf } from './ocsp-cert-id.js';

export const OCSP_NONCE = '1.3.6.1.5.5.7.48.1.2';

/** Below this length a request is small enough to go by GET (RFC 6960 Appendix A.1). */
const MAX_GET_URL = 254;

export interface OcspRequest {
  readonly issuer: CertificateContent;
  /** Certificates of this issuer, at least one; in their order. */
  readonly certificates: readonly { readonly serialNumber: string }[];
  /** Responders of RFC 5019 know `sha1` only. */
  readonly hash: Extract<CertIdHash, 'sha1' | 'sha256'>;
  /** 1 to 128 octets that nobody could foresee; absent, an answer that was made beforehand is as good. */
  readonly nonce?: Uint8Array;
}

/**
 * Random octets for a request (RFC 9654 §2.1).
 * @param length 1 to 128; 32 unless given
 * @throws {TscertError} `request-invalid` for another length
 */
export function createOcspNonce(length = 32): Buffer {
  return randomBytes(checkedLength(length));
}

/**
 * The DER of an unsigned OCSPRequest.
 * @throws {TscertError} `request-invalid` without a certificate, or for a nonce of another length
 */
export function createOcspRequest({ issuer, certificates, hash, nonce }: OcspRequest): Buffer {
  if (certificates.length === 0) throw new TscertError('request-invalid', 'Cannot make an OCSP request: it asks for no certificate');
  const ids = certIdsOf(issuer);
  const requests = certificates.map(({ serialNumber }) => sequence(ids.der(serialNumber, hash)));
  const extensions = nonce === undefined ? undefined : tagged(2, sequence(sequence(oid(OCSP_NONCE), octetString(nonceValue(nonce)))));
  return encodeDer(sequence(sequence(sequence(...requests), extensions)));
}

/** What stands in the nonce extension for these octets: an OCTET STRING again. */
export function nonceValue(nonce: Uint8Array): Buffer {
  checkedLength(nonce.length);
  return encodeDer(octetString(nonce));
}

function checkedLength(length: number): number {
  if (Number.isInteger(length) && length >= 1 && length <= 128) return length;
  throw new TscertError('request-invalid', `Cannot use a nonce of ${length} octets: it has 1 to 128`, { data: { length } });
}

/**
 * The URL that asks by GET: the request in base64 behind the responder's URL. Undefined where the request has to go by POST: the URL would have
 * 255 characters or more, or the responder's has a query or fragment already.
 * @param responder an absolute URL
 */
export function ocspGetUrl(responder: string, request: Uint8Array): string | undefined {
  if (/[?#]/.test(responder)) return undefined;
  const url = `${responder}${responder.endsWith('/') ? '' : '/'}${encodeURIComponent(Buffer.from(request).toString('base64'))}`;
  return url.length <= MAX_GET_URL ? url : undefined;
}
