/** Reads why a certificate was revoked: CRLReason (RFC 5280 §5.3.1), which OCSP shares. */
import { type CrlReason, crlReasonOf } from './crl-reason.js';
import { derError, type Element, TAG } from './der-reader.js';
import { smallIntegerOf } from './der-values.js';

/**
 * Reads a CRLReason.
 * @throws {TscertError} `der-invalid` for another type and for numbers that have no word
 */
export function readCrlReason(element: Element): CrlReason {
  if (element.tag !== TAG.enumerated) throw derError('a reason of revocation is missing');
  const number = smallIntegerOf(element);
  const word = crlReasonOf(number);
  if (word === undefined) throw derError(`the reason of revocation ${number} is not known`);
  return word;
}
