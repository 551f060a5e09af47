/** Why an OCSP response is not believed. */
import type { OcspErrorStatus } from './ocsp-response.js';

/** A word for each reason; stable, for programs. */
export type OcspRefusalReason =
  /** The responder's own: it said nothing of any certificate. */
  | OcspErrorStatus
  /** It is no OCSP response, or not in DER. */
  | 'unreadable'
  | 'response-type-unknown'
  | 'critical-extension'
  | 'signature-weak'
  | 'signature-unsupported'
  | 'signature-wrong'
  | 'signer-unknown'
  | 'signer-not-issued'
  | 'signer-wrong-usage'
  | 'signer-critical-extension'
  | 'signer-not-yet-valid'
  | 'signer-expired'
  | 'nonce-wrong'
  | 'produced-in-future'
  /** Before the certificate was valid. */
  | 'produced-too-early'
  /** It says nothing of this certificate. */
  | 'not-covered'
  /** thisUpdate lies ahead. */
  | 'not-yet-valid'
  /** nextUpdate has passed; without one, thisUpdate is too long ago. */
  | 'stale'
  /** nextUpdate comes before thisUpdate. */
  | 'dates-crossed';

/** A refusal, thrown within the verdict and handed out as a value. */
export class OcspRefusal extends Error {
  override readonly name = 'OcspRefusal';
  readonly reason: OcspRefusalReason;

  constructor(reason: OcspRefusalReason, why: string) {
    super(`Cannot believe the OCSP response: ${why}`);
    this.reason = reason;
  }
}
