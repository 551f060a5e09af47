/** The CRLs of a stream: one in DER, or those of a PEM text (RFC 7468 §6) one after the other, decoded while they pass. */
import { TscertError } from '../base/errors.js';
import { TAG } from './der-reader.js';

const LABEL = 'X509 CRL';
const BEGIN = new RegExp(`[\\r\\n]-----BEGIN ${LABEL}-----[ \\t]*[\\r\\n]`);
const END = new RegExp(`^-----END ${LABEL}-----(?![^ \\t\\r\\n])`);
/** More than the line of a BEGIN or an END has. */
const LINE = 64;

/**
 * Splits a stream into its CRLs, each in DER; text around the blocks and blocks of other kinds are ignored. Each has to be read to its end
 * before the next one is asked for.
 * @throws {TscertError} `pem-invalid` for a block that has no end or is no base64, `crl-invalid` when there is no CRL at all
 */
export async function* crlBlocks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<AsyncGenerator<Buffer>> {
  const iterator = bytesOf(chunks);
  try {
    const { done, value: first } = await iterator.next();
    if (done) throw new TscertError('crl-invalid', 'Cannot read the CRL: it is empty');
    if (first[0] === TAG.sequence) {
      yield joined(first, iterator);
      return;
    }
    const text = openText(first, iterator);
    if (!(await text.begins())) throw new TscertError('crl-invalid', `Cannot read the CRL: it is no DER, and there is no block "${LABEL}"`);
    do yield text.body();
    while (await text.begins());
  } finally {
    await iterator.return(undefined);
  }
}

/** The chunks that hold something. */
async function* bytesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    if (chunk.length > 0) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
}

async function* joined(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}

interface PemText {
  /** Goes behind the next BEGIN line; false when there is none. */
  begins(): Promise<boolean>;
  /** The octets up to the END line. */
  body(): AsyncGenerator<Buffer>;
}

function openText(first: Buffer, chunks: AsyncIterator<Buffer>): PemText {
  /** What has not been looked at yet; a line begins where a break stands before it. */
  let text = `\n${first.toString('latin1')}`;
  const more = async (): Promise<boolean> => {
    const { done, value } = await chunks.next();
    if (!done) text += value.toString('latin1');
    return !done;
  };
  return {
    async begins() {
      for (;;) {
        const found = BEGIN.exec(text);
        if (found !== null) {
          text = text.slice(found.index + found[0].length);
          return true;
        }
        text = text.slice(-LINE);
        if (!(await more())) return false;
      }
    },
    async *body() {
      let digits = '';
      for (;;) {
        const dash = text.indexOf('-');
        digits += (dash === -1 ? text : text.slice(0, dash)).replaceAll(/[ \t\r\n]+/g, '');
        text = dash === -1 ? '' : text.slice(dash);
        if (dash !== -1) break;
        // A group that is not whole, and one with padding, waits for what follows.
        const padding = digits.indexOf('=');
        const whole = (padding === -1 ? digits.length : padding) & ~3;
        if (whole > 0) yield decoded(digits.slice(0, whole));
        digits = digits.slice(whole);
        if (digits.length > LINE || !(await more())) throw pemError(`it has no line "-----END ${LABEL}-----"`);
      }
      while (text.length < LINE && (await more()));
      if (!END.test(text)) throw pemError(`it has no line "-----END ${LABEL}-----"`);
      text = text.slice(text.indexOf('-----', 5) + 5);
      if (digits.length > 0) yield decoded(digits);
    },
  };
}

function decoded(digits: string): Buffer {
  if (digits.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(digits)) throw pemError('its body is not base64');
  return Buffer.from(digits, 'base64');
}

function pemError(why: string): TscertError {
  return new TscertError('pem-invalid', `Cannot read the PEM block "${LABEL}": ${why}`);
}
