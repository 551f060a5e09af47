/** The entries of a CRL (RFC 5280 §5.1.2.6, §5.3), each read strictly; a million of them in a second, so nothing is made for one that nobody looks for. */
import type { CrlDoubt, CrlEntry } from './crl.js';
import { crlReasonOf } from './crl-reason.js';
import type { SerialNumbers } from './crl-serials.js';
import { derError, type Extent, headerLengthAt, measure, readDer, TAG } from './der-reader.js';
import { checkInteger, checkTime, timeOf } from './der-values.js';
import { readRawExtensions } from './extension-reader.js';

/** The last octet of the extensions of entries, all of which are 2.5.29.x. */
const REASON_CODE = 0x15;
const INVALIDITY_DATE = 0x18;
const CERTIFICATE_ISSUER = 0x1d;
const GENERALIZED_TIME = 0x18;

export interface CrlEntries {
  /**
   * Reads the entries that stand whole in `bytes` from `at` to `end`; errors count bytes from `origin` before them.
   * @returns where the first one begins that does not
   * @throws {TscertError} `der-invalid`
   */
  read(bytes: Buffer, at: number, end: number, origin: number): number;
  readonly count: number;
  readonly found: ReadonlyMap<string, CrlEntry>;
  /** True when one has extensions, which version 1 does not know. */
  readonly haveExtensions: boolean;
  /** Of the first entry for which the CRL cannot be used. */
  readonly doubt: Omit<CrlDoubt, 'source'> | undefined;
}

/** Reads entries and keeps those of these serial numbers. */
export function createEntries(wanted: SerialNumbers): CrlEntries {
  const found = new Map<string, CrlEntry>();
  const [entry, field, inner] = [extent(), extent(), extent()];
  let origin = 0;
  const said = { reason: -1, date: undefined as Buffer | undefined };
  const state = { count: 0, found, haveExtensions: false, doubt: undefined as CrlEntries['doubt'] };

  const readKnown = (bytes: Buffer, last: number, start: number, end: number): void => {
    if (last === CERTIFICATE_ISSUER) {
      state.doubt ??= { code: 'indirect', words: 'it is an indirect CRL, which lists certificates of other issuers' };
    } else if (last === REASON_CODE) {
      if (end - start !== 3 || bytes[start] !== TAG.enumerated || bytes[start + 1] !== 1)
        throw derError('a reason code is no small number');
      said.reason = bytes[start + 2] ?? 0;
    } else {
      within(measure(bytes, start, inner, origin), end, GENERALIZED_TIME, 'an invalidity date');
      if (inner.end !== end) throw derError('an invalidity date has more behind it');
      checkTime(bytes, inner);
      said.date = bytes.subarray(inner.content, end);
    }
  };

  /** Extensions of an entry of which one is not of RFC 5280. */
  const readUnknown = (list: Buffer): void => {
    for (const { oid, critical, value } of readRawExtensions(readDer(list)).values()) {
      const last = oid.startsWith('2.5.29.') ? Number(oid.slice(7)) : -1;
      if (isKnown(last)) readKnown(value, last, 0, value.length);
      else if (critical)
        state.doubt ??= { code: 'extension-unknown', words: `an entry has the critical extension ${oid}, which is not known` };
    }
  };

  const readExtensions = (bytes: Buffer, start: number, end: number): void => {
    const { content: first, end: listEnd } = within(measure(bytes, start, field, origin), end, TAG.sequence, 'the extensions of an entry');
    if (listEnd !== end) throw derError('an entry has more elements than it may');
    let seen = 0;
    for (let at = first; at < end; at = field.end) {
      const { content } = within(measure(bytes, at, field, origin), end, TAG.sequence, 'an extension of an entry');
      const last = lastOctetAt(bytes, content);
      if (!isKnown(last)) {
        readUnknown(bytes.subarray(start, end));
        return;
      }
      if ((seen & (1 << (last & 0x1f))) !== 0) throw derError('an extension of an entry stands there twice');
      seen |= 1 << (last & 0x1f);
      let value = content + 5;
      if (bytes[value] === TAG.boolean) {
        within(measure(bytes, value, inner, origin), field.end, TAG.boolean, 'the mark of an extension');
        const mark = bytes[inner.content];
        if (inner.end - inner.content !== 1 || (mark !== 0 && mark !== 0xff)) throw derError('a truth value is not 00 or FF');
        value = inner.end;
      }
      within(measure(bytes, value, inner, origin), field.end, TAG.octetString, 'the value of an extension');
      if (inner.end !== field.end) throw derError('an extension has more elements than it may');
      readKnown(bytes, last, inner.content, inner.end);
    }
  };

  const readEntry = (bytes: Buffer, start: number, end: number): void => {
    within(measure(bytes, start, field, origin), end, TAG.integer, 'a serial number');
    checkInteger(bytes, field.content, field.end);
    const serialNumber = wanted.find(bytes, field.content, field.end);
    within(measure(bytes, field.end, field, origin), end, undefined, 'a revocation date');
    checkTime(bytes, field);
    const { tag, content, end: timeEnd } = field;
    state.count++;
    said.reason = -1;
    said.date = undefined;
    if (timeEnd < end) {
      state.haveExtensions = true;
      readExtensions(bytes, timeEnd, end);
    }
    if (serialNumber === undefined) return;
    keep({
      serialNumber,
      revokedAt: timeOf({ tag, content: bytes.subarray(content, timeEnd) }),
      reason: crlReasonOf(said.reason) ?? 'unspecified',
      invalidityDate: said.date && timeOf({ tag: GENERALIZED_TIME, content: said.date }),
    });
  };

  /** Of several entries of one certificate the first that revokes it. */
  const keep = (entry: CrlEntry): void => {
    const before = found.get(entry.serialNumber);
    if (before === undefined || before.reason === 'removeFromCRL') found.set(entry.serialNumber, entry);
  };

  return Object.assign(state, {
    read(bytes: Buffer, start: number, end: number, place: number): number {
      origin = place;
      let at = start;
      while (at + 2 <= end && at + headerLengthAt(bytes, at) <= end) {
        measure(bytes, at, entry, origin);
        if (entry.tag !== TAG.sequence) throw derError(`an entry of the CRL has tag 0x${entry.tag.toString(16)}, not 0x30`);
        if (entry.end > end) break;
        readEntry(bytes, entry.content, entry.end);
        at = entry.end;
      }
      return at;
    },
  });
}

/** The last octet of the object identifier 2.5.29.x at `at`; -1 for any other. */
function lastOctetAt(bytes: Buffer, at: number): number {
  const is = bytes[at] === TAG.oid && bytes[at + 1] === 3 && bytes[at + 2] === 0x55 && bytes[at + 3] === 0x1d;
  return is ? (bytes[at + 4] ?? -1) : -1;
}

function isKnown(last: number): boolean {
  return last === REASON_CODE || last === INVALIDITY_DATE || last === CERTIFICATE_ISSUER;
}

function extent(): Extent {
  return { tag: 0, content: 0, end: 0 };
}

/** The extent, which must have this tag and end before `end`. */
function within(found: Extent, end: number, tag: number | undefined, what: string): Extent {
  if (tag !== undefined && found.tag !== tag) throw derError(`${what} has tag 0x${found.tag.toString(16)}, not 0x${tag.toString(16)}`);
  if (found.end > end) throw derError(`${what} runs over the end of its entry`);
  return found;
}
