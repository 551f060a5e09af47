/** GeneralName (RFC 5280 §4.2.1.6): the names of certificates in DER. */
import { isIPv4 } from 'node:net';
import type { GeneralName } from '../base/names.js';
import { type Der, implicit, oid, tagged, utf8 } from './der.js';
import { derError, type Element, fieldsOf, TAG } from './der-reader.js';
import { oidOf } from './der-values.js';

const TAGS = { email: 1, dns: 2, uri: 6, ip: 7 } as const;

/** A name of another kind than tscert knows (a directory name, a registered id, an otherName that is no text): its DER in hex. */
export interface UnknownName {
  readonly type: 'unknown';
  readonly der: string;
}

/** A name in DER. */
export function generalNameDer(name: GeneralName): Der {
  if (name.type === 'other') return tagged(0, oid(name.oid), tagged(0, utf8(name.value)));
  return implicit(TAGS[name.type], name.type === 'ip' ? ipOctets(name.value) : name.value);
}

/**
 * Reads a name as it stands: other people's names need not be in canonical form.
 * @throws {TscertError} `der-invalid`
 */
export function readGeneralName(element: Element): GeneralName | UnknownName {
  const text = element.content.toString('latin1');
  switch (element.tag) {
    case TAG.implicit(TAGS.dns):
      return { type: 'dns', value: text };
    case TAG.implicit(TAGS.email):
      return { type: 'email', value: text };
    case TAG.implicit(TAGS.uri):
      return { type: 'uri', value: text };
    case TAG.implicit(TAGS.ip):
      return { type: 'ip', value: ipText(element.content) };
    case TAG.tagged(0):
      return readOtherName(element);
    default:
      if ((element.tag & 0xc0) !== 0x80 || (element.tag & 0x1f) > 8) throw derError(`a name has the tag 0x${element.tag.toString(16)}`);
      return { type: 'unknown', der: element.der.toString('hex') };
  }
}

function readOtherName(element: Element): GeneralName | UnknownName {
  const fields = fieldsOf(element, 'an otherName', TAG.tagged(0));
  const type = oidOf(fields.next(TAG.oid, 'the type'));
  const wrapped = fields.next(TAG.tagged(0), 'the value');
  fields.end();
  const [value] = wrapped.children;
  if (wrapped.children.length !== 1 || value?.tag !== 0x0c) return { type: 'unknown', der: element.der.toString('hex') };
  return { type: 'other', oid: type, value: value.content.toString('utf8') };
}

/** The 4 or 16 octets of an IP address in canonical form. */
export function ipOctets(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address
    .replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => `${hex16(Number(a), Number(b))}:${hex16(Number(c), Number(d))}`)
    .split('::');
  const [left, right] = [head, tail ?? ''].map((part) => (part === '' ? [] : part.split(':')));
  const zeros = tail === undefined ? 0 : 8 - (left?.length ?? 0) - (right?.length ?? 0);
  const groups = [...(left ?? []), ...Array<string>(zeros).fill('0'), ...(right ?? [])];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function hex16(high: number, low: number): string {
  return (high * 256 + low).toString(16);
}

/**
 * An IP address of 4 or 16 octets in the form that parseName gives.
 * @throws {TscertError} `der-invalid` for another number of octets
 */
export function ipText(octets: Buffer): string {
  if (octets.length === 4) return octets.join('.');
  if (octets.length !== 16) throw derError(`an IP address has ${octets.length} octets`);
  const groups = Array.from({ length: 8 }, (_, at) => octets.readUInt16BE(at * 2).toString(16));
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}
