/** CRLs as no CA may write them, or none in the size that is wanted: put together by the tests themselves, and signed. */
import { constants, createSign, type KeyObject, sign } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import {
  bitString,
  boolean,
  type Der,
  encodeDer,
  encoded,
  implicit,
  integer,
  octetString,
  oid,
  sequence,
  tagged,
  time,
} from '../../src/pki/der.js';
import { signerOf, signWith } from '../../src/pki/signature.js';
import { DAY, NOW, type Party } from './support.js';

export interface EntrySpec {
  readonly serialNumber: bigint;
  readonly revokedAt?: Date;
  /** The number of a CRLReason. */
  readonly reason?: number;
  readonly extensions?: readonly Der[];
}

export interface CrlSpec {
  readonly issuer: Party;
  /** Signs in the issuer's place. */
  readonly key?: KeyObject;
  readonly version?: number | 'absent';
  readonly thisUpdate?: Date;
  readonly nextUpdate?: Date | 'absent';
  readonly entries?: readonly EntrySpec[];
  readonly extensions?: readonly Der[];
  /** The algorithm behind the body, where it is to be another one. */
  readonly outerAlgorithm?: Der;
  /** An algorithm of one's own, for both places, and how it signs. */
  readonly signature?: { readonly algorithm: Der; sign(tbs: Buffer): Buffer };
}

/** One extension of a CRL or an entry. */
export function crlExtension(dotted: string, value: Der | Uint8Array, critical = false): Der {
  return sequence(oid(dotted), critical ? boolean(true) : undefined, octetString(value));
}

export const crlNumber = (number: number | bigint): Der => crlExtension('2.5.29.20', integer(number));
export const deltaIndicator = (base: number | bigint): Der => crlExtension('2.5.29.27', integer(base), true);
export const reasonCode = (reason: number): Der => crlExtension('2.5.29.21', Buffer.of(0x0a, 1, reason));

/** IssuingDistributionPoint; `reasons` are octets of a BIT STRING, the unused bits first. */
export function scope(parts: {
  readonly urls?: readonly string[];
  readonly only?: 'user' | 'ca' | 'attribute';
  readonly reasons?: Uint8Array;
  readonly isIndirect?: boolean;
}): Der {
  const yes = Buffer.of(0xff);
  const { urls, only, reasons, isIndirect } = parts;
  return crlExtension(
    '2.5.29.28',
    sequence(
      urls && tagged(0, tagged(0, ...urls.map((url) => implicit(6, url)))),
      only === 'user' ? implicit(1, yes) : undefined,
      only === 'ca' ? implicit(2, yes) : undefined,
      reasons && implicit(3, reasons),
      isIndirect ? implicit(4, yes) : undefined,
      only === 'attribute' ? implicit(5, yes) : undefined,
    ),
    true,
  );
}

/** The DER of a CRL; version 2, of yesterday, for a week, unless the spec says else. */
export function createCrl(spec: CrlSpec): Buffer {
  const { issuer, key = issuer.key, version = 1, thisUpdate = new Date(NOW - DAY), nextUpdate = new Date(NOW + 6 * DAY) } = spec;
  const { entries = [], extensions = [], signature } = spec;
  const algorithm = signature?.algorithm ?? signerOf(key).identifier;
  const tbs = encodeDer(
    sequence(
      version === 'absent' ? undefined : integer(version),
      algorithm,
      encoded(issuer.certificate.raw.subject),
      time(thisUpdate),
      nextUpdate === 'absent' ? undefined : time(nextUpdate),
      entries.length === 0 ? undefined : sequence(...entries.map(entryDer)),
      extensions.length === 0 ? undefined : tagged(0, sequence(...extensions)),
    ),
  );
  const octets = signature === undefined ? signWith(key, tbs) : signature.sign(tbs);
  return encodeDer(sequence(encoded(tbs), spec.outerAlgorithm ?? algorithm, bitString(octets)));
}

