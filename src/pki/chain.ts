/** What a CA sent back, checked before it replaces what works, and put in the order that servers want. */
import type { KeyObject } from 'node:crypto';
import { TscertError } from '../base/errors.js';
import { type GeneralName, nameKey, parseName } from '../base/names.js';
import { type CertificateContent, isIssuedBy, readCertificates } from './certificate.js';
import { publicKeyEquals } from './key.js';
import { type DistinguishedName, formatDistinguishedName } from './rfc4514.js';
import { commonNameOf } from './subject.js';

/** What was asked for, and what came. */
export interface IssuedAnswer {
  /** All certificates that came, in any order. */
  readonly chainPem: string;
  /** The key that was to be certified, its public or its private half. */
  readonly publicKey: KeyObject;
  readonly names: readonly GeneralName[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface IssuedChain {
  /** PEM. */
  readonly leaf: string;
  /** PEM of each certificate that issued the one before it, without the root; '' when there is none. */
  readonly intermediates: string;
  /** What the leaf says. */
  readonly certificate: CertificateContent;
}

/** How far the clock here may be behind the CA's, in milliseconds. */
const CLOCK_ALLOWANCE = 5 * 60_000;

/**
 * Finds the leaf among the certificates and the path from it towards the root. The leaf is the one for the key; it must hold every
 * name and be valid now (five minutes of difference between the clocks are allowed at its beginning), and each certificate must be
 * signed by the next, which is a CA that has not expired. Wrong order and duplicates are mended; a self-signed root is left out,
 * and so are other certificates of a CA that is in the path already. A leaf that came alone is fine.
 * @throws {TscertError} with the reason in `data`: `certificate-mismatch` for another key, missing names or dates that do not fit, `chain-invalid` when there is no
 *   certificate, a signature does not fit or a certificate belongs to nothing, `certificate-invalid`, `pem-invalid`
 */
export function checkIssued({ chainPem, publicKey, names, now }: IssuedAnswer): IssuedChain {
  const all = [...new Map(readCertificates(chainPem).map((certificate) => [certificate.pem, certificate])).values()];
  if (all.length === 0) throw chainError('no certificate came back');
  const leaf = all.find((certificate) => certificate.publicKey !== undefined && publicKeyEquals(certificate.publicKey, publicKey));
  if (leaf === undefined) throw mismatch('it is for another key', { subjects: all.map(({ subject }) => nameWords(subject)) });
  checkNames(leaf, names);
  checkDates(leaf, now);
  const path = pathFrom(leaf, all, now);
  return { leaf: leaf.pem, intermediates: path.map(({ pem }) => pem).join(''), certificate: leaf };
}

function checkNames({ extensions }: CertificateContent, names: readonly GeneralName[]): void {
  const held = new Set(extensions.names.map(canonicalKey));
  const missing = names.filter((name) => !held.has(canonicalKey(name))).map(({ value }) => value);
  if (missing.length === 0) return;
  const list = missing.map((name) => `"${name}"`).join(', ');
  throw mismatch(`it does not hold ${list}`, { missing, names: extensions.names.map(({ value }) => value) });
}

/** What a CA writes need not be canonical: case of DNS names, octets that are no name at all. */
function canonicalKey(name: GeneralName): string {
  if (name.type === 'other') return nameKey(name);
  try {
    return nameKey(parseName(`${name.type}:${name.value}`));
  } catch {
    return nameKey(name);
  }
}

function checkDates({ notBefore, notAfter }: CertificateContent, now: number): void {
  const data = { notBefore: notBefore.toISOString(), notAfter: notAfter.toISOString(), now: new Date(now).toISOString() };
  if (notBefore.getTime() > now + CLOCK_ALLOWANCE) throw mismatch(`it is not valid before ${data.notBefore}, now is ${data.now}`, data);
  if (notAfter.getTime() < now) throw mismatch(`it has expired at ${data.notAfter}, now is ${data.now}`, data);
}

/** The certificates above the leaf, the root left out. */
function pathFrom(leaf: CertificateContent, all: readonly CertificateContent[], now: number): CertificateContent[] {
  const path: CertificateContent[] = [];
  const tops = new Set([leaf]);
  let below = leaf;
  while (!isSelfSigned(below)) {
    const issuer = issuerOf(below, all, tops, now);
    if (issuer === undefined) {
      if (below.raw.issuer.equals(below.raw.subject))
        throw chainError(`${titleOf(below)} names itself as issuer but has not signed itself`);
      break;
    }
    tops.add(issuer);
    if (!isSelfSigned(issuer)) path.push(issuer);
    below = issuer;
  }
  const stranger = all.find((certificate) => ![...tops].some((top) => isSameAuthority(certificate, top)));
  if (stranger !== undefined) throw chainError(`${titleOf(stranger)} has not issued any of the others`);
  return path;
}

/** The certificate that issued this one; of several of the same CA one that is not self-signed, then the one that lives longest. */
function issuerOf(
  certificate: CertificateContent,
  all: readonly CertificateContent[],
  used: ReadonlySet<CertificateContent>,
  now: number,
): CertificateContent | undefined {
  const named = all.filter((other) => !used.has(other) && other.raw.subject.equals(certificate.raw.issuer));
  const signers = named.filter((other) => isIssuedBy(certificate, other));
  const [first] = named;
  if (first === undefined) return undefined;
  if (signers.length === 0) throw chainError(`${titleOf(certificate)} is not signed by ${titleOf(first)}, which its issuer's name says`);
  const [best] = signers
    .map((signer) => ({ signer, root: isSelfSigned(signer) ? 1 : 0, end: signer.notAfter.getTime() }))
    .map((entry) => ({ ...entry, expired: entry.end < now ? 1 : 0 }))
    .sort((a, b) => a.expired - b.expired || a.root - b.root || b.end - a.end);
  if (best === undefined) return undefined;
  if (best.expired === 1 && best.root === 0)
    throw chainError(`${titleOf(best.signer)} has expired at ${best.signer.notAfter.toISOString()}`);
  if (best.signer.version === 3 && !best.signer.extensions.isCa) {
    throw chainError(`${titleOf(best.signer)} has issued ${titleOf(certificate)} but is no CA`);
  }
  return best.signer;
}

function isSelfSigned(certificate: CertificateContent): boolean {
  return isIssuedBy(certificate, certificate);
}

/** Two certificates of one CA: cross-signed, renewed, or the same. */
function isSameAuthority(a: CertificateContent, b: CertificateContent): boolean {
  return a === b || (a.extensions.isCa && a.raw.subject.equals(b.raw.subject) && a.raw.spki.equals(b.raw.spki));
}

/** What a certificate is called in messages, in quotes: its common name, its whole subject, or its serial number. */
export function titleOf({ subject, serialNumber }: CertificateContent): string {
  return `"${subject.length === 0 ? `serial number ${serialNumber}` : nameWords(subject)}"`;
}

function nameWords(name: DistinguishedName): string {
  return commonNameOf(name) ?? formatDistinguishedName(name);
}

function mismatch(why: string, data: Readonly<Record<string, unknown>>): TscertError {
  return new TscertError('certificate-mismatch', `Cannot take the certificate that came back: ${why}`, { data: { ...data, reason: why } });
}

function chainError(why: string): TscertError {
  return new TscertError('chain-invalid', `Cannot take the chain that came back: ${why}`, { data: { reason: why } });
}
