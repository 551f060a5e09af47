/** HTTP/1.1 (RFC 9112) over up to four kept-alive sockets. */
import http from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { type Answer, type Connection, type Exchange, flatHeaders, readBody } from './exchange.js';
import { ExchangeFailure } from './failure.js';
import type { ProxyServer } from './proxy.js';

const SOCKETS = 4;

/** An answer whose body has not been read. */
export interface Streamed {
  readonly status: number;
  /** Names in lower case; values of repeated headers joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Whoever reads it destroys it when done. Ends with an error when the connection breaks. */
  readonly body: Readable;
}

export interface Http1 extends Connection {
  /**
   * Resolves with the head of the answer; the signal of the exchange is heeded until then. It takes no turn: a stream may be long.
   * @throws {ExchangeFailure} as `exchange`
   */
  open(exchange: Exchange): Promise<Streamed>;
}

/**
 * A connection that opens its sockets by `open`; `first` is one that stands already. With `proxy` the requests go to it in
 * absolute form (RFC 9112 §3.2.2), as plain http URLs do.
 */
export function createHttp1(open: () => Promise<Socket>, first: Socket | undefined, proxy: ProxyServer | undefined): Http1 {
  const agent = new http.Agent({ keepAlive: true, maxFreeSockets: SOCKETS, scheduling: 'lifo' });
  const turns = createTurns(SOCKETS);
  let spare = first;
  Object.assign(agent, {
    createConnection(_options: unknown, done: (error: Error | null, socket?: Socket) => void): void {
      const socket = spare;
      spare = undefined;
      if (socket !== undefined && !socket.destroyed) done(null, socket);
      else open().then((opened) => done(null, opened), done);
    },
  });
  return {
    isUsable: () => true,
    async exchange(exchange) {
      const release = await turns.take(exchange.signal);
      let request: http.ClientRequest;
      try {
        exchange.signal.throwIfAborted();
        request = createRequest(agent, exchange, proxy);
      } catch (error) {
        release();
        throw error;
      }
      // The agent has its socket back when the request closes, which may be later than the end of the answer: whoever came
      // in between would open another.
      request.once('close', () => setImmediate(release));
      return send(request, exchange);
    },
    async open(exchange) {
      exchange.signal.throwIfAborted();
      const response = await respond(createRequest(agent, exchange, proxy), exchange);
      return { ...headOf(response), body: response };
    },
    destroy() {
      spare?.destroy();
      agent.destroy();
    },
  };
}

/** At most `limit` at a time, in their order. The agent's own limit does not hold for sockets that take a while to open. */
function createTurns(limit: number): { take(signal: AbortSignal): Promise<() => void> } {
  const waiting: (() => void)[] = [];
  let free = limit;
  const release = (): void => {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
  };
  return {
    take: (signal) =>
      new Promise((resolve, reject) => {
        if (free > 0) {
          free--;
          resolve(release);
          return;
        }
        const abort = (): void => {
          waiting.splice(waiting.indexOf(begin), 1);
          reject(signal.reason);
        };
        const begin = (): void => {
          signal.removeEventListener('abort', abort);
          resolve(release);
        };
        signal.addEventListener('abort', abort, { once: true });
        waiting.push(begin);
      }),
  };
}

/** A request as it goes to an origin, or in absolute form to a proxy. */
export function createRequest(
  agent: http.Agent,
  { method, url, headers, body }: Pick<Exchange, 'method' | 'url' | 'headers' | 'body'>,
  proxy: ProxyServer | undefined,
): http.ClientRequest {
  return http.request({
    agent,
    method,
    path: proxy === undefined ? `${url.pathname}${url.search}` : `${url.origin}${url.pathname}${url.search}`,
    headers: {
      host: url.host,
      ...headers,
      ...(body !== undefined && { 'content-length': String(body.length) }),
      ...(proxy?.authorization !== undefined && { 'proxy-authorization': proxy.authorization }),
    },
  });
}

async function send(request: http.ClientRequest, exchange: Exchange): Promise<Answer> {
  const response = await respond(request, exchange);
  const abort = (): void => {
    request.destroy();
  };
  exchange.signal.addEventListener('abort', abort, { once: true });
  if (exchange.signal.aborted) abort();
  try {
    return { ...headOf(response), body: await readBody(response, exchange) };
  } catch (error) {
    throw exchange.signal.aborted ? exchange.signal.reason : error;
  } finally {
    exchange.signal.removeEventListener('abort', abort);
  }
}

function headOf(response: http.IncomingMessage): Pick<Answer, 'status' | 'headers'> {
  return { status: response.statusCode ?? 0, headers: flatHeaders(response.headers) };
}

/** Sends the request; resolves with the head of the answer. */
function respond(request: http.ClientRequest, { body, signal, progress }: Exchange): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      request.destroy();
      fail(signal.reason);
    };
    const fail = (error: unknown): void => {
      signal.removeEventListener('abort', abort);
      reject(error);
    };
    signal.addEventListener('abort', abort, { once: true });
    request.once('socket', () => {
      progress.phase = 'send';
      progress.sent = true;
    });
    request.once('finish', () => {
      progress.phase = 'read';
    });
    // Stays: the connection may break while the body is read, which the body tells.
    request.on('error', (error) => fail(new ExchangeFailure(error, !progress.sent)));
    request.once('response', (response) => {
      progress.phase = 'read';
      signal.removeEventListener('abort', abort);
      resolve(response);
    });
    request.end(body);
  });
}
