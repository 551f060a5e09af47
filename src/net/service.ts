/**
 * One server that is asked again and again under an identity of its own: roots that are trusted for it alone, a client certificate,
 * another name. Over HTTP/1.1 and kept-alive sockets; an answer comes whole, or as a stream.
 */
import type { Socket } from 'node:net';
import tls from 'node:tls';
import { messageOf, TscertError } from '../base/errors.js';
import { connect } from './connect.js';
import { startDeadline } from './deadline.js';
import type { Answer, Exchange } from './exchange.js';
import { ExchangeFailure, exchangeFailure, type Phase, timedOut } from './failure.js';
import { createHttp1, type Streamed } from './http1.js';
import { bareHost, type ProxySettings, proxyFor } from './proxy.js';

/** How the server is known, and how it knows us. */
export interface ServiceIdentity {
  /** PEM: the only roots that are trusted for it; those of Node.js unless given. */
  readonly roots?: string;
  /** PEM of our certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
  /** The name that its certificate must have; the URL's host unless given. */
  readonly servername?: string;
  /** Any certificate is taken. */
  readonly insecure?: boolean;
}

export interface ServiceOptions {
  /** Its origin and what all its paths begin with. */
  readonly url: URL;
  readonly identity: ServiceIdentity;
  readonly proxy: ProxySettings;
  /** PEM texts that are trusted, beside the roots of Node.js, for a proxy that speaks TLS. */
  readonly proxyRoots: readonly string[];
  readonly userAgent: string;
}

export interface ServiceRequest {
  readonly method: string;
  /** Begins with a slash; put behind the path of the service's URL. */
  readonly path: string;
  /** Names in lower case; a list is sent as one header each. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** Milliseconds to the end of the answer, or of its head where it is a stream. */
  readonly timeout: number;
  /** Largest body that is read. */
  readonly maxBytes: number;
}

export interface Service {
  /**
   * Sends a request and reads the answer. One whose method is safe (RFC 9110 §9.2.1) is sent again once, on another socket, when the
   * connection broke; of any other that may have been acted on the error says `data.sent`.
   * @throws {TscertError} `network`, `timeout`, `tls-untrusted`, `response-invalid`, `config-invalid`; the reason of the signal
   */
  request(request: ServiceRequest): Promise<Answer>;
  /** The same for an answer that is a stream: once its head is there neither time nor signal end it. */
  open(request: ServiceRequest): Promise<Streamed>;
  /** Cuts everything. */
  close(): void;
}

const CONNECT_TIMEOUT = 30_000;

/**
 * Nothing is sent before the first request.
 * @throws {TscertError} `config-invalid` for PEM that OpenSSL does not take
 */
export function createService({ url, identity, proxy, proxyRoots, userAgent }: ServiceOptions): Service {
  const secureContext = url.protocol === 'https:' ? contextOf(identity, url) : undefined;
  // Like every client of a cluster: a server on this machine is never reached through a proxy.
  const through = isLoopback(url) ? undefined : proxyFor(url, proxy);
  const closing = new AbortController();
  const open = async (): Promise<Socket> => {
    const deadline = startDeadline(closing.signal, CONNECT_TIMEOUT);
    try {
      return await connect(url, {
        secureContext,
        ...(identity.servername === undefined ? {} : { servername: identity.servername }),
        insecure: identity.insecure === true,
        ...(through?.url.protocol === 'https:' ? { proxyContext: proxyContext(proxyRoots) } : {}),
        alpn: ['http/1.1'],
        proxy: through,
        signal: deadline.signal,
      });
    } catch (error) {
      closing.signal.throwIfAborted();
      throw deadline.signal.aborted ? timedOut(url.host, CONNECT_TIMEOUT, { phase: 'connect', sent: false }) : error;
    } finally {
      deadline.clear();
    }
  };
  const connection = createHttp1(open, undefined, url.protocol === 'http:' ? through : undefined);
  const prefix = `${url.origin}${url.pathname.replace(/\/$/, '')}`;

  const send = async <T>(request: ServiceRequest, by: (exchange: Exchange) => Promise<T>): Promise<T> => {
    const { method, path, headers = {}, body, signal, timeout, maxBytes } = request;
    signal.throwIfAborted();
    const progress: { phase: Phase; sent: boolean } = { phase: 'connect', sent: false };
    const deadline = startDeadline(AbortSignal.any([signal, closing.signal]), timeout);
    const exchange: Exchange = {
      method,
      url: new URL(`${prefix}${path}`),
      headers: { 'user-agent': userAgent, ...headers },
      body: body === undefined ? undefined : Buffer.from(body),
      maxBytes,
      signal: deadline.signal,
      progress,
    };
    try {
      for (let isLast = false; ; isLast = true) {
        Object.assign(progress, { phase: 'connect', sent: false });
        try {
          return await by(exchange);
        } catch (error) {
          const mayRepeat = error instanceof ExchangeFailure && (method === 'GET' || error.unprocessed) && isBroken(error);
          if (isLast || !mayRepeat || deadline.signal.aborted) throw error;
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      closing.signal.throwIfAborted();
      if (deadline.signal.aborted) throw timedOut(url.host, timeout, progress);
      throw exchangeFailure(error, { host: url.host, method, ...progress });
    } finally {
      deadline.clear();
    }
  };

  return {
    request: (request) => send(request, (exchange) => connection.exchange(exchange)),
    open: (request) => send(request, (exchange) => connection.open(exchange)),
    close() {
      closing.abort(new TscertError('internal', 'Cannot send a request: the connections are closed'));
      connection.destroy();
    },
  };
}

/** False for a connection that never stood: the words of its failure are final. */
function isBroken(failure: ExchangeFailure): boolean {
  return !(failure.cause instanceof TscertError);
}

function contextOf({ roots, cert, key }: ServiceIdentity, url: URL): tls.SecureContext {
  try {
    return tls.createSecureContext({
      ...(roots === undefined ? {} : { ca: roots }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
  } catch (error) {
    throw new TscertError('config-invalid', `Cannot connect to "${url.host}" with these certificates and keys: ${messageOf(error)}`, {
      data: { host: url.host },
      cause: error,
    });
  }
}

function proxyContext(roots: readonly string[]): tls.SecureContext {
  return tls.createSecureContext(roots.length === 0 ? {} : { ca: [...tls.rootCertificates, ...roots] });
}

function isLoopback(url: URL): boolean {
  const host = bareHost(url.hostname);
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}
