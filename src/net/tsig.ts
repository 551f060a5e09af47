/** Transaction signatures (RFC 8945): a request is signed with a shared secret, and so must its response be. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { TscertError } from '../base/errors.js';
import { CLASS, encodeName, malformed, type RecordPlace, readName, recordsOf, TYPE } from './wire.js';

/** Algorithms that RFC 8945 §6 recommends, and the digests of node:crypto. */
const DIGESTS: Readonly<Record<string, string>> = { 'hmac-sha256': 'sha256', 'hmac-sha384': 'sha384', 'hmac-sha512': 'sha512' };

/** Seconds by which two clocks may differ (RFC 8945 §10). */
const FUDGE = 300;

/** The error codes of RFC 8945 §3, in its words. */
const TSIG_ERRORS: Readonly<Record<number, TsigError>> = { 16: 'BADSIG', 17: 'BADKEY', 18: 'BADTIME', 22: 'BADTRUNC' };

export type TsigError = 'BADSIG' | 'BADKEY' | 'BADTIME' | 'BADTRUNC';

/** A shared key, ready for use. */
export interface TsigKey {
  readonly name: string;
  readonly algorithm: string;
  readonly secret: Buffer;
}

/** What the server's signature said. */
export interface Verdict {
  /** Absent: the signature is good. */
  readonly error?: TsigError;
  /** With BADTIME: the server's clock in seconds since the epoch. */
  readonly serverTime?: number;
}

/**
 * Makes a key of what stands in a BIND `key` clause.
 * @param options `name` and `algorithm` in any case, with or without a dot at the end; `secret` in base64, padded or not
 * @throws {TscertError} `config-invalid`; the secret is never part of the message
 */
export function createTsigKey(options: { readonly name: string; readonly secret: string; readonly algorithm: string }): TsigKey {
  const algorithm = options.algorithm.trim().toLowerCase().replace(/\.$/, '');
  if (DIGESTS[algorithm] === undefined) {
    const known = Object.keys(DIGESTS).join(', ');
    throw new TscertError('config-invalid', `Cannot sign with the TSIG algorithm "${options.algorithm}": known are ${known}`);
  }
  const secret = options.secret.replaceAll(/\s/g, '');
  const bare = secret.replace(/={1,2}$/, '');
  if (!/^[A-Za-z0-9+/]+$/.test(bare) || bare.length % 4 === 1 || (secret !== bare && secret.length % 4 !== 0)) {
    throw new TscertError('config-invalid', `Cannot use the secret of the TSIG key "${options.name}": it is not base64`);
  }
  const name = options.name.trim().toLowerCase().replace(/\.$/, '');
  if (name === '') throw new TscertError('config-invalid', 'Cannot use the TSIG key: its name is empty');
  encodeName(name);
  return { name, algorithm, secret: Buffer.from(bare, 'base64') };
}

/**
 * Signs a request (RFC 8945 §5.1).
 * @param time seconds since the epoch
 * @returns the message with its TSIG record, and the MAC that the response's signature covers too
 */
export function signRequest(message: Buffer, key: TsigKey, time: number): { readonly message: Buffer; readonly mac: Buffer } {
  const owner = encodeName(key.name);
  const algorithm = encodeName(key.algorithm);
  const timers = timersOf(time, FUDGE);
  const mac = hmac(key, [message, variables(owner, algorithm, timers, 0, Buffer.alloc(0))]);
  const id = message.subarray(0, 2);
  const data = Buffer.concat([algorithm, timers, uint16(mac.length), mac, id, uint16(0), uint16(0)]);
  const fixed = Buffer.concat([owner, uint16(TYPE.TSIG), uint16(CLASS.ANY), Buffer.alloc(4), uint16(data.length)]);
  return { message: withAdditionalCount(Buffer.concat([message, fixed, data]), +1), mac };
}

/**
 * Verifies the response to a signed request (RFC 8945 §5.4). An error that the server reports is a verdict, not a throw:
 * BADKEY and BADSIG come unsigned, for there is no common secret to sign them with, and so prove nothing but a failure.
 * @param time seconds since the epoch, now
 * @returns `undefined` when the response has no signature at all
 * @throws {TscertError} `response-invalid` when the message or the signature is not what the key demands
 */
