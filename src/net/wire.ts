/** The parts of the DNS wire format (RFC 1035 §4) that signing and updating need: names, and where records begin and end. */
import { TscertError } from '../base/errors.js';

export const TYPE = { SOA: 6, TXT: 16, TSIG: 250 } as const;
export const CLASS = { IN: 1, NONE: 254, ANY: 255 } as const;

/** Octets of the header. */
export const HEADER_LENGTH = 12;

/** A record of a message by its place: `start` is its first octet, `data` the first of its RDATA, `end` the first after it. */
export interface RecordPlace {
  /** Owner name, uncompressed and in lower case (RFC 4034 §6.2). */
  readonly owner: Buffer;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  readonly start: number;
  readonly data: number;
  readonly end: number;
}

/**
 * Writes a name, in lower case and without compression.
 * @param name in A-labels; a dot at the end is fine
 * @throws {TscertError} `name-invalid` for empty or over-long labels and characters beyond printable ASCII
 */
export function encodeName(name: string): Buffer {
  const bare = name.endsWith('.') ? name.slice(0, -1) : name;
  const labels = bare === '' ? [] : bare.toLowerCase().split('.');
  const wrong = labels.find((label) => !/^[\u0021-\u007e]{1,63}$/.test(label));
  const wire = Buffer.concat([...labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]), Buffer.alloc(1)]);
  if (wrong !== undefined || wire.length > 255) {
    const reason = wrong === undefined ? 'it is longer than 255 octets' : `the label "${wrong}" cannot stand in a DNS message`;
    throw new TscertError('name-invalid', `Cannot encode the name "${name}": ${reason}`, { data: { name } });
  }
  return wire;
}

/**
 * Reads a name, following compression (RFC 1035 §4.1.4).
 * @returns the name uncompressed and in lower case, and the offset after it
 * @throws {TscertError} `response-invalid` for a name that is cut off, too long, or points forward
 */
export function readName(message: Buffer, offset: number): { readonly wire: Buffer; readonly end: number } {
  const parts: Buffer[] = [];
  let length = 0;
  let at = offset;
  let end: number | undefined;
  for (;;) {
    const octet = message[at];
    if (octet === undefined) throw malformed('a name is cut off');
    if (octet >= 0xc0) {
      const low = message[at + 1];
      if (low === undefined) throw malformed('a name is cut off');
      const target = ((octet & 0x3f) << 8) | low;
      if (target >= at) throw malformed('a compressed name points forward');
      end ??= at + 2;
      at = target;
      continue;
    }
    if (octet > 63) throw malformed('a label has an unknown form');
    const label = message.subarray(at, at + 1 + octet);
    if (label.length !== 1 + octet) throw malformed('a name is cut off');
    length += label.length;
    if (length > 255) throw malformed('a name is longer than 255 octets');
    parts.push(label);
    at += label.length;
    if (octet === 0) return { wire: lowerCase(Buffer.concat(parts)), end: end ?? at };
  }
}

/**
 * The places of all records of a message, section after section; questions are passed over.
 * @throws {TscertError} `response-invalid` unless the counts of the header and the octets agree to the last one
 */
export function recordsOf(message: Buffer): RecordPlace[] {
  if (message.length < HEADER_LENGTH) throw malformed('it is shorter than a header');
  const [questions = 0, ...others] = [4, 6, 8, 10].map((offset) => message.readUInt16BE(offset));
  let at = HEADER_LENGTH;
  for (let nth = 0; nth < questions; nth++) {
    at = readName(message, at).end + 4;
    if (at > message.length) throw malformed('a question is cut off');
  }
  const records: RecordPlace[] = [];
  for (let left = others.reduce((sum, count) => sum + count, 0); left > 0; left--) {
    const { wire: owner, end: fixed } = readName(message, at);
    if (fixed + 10 > message.length) throw malformed('a record is cut off');
    const data = fixed + 10;
    const end = data + message.readUInt16BE(fixed + 8);
    if (end > message.length) throw malformed('a record is cut off');
    const [type, klass, ttl] = [message.readUInt16BE(fixed), message.readUInt16BE(fixed + 2), message.readUInt32BE(fixed + 4)];
    records.push({ owner, type, class: klass, ttl, start: at, data, end });
    at = end;
  }
  if (at !== message.length) throw malformed('octets follow the last record');
  return records;
}

/** The error for a message that breaks the wire format. */
export function malformed(reason: string): TscertError {
  return new TscertError('response-invalid', `Cannot read the DNS message: ${reason}`, { data: { reason } });
}

function lowerCase(wire: Buffer): Buffer {
  // Length octets are below 64 and so never letters.
  return Buffer.from(wire.map((octet) => (octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet)));
}
