/**
 * The certificate of a request, taken only when it is what was asked for. The API server keeps whatever PEM a signer gives: a certificate for
 * another key, text between the blocks, one that nobody approved.
 */
import type { KeyObject } from 'node:crypto';
import { TscertError } from '../base/errors.js';
import type { CertificateSigningRequest } from '../kubernetes/csr.js';
import { checkIssued, type IssuedChain } from '../pki/chain.js';
import type { CsrContent } from '../pki/csr.js';
import { publicKeyEquals } from '../pki/key.js';
import { formatDistinguishedName } from '../pki/rfc4514.js';
import { isBuiltIn } from '../policy/signers/names.js';
import { checkOutcome } from './outcome.js';

export interface Taken extends IssuedChain {
  /** What is worth knowing of it; sentences without their full stops. */
  readonly notes: readonly string[];
}

export interface Wanted {
  /** What was sent, as we have it ourselves or as the object has it. */
  readonly csr: CsrContent;
  /** The private or public key that it must fit; that of the request unless given. */
  readonly key?: KeyObject;
  /** Seconds that were asked for, where the object may not know it. */
  readonly expirationSeconds?: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Seconds by which a signer may give less without a word. */
const ALLOWANCE = 60;

/**
 * Takes the certificate of an issued request, checked against the request and the key.
 * @throws {TscertError} `csr-denied`, `csr-failed`, `csr-pending` where there is none that counts; `certificate-mismatch`, `chain-invalid`,
 *   `certificate-invalid`, `pem-invalid`
 */
export function takeCertificate(object: CertificateSigningRequest, { csr, key, expirationSeconds, now }: Wanted): Taken {
  checkOutcome(object);
  if (key !== undefined && !publicKeyEquals(csr.publicKey, key)) {
    throw new TscertError(
      'certificate-mismatch',
      `Cannot take the certificate of "${object.metadata.name}": its request is for another key`,
      {
        data: { name: object.metadata.name, reason: 'the request is for another key' },
      },
    );
  }
  const issued = checkIssued({ chainPem: textIn(object), publicKey: csr.publicKey, names: csr.extensions.names, now });
  const { certificate } = issued;
  const asked = formatDistinguishedName(csr.subject);
  const given = formatDistinguishedName(certificate.subject);
  const { signerName } = object.spec;
  const notes: string[] = [];
  if (asked !== given) {
    const why = `it is for the subject "${given}", asked was "${asked}"`;
    // Who a client is, is its subject.
    if (isBuiltIn(signerName))
      throw new TscertError('certificate-mismatch', `Cannot take the certificate that came back: ${why}`, { data: { reason: why } });
    notes.push(`The signer has changed the subject: ${why}`);
  }
  const wanted = expirationSeconds ?? object.spec.expirationSeconds ?? undefined;
  const seconds = (certificate.notAfter.getTime() - certificate.notBefore.getTime()) / 1_000;
  if (wanted !== undefined && seconds < wanted - ALLOWANCE) {
    notes.push(`The signer gave ${Math.round(seconds)} seconds where ${wanted} were asked for`);
  }
  if (typeof object.spec.expirationSeconds !== 'number' && expirationSeconds !== undefined && seconds > expirationSeconds + 2 * 3_600) {
    notes.push(
      `The server dropped the duration: the certificate holds for ${Math.round(seconds)} seconds where ${expirationSeconds} were asked for`,
    );
  }
  return { ...issued, notes };
}

/** @throws {TscertError} `pem-invalid` when the field is no base64 */
function textIn({ metadata, status }: CertificateSigningRequest): string {
  const base64 = status?.certificate ?? '';
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') === base64) return bytes.toString('utf8');
  throw new TscertError('pem-invalid', `Cannot read the certificate of "${metadata.name}": the field is not base64`, {
    data: { name: metadata.name },
  });
}
