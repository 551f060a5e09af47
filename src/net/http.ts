/**
 * HTTPS for everything that tscert asks a server over HTTP: one connection an origin, limits on time and size, a proxy and
 * trust roots of this run alone, and failures in tscert's words. Redirects are not followed and bodies never logged.
 */
import type { Socket } from 'node:net';
import tls from 'node:tls';
import type { Clock } from '../base/clock.js';
import { TscertError } from '../base/errors.js';
import { connect } from './connect.js';
import { orAborted, startDeadline } from './deadline.js';
import type { Connection } from './exchange.js';
import { ExchangeFailure, exchangeFailure, type Phase, timedOut } from './failure.js';
import { createHttp1 } from './http1.js';
import { type ProxySettings, proxyFor } from './proxy.js';
import { createTrust } from './trust.js';

export interface HttpOptions {
  readonly clock: Clock;
  /** PEM texts trusted beside Node's own roots; the caller adds those of NODE_EXTRA_CA_CERTS, which Node forgets when there are others. */
  readonly roots?: readonly string[];
  readonly proxy: ProxySettings;
  readonly userAgent: string;
  /** Milliseconds from the call to the end of the answer; 30,000 unless given. */
  readonly timeout?: number;
  /** Hears of every request after its end. */
  readonly observe?: Observe;
}

/** One request that is over. */
export interface Exchanged {
  readonly method: string;
  readonly url: string;
  /** As the request has it. */
  readonly action?: string;
  /** Absent when there was no answer. */
  readonly status?: number;
  readonly milliseconds: number;
}

/** Must not throw and must not block. */
export type Observe = (exchanged: Exchanged) => void;

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
  readonly signal: AbortSignal;
  /** Largest body that is read; 1 MiB unless given. */
  readonly maxBytes?: number;
  /** Milliseconds; that of the options unless given. */
  readonly timeout?: number;
  /** What it is for, in one word, for those who count requests. */
  readonly action?: string;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; values of repeated headers joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The URL that was asked. */
  readonly url: string;
}

export interface Http {
  /**
   * Sends one request. It is sent again once, on a new connection, only when the server surely did not act on it or the
   * method is safe (RFC 9110 §9.2.1); anything else that may have been acted on is reported with `data.sent` true.
   * @throws {TscertError} `network`, `timeout`, `tls-untrusted`, `response-invalid`; the signal's reason when it is aborted
   */
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Ends all connections; requests under way fail. */
  close(): Promise<void>;
}

const MEBIBYTE = 1_048_576;
const TIMEOUT = 30_000;
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** A client for one run. */
export function createHttp(options: HttpOptions): Http {
  const connections = createPool(options);
  const { clock, observe } = options;
  return {
    async request({ method, url: text, headers = {}, body, signal, maxBytes = MEBIBYTE, timeout = options.timeout ?? TIMEOUT, action }) {
      signal.throwIfAborted();
      const begun = clock.now();
      const tell = (status?: number): void =>
        observe?.({
          ...{ method, url: text, milliseconds: Math.max(0, clock.now() - begun) },
          ...(action === undefined ? {} : { action }),
          ...(status === undefined ? {} : { status }),
        });
      const url = parseUrl(text);
      const progress: { phase: Phase; sent: boolean } = { phase: 'connect', sent: false };
      const deadline = startDeadline(signal, timeout);
      const exchange = {
        method,
        url,
        headers: { 'user-agent': options.userAgent, ...lowerCase(headers) },
        body: typeof body === 'string' ? Buffer.from(body) : body,
        maxBytes,
        signal: deadline.signal,
        progress,
      };
      try {
        for (let isLast = false; ; isLast = true) {
          progress.phase = 'connect';
          progress.sent = false;
          const connection = await orAborted(connections.get(url), deadline.signal);
          deadline.signal.throwIfAborted();
          try {
            const answer = await connection.exchange(exchange);
            tell(answer.status);
            return { ...answer, url: text };
          } catch (error) {
            const mayRepeat = error instanceof ExchangeFailure && (error.unprocessed || SAFE.has(method)) && !deadline.signal.aborted;
            if (isLast || !mayRepeat) throw error;
          }
        }
      } catch (error) {
        signal.throwIfAborted();
        tell();
        if (deadline.signal.aborted) throw timedOut(url.host, timeout, progress);
        throw exchangeFailure(error, { host: url.host, method, ...progress });
      } finally {
        deadline.clear();
      }
    },
    async close() {
      connections.close();
    },
  };
}

/** Connections by origin; several requests that find none wait for the same one. */
function createPool(options: HttpOptions): { get(url: URL): Promise<Connection>; close(): void } {
  const timeout = options.timeout ?? TIMEOUT;
  const closing = new AbortController();
  const opened: Connection[] = [];
  const entries = new Map<string, { connection?: Connection; opening: Promise<Connection> }>();
  const trust = createTrust(options.roots ?? []);
  const open = async (url: URL): Promise<Connection> => {
    const proxy = proxyFor(url, options.proxy);
    const socketWith = async (...alpn: string[]): Promise<Socket> => {
      const deadline = startDeadline(closing.signal, timeout);
      try {
        return await trust.connect(url.origin, (secureContext) => connect(url, { secureContext, alpn, proxy, signal: deadline.signal }));
      } catch (error) {
        closing.signal.throwIfAborted();
        throw deadline.signal.aborted ? timedOut(url.host, timeout, { phase: 'connect', sent: false }) : error;
      } finally {
        deadline.clear();
      }
    };
    if (url.protocol === 'http:') return createHttp1(() => socketWith(), undefined, proxy);
    const first = await socketWith('h2', 'http/1.1');
    if (first instanceof tls.TLSSocket && first.alpnProtocol === 'h2') {
      const { createHttp2 } = await import('./http2.js');
      return createHttp2(url.origin, first, options.clock);
    }
    return createHttp1(() => socketWith('http/1.1'), first, undefined);
  };
  return {
    async get(url) {
      closing.signal.throwIfAborted();
      const known = entries.get(url.origin);
      if (known !== undefined && known.connection?.isUsable() !== false) return known.opening;
      const entry: { connection?: Connection; opening: Promise<Connection> } = { opening: open(url) };
      entries.set(url.origin, entry);
      try {
        entry.connection = await entry.opening;
        opened.push(entry.connection);
        return entry.connection;
      } catch (error) {
        if (entries.get(url.origin) === entry) entries.delete(url.origin);
        throw error;
      }
    },
    close() {
      closing.abort(new TscertError('internal', 'Cannot send a request: the connections are closed'));
      for (const connection of opened.splice(0)) connection.destroy();
      entries.clear();
    },
  };
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return url;
  throw new TscertError('request-invalid', 'Cannot send a request: its URL is no plain http or https URL', {
    data: url === undefined || url.username === '' ? { url: text } : { host: url.host },
  });
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
