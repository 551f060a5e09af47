/**
 * HTTP to URLs that strangers wrote (src/net/guard.ts says where they may lead): one request, one answer, with limits on time and size.
 * Redirects are not followed: a status of 3xx is handed out like any other.
 *
 * With a proxy it is the proxy that connects. What can be looked at here is: addresses in URLs, and names that can be looked up on this machine
 * and have no public address; the rest is for the proxy to know.
 */
import http from 'node:http';
import type { Socket } from 'node:net';
import { isTscertError } from '../base/errors.js';
import { connect } from './connect.js';
import { type Deadline, orAborted, startDeadline } from './deadline.js';
import { flatHeaders, readBody, tooLarge } from './exchange.js';
import { ExchangeFailure, exchangeFailure, type Phase, timedOut } from './failure.js';
import { type GuardOptions, guardedAddresses, guardedUrl } from './guard.js';
import { createRequest } from './http1.js';
import { createLimiter } from './limiter.js';
import { type LookUp, systemLookUp } from './look-up.js';
import { type ProxySettings, proxyFor } from './proxy.js';
import { createTrust } from './trust.js';

export interface GuardedOptions {
  readonly proxy: ProxySettings;
  readonly userAgent: string;
  /** PEM texts trusted beside Node's own roots. */
  readonly roots?: readonly string[];
  /** Loopback, private and other inner addresses may be reached; false unless given. */
  readonly allowPrivate?: boolean;
  /** How names are looked up; by the system unless given. */
  readonly lookUp?: LookUp;
}

export interface GuardedRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly signal: AbortSignal;
  /** Largest body that is read. */
  readonly maxBytes: number;
  /** Milliseconds from the call to the end of the answer, of a stream to its beginning; 10,000 unless given. */
  readonly timeout?: number;
  /** The version of IP; either unless given. Means nothing with a proxy. */
  readonly family?: 4 | 6;
  /** On a connection of its own, to measure it. */
  readonly isFresh?: boolean;
}

/** Limits of a body that comes in pieces. */
export interface StreamLimits {
  /** Milliseconds without a piece; 10,000 unless given. */
  readonly idle?: number;
  /** Milliseconds for all of it; 300,000 unless given. */
  readonly total?: number;
}

/** Milliseconds, with fractions, on a clock that never jumps. */
export interface Timing {
  /** Looking the name up; absent on a connection that stood. */
  readonly lookUp?: number;
  /** Making the connection, TLS included; absent on one that stood. */
  readonly connect?: number;
  /** From the call to the headers of the answer. */
  readonly answer: number;
}

interface Head {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The address that answered; the proxy's where there is one. */
  readonly address: string | undefined;
  readonly timing: Timing;
}

export interface GuardedResponse extends Head {
  readonly body: Buffer;
}

export interface GuardedStream extends Head {
  /**
   * The body, piece by piece, at the reader's pace; to be read once. Leaving it early ends the connection.
   * @throws {TscertError} `network` when it breaks, `timeout`, `response-invalid` when it is longer than it may be
   */
  readonly body: AsyncIterable<Buffer>;
}

export interface GuardedHttp {
  /**
   * Sends a request and reads the answer, whatever its status.
   * @throws {TscertError} `url-refused`, `network`, `timeout`, `tls-untrusted`, `response-invalid` when the answer is longer than it may be, and
   *   what the look-up throws; the signal's reason when it is aborted
   */
  request(request: GuardedRequest): Promise<GuardedResponse>;
  /**
   * The same, with a body that comes in pieces.
   * @throws {TscertError} as {@link request}
   */
  stream(request: GuardedRequest, limits?: StreamLimits): Promise<GuardedStream>;
  /** Ends all connections. */
  close(): void;
}

const TIMEOUT = 10_000;
const TOTAL = 300_000;
/** Milliseconds for a look-up whose answer is not needed. */
const BEHIND_PROXY = 2_000;
/** Requests of whole bodies to one origin at a time. */
const PARALLEL = 8;

/** A request under way, as far as it has come. */
interface Progress {
  phase: Phase;
  sent: boolean;
}

