/** Who may sign the CRLs of a CA beside the certificate that issued: a CA may have several keys under one name (RFC 5280 §6.3.3 (f)). */
import { type CertificateContent, isIssuedBy } from './certificate.js';

/**
 * The issuer and those of `others` that are certificates of the same CA: of its name, octet for octet, and tied to it by a signature. That is
 * so when one of the two has issued the other (a new key and an old one), or when one certificate among them all has issued both (keys of
 * their own for certificates and for CRLs). Whoever relies on a CRL that one of the others signed asks for that certificate's state as well.
 */
export function crlSignersOf(issuer: CertificateContent, others: readonly CertificateContent[]): CertificateContent[] {
  const parents = [issuer, ...others].filter((parent) => isIssuedBy(issuer, parent));
  const same = others.filter((other) => other !== issuer && other.raw.subject.equals(issuer.raw.subject));
  return [
    issuer,
    ...same.filter((other) => isIssuedBy(other, issuer) || parents.some((parent) => parent === other || isIssuedBy(other, parent))),
  ];
}
