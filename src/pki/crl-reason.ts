/** Sets of reasons for which certificates are revoked: what distribution points stand for (RFC 5280 §4.2.1.13). */
import type { RevocationReason } from './revocation-reason.js';

/** Reasons as the bits of a number: bit 1 is keyCompromise, as in ReasonFlags. */
export type ReasonMask = number;

/** The words of ReasonFlags, whose bits 7 and 8 are other numbers in CRLReason; bit 0 is not used. */
const FLAGS: readonly RevocationReason[] = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  'privilegeWithdrawn',
  'aACompromise',
];

/** Every reason for which a CRL may be kept. */
export const ALL_REASONS: ReasonMask = 0b1_1111_1110;

/** The mask of the bits that are set in ReasonFlags; unknown ones are left out. */
export function reasonMaskOf(bits: readonly number[]): ReasonMask {
  return bits.filter((bit) => bit < FLAGS.length).reduce((mask, bit) => mask | (1 << bit), 0) & ALL_REASONS;
}

/** The words of a mask. */
export function reasonsIn(mask: ReasonMask): RevocationReason[] {
  return FLAGS.filter((_, bit) => (mask & ALL_REASONS & (1 << bit)) !== 0);
}