/** A client for one run. */
export function createGuardedHttp(options: GuardedOptions): GuardedHttp {
  const { open, agentOf, made, close } = createAgents(options);
  const limits = new Map<string, ReturnType<typeof createLimiter>>();

  const once = (request: GuardedRequest, url: URL, agent: http.Agent, deadline: Deadline, progress: Progress): Promise<Begun> => {
    const { method, headers = {}, body } = request;
    const begun = process.hrtime.bigint();
    progress.phase = 'connect';
    progress.sent = false;
    return new Promise((resolve, reject) => {
      const sent = createRequest(
        agent,
        { method, url, headers: { 'user-agent': options.userAgent, ...headers }, body },
        url.protocol === 'http:' ? proxyFor(url, options.proxy) : undefined,
      );
      const abort = (): void => {
        sent.destroy();
        reject(deadline.signal.reason);
      };
      deadline.signal.addEventListener('abort', abort, { once: true });
      sent.once('socket', () => {
        progress.phase = 'read';
        progress.sent = true;
      });
      sent.on('error', (error) => reject(new ExchangeFailure(error, sent.reusedSocket)));
      sent.once('response', (response) => {
        const { socket } = response;
        const answer = millisecondsSince(begun);
        const timing = { ...(sent.reusedSocket ? {} : made.get(socket)), answer };
        resolve({ response, timing, address: socket.remoteAddress });
      });
      sent.end(body);
    });
  };

  const begin = async (request: GuardedRequest, url: URL, deadline: Deadline, progress: Progress): Promise<Begun> => {
    const { family, isFresh = false, timeout = TIMEOUT } = request;
    const agent = agentOf(url, family, isFresh, timeout);
    try {
      return await once(request, url, agent, deadline, progress);
    } catch (error) {
      // A connection that stood may have been closed meanwhile; what is asked here may be asked twice.
      if (!(error instanceof ExchangeFailure && error.unprocessed) || deadline.signal.aborted) throw error;
      return once(request, url, open(url, family, timeout, false), deadline, progress);
    }
  };

  const guarded = async <T>(request: GuardedRequest, use: (url: URL, deadline: Deadline, progress: Progress) => Promise<T>): Promise<T> => {
    const { signal, timeout = TIMEOUT, method } = request;
    signal.throwIfAborted();
    const url = guardedUrl(request.url);
    const deadline = startDeadline(signal, timeout);
    const progress: Progress = { phase: 'connect', sent: false };
    try {
      return await orAborted(use(url, deadline, progress), deadline.signal);
    } catch (error) {
      signal.throwIfAborted();
      if (deadline.signal.aborted) throw timedOut(url.host, timeout, progress);
      throw exchangeFailure(error, { host: url.host, method, ...progress });
    } finally {
      deadline.clear();
    }
  };

  return {
    request: (request) =>
      guarded(request, async (url, deadline, progress) => {
        const limit = limits.get(url.origin) ?? createLimiter(PARALLEL);
        limits.set(url.origin, limit);
        return limit(async () => {
          const { response, timing, address } = await begin(request, url, deadline, progress);
          refuseLong(response, url, request.maxBytes);
          deadline.signal.addEventListener('abort', () => response.destroy(), { once: true });
          const body = await readBody(response, { url, maxBytes: request.maxBytes });
          return { ...headOf(response), timing, address, body };
        }, deadline.signal);
      }),
    stream: (request, limitsOfBody = {}) =>
      guarded(request, async (url, deadline, progress) => {
        const { response, timing, address } = await begin(request, url, deadline, progress);
        refuseLong(response, url, request.maxBytes);
        return { ...headOf(response), timing, address, body: piecesOf(response, url, request, limitsOfBody) };
      }),
    close,
  };
}

interface Begun {
  readonly response: http.IncomingMessage;
  readonly timing: Timing;
  readonly address: string | undefined;
}

