/** Whether two requests want the same certificate from the same authority. */
import { createHash } from 'node:crypto';
import { nameKey } from '../base/names.js';
import type { CertificateRequest } from '../request/request.js';

/**
 * SHA-256, hexadecimal, of what a request asks for and of whom: an order and a key that were made for one are good for the other.
 * How names are proven, where results go, when to renew and a `notAfter` (often counted from now) are no part of it.
 * @param issuerKey identity of the authority, as {@link Issuer.key}
 * @param csr the brought-along CSR, DER
 */
export function fingerprintOf({ spec, key, issuer }: CertificateRequest, issuerKey: string, csr: Buffer | undefined): string {
  const { names, ...rest } = spec;
  const facts = {
    names: names.map(nameKey).sort(),
    rest,
    key: { type: key.type, file: key.file },
    issuerKey,
    email: issuer.email,
    profile: issuer.profile,
    csr: csr?.toString('base64'),
    // A request of a cluster that waits is for these, and for no others.
    ...(issuer.kind === 'kubernetes' ? { usages: issuer.usages, expirationSeconds: issuer.expirationSeconds } : {}),
  };
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}
