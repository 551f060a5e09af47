/** Why certificates are revoked (RFC 5280 §5.3.1), and the sets of such reasons that distribution points stand for (§4.2.1.13). */

/** The words of CRLReason by their numbers; 7 is not used. */
const WORDS = {
  0: 'unspecified',
  1: 'keyCompromise',
  2: 'cACompromise',
  3: 'affiliationChanged',
  4: 'superseded',
  5: 'cessationOfOperation',
  6: 'certificateHold',
  8: 'removeFromCRL',
  9: 'privilegeWithdrawn',
  10: 'aACompromise',
} as const;

/** A word of RFC 5280 §5.3.1, which OCSP shares. */
export type CrlReason = (typeof WORDS)[keyof typeof WORDS];

/** The reason of a number; undefined for one that has none. */
export function crlReasonOf(number: number): CrlReason | undefined {
  return (WORDS as Readonly<Record<number, CrlReason>>)[number];
}

/** Reasons as the bits of a number: bit 1 is keyCompromise, as in ReasonFlags. */
export type ReasonMask = number;

/** The words of ReasonFlags, whose bits 7 and 8 are other numbers in CRLReason; bit 0 is not used. */
const FLAGS: readonly CrlReason[] = [
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
export function reasonsIn(mask: ReasonMask): CrlReason[] {
  return FLAGS.filter((_, bit) => (mask & ALL_REASONS & (1 << bit)) !== 0);
}
