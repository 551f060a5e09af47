/** One request and its answer on a connection, whatever the version of HTTP. */
import type { Readable } from 'node:stream';
import type { TscertError } from '../base/errors.js';
import { ExchangeFailure, type Phase, responseInvalid } from './failure.js';

export interface Exchange {
  readonly method: string;
  readonly url: URL;
  /** Names in lower case; a list is sent as one header each. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer | undefined;
  /** Of the answer's body. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Kept up to date by the connection, for the words of a failure. */
  readonly progress: { phase: Phase; sent: boolean };
}

export interface Answer {
  readonly status: number;
  /** Names in lower case; values of repeated headers joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A way to one origin. */
export interface Connection {
  /** False when new requests need another connection. */
  isUsable(): boolean;
  /** @throws {ExchangeFailure} when the connection broke; `TscertError` for answers that may not be read; the signal's reason */
  exchange(exchange: Exchange): Promise<Answer>;
  /** Cuts everything. */
  destroy(): void;
}

/** Reads a body to its end, at most `maxBytes`; a stream that ends too early is a failure. */
export function readBody(stream: Readable, { maxBytes, url }: Pick<Exchange, 'maxBytes' | 'url'>): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size <= maxBytes) return;
      reject(tooLarge(url, maxBytes));
      stream.destroy();
    });
    stream.once('end', () => resolve(Buffer.concat(chunks)));
    stream.once('error', (error) => reject(new ExchangeFailure(error, false)));
    stream.once('close', () => reject(new ExchangeFailure(new Error('it ended too early'), false)));
  });
}

/** A body that is longer than may be read. */
export function tooLarge({ host }: URL, maxBytes: number): TscertError {
  return responseInvalid(`it is longer than ${maxBytes} bytes`, { host, sent: true, reason: 'too-large', maxBytes });
}

/** Headers of Node.js as one text a name; pseudo-headers are left out. */
export function flatHeaders(headers: Readonly<Record<string, string | readonly string[] | number | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name, value]) => !name.startsWith(':') && value !== undefined)
      .map(([name, value]) => [name, typeof value === 'object' ? value.join(', ') : String(value)]),
  );
}
