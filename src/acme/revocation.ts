/** Revocation (RFC 8555 §7.6). */
import type { KeyObject } from 'node:crypto';
import { isTscertError, TscertError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { encodePrivateKey, keyTypeOf, keyWords } from '../pki/key.js';
import type { Signer } from './client.js';
import { isProblem, readProblem } from './problem.js';
import type { Session } from './session.js';

/** The reasons that subscribers may give, by their words in RFC 5280 §5.3.1: the others are about CAs, or about holds that can end. */
const REASONS = { unspecified: 0, keyCompromise: 1, affiliationChanged: 3, superseded: 4, cessationOfOperation: 5 } as const;

export type RevocationReason = keyof typeof REASONS;

export const REVOCATION_REASONS = Object.keys(REASONS) as readonly RevocationReason[];

/** Whether the server has revoked it now, or had done so before. */
export type RevocationState = 'revoked' | 'already-revoked';

/**
 * Reads a reason, in any case.
 * @throws {TscertError} `request-invalid` with those that there are
 */
export function parseRevocationReason(text: string): RevocationReason {
  const found = REVOCATION_REASONS.find((reason) => reason.toLowerCase() === text.toLowerCase());
  if (found !== undefined) return found;
  const meant = nearest(text, REVOCATION_REASONS);
  throw new TscertError(
    'request-invalid',
    `Cannot revoke for the reason "${text}": ACME authorities take ${REVOCATION_REASONS.join(', ')}${meant === undefined ? '' : ` (did you mean ${meant}?)`}`,
    { data: { reason: text, known: REVOCATION_REASONS } },
  );
}

/**
 * A signer by the certificate's own key.
 * @throws {TscertError} `key-kind-refused` for keys that sign no ACME request (RFC 8555 §6.2): all but RSA and ECDSA
 */
export async function signerByKey(session: Session, key: KeyObject): Promise<Signer> {
  const isUsable = key.asymmetricKeyType === 'rsa' || (key.asymmetricKeyType === 'ec' && keyTypeOf(key) !== undefined);
  if (isUsable) return session.signer(encodePrivateKey(key));
  throw new TscertError(
    'key-kind-refused',
    `Cannot sign the revocation with a key of the kind ${keyWords(key)}: requests to ACME servers are signed by RSA keys and by ECDSA keys on P-256, P-384 and P-521`,
    { data: { kind: keyWords(key) } },
  );
}

/**
 * Has a certificate revoked. `unspecified` is not said: then the CA need not put a reason into its CRL (RFC 5280 §5.3.1).
 * @param certificate DER
 * @param signer of an account, or with `byKey` of the certificate's own key
 * @throws {TscertError} `acme-problem` with the server's words, `account-unknown`, `request-invalid` when the server revokes nothing
 */
export async function revokeAt(
  session: Session,
  { certificate, reason }: { readonly certificate: Buffer; readonly reason: RevocationReason },
  { signer, byKey }: { readonly signer: Signer; readonly byKey: boolean },
  signal: AbortSignal,
): Promise<RevocationState> {
  const doing = 'revoke the certificate';
  const { revokeCert } = await session.directory(signal);
  if (revokeCert === undefined) {
    throw new TscertError('request-invalid', `Cannot ${doing}: ${session.url} offers no revocation`, { data: { directory: session.url } });
  }
  const payload = {
    certificate: certificate.toString('base64url'),
    ...(reason === 'unspecified' ? {} : { reason: REASONS[reason] }),
  };
  try {
    await signer.post(revokeCert, payload, { doing, signal, byKey, atAnyTime: true });
    return 'revoked';
  } catch (error) {
    if (isTscertError(error, 'acme-problem') && isProblem(readProblem(error.data.problem), 'alreadyRevoked')) return 'already-revoked';
    throw error;
  }
}
