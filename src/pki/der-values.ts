/** What the elements of DER say: numbers, object identifiers, texts, bits and times, each in the one form that DER allows. */
import type { TscertError } from '../base/errors.js';
import { derError, type Element, type Extent, TAG } from './der-reader.js';

/** The dotted form of an OBJECT IDENTIFIER; arcs of any size, as those below 2.25 (UUIDs) have. */
export function oidOf({ tag, content }: Element): string {
  if (tag !== TAG.oid) throw derError('an object identifier is missing');
  if (content.length === 0 || content.length > 128 || (content.at(-1) ?? 0) >= 0x80) {
    throw derError('an object identifier is cut off or too long');
  }
  const arcs: bigint[] = [];
  let arc = 0n;
  let begins = true;
  for (const octet of content) {
    if (begins && octet === 0x80) throw derError('an object identifier is padded');
    arc = (arc << 7n) | BigInt(octet & 0x7f);
    begins = octet < 0x80;
    if (!begins) continue;
    if (arcs.length > 0) arcs.push(arc);
    else if (arc < 80n) arcs.push(arc / 40n, arc % 40n);
    else arcs.push(2n, arc - 80n);
    arc = 0n;
  }
  return arcs.join('.');
}

/** An INTEGER (or ENUMERATED) of any size. */
export function integerOf(element: Element): bigint {
  const content = integerBytesOf(element);
  const value = BigInt(`0x${content.toString('hex')}`);
  return (content[0] ?? 0) >= 0x80 ? value - (1n << BigInt(content.length * 8)) : value;
}

/** The content of an INTEGER, as it stands, in its shortest form. */
export function integerBytesOf({ tag, content }: Element): Buffer {
  if (tag !== TAG.integer && tag !== TAG.enumerated) throw derError('a number is missing');
  checkInteger(content, 0, content.length);
  return content;
}

/** Refuses content of an INTEGER from `start` to `end` that is empty or not in its shortest form. */
export function checkInteger(bytes: Uint8Array, start: number, end: number): void {
  if (start >= end) throw derError('a number is empty');
  const first = bytes[start] ?? 0;
  const second = bytes[start + 1] ?? 0;
  if (end - start > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) throw derError('a number is padded');
}

/** An INTEGER that fits a small count. */
export function smallIntegerOf(element: Element): number {
  const value = integerOf(element);
  if (value < -0x7fff_ffffn || value > 0x7fff_ffffn) throw derError(`the number ${element.content.length} bytes long is out of range`);
  return Number(value);
}

export function booleanOf({ tag, content }: Element): boolean {
  if (tag !== TAG.boolean || content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff))
    throw derError('a truth value is not 00 or FF');
  return content[0] === 0xff;
}

/** The octets of a BIT STRING that has whole octets: keys and signatures. */
export function bitStringOf({ tag, content }: Element): Buffer {
  if (tag !== TAG.bitString || content[0] !== 0) throw derError('a bit string of whole octets is missing');
  return content.subarray(1);
}

/** The numbers of the bits that are set in a BIT STRING of named bits. */
export function namedBitsOf({ tag, content }: Element): number[] {
  const unused = content[0];
  if (tag !== TAG.bitString || unused === undefined || unused > 7 || content.length > 16)
    throw derError('a string of named bits is missing');
  const bits: number[] = [];
  for (let bit = 0; bit < (content.length - 1) * 8 - unused; bit++) {
    if (((content[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0) bits.push(bit);
  }
  return bits;
}

/** The text of any string type that names use; octets that the type does not allow are replaced, nothing throws but another tag. */
export function textOf({ tag, content }: Element): string {
  switch (tag) {
    case 0x0c:
      return content.toString('utf8');
    case 0x12: // NumericString
    case 0x13: // PrintableString
    case 0x16: // IA5String
    case 0x1a: // VisibleString
    case 0x14: // TeletexString, in practice Latin-1
      return content.toString('latin1');
    case 0x1e: // BMPString
      if (content.length % 2 !== 0) throw derError('a text of two octets a character is cut off');
      return Buffer.from(content).swap16().toString('utf16le');
    case 0x1c: // UniversalString
      return codePoints(content);
    default:
      throw derError(`a text has the tag 0x${tag.toString(16)}`);
  }
}

function codePoints(content: Buffer): string {
  if (content.length % 4 !== 0) throw derError('a text of four octets a character is cut off');
  return Array.from({ length: content.length / 4 }, (_, at) => content.readUInt32BE(at * 4))
    .map((point) => String.fromCodePoint(point > 0x10ffff ? 0xfffd : point))
    .join('');
}

/** A UTCTime or GeneralizedTime in the forms of RFC 5280 §4.1.2.5. */
export function timeOf({ tag, content }: Pick<Element, 'tag' | 'content'>): Date {
  const text = content.toString('latin1');
  const year = /^\d{2}/.exec(text)?.[0] ?? '';
  const full = tag === 0x17 ? `${Number(year) >= 50 ? '19' : '20'}${text}` : tag === 0x18 ? text : '';
  const parts = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(full);
  const iso = parts === null ? '' : `${parts.slice(1, 4).join('-')}T${parts.slice(4).join(':')}.000Z`;
  const date = new Date(iso);
  if (Number.isNaN(date.getTime()) || date.toISOString() !== iso)
    throw derError(`the time ${JSON.stringify(text.slice(0, 40))} is not of X.509's form`);
  return date;
}

const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Refuses what {@link timeOf} refuses, and makes nothing: for the times of a million entries. */
export function checkTime(bytes: Uint8Array, { tag, content, end }: Extent): void {
  const at = end - 11;
  const form = tag === 0x17 ? 13 : tag === 0x18 ? 15 : undefined;
  if (end - content !== form || bytes[end - 1] !== 0x5a) throw timeError();
  const short = digitsAt(bytes, at - 2);
  const year = short + 100 * (tag === 0x18 ? digitsAt(bytes, content) : short >= 50 ? 19 : 20);
  const month = digitsAt(bytes, at);
  const day = digitsAt(bytes, at + 2);
  const isShort = month === 2 && (year % 4 !== 0 || (year % 100 === 0 && year % 400 !== 0));
  if (year < 0 || day < 1 || day > (isShort ? 28 : (DAYS[month - 1] ?? 0)) || !isClock(bytes, at + 4)) throw timeError();
}

function isClock(bytes: Uint8Array, at: number): boolean {
  const hour = digitsAt(bytes, at);
  const minute = digitsAt(bytes, at + 2);
  const second = digitsAt(bytes, at + 4);
  return hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60;
}

/** The number that two decimal digits are; negative for anything else. */
function digitsAt(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] ?? 0) - 0x30;
  const ones = (bytes[at + 1] ?? 0) - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1_000_000;
}

function timeError(): TscertError {
  return derError("a time is not of X.509's form");
}

/** A GeneralizedTime in the form of RFC 5280 §4.1.2.5.2: seconds, no fractions, in UTC. */
export function generalizedTimeOf(element: Element): Date {
  if (element.tag !== 0x18) throw derError('a GeneralizedTime is missing');
  return timeOf(element);
}