/** Agents by origin and version of IP, whose sockets are checked before they are made. */
function createAgents(options: GuardedOptions): {
  open(url: URL, family: 4 | 6 | undefined, timeout: number, keepAlive: boolean): http.Agent;
  agentOf(url: URL, family: 4 | 6 | undefined, isFresh: boolean, timeout: number): http.Agent;
  /** How long it took to make a socket. */
  readonly made: WeakMap<Socket, Omit<Timing, 'answer'>>;
  close(): void;
} {
  const { allowPrivate = false, lookUp = systemLookUp } = options;
  const trust = createTrust(options.roots ?? []);
  const closing = new AbortController();
  const kept = new Map<string, http.Agent>();
  const made = new WeakMap<Socket, Omit<Timing, 'answer'>>();

  const socketTo = async (url: URL, family: 4 | 6 | undefined, signal: AbortSignal): Promise<Socket> => {
    const begun = process.hrtime.bigint();
    const proxy = proxyFor(url, options.proxy);
    const guard = { allowPrivate, lookUp };
    const checked = proxy === undefined ? await guardedAddresses(url, family, guard, signal) : await lookBehind(url, guard, signal);
    const found = millisecondsSince(begun);
    const socket = await trust.connect(url.origin, (secureContext) =>
      connect(url, { secureContext, alpn: ['http/1.1'], proxy, signal, ...(checked === undefined ? {} : { addresses: checked }) }),
    );
    made.set(socket, { lookUp: found, connect: millisecondsSince(begun) - found });
    return socket;
  };

  const open = (url: URL, family: 4 | 6 | undefined, timeout: number, keepAlive: boolean): http.Agent =>
    Object.assign(new http.Agent({ keepAlive, maxFreeSockets: PARALLEL, scheduling: 'lifo' }), {
      createConnection(_options: unknown, done: (error: Error | null, socket?: Socket) => void): void {
        const deadline = startDeadline(closing.signal, timeout);
        socketTo(url, family, deadline.signal)
          .finally(() => deadline.clear())
          .then((socket) => done(null, socket), done);
      },
    });

  return {
    open,
    made,
    agentOf(url, family, isFresh, timeout) {
      if (isFresh) return open(url, family, timeout, false);
      const key = `${url.origin} ${family ?? ''}`;
      const agent = kept.get(key) ?? open(url, family, timeout, true);
      kept.set(key, agent);
      return agent;
    },
    close() {
      closing.abort();
      for (const agent of kept.values()) agent.destroy();
      kept.clear();
    },
  };
}

/** Behind a proxy a name need not be known on this machine, nor soon; one that leads inside is refused all the same. */
async function lookBehind(url: URL, guard: GuardOptions, signal: AbortSignal): Promise<undefined> {
  const deadline = startDeadline(signal, BEHIND_PROXY);
  try {
    await guardedAddresses(url, undefined, guard, deadline.signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!deadline.signal.aborted && !isTscertError(error, 'network') && !isTscertError(error, 'dns-failed')) throw error;
  } finally {
    deadline.clear();
  }
  return undefined;
}

function headOf(response: http.IncomingMessage): Pick<Head, 'status' | 'headers'> {
  return { status: response.statusCode ?? 0, headers: flatHeaders(response.headers) };
}

/** A length that is told is believed before anything is read. */
function refuseLong(response: http.IncomingMessage, url: URL, maxBytes: number): void {
  if (Number(response.headers['content-length'] ?? 0) <= maxBytes) return;
  response.destroy();
  throw tooLarge(url, maxBytes);
}

/** The pieces of a body. The limit of time for all of it holds whether they are read or not. */
function piecesOf(
  response: http.IncomingMessage,
  url: URL,
  { signal, maxBytes, method }: GuardedRequest,
  { idle = TIMEOUT, total = TOTAL }: StreamLimits,
): AsyncIterable<Buffer> {
  const stopAfter = (milliseconds: number) => (): void =>
    void response.destroy(timedOut(url.host, milliseconds, { phase: 'read', sent: true }));
  const deadline = startDeadline(signal, total);
  deadline.signal.addEventListener('abort', stopAfter(total), { once: true });
  response.once('close', () => deadline.clear());
  // Until somebody reads nobody else hears of a failure.
  response.on('error', () => {});
  const read = async function* (): AsyncGenerator<Buffer, void, undefined> {
    let timer = setTimeout(stopAfter(idle), idle);
    let size = 0;
    try {
      for await (const piece of response as AsyncIterable<Buffer>) {
        clearTimeout(timer);
        size += piece.length;
        if (size > maxBytes) throw tooLarge(url, maxBytes);
        yield piece;
        timer = setTimeout(stopAfter(idle), idle);
      }
    } catch (error) {
      signal.throwIfAborted();
      throw exchangeFailure(error, { host: url.host, method, phase: 'read', sent: true });
    } finally {
      clearTimeout(timer);
      response.destroy();
    }
  };
  return read();
}

function millisecondsSince(begun: bigint): number {
  return Number(process.hrtime.bigint() - begun) / 1e6;
}
