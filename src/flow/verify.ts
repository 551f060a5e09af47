/** Whether a certificate is good: what is stored, and what a server sends. Each check says what it found, and none stops the others. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { messageOf, TscertError } from '../base/errors.js';
import type { Served } from '../net/tls.js';
import { type CertificateContent, readCertificate, readCertificates } from '../pki/certificate.js';
import { titleOf } from '../pki/chain.js';
import { chainFaults, rootOf } from '../pki/chain-check.js';
import { publicKeyEquals } from '../pki/key.js';
import { readPrivateKey } from '../pki/key-reader.js';
import type { CertificateRequest } from '../request/request.js';
import { storedName } from '../store/name.js';
import type { Store, Stored } from '../store/store.js';
import { type CertificateOverview, type OverviewParts, readOverview, type Subject } from './overview.js';
import type { RevocationSubject } from './revocation/check.js';
import type { RevocationReport } from './revocation/evidence.js';

export interface Check {
  readonly check: 'files' | 'key' | 'dates' | 'chain' | 'root' | 'revocation' | 'staple' | 'request' | 'host' | 'served' | 'stored';
  /** `unknown`: it cannot be told here, and is no failure. */
  readonly result: 'passed' | 'failed' | 'unknown';
  /** Of a failure: cert-manager's word for it, where it has one. */
  readonly reason?: string;
  /** For people, without a full stop. */
  readonly message: string;
}

export interface VerifyParts extends OverviewParts {
  readonly store: Pick<Store, 'load' | 'get' | 'list'>;
  /** Makes a TLS handshake; `servername` is asked for where the target is an address. */
  shake(target: string, servername: string | undefined): Promise<Served>;
  /** Asks whether a certificate was revoked; absent where nobody is to be asked. Its CA may be at inner addresses where the request says so. */
  readonly ask?: ((subject: RevocationSubject, allowPrivate: boolean) => Promise<RevocationReport>) | undefined;
  /** The roots that are known, read when they are first needed. */
  roots(): Iterable<CertificateContent>;
  /** True when people named the roots themselves: then a chain that leads to none of them fails. */
  readonly areRootsNamed: boolean;
}

const passed = (check: Check['check'], message: string): Check => ({ check, result: 'passed', message });
const failed = (check: Check['check'], reason: string, message: string): Check => ({ check, result: 'failed', reason, message });
const unknown = (check: Check['check'], message: string): Check => ({ check, result: 'unknown', message });

/**
 * Checks a stored certificate, and that servers send it.
 * @param probes `HOST:PORT` of each server; those of the request where none is given
 */
export async function verifyStored(subject: Subject, probes: readonly string[], parts: VerifyParts): Promise<Check[]> {
  const overview = await readOverview(subject, parts);
  const { name } = overview;
  let stored: Stored | undefined;
  try {
    stored = await parts.store.load(name);
  } catch (error) {
    return [failed('files', 'MissingData', messageOf(error))];
  }
  if (stored === undefined) return [failed('files', 'DoesNotExist', `No certificate is stored under the name "${name}"`)];
  const files = passed('files', `whole: ${stored.locations.fullchain} (generation ${stored.generation})`);
  let leaf: CertificateContent;
  let chain: readonly CertificateContent[];
  try {
    leaf = readCertificate(stored.certificate);
    chain = [leaf, ...readCertificates(stored.chain)];
  } catch (error) {
    return [files, failed('chain', 'InvalidCertificate', messageOf(error))];
  }
  const now = parts.clock.now();
  const targets = probes.length > 0 ? probes : 'spec' in subject ? probesOf(subject) : [];
  return [
    files,
    keyCheck(stored, leaf),
    datesCheck(leaf, now),
    chainCheck(chain, now),
    rootCheck(chain, parts, now, 'unknown'),
    ...(await revocationChecks(chain, undefined, 'spec' in subject && subject.revocation?.allowPrivate === true, parts)),
    requestCheck(overview),
    ...(await Promise.all(targets.map((target) => servedCheck(target, leaf, parts)))),
  ];
}

/** Where the certificate is to be served. */
function probesOf({ deploy }: CertificateRequest): string[] {
  return deploy.flatMap((target) => (target.kind === 'probe' ? [target.address] : []));
}

/**
 * Checks what a server sends.
 * @param target `HOST:PORT`, `[V6]:PORT`
 */
