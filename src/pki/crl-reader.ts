/**
 * Reading CRLs (RFC 5280 §5) from a stream, whatever their size: the entries pass by, the few that are looked for are kept, and the octets
 * that are signed go into the check of the signature as they stand.
 */
import type { KeyObject } from 'node:crypto';
import { TscertError } from '../base/errors.js';
import type { CertificateContent } from './certificate.js';
import type { Crl, CrlDoubt } from './crl.js';
import { crlBlocks } from './crl-blocks.js';
import { type CrlEntries, createEntries } from './crl-entry.js';
import { type CrlExtensions, readCrlExtensions } from './crl-extensions.js';
import { serialNumbersOf } from './crl-serials.js';
import { type CrlWindow, openWindow } from './crl-window.js';
import { derError, type Element, type Extent, fieldsOf, headerLengthAt, measure, readDer, TAG } from './der-reader.js';
import { bitStringOf, smallIntegerOf, timeOf } from './der-values.js';
import { beginSignatureCheck, isCheckedWhole, type SignatureCheck, signatureAlgorithmName } from './signature.js';
import { readDistinguishedName } from './subject.js';

/** What is looked for in a CRL. */
export interface CrlRequest {
  /** What to call the CRL in doubts: a URL, a file. */
  readonly source: string;
  /** Serial numbers as certificates have them. */
  readonly serialNumbers: Iterable<string>;
  /**
   * Certificates that are trusted to be of the CA in question: its certificate, and others of the same CA (see crl-signers). Those whose
   * subject is the CRL's issuer octet for octet, and whose key has signed it, come back as its signers.
   */
  readonly signers: readonly CertificateContent[];
  /** The most octets of DER that a CRL may have; {@link MAX_CRL_BYTES} unless given. */
  readonly maxBytes?: number;
}

/** 100 MiB: three million entries. */
export const MAX_CRL_BYTES = 100 * 1024 * 1024;

/**
 * The most octets that are kept for a signature which needs them all at once. No public CA signs with Ed25519, and a private one reaches
 * this with 400,000 entries.
 */
const MAX_WHOLE = 16 * 1024 * 1024;

/** The most octets of each element that is read as a whole. */
const MAX = { algorithm: 4_096, name: 65_536, entry: 65_536, extensions: 1 << 20, signature: 65_536 } as const;

const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;

/**
 * Reads the CRL of a stream: DER, or a PEM text with exactly one block `X509 CRL`.
 * @throws {TscertError} `crl-invalid` when it is none, several or too large, `pem-invalid`; what the stream throws
 */
export async function readCrl(chunks: AsyncIterable<Uint8Array>, request: CrlRequest): Promise<Crl> {
  const crls = await readCrls(chunks, request);
  const [crl] = crls;
  if (crl !== undefined && crls.length === 1) return crl;
  throw new TscertError('crl-invalid', `Cannot read the CRL: there are ${crls.length} of them, not one`);
}

/**
 * Reads all CRLs of a stream: one in DER, or the blocks `X509 CRL` of a PEM text.
 * @throws {TscertError} `crl-invalid` when there is none, or one is none or too large, `pem-invalid`; what the stream throws
 */
export async function readCrls(chunks: AsyncIterable<Uint8Array>, request: CrlRequest): Promise<Crl[]> {
  const crls: Crl[] = [];
  for await (const block of crlBlocks(chunks)) {
    try {
      crls.push(await readBlock(openWindow(block), request));
    } catch (error) {
      if (!(error instanceof TscertError) || error.code !== 'der-invalid') throw error;
      throw new TscertError('crl-invalid', `Cannot read the CRL: ${error.message.replace('Cannot read DER: ', '')}`, { cause: error });
    }
  }
  return crls;
}

async function readBlock(window: CrlWindow, request: CrlRequest): Promise<Crl> {
  const root = await enter(window, 'the CRL');
  const { maxBytes = MAX_CRL_BYTES } = request;
  if (root.end > maxBytes) throw derError(`it has ${root.end} bytes, more than ${maxBytes}`);
  window.keep();
  const tbsStart = window.position();
  const tbs = await enter(window, 'the body of the CRL');
  if (tbs.end > root.end) throw derError('its body runs over its end');
  const version = await readVersion(window, tbs.end);
  const inner = await readElement(window, tbs.end, 'the signature algorithm', MAX.algorithm);
  const issuer = await readElement(window, tbs.end, 'the issuer', MAX.name);
  const isTooLarge = isCheckedWhole(inner) && tbs.end - tbsStart > MAX_WHOLE;
  const checks = beginChecks(inner, issuer, isTooLarge ? [] : request.signers);
  window.tap((piece) => {
    for (const { check } of checks) check.update(piece);
  });
  const thisUpdate = timeOf(await readElement(window, tbs.end, 'thisUpdate', MAX.algorithm));
  const isTime = await isNext(window, tbs.end, UTC_TIME, GENERALIZED_TIME);
  const nextUpdate = isTime ? timeOf(await readElement(window, tbs.end, 'nextUpdate', MAX.algorithm)) : undefined;
  const asked = new Set(request.serialNumbers);
  const entries = createEntries(serialNumbersOf(asked));
  if (await isNext(window, tbs.end, TAG.sequence)) await readEntries(window, tbs.end, entries);
  const wrapped = await isNext(window, tbs.end, TAG.tagged(0));
  const extensions = wrapped ? await readExtensions(window, tbs.end) : readCrlExtensions(undefined);
  if (window.position() !== tbs.end) throw derError('the body of the CRL has more elements than it may');
  window.untap();
  if (version === 1 && (wrapped || entries.haveExtensions)) throw derError('it has extensions, which version 1 does not know');
  const outer = await readElement(window, root.end, 'the signature algorithm', MAX.algorithm);
  if (!outer.der.equals(inner.der)) throw derError('its two signature algorithms differ');
  const signature = bitStringOf(await readElement(window, root.end, 'the signature', MAX.signature));
  if (window.position() !== root.end) throw derError('the CRL has more elements than it may');
  if (!(await window.isAtEnd())) throw derError('bytes stand behind its end');
  const { doubt: unfit, raw, ...said } = extensions;
  return {
    ...said,
    source: request.source,
    version,
    issuer: readDistinguishedName(issuer),
    thisUpdate,
    nextUpdate,
    signatureAlgorithm: signatureAlgorithmName(inner),
    signers: checks.filter(({ check }) => check.fits(signature)).flatMap(({ signers }) => signers),
    entries: entries.count,
    asked,
    found: entries.found,
    refusal: refusalOf(request.source, isTooLarge, unfit ?? entries.doubt),
    raw: { ...raw, issuer: issuer.der },
  };
}

