/** Whether a chain holds together as it stands, and whether it ends in a root that is known: what a client would find out (RFC 5280 §6). */
import { type CertificateContent, isIssuedBy } from './certificate.js';
import { titleOf } from './chain.js';

/** The bit of KeyUsage that lets a key sign certificates. */
const KEY_CERT_SIGN = 5;

/**
 * What is wrong with a chain, leaf first, in words; nothing when each certificate is signed by the next, and each of those may sign and is
 * valid now. A root at its end is needless, and no fault. The dates of the leaf are not looked at.
 * @param now milliseconds since the epoch
 */
export function chainFaults(chain: readonly CertificateContent[], now: number): string[] {
  return chain.flatMap((certificate, at) => {
    const issuer = chain[at + 1];
    if (issuer === undefined) return [];
    const fault = linkFault(certificate, issuer, chain) ?? signerFault(issuer, at, now);
    return fault === undefined ? [] : [fault];
  });
}

function linkFault(certificate: CertificateContent, issuer: CertificateContent, chain: readonly CertificateContent[]): string | undefined {
  if (isIssuedBy(certificate, issuer)) return undefined;
  if (chain.some((other) => other !== issuer && other !== certificate && isIssuedBy(certificate, other))) {
    return `${titleOf(issuer)} stands behind ${titleOf(certificate)}, which is signed by another one of them: the order is wrong`;
  }
  if (certificate.raw.issuer.equals(issuer.raw.subject)) return `the signature in ${titleOf(certificate)} is not by ${titleOf(issuer)}`;
  return `${titleOf(issuer)} stands behind ${titleOf(certificate)} and has not issued it`;
}

/** @param below certificates between this one and the leaf */
function signerFault(issuer: CertificateContent, below: number, now: number): string | undefined {
  const { extensions, notBefore, notAfter, version } = issuer;
  if (version === 3 && !extensions.isCa) return `${titleOf(issuer)} is no CA`;
  if (extensions.keyUsage?.includes(KEY_CERT_SIGN) === false) return `the key of ${titleOf(issuer)} may not sign certificates`;
  if (extensions.pathLength !== undefined && below > extensions.pathLength) {
    return `${titleOf(issuer)} allows ${extensions.pathLength} CAs below it, and there are ${below}`;
  }
  return dateFault(issuer, notBefore.getTime(), notAfter.getTime(), now);
}

function dateFault(certificate: CertificateContent, notBefore: number, notAfter: number, now: number): string | undefined {
  if (now > notAfter) return `${titleOf(certificate)} has expired at ${new Date(notAfter).toISOString()}`;
  return now < notBefore ? `${titleOf(certificate)} is not valid before ${new Date(notBefore).toISOString()}` : undefined;
}

/**
 * The root that a chain leads to: one that has signed a certificate of it, or is one itself; `undefined` when none of these has. Roots that
 * have expired do not count. A chain may lead to a root before its end, when a CA has been certified by another one as well.
 */
export function rootOf(
  chain: readonly CertificateContent[],
  roots: Iterable<CertificateContent>,
  now: number,
): CertificateContent | undefined {
  for (const root of roots) {
    if (now > root.notAfter.getTime()) continue;
    if (chain.some((one) => one.der.equals(root.der) || isIssuedBy(one, root))) return root;
  }
  return undefined;
}
