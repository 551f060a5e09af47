/**
 * Writing DER (X.690): values as plain trees, encoded by node-forge's asn1, which holds bytes as strings of one character a byte.
 */
import asn1 from 'node-forge/lib/asn1.js';
import { TscertError } from '../base/errors.js';

/** A value that is yet to be encoded. Made by the functions of this file, read by {@link encodeDer}. */
export interface Der {
  readonly tagClass: number;
  readonly type: number;
  readonly constructed: boolean;
  readonly composed: boolean;
  readonly value: Der[] | string;
}

const CONTEXT = 0x80;
const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/;
const ASCII = /^[\u0020-\u007e]*$/;

function primitive(type: number, value: string, tagClass = 0): Der {
  return { tagClass, type, constructed: false, composed: false, value };
}

function constructed(type: number, value: Der[], tagClass = 0): Der {
  return { tagClass, type, constructed: true, composed: true, value };
}

function binary(bytes: Uint8Array): string {
  return (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).toString('latin1');
}

/** The DER octets of a value. */
export function encodeDer(value: Der): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), 'latin1');
}

/** SEQUENCE; what is `undefined` is left out, as an absent OPTIONAL. */
export function sequence(...children: readonly (Der | undefined)[]): Der {
  return constructed(
    0x10,
    children.filter((child) => child !== undefined),
  );
}

/** SET OF, its elements in the order of their encodings (X.690 §11.6). */
export function setOf(children: readonly Der[]): Der {
  if (children.length < 2) return constructed(0x11, [...children]);
  const sorted = children.map((child) => ({ child, der: encodeDer(child) })).sort((a, b) => Buffer.compare(a.der, b.der));
  return constructed(
    0x11,
    sorted.map(({ child }) => child),
  );
}

/** A value that is encoded already, as it stands: one whole DER element with a length of DER's form. */
export function encoded(der: Uint8Array): Der {
  const first = der[1] ?? 0;
  const header = first < 0x80 ? 2 : 2 + (first & 0x7f);
  return primitive(der[0] ?? 0, binary(der.subarray(header)));
}

/**
 * OBJECT IDENTIFIER from its dotted form.
 * @throws {TscertError} `request-invalid` when it is none
 */
export function oid(dotted: string): Der {
  if (!isOid(dotted)) {
    throw new TscertError(
      'request-invalid',
      `Cannot use "${dotted}" as an object identifier: it wants a form such as 1.3.6.1.4.1.311.20.2.3`,
    );
  }
  return primitive(0x06, asn1.oidToDer(dotted).getBytes());
}

/** True for a dotted object identifier with arcs below 2^32. */
export function isOid(text: string): boolean {
  if (text.length > 256 || !/^[0-2](?:\.(?:0|[1-9]\d{0,9}))+$/.test(text)) return false;
  const arcs = text.split('.').map(Number);
  return ((arcs[0] ?? 0) === 2 || (arcs[1] ?? 0) < 40) && arcs.every((arc) => arc <= 0xffff_ffff - 80);
}

/** INTEGER; bytes are taken as an unsigned number. */
export function integer(value: number | bigint | Uint8Array): Der {
  if (typeof value === 'object') return primitive(0x02, binary(Buffer.concat([Buffer.of(0), value.subarray(leadingZeros(value))])));
  let rest = BigInt(value);
  const octets: number[] = [];
  do {
    octets.unshift(Number(rest & 0xffn));
    rest >>= 8n;
  } while (rest !== 0n && rest !== -1n);
  const negative = ((octets[0] ?? 0) & 0x80) !== 0;
  if (negative !== rest < 0n) octets.unshift(rest < 0n ? 0xff : 0);
  return primitive(0x02, String.fromCharCode(...octets));
}

function leadingZeros(bytes: Uint8Array): number {
  const first = bytes.findIndex((octet) => octet !== 0);
  return first === -1 ? Math.max(0, bytes.length - 1) : first;
}

export function boolean(value: boolean): Der {
  return primitive(0x01, value ? '\u00ff' : '\u0000');
}

export function nothing(): Der {
  return primitive(0x05, '');
}

export function octetString(content: Uint8Array | Der): Der {
  return primitive(0x04, content instanceof Uint8Array ? binary(content) : asn1.toDer(content).getBytes());
}

/** BIT STRING; `unused` says how many bits at its end do not count. */
export function bitString(content: Uint8Array, unused = 0): Der {
  return primitive(0x03, String.fromCharCode(unused) + binary(content));
}

/** BIT STRING of named bits (X.690 §11.2.2): bit 0 is the first, zeros at the end are cut. */
export function namedBits(bits: readonly number[]): Der {
  const last = Math.max(-1, ...bits);
  const octets = Buffer.alloc((last >> 3) + 1);
  for (const bit of bits) octets[bit >> 3] = (octets[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  return bitString(octets, last === -1 ? 0 : 7 - (last & 7));
}

export function utf8(text: string): Der {
  return primitive(0x0c, ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1'));
}

/** PrintableString where its few characters suffice, else UTF8String: what Go writes in names. */
export function directoryString(text: string): Der {
  return isPrintable(text) ? primitive(0x13, text) : utf8(text);
}

/** True when the text has a PrintableString. */
export function isPrintable(text: string): boolean {
  return PRINTABLE.test(text);
}

/**
 * IA5String.
 * @throws {TscertError} `request-invalid` for other characters than printable ASCII
 */
export function ia5(text: string): Der {
  return primitive(0x16, ascii(text));
}

/** [tag] IMPLICIT over a primitive: `text` (ASCII) or octets are its content. */
export function implicit(tag: number, content: string | Uint8Array): Der {
  return primitive(tag, typeof content === 'string' ? ascii(content) : binary(content), CONTEXT);
}

/** [tag] IMPLICIT over a SEQUENCE of these, or [tag] EXPLICIT over one value. */
export function tagged(tag: number, ...children: readonly Der[]): Der {
  return constructed(tag, [...children], CONTEXT);
}

/** Time as RFC 5280 §4.1.2.5 wants it: UTCTime until 2049, GeneralizedTime before 1950 and from 2050; seconds. */
export function time(date: Date): Der {
  const text = `${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
  const year = date.getUTCFullYear();
  return year >= 1950 && year < 2050 ? primitive(0x17, text.slice(2)) : primitive(0x18, text);
}

function ascii(text: string): string {
  if (ASCII.test(text)) return text;
  throw new TscertError('request-invalid', `Cannot encode ${JSON.stringify(text)}: it may only hold ASCII`, { data: { value: text } });
}