function refusalOf(source: string, isTooLarge: boolean, doubt: CrlExtensions['doubt']): CrlDoubt | undefined {
  if (doubt !== undefined) return { ...doubt, source };
  if (!isTooLarge) return undefined;
  return { code: 'too-large', source, words: `it is signed with Ed25519 and has more than ${MAX_WHOLE} bytes` };
}

/** Checks of the keys that may have signed, each once, with the certificates that hold them. */
function beginChecks(algorithm: Element, issuer: Element, signers: readonly CertificateContent[]): KeyCheck[] {
  const byKey = new Map<string, { key: KeyObject; signers: CertificateContent[] }>();
  for (const signer of signers) {
    if (signer.publicKey === undefined || !signer.raw.subject.equals(issuer.der)) continue;
    const spki = signer.raw.spki.toString('latin1');
    const known = byKey.get(spki);
    if (known === undefined) byKey.set(spki, { key: signer.publicKey, signers: [signer] });
    else known.signers.push(signer);
  }
  return [...byKey.values()].flatMap(({ key, signers: holders }) => {
    const check = beginSignatureCheck(algorithm, key);
    return check === undefined ? [] : [{ check, signers: holders }];
  });
}

interface KeyCheck {
  readonly check: SignatureCheck;
  readonly signers: readonly CertificateContent[];
}

/** The header at the window, as positions in the stream. */
async function header(window: CrlWindow): Promise<Extent> {
  await window.need(2);
  // More than six octets are refused by what reads them.
  await window.need(Math.min(headerLengthAt(window.bytes, window.at), 6));
  const origin = window.position() - window.at;
  const { tag, content, end } = measure(window.bytes, window.at, { tag: 0, content: 0, end: 0 }, origin);
  return { tag, content: content + origin, end: end + origin };
}

/** Goes into a SEQUENCE that is too long to be read as a whole. */
async function enter(window: CrlWindow, what: string): Promise<Extent> {
  const found = await header(window);
  if (found.tag !== TAG.sequence) throw derError(`${what} has tag 0x${found.tag.toString(16)}, not 0x30`);
  window.at += found.content - window.position();
  return found;
}

/** Reads the next element as a whole; `end` is the position at which what holds it ends. */
async function readElement(window: CrlWindow, end: number, what: string, max: number): Promise<Element> {
  if (window.position() >= end) throw derError(`the CRL lacks ${what}`);
  const found = await header(window);
  if (found.end > end) throw derError(`${what} runs over the end of what holds it`);
  const length = found.end - window.position();
  if (length > max) throw derError(`${what} has ${length} bytes, more than ${max}`);
  await window.need(length);
  const bytes = Buffer.from(window.bytes.subarray(window.at, window.at + length));
  window.at += length;
  return readDer(bytes);
}

/** True when the next element before the position `end` has one of these tags. */
async function isNext(window: CrlWindow, end: number, ...tags: readonly number[]): Promise<boolean> {
  if (window.position() >= end) return false;
  await window.need(1);
  return tags.includes(window.bytes[window.at] ?? 0);
}

/** Version 1 is not written, and the only other one is 2 (RFC 5280 §5.1.2.1). */
async function readVersion(window: CrlWindow, end: number): Promise<1 | 2> {
  if (!(await isNext(window, end, TAG.integer))) return 1;
  const version = smallIntegerOf(await readElement(window, end, 'the version', MAX.algorithm)) + 1;
  if (version !== 2) throw derError(`the version ${version} of CRLs is not known`);
  return version;
}

async function readEntries(window: CrlWindow, end: number, entries: CrlEntries): Promise<void> {
  const list = await enter(window, 'the list of entries');
  if (list.end > end) throw derError('the list of entries runs over the end of what holds it');
  for (let left = list.end - window.position(); left > 0; left = list.end - window.position()) {
    const origin = window.position() - window.at;
    const next = entries.read(window.bytes, window.at, Math.min(window.bytes.length, window.at + left), origin);
    if (next === window.at) await needEntry(window, left);
    else window.at = next;
  }
}

/** Has the whole of the next entry in the window. */
async function needEntry(window: CrlWindow, left: number): Promise<void> {
  const what = 'an entry of the CRL';
  const found = await header(window);
  const length = found.end - window.position();
  if (length > left) throw derError(`${what} runs over the end of the list`);
  if (length > MAX.entry) throw derError(`${what} has ${length} bytes, more than ${MAX.entry}`);
  await window.need(length);
}

async function readExtensions(window: CrlWindow, end: number): Promise<CrlExtensions> {
  const what = 'the wrapped extensions';
  const fields = fieldsOf(await readElement(window, end, what, MAX.extensions), what, TAG.tagged(0));
  const list = fields.next(TAG.sequence, 'the list');
  fields.end();
  return readCrlExtensions(list);
}