export async function verifyServer(target: string, parts: VerifyParts): Promise<Check[]> {
  let chain: readonly CertificateContent[];
  let served: Served;
  try {
    served = await parts.shake(target, undefined);
    chain = served.chain.map((der) => readCertificate(der));
  } catch (error) {
    if (error instanceof TscertError && error.code === 'request-invalid') throw error;
    return [failed('served', 'Unreachable', messageOf(error))];
  }
  const [leaf] = chain;
  if (leaf === undefined) return [failed('served', 'DoesNotExist', `${target} sends no certificate`)];
  const now = parts.clock.now();
  return [
    passed('served', `${target} sends ${leafTitle(leaf)} by ${served.protocol}, serial number ${leaf.serialNumber}`),
    hostCheck(target, leaf),
    datesCheck(leaf, now),
    chainCheck(chain, now),
    rootCheck(chain, parts, now, 'failed'),
    ...(await revocationChecks(chain, { target, ...served }, false, parts)),
    await storedCheck(target, leaf, parts),
  ];
}

/** Its first name: public CAs leave the subject empty. */
function leafTitle(leaf: CertificateContent): string {
  const [first] = leaf.extensions.names;
  return first === undefined ? titleOf(leaf) : `"${first.value}"`;
}

function keyCheck({ privateKey, locations }: Stored, leaf: CertificateContent): Check {
  if (privateKey === undefined) return unknown('key', 'no key is stored: the request was brought along');
  try {
    const fits = leaf.publicKey !== undefined && publicKeyEquals(readPrivateKey(privateKey), leaf.publicKey);
    if (fits) return passed('key', 'the private key belongs to the certificate');
  } catch (error) {
    return failed('key', 'InvalidKeyPair', messageOf(error));
  }
  return failed('key', 'InvalidKeyPair', `the private key ${locations.privateKey} does not belong to the certificate`);
}

function datesCheck({ notBefore, notAfter }: CertificateContent, now: number): Check {
  const end = notAfter.toISOString();
  if (now > notAfter.getTime()) return failed('dates', 'Expired', `the certificate expired at ${end}`);
  if (now < notBefore.getTime()) {
    return failed('dates', 'InvalidCertificate', `the certificate is not valid before ${notBefore.toISOString()}`);
  }
  return passed('dates', `valid until ${end}`);
}

function chainCheck(chain: readonly CertificateContent[], now: number): Check {
  const faults = chainFaults(chain, now);
  if (faults.length > 0) return failed('chain', 'InvalidCertificate', faults.join('; '));
  const [first, ...others] = chain.map((one, at) => (at === 0 ? leafTitle(one) : titleOf(one)));
  return passed('chain', others.length === 0 ? `${first} comes alone` : `${first}, signed by ${others.join(', signed by ')}`);
}

/** @param otherwise what it means that no root is known: of a private CA that may well be */
function rootCheck(
  chain: readonly CertificateContent[],
  { roots, areRootsNamed }: VerifyParts,
  now: number,
  otherwise: 'unknown' | 'failed',
): Check {
  const root = rootOf(chain, roots(), now);
  if (root !== undefined) return passed('root', `leads to ${titleOf(root)}`);
  const [top] = chain.slice(-1);
  const isAlone = chain.length === 1 && top?.extensions.isCa === false && !top.raw.issuer.equals(top.raw.subject);
  const message = `no root that is known has issued ${top === undefined ? 'it' : titleOf(top)}${
    isAlone ? '; perhaps the certificate between them is missing' : ''
  }; that of a private CA is given with --roots FILE`;
  return areRootsNamed || otherwise === 'failed' ? failed('root', 'IncorrectIssuer', message) : unknown('root', message);
}

/** Whether it was revoked, and that what it demands of its server is sent along. */
async function revocationChecks(
  [leaf, ...others]: readonly CertificateContent[],
  served: { readonly target: string; readonly staple?: Buffer } | undefined,
  allowPrivate: boolean,
  { ask }: VerifyParts,
): Promise<Check[]> {
  if (leaf === undefined || ask === undefined) return [];
  const staple = served?.staple === undefined ? {} : { staple: { response: served.staple, place: served.target } };
  const report = await ask({ certificate: leaf, others, ...staple }, allowPrivate);
  const checks = [revocationCheck(report)];
  if (served === undefined || !leaf.extensions.mustStaple) return checks;
  const isStapled = report.evidence.some((one) => one.kind === 'ocsp' && one.origin.by === 'staple');
  const words = served.staple === undefined ? 'sends no staple' : 'sends a staple that is not believed';
  return [
    ...checks,
    isStapled
      ? passed('staple', `${served.target} sends the staple that the certificate demands`)
      : failed('staple', 'NotStapled', `${served.target} ${words}, and the certificate demands one (must-staple)`),
  ];
}