export function verifyResponse(message: Buffer, key: TsigKey, requestMac: Buffer, time: number): Verdict | undefined {
  const records = recordsOf(message);
  const places = records.filter(({ type }) => type === TYPE.TSIG);
  const place = places[0];
  if (place === undefined) return undefined;
  if (places.length > 1 || place !== records.at(-1) || message.readUInt16BE(10) === 0)
    throw malformed('its TSIG record is not the last one');
  const tsig = readTsig(message, place);
  const error = tsig.error === 0 ? undefined : TSIG_ERRORS[tsig.error];
  if (tsig.error !== 0 && error === undefined) throw forged(`its TSIG error code ${tsig.error} is unknown`);
  if (error !== undefined && tsig.mac.length === 0) return { error };

  if (!place.owner.equals(encodeName(key.name))) throw forged('another key signed it');
  if (!tsig.algorithm.equals(encodeName(key.algorithm))) throw forged('it is signed with another algorithm');
  const unsigned = withAdditionalCount(Buffer.from(message.subarray(0, place.start)), -1);
  unsigned.writeUInt16BE(tsig.originalId, 0);
  const expected = hmac(key, [
    uint16(requestMac.length),
    requestMac,
    unsigned,
    variables(place.owner, tsig.algorithm, timersOf(tsig.time, tsig.fudge), tsig.error, tsig.other),
  ]);
  if (expected.length !== tsig.mac.length || !timingSafeEqual(expected, tsig.mac)) throw forged('its signature is wrong');
  if (error === 'BADTIME') return { error, ...(tsig.other.length === 6 ? { serverTime: tsig.other.readUIntBE(0, 6) } : {}) };
  if (error !== undefined) return { error };
  if (Math.abs(time - tsig.time) > Math.min(tsig.fudge, FUDGE)) throw forged('it was signed at another time');
  return {};
}

interface Tsig {
  readonly algorithm: Buffer;
  readonly time: number;
  readonly fudge: number;
  readonly mac: Buffer;
  readonly originalId: number;
  readonly error: number;
  readonly other: Buffer;
}

function readTsig(message: Buffer, place: RecordPlace): Tsig {
  if (place.class !== CLASS.ANY || place.ttl !== 0) throw malformed('its TSIG record has a class or a TTL');
  const { wire: algorithm, end: at } = readName(message, place.data);
  const bytes = message.subarray(at, place.end);
  const macLength = bytes.length < 16 ? Number.NaN : bytes.readUInt16BE(8);
  const rest = bytes.subarray(10 + macLength);
  if (!(at <= place.end) || !(bytes.length >= 16 + macLength) || rest.readUInt16BE(4) !== rest.length - 6) {
    throw malformed('its TSIG record is cut off');
  }
  return {
    algorithm,
    time: bytes.readUIntBE(0, 6),
    fudge: bytes.readUInt16BE(6),
    mac: bytes.subarray(10, 10 + macLength),
    originalId: rest.readUInt16BE(0),
    error: rest.readUInt16BE(2),
    other: rest.subarray(6),
  };
}

/** The TSIG variables that a MAC covers (RFC 8945 §4.3.3). */
function variables(owner: Buffer, algorithm: Buffer, timers: Buffer, error: number, other: Buffer): Buffer {
  return Buffer.concat([owner, uint16(CLASS.ANY), Buffer.alloc(4), algorithm, timers, uint16(error), uint16(other.length), other]);
}

function timersOf(time: number, fudge: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUIntBE(Math.floor(time), 0, 6);
  bytes.writeUInt16BE(fudge, 6);
  return bytes;
}

function hmac(key: TsigKey, parts: readonly Buffer[]): Buffer {
  const mac = createHmac(DIGESTS[key.algorithm] ?? '', key.secret);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** Changes ARCOUNT in place. */
function withAdditionalCount(message: Buffer, change: number): Buffer {
  message.writeUInt16BE(message.readUInt16BE(10) + change, 10);
  return message;
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function forged(reason: string): TscertError {
  return new TscertError('response-invalid', `Cannot trust the signed DNS response: ${reason}`, { data: { reason } });
}
