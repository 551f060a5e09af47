/** The evidence that people bring along: OCSP responses and CRLs in files. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { TscertError } from '../../base/errors.js';
import type { GivenEvidence } from '../../flow/revocation/check.js';
import type { GivenCrl } from '../../flow/revocation/crl.js';
import { guardedUrl } from '../../net/guard.js';
import { unreadable } from '../../store/files.js';
import { readBytes } from '../files.js';
import type { System } from '../system.js';

/**
 * Reads the responses, and makes sure that the CRLs can be read.
 * @throws {TscertError} `file-unreadable`, `response-invalid` for a file that holds no response, `url-refused`
 */
export async function readEvidence(system: System, responses: readonly string[], crls: readonly string[]): Promise<GivenEvidence> {
  return {
    responses: await Promise.all(responses.map(async (file) => ({ file, response: responseOf(await readBytes(system, file), file) }))),
    crls: await Promise.all(crls.map((one) => givenCrl(system, one))),
  };
}

/** DER, base64, or PEM. */
function responseOf(bytes: Buffer, file: string): Buffer {
  if (bytes[0] === 0x30) return bytes;
  const text = bytes.toString('latin1').replaceAll(/^-----(BEGIN|END) OCSP RESPONSE-----\r?$/gm, '');
  const decoded = /^[A-Za-z0-9+/=\s]*$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0);
  if (decoded[0] === 0x30) return decoded;
  throw new TscertError('response-invalid', `Cannot read the OCSP response "${file}": it is neither DER nor base64`, { data: { file } });
}

async function givenCrl(system: System, text: string): Promise<GivenCrl> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return { url: guardedUrl(text).href };
  const file = path.resolve(system.cwd, text);
  try {
    if ((await stat(file)).isFile()) return { file: text, open: () => chunksOf(file) };
  } catch (error) {
    throw unreadable(text, error);
  }
  throw new TscertError('file-unreadable', `Cannot read "${text}": it is no file`, { data: { file: text } });
}

async function* chunksOf(file: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(file) as AsyncIterable<Buffer>;
  } catch (error) {
    throw unreadable(file, error);
  }
}
