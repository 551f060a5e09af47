/** The links of a certificate that stands somewhere: it can be read, fits its key, holds its names, is valid now, and its chain leads to a root. */
import type { KeyObject } from 'node:crypto';
import { formatDuration } from '../../base/duration.js';
import { messageOf } from '../../base/errors.js';
import { type GeneralName, nameKey, parseName } from '../../base/names.js';
import { decodePem } from '../../base/pem.js';
import { type CertificateContent, isIssuedBy, readCertificates } from '../../pki/certificate.js';
import { titleOf } from '../../pki/chain.js';
import { chainFaults, rootOf } from '../../pki/chain-check.js';
import { publicKeyEquals } from '../../pki/key.js';
import { broken, type Link, listed, ok, unknown } from './link.js';

export const CERTIFICATE_LINKS = ['certificate', 'key', 'names', 'dates', 'chain'] as const;

export interface ShownCertificate {
  /** PEM, as it stands. */
  readonly pem: string;
  /** Where: `tls.crt`, `status.certificate`. */
  readonly where: string;
  /** The key it must be for, and what that is called; or why that cannot be told. */
  readonly key: { readonly publicKey: KeyObject; readonly words: string } | { readonly fault: string };
  /** The names it must hold, and who says so. */
  readonly wanted: { readonly names: readonly GeneralName[]; readonly by: string };
  /** What to do about a certificate that is not the right one. */
  readonly renew: string;
  /** The roots that are known, read as far as it takes. */
  readonly roots: Iterable<CertificateContent>;
  /** True when people named roots: then a chain that leads to none of all is broken. */
  readonly areRootsNamed: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Judges it, link by link; the walk ends at the first broken one. Never throws. */
export function* certificateLinks(shown: ShownCertificate): Generator<Link> {
  const { pem, where, now } = shown;
  const read = readChain(pem);
  if ('fault' in read) {
    yield broken('certificate', `${where}: ${read.fault}`, shown.renew);
    return;
  }
  const { chain } = read;
  const [leaf] = chain;
  if (leaf === undefined) return;
  yield ok(
    'certificate',
    `${where} holds ${nameOf(leaf)}${chain.length > 1 ? ` and ${chain.length - 1} more` : ''}, signed by ${issuerOf(leaf)}`,
  );
  yield keyLink(chain, leaf, shown);
  yield namesLink(leaf, shown);
  yield datesLink(leaf, now, shown.renew);
  yield chainLink(chain, shown);
}

function readChain(pem: string): { readonly chain: readonly CertificateContent[] } | { readonly fault: string } {
  try {
    const labels = decodePem(pem).map(({ label }) => label);
    const key = labels.find((label) => label.endsWith('PRIVATE KEY'));
    if (key !== undefined) return { fault: `a block "${key}" stands in it: everybody who is sent the certificate may get the key` };
    const chain = readCertificates(pem);
    if (chain.length > 0) return { chain };
    const others = labels.length === 0 ? '' : `; it holds ${listed(labels)}`;
    return { fault: `it holds no certificate in PEM${others}` };
  } catch (error) {
    return { fault: messageOf(error) };
  }
}

/** Its first name: public CAs leave the subject empty. */
export function nameOf(leaf: CertificateContent): string {
  const [first] = leaf.extensions.names;
  return first === undefined ? titleOf(leaf) : `"${first.value}"`;
}

function issuerOf(leaf: CertificateContent): string {
  return isIssuedBy(leaf, leaf) ? 'itself' : titleOf({ ...leaf, subject: leaf.issuer });
}

function keyLink(chain: readonly CertificateContent[], leaf: CertificateContent, { where, key, renew }: ShownCertificate): Link {
  if ('fault' in key) return broken('key', key.fault, renew);
  const isFor = (one: CertificateContent): boolean => one.publicKey !== undefined && publicKeyEquals(one.publicKey, key.publicKey);
  if (isFor(leaf)) return ok('key', `it is for ${key.words}`);
  const at = chain.findIndex(isFor);
  if (at > 0) {
    return broken(
      'key',
      `the certificate for ${key.words} stands at place ${at + 1} of ${where}, and servers send the first one as their own`,
      'put it first, and behind it each certificate that has issued the one before',
    );
  }
  return broken('key', `it is for another key than ${key.words}`, renew);
}

function namesLink({ extensions }: CertificateContent, { wanted, renew }: ShownCertificate): Link {
  const held = new Set(extensions.names.map(keyOf));
  const missing = wanted.names.filter((name) => !held.has(keyOf(name))).map(({ value }) => value);
  if (missing.length > 0) return broken('names', `it does not hold ${listed(missing)}, as ${wanted.by}`, renew);
  const names = extensions.names.map(({ value }) => value);
  return ok('names', names.length === 0 ? 'it holds no alternative names, and none are wanted' : `it holds ${listed(names)}`);
}

/** Whoever wrote it need not have written it canonically. */
function keyOf(name: GeneralName): string {
  if (name.type === 'other') return nameKey(name);
  try {
    return nameKey(parseName(`${name.type}:${name.value}`));
  } catch {
    return nameKey(name);
  }
}

function datesLink({ notBefore, notAfter }: CertificateContent, now: number, renew: string): Link {
  const [begin, end] = [notBefore.getTime(), notAfter.getTime()];
  if (now > end) return broken('dates', `it expired at ${notAfter.toISOString()}, ${formatDuration(now - end)} ago`, renew);
  if (now < begin) {
    const next = 'compare the clock of this machine with that of who signs';
    return broken('dates', `it is not valid before ${notBefore.toISOString()}, in ${formatDuration(begin - now)}`, next);
  }
  return ok('dates', `valid until ${notAfter.toISOString()}, for another ${formatDuration(end - now)}`);
}

function chainLink(chain: readonly CertificateContent[], { where, roots, areRootsNamed, now }: ShownCertificate): Link {
  const faults = chainFaults(chain, now);
  if (faults.length > 0) {
    return broken('chain', faults.join('; '), `${where} must hold the certificate, and behind it each one that has issued the one before`);
  }
  const [leaf, top] = [chain[0], chain[chain.length - 1]];
  if (leaf === undefined || top === undefined) return unknown('chain', 'there is none');
  const root = rootOf(chain, roots, now);
  const isRoot = isIssuedBy(top, top);
  if (isRoot && chain.length > 1) {
    const next = 'the root at the end is needless: whoever trusts it has it, and nobody trusts it because it was sent';
    if (root !== undefined) return ok('chain', `it leads to ${titleOf(root)}`, next);
  }
  if (root !== undefined)
    return ok('chain', chain.length === 1 && isRoot ? 'it is its own root, and trusted' : `it leads to ${titleOf(root)}`);
  const message = isRoot ? `it ends in ${titleOf(top)}, a root that is not known here` : `no root that is known has issued ${titleOf(top)}`;
  const [url] = top.extensions.caIssuerUrls;
  const isAlone = chain.length === 1 && !isRoot && url !== undefined;
  // A CA that says where its own certificate is to be had is hardly a root.
  if (isAlone) {
    const next = `put the certificate of ${url} behind it (it is DER); if that is the root of a private CA, give it with --roots FILE`;
    return broken('chain', `it comes alone, and ${message}: the certificate between them is missing`, next);
  }
  const next = 'that of a private CA is given with --roots FILE';
  return areRootsNamed ? broken('chain', message, next) : unknown('chain', message, next);
}
