/** Why a certificate was revoked: CRLReason (RFC 5280 §5.3.1), which OCSP shares. */
import { derError, type Element, TAG } from './der-reader.js';
import { smallIntegerOf } from './der-values.js';

/** The words by their numbers; 7 is not used. */
const REASONS = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  undefined,
  'removeFromCRL',
  'privilegeWithdrawn',
  'aACompromise',
] as const;

/** A word of RFC 5280 §5.3.1. */
export type RevocationReason = Exclude<(typeof REASONS)[number], undefined>;

/**
 * Reads a CRLReason.
 * @throws {TscertError} `der-invalid` for another type and for numbers that have no word
 */
export function readRevocationReason(element: Element): RevocationReason {
  if (element.tag !== TAG.enumerated) throw derError('a reason of revocation is missing');
  const number = smallIntegerOf(element);
  const word = REASONS[number];
  if (word === undefined) throw derError(`the reason of revocation ${number} is not known`);
  return word;
}