function revocationCheck({ status, decisive, failures, notes }: RevocationReport): Check {
  const by = decisive?.kind === 'ocsp' ? `OCSP (${decisive.origin.place})` : decisive?.lists.map(({ origin }) => origin.place).join(', ');
  if (decisive?.status === 'revoked') {
    const { at, reason = 'no reason given' } = decisive.revocation;
    return failed('revocation', 'Revoked', `it was revoked at ${at.toISOString()} (${reason}), says ${by}`);
  }
  if (status === 'unknown') return failed('revocation', 'UnknownToIssuer', `its CA does not know it, says ${by}`);
  if (status === 'good') return passed('revocation', `it was not revoked, says ${by}`);
  if (status === 'unchecked') return unknown('revocation', failures.at(-1)?.message ?? 'nobody has answered');
  return unknown('revocation', notes[0] ?? 'the certificate names neither an OCSP responder nor a CRL');
}

/** Reasons that the other checks have told already. */
const TOLD: ReadonlySet<string> = new Set(['Expired', 'InvalidKeyPair', 'InvalidCertificate', 'MissingData', 'DoesNotExist']);

function requestCheck({ due, trouble, certificate }: CertificateOverview): Check {
  if (trouble !== undefined) return unknown('request', trouble);
  if (due === undefined || TOLD.has(due.reason)) {
    return passed('request', `it is what is wanted: ${(certificate?.names ?? []).map(({ value }) => value).join(', ')}`);
  }
  if (due.reason === 'Renewing') return passed('request', `it is what is wanted, and due: ${due.message}`);
  return failed('request', due.reason, due.message);
}

async function servedCheck(target: string, leaf: CertificateContent, parts: VerifyParts): Promise<Check> {
  const name = leaf.extensions.names.find(({ type, value }) => type === 'dns' && !value.startsWith('*.'))?.value;
  try {
    const [served] = (await parts.shake(target, name)).chain;
    if (served === undefined) return failed('served', 'DoesNotExist', `${target} sends no certificate`);
    if (served.equals(leaf.der)) return passed('served', `${target} sends it`);
    const other = readCertificate(served);
    const words = `${leafTitle(other)}, serial number ${other.serialNumber}, valid until ${other.notAfter.toISOString()}`;
    return failed('served', 'IncorrectCertificate', `${target} sends another one: ${words}`);
  } catch (error) {
    return failed('served', 'Unreachable', messageOf(error));
  }
}

function hostCheck(target: string, { der }: CertificateContent): Check {
  const host = target.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  const certificate = new X509Certificate(der);
  const held = isIP(host) === 0 ? certificate.checkHost(host, { subject: 'never' }) : certificate.checkIP(host);
  return held === undefined
    ? failed('host', 'IncorrectCertificate', `the certificate does not hold the name "${host}"`)
    : passed('host', `the certificate holds the name "${host}"`);
}

/** Whether what is served is what is stored; a certificate of the same name that is not served may wait for a reload. */
async function storedCheck(target: string, leaf: CertificateContent, { store }: VerifyParts): Promise<Check> {
  const holders: string[] = [];
  for (const name of await store.list()) {
    const stored = await loadOrNothing(name, store);
    if (stored === undefined) continue;
    if (stored.certificate === leaf.pem) return passed('stored', `it is stored as "${name}" (generation ${stored.generation})`);
    const other = readOrNothing(stored.certificate);
    if (other !== undefined && hostCheck(target, other).result === 'passed') holders.push(name);
  }
  if (holders.length === 0) return unknown('stored', 'it is none of the certificates that are stored here');
  const names = holders.map((name) => `"${name}"`).join(', ');
  return failed(
    'stored',
    'IncorrectCertificate',
    `it is not what is stored for this name here as ${names}: perhaps the server was not reloaded`,
  );
}

async function loadOrNothing(name: string, store: Pick<Store, 'load'>): Promise<Stored | undefined> {
  return store.load(storedName(name)).catch(() => undefined);
}

function readOrNothing(pem: string): CertificateContent | undefined {
  try {
    return readCertificate(pem);
  } catch {
    return undefined;
  }
}