function entryDer({ serialNumber, revokedAt = new Date(NOW - 2 * DAY), reason, extensions = [] }: EntrySpec): Der {
  const all = [...(reason === undefined ? [] : [reasonCode(reason)]), ...extensions];
  return sequence(integer(serialNumber), time(revokedAt), all.length === 0 ? undefined : sequence(...all));
}

/** RSASSA-PSS with SHA-256 and a salt of 32 octets. */
export function pssSignature(key: KeyObject): NonNullable<CrlSpec['signature']> {
  const hash = sequence(oid('2.16.840.1.101.3.4.2.1'));
  const mask = sequence(oid('1.2.840.113549.1.1.8'), hash);
  return {
    algorithm: sequence(oid('1.2.840.113549.1.1.10'), sequence(tagged(0, hash), tagged(1, mask), tagged(2, integer(32)))),
    sign: (tbs) => sign('sha256', tbs, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
  };
}

/** The serial number of the `n`th entry that {@link writeLargeCrl} writes: 16 octets. */
export function largeSerialNumber(n: number): bigint {
  return (0x40n << 120n) | (BigInt(n) << 64n) | 0x1234_5678_9abc_def0n;
}

/** Writes a CRL of so many entries, 49 octets each and every one with a reason, to a file; for an EC key. It holds a day before and after `at`. */
export function writeLargeCrl(file: string, issuer: Party, count: number, at = NOW): void {
  const [thisUpdate, nextUpdate] = [new Date(at - DAY), new Date(at + DAY)];
  const { identifier, hash } = signerOf(issuer.key);
  const entry = (n: number): Buffer => encodeDer(entryDer({ serialNumber: largeSerialNumber(n), reason: 1 + (n % 5) }));
  const head = [integer(1), identifier, encoded(issuer.certificate.raw.subject), time(thisUpdate), time(nextUpdate)];
  const list = header(0x30, entry(0).length * count);
  const before = Buffer.concat([...head.map(encodeDer), list]);
  const behind = encodeDer(tagged(0, sequence(crlNumber(1))));
  const tbsLength = before.length + entry(0).length * count + behind.length;
  const signer = createSign(hash ?? 'sha256');
  const template = entry(0);
  const tbsHeader = header(0x30, tbsLength);
  // The signature of an EC key has no fixed length, so the outer header is written last, into the octets that are left free for it.
  const outerHeader = header(0x30, tbsHeader.length + tbsLength + 80).length;
  const handle = openSync(file, 'w');
  try {
    let at = outerHeader;
    const write = (bytes: Buffer): void => {
      writeSync(handle, bytes, 0, bytes.length, at);
      at += bytes.length;
    };
    const writeSigned = (bytes: Buffer): void => {
      signer.update(bytes);
      write(bytes);
    };
    writeSigned(tbsHeader);
    writeSigned(before);
    for (let done = 0; done < count; ) {
      const batch = Math.min(4_096, count - done);
      const bytes = Buffer.alloc(batch * template.length);
      for (let each = 0; each < batch; each++) {
        template.copy(bytes, each * template.length);
        // The serial number's middle: octets 1 to 8 of its content, which begins at byte 4.
        bytes.writeBigUInt64BE(largeSerialNumber(done + each) >> 64n, each * template.length + 4);
        bytes[each * template.length + template.length - 1] = 1 + ((done + each) % 5);
      }
      writeSigned(bytes);
      done += batch;
    }
    writeSigned(behind);
    write(encodeDer(identifier));
    write(encodeDer(bitString(signer.sign(issuer.key))));
    writeSync(handle, header(0x30, at - outerHeader), 0, outerHeader, 0);
  } finally {
    closeSync(handle);
  }
}

function uint32(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
}

function header(tag: number, length: number): Buffer {
  const octets = uint32(length);
  const from = octets.findIndex((octet) => octet !== 0);
  return length < 0x80 ? Buffer.of(tag, length) : Buffer.concat([Buffer.of(tag, 0x80 | (4 - from)), octets.subarray(from)]);
}
