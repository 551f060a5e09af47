/** Kind and size of a key, in cert-manager's words. */
import type { KeyObject } from 'node:crypto';
import { publicKeyInfo } from '../../pki/key.js';

export type KeyKind = 'RSA' | 'ECDSA' | 'Ed25519';

const CURVE_BITS: Readonly<Record<string, number>> = { '1.2.840.10045.3.1.7': 256, '1.3.132.0.34': 384, '1.3.132.0.35': 521 };

/** Bits of the modulus or the curve; of Ed25519 -1, as approver-policy has it. */
export function keyOf(key: KeyObject): { readonly kind: KeyKind | 'unknown'; readonly size: number } {
  const { modulusLength, curve } = publicKeyInfo(key);
  if (key.asymmetricKeyType === 'rsa') return { kind: 'RSA', size: modulusLength ?? 0 };
  if (key.asymmetricKeyType === 'ec') return { kind: 'ECDSA', size: CURVE_BITS[curve ?? ''] ?? 0 };
  return key.asymmetricKeyType === 'ed25519' ? { kind: 'Ed25519', size: -1 } : { kind: 'unknown', size: 0 };
}
