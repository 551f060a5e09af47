/** HTTP/2 (RFC 9113) over one connection, all requests side by side. Loads node:http2, so it is imported when it is needed. */
import http2 from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.js';
import { type Answer, type Connection, type Exchange, flatHeaders, readBody } from './exchange.js';
import { ExchangeFailure } from './failure.js';

/** After so many milliseconds without a request the connection is not trusted any more: middleboxes forget it without a word. */
const IDLE = 120_000;

/** A session on a socket whose ALPN said `h2`. */
export function createHttp2(origin: string, socket: Socket, clock: Clock): Connection {
  const session = http2.connect(origin, { createConnection: () => socket });
  let lastAccepted: number | undefined;
  let active = 0;
  let used = clock.now();
  let isRetired = false;
  session.on('goaway', (_code, lastStreamId) => {
    lastAccepted = lastStreamId;
  });
  // The streams report what broke; a session that breaks while idle is only not used again.
  session.on('error', () => {});
  session.unref();

  const retire = (): void => {
    isRetired = true;
    session.close();
  };
  /** RFC 9113 §6.8 and §8.7: refused, above the last stream of GOAWAY, or never sent at all. */
  const isUnprocessed = (stream: http2.ClientHttp2Stream): boolean =>
    stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM ||
    stream.id === undefined ||
    (lastAccepted !== undefined && stream.id > lastAccepted);

  return {
    isUsable() {
      if (active === 0 && clock.now() - used > IDLE) retire();
      return !isRetired && !session.closed && !session.destroyed;
    },
    async exchange(exchange) {
      if (active++ === 0) session.ref();
      try {
        return await send(session, exchange, isUnprocessed);
      } catch (error) {
        // What went wrong once on this connection (or was never answered) is not tried on it again.
        if (!(error instanceof ExchangeFailure) || isRetired) throw error;
        retire();
        throw error;
      } finally {
        used = clock.now();
        if (exchange.signal.aborted && !isRetired) retire();
        if (--active === 0) session.unref();
      }
    },
    destroy: () => session.destroy(),
  };
}

function send(
  session: http2.ClientHttp2Session,
  exchange: Exchange,
  isUnprocessed: (stream: http2.ClientHttp2Stream) => boolean,
): Promise<Answer> {
  const { method, url, body, signal, progress } = exchange;
  return new Promise((resolve, reject) => {
    let stream: http2.ClientHttp2Stream;
    try {
      stream = session.request(
        {
          ':method': method,
          ':scheme': url.protocol.slice(0, -1),
          ':authority': url.host,
          ':path': `${url.pathname}${url.search}`,
          ...exchange.headers,
          ...(body !== undefined && { 'content-length': String(body.length) }),
        },
        { endStream: body === undefined },
      );
    } catch (error) {
      reject(new ExchangeFailure(error, true));
      return;
    }
    progress.phase = 'send';
    const abort = (): void => {
      stream.close(http2.constants.NGHTTP2_CANCEL);
      fail(signal.reason);
    };
    const fail = (error: unknown): void => {
      signal.removeEventListener('abort', abort);
      reject(error);
    };
    const broken = (error: unknown): void => {
      progress.sent = !isUnprocessed(stream);
      fail(new ExchangeFailure(error, !progress.sent));
    };
    signal.addEventListener('abort', abort, { once: true });
    progress.sent = !stream.pending;
    stream.once('ready', () => {
      progress.sent = true;
    });
    stream.once('finish', () => {
      progress.phase = 'read';
    });
    const closed = (): void => broken(new Error(`the stream was closed with code ${stream.rstCode}`));
    stream.on('error', broken);
    stream.once('close', closed);
    stream.once('response', (headers) => {
      stream.off('close', closed);
      progress.phase = 'read';
      readBody(stream, exchange).then((read) => {
        signal.removeEventListener('abort', abort);
        resolve({ status: headers[':status'] ?? 0, headers: flatHeaders(headers), body: read });
      }, fail);
    });
    if (body !== undefined) stream.end(body);
  });
}
