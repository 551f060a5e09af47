/** The certificate that answers a tls-alpn-01 challenge (RFC 8737 §3, RFC 8738 §6 for addresses). */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createCertificate } from './certificate.js';
import { encodePrivateKey } from './key.js';

export interface AcmeIdentifier {
  readonly identifier: { readonly type: 'dns' | 'ip'; readonly value: string };
  /** SHA-256 of the key authorization. */
  readonly digest: Uint8Array;
}

const DAY = 86_400_000;

/**
 * A self-signed certificate with this one name and the digest in a critical id-pe-acmeIdentifier, and its fresh P-256 key; both PEM.
 * It is valid from a day before `now` (milliseconds since the epoch) until a week after it: validators do not look, scanners do.
 */
export function createAcmeIdentifierCertificate({ identifier, digest }: AcmeIdentifier, now: number): { key: string; certificate: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { pem } = createCertificate(
    {
      commonName: 'ACME challenge',
      names: [identifier],
      serialNumber: randomBytes(16),
      notBefore: new Date(now - DAY),
      notAfter: new Date(now + 7 * DAY),
      acmeIdentifier: digest,
    },
    privateKey,
  );
  return { key: encodePrivateKey(privateKey), certificate: pem };
}
