/** DNS UPDATE messages (RFC 2136) that add and remove single TXT values. */
import { CLASS, encodeName, HEADER_LENGTH, malformed, recordsOf, TYPE } from '../../../net/wire.js';
import type { Change, TxtRecord } from '../../provider.js';

const OPCODE_UPDATE = 5;

/** The response codes that an update can meet (RFC 2136 §2.2), by number. */
const RCODES = [
  'NOERROR',
  'FORMERR',
  'SERVFAIL',
  'NXDOMAIN',
  'NOTIMP',
  'REFUSED',
  'YXDOMAIN',
  'YXRRSET',
  'NXRRSET',
  'NOTAUTH',
  'NOTZONE',
] as const;

export type Rcode = (typeof RCODES)[number];

/**
 * Writes a change as messages without prerequisites, as few as fit. A removal deletes one exact record (RFC 2136 §2.5.4)
 * and goes before the additions, so that a value in both stands at the end.
 * @param options `ttl` in seconds; `limit` in octets a message may have, unsigned; `nextId` gives the message ids
 * @throws {TscertError} `name-invalid`
 */
export function encodeUpdates(
  zone: string,
  change: Change,
  options: { readonly ttl: number; readonly limit: number; readonly nextId: () => number },
): Buffer[] {
  const head = Buffer.concat([encodeName(zone), uint16(TYPE.SOA), uint16(CLASS.IN)]);
  const records = [
    ...change.remove.map((record) => encodeRecord(record, CLASS.NONE, 0)),
    ...change.add.map((record) => encodeRecord(record, CLASS.IN, options.ttl)),
  ];
  const messages: Buffer[] = [];
  for (let at = 0; at < records.length; ) {
    const part: Buffer[] = [];
    let length = HEADER_LENGTH + head.length;
    for (let next = records[at]; next !== undefined && (part.length === 0 || length + next.length <= options.limit); next = records[++at]) {
      part.push(next);
      length += next.length;
    }
    const header = [options.nextId(), OPCODE_UPDATE << 11, 1, 0, part.length, 0].map(uint16);
    messages.push(Buffer.concat([...header, head, ...part]));
  }
  return messages;
}

/**
 * Reads the response to an update.
 * @throws {TscertError} `response-invalid` when it is no response to this request
 */
export function decodeUpdateResponse(message: Buffer, id: number): { readonly rcode: Rcode | number } {
  recordsOf(message);
  const flags = message.readUInt16BE(2);
  if (message.readUInt16BE(0) !== id) throw malformed('its id is not that of the request');
  if (flags >> 15 !== 1 || ((flags >> 11) & 0xf) !== OPCODE_UPDATE) throw malformed('it is no response to an update');
  const rcode = flags & 0xf;
  return { rcode: RCODES[rcode] ?? rcode };
}

function encodeRecord(record: TxtRecord, klass: number, ttl: number): Buffer {
  const data = encodeTxt(record.value);
  const lifetime = Buffer.alloc(4);
  lifetime.writeUInt32BE(ttl);
  return Buffer.concat([encodeName(record.name), uint16(TYPE.TXT), uint16(klass), lifetime, uint16(data.length), data]);
}

/** Character strings of at most 255 octets (RFC 1035 §3.3.14). */
function encodeTxt(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  const strings: Buffer[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += 255) {
    const string = bytes.subarray(at, at + 255);
    strings.push(Buffer.from([string.length]), string);
  }
  return Buffer.concat(strings);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
