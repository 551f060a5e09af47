/**
 * Who signed an OCSP response, and may he (RFC 6960 §4.2.2.2)? The issuer's own key, or a delegate: a certificate that this very key has issued
 * for signing OCSP responses. Any other certificate of the same CA could say "good" of itself.
 */
import { createHash } from 'node:crypto';
import { type CertificateContent, isIssuedBy } from './certificate.js';
import { EXTENSION } from './extension.js';
import { publicKeyBits } from './ocsp-cert-id.js';
import { OcspRefusal } from './ocsp-refusal.js';
import type { BasicResponse, ResponderId } from './ocsp-response.js';
import { type DistinguishedName, formatDistinguishedName } from './rfc4514.js';
import { isSignedBy } from './signature.js';

/** Who has signed. */
export interface OcspSigner {
  readonly role: 'issuer' | 'delegate';
  readonly name: DistinguishedName;
  /** Of a delegate. */
  readonly certificate?: CertificateContent;
  /** The issuer says that a delegate need not be checked for revocation (RFC 6960 §4.2.2.2.1); always so for the issuer itself. */
  readonly noCheck: boolean;
}

const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';
const NO_CHECK = '1.3.6.1.5.5.7.48.1.5';
/** Critical extensions of a delegate that are understood here, or do not matter to an end of a chain. */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  EXTENSION.keyUsage,
  EXTENSION.subjectAltName,
  EXTENSION.basicConstraints,
  EXTENSION.extendedKeyUsage,
  EXTENSION.crlDistributionPoints,
  NO_CHECK,
  '2.5.29.32', // certificate policies
]);

const BROKEN: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.2', // MD2
  '1.2.840.113549.1.1.3', // MD4
  '1.2.840.113549.1.1.4', // MD5
  '1.3.14.3.2.3', // MD5, of OIW
]);

/**
 * The signer of a response, whose signature is right and who may answer for `issuer`.
 * @param now milliseconds since the epoch: when a delegate has to be valid
 * @throws {OcspRefusal} when there is none
 */
export function findSigner(response: BasicResponse, issuer: CertificateContent, now: number): OcspSigner {
  const { responderId, signatureAlgorithm, algorithm, tbs, signature } = response;
  if (BROKEN.has(algorithm)) throw new OcspRefusal('signature-weak', `its signature algorithm ${algorithm} is broken`);
  if (/^\d/.test(algorithm)) throw new OcspRefusal('signature-unsupported', `its signature algorithm ${algorithm} is not known`);
  const isBy = ({ publicKey }: CertificateContent): boolean =>
    publicKey !== undefined && isSignedBy(signatureAlgorithm, publicKey, tbs, signature);

  const isIssuer = isResponder(responderId, issuer);
  if (isIssuer && isBy(issuer)) return { role: 'issuer', name: issuer.subject, noCheck: true };
  const named = response.certificates.filter((certificate) => isResponder(responderId, certificate));
  if (!isIssuer && named.length === 0) {
    throw new OcspRefusal('signer-unknown', 'its responder is neither the issuer nor one of the certificates that came along');
  }
  let refusal = new OcspRefusal('signature-wrong', 'its signature is not that of the responder it names');
  for (const certificate of named.filter(isBy)) {
    const why = refusalOf(certificate, issuer, now);
    if (why !== undefined) refusal = why;
    else {
      const noCheck = certificate.extensions.all.some(({ oid }) => oid === NO_CHECK);
      return { role: 'delegate', name: certificate.subject, certificate, noCheck };
    }
  }
  throw refusal;
}

/** What stands against a delegate. */
function refusalOf(certificate: CertificateContent, issuer: CertificateContent, now: number): OcspRefusal | undefined {
  const { extensions, notBefore, notAfter } = certificate;
  const who = `its signer "${formatDistinguishedName(certificate.subject)}"`;
  if (!isIssuedBy(certificate, issuer)) {
    return new OcspRefusal('signer-not-issued', `${who} has no certificate of the issuer's own key`);
  }
  if (extensions.extendedKeyUsage?.includes(OCSP_SIGNING) !== true) {
    return new OcspRefusal('signer-wrong-usage', `${who} has no certificate for signing OCSP responses`);
  }
  // RFC 5280 §4.2.1.12: digitalSignature or nonRepudiation.
  if (extensions.keyUsage !== undefined && !extensions.keyUsage.includes(0) && !extensions.keyUsage.includes(1)) {
    return new OcspRefusal('signer-wrong-usage', `the key usage of ${who} does not let it sign`);
  }
  const strange = extensions.all.find(({ oid, critical }) => critical && !UNDERSTOOD.has(oid));
  if (strange !== undefined) {
    return new OcspRefusal('signer-critical-extension', `${who} has the critical extension ${strange.oid}, which is not known`);
  }
  if (notBefore.getTime() > now) {
    return new OcspRefusal('signer-not-yet-valid', `${who} has a certificate that is not valid before ${notBefore.toISOString()}`);
  }
  if (notAfter.getTime() < now) {
    return new OcspRefusal('signer-expired', `${who} has a certificate that has expired at ${notAfter.toISOString()}`);
  }
  return undefined;
}

function isResponder(id: ResponderId, { raw, subject }: CertificateContent): boolean {
  if (id.type === 'key') return createHash('sha1').update(publicKeyBits(raw.spki)).digest().equals(id.hash);
  return id.der.equals(raw.subject) || isSameName(id.name, subject);
}

/** RFC 5280 §7.1, as far as responders need it: another string type, case and blanks make no other name. */
function isSameName(a: DistinguishedName, b: DistinguishedName): boolean {
  const words = (name: DistinguishedName): string =>
    formatDistinguishedName(name.map((part) => part.map((attribute) => ({ ...attribute, value: attribute.value.trim() }))))
      .toLowerCase()
      .replaceAll(/\s+/g, ' ');
  return words(a) === words(b);
}
