/** A small web server for machines of one's own: answers GET and HEAD, reads no bodies, and wastes nothing on those who ask too much. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP, isIPv6 } from 'node:net';
import { TscertError } from '../base/errors.js';
import { listenOn } from './listen.js';

/** What goes back. */
export interface Answer {
  readonly status: number;
  /** Content-Type. */
  readonly type: string;
  readonly body: string;
  /** Content-Security-Policy; without one nothing may be loaded. */
  readonly policy?: string;
}

export interface ListenAddress {
  /** Empty: every address of this machine. */
  readonly host: string;
  readonly port: number;
}

export interface Service {
  /** `http://HOST:PORT`, with the port that was taken where none was named. */
  readonly url: string;
  /** Ends it, and all connections. */
  close(): Promise<void>;
}

const LIMITS = {
  maxHeaderSize: 8_192,
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 2_000,
};
const MOST_CONNECTIONS = 64;
/** Milliseconds that a connection may be silent while an answer is sent. */
const SILENCE = 30_000;
const HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/**
 * Reads `HOST:PORT`, `[2001:db8::1]:PORT` or `:PORT`.
 * @throws {TscertError} `usage`
 */
export function parseListenAddress(text: string): ListenAddress {
  const [, v6, name, digits] = /^(?:\[([^[\]\s]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535 || (v6 !== undefined && !isIPv6(v6))) {
    throw new TscertError('usage', `Cannot listen at "${text}": it wants a form such as 127.0.0.1:9402, [::1]:9402 or :9402`, {
      data: { value: text },
    });
  }
  return { host: v6 ?? name ?? '', port };
}

/**
 * Serves until it is closed. On a loopback address only requests that name one are answered: a page of the internet whose name was made to
 * lead here (DNS rebinding) names itself.
 * @param answer what stands at a path, without its query; `undefined` for nothing. What it throws is a 500 without a word
 * @throws {TscertError} `port-in-use`, `port-denied`, `network`
 */
export async function serve(
  { host, port }: ListenAddress,
  answer: (path: string, query: URLSearchParams) => Promise<Answer | undefined>,
): Promise<Service> {
  const isLocal = isLoopback(host);
  const server = http.createServer(LIMITS, (request, response) => {
    handle(request, isLocal, answer).then(
      (one) => send(response, one, request.method === 'HEAD'),
      () => send(response, plain(500, 'this did not work; see the log'), false),
    );
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.setTimeout(SILENCE);
  await listenOn(server, { port, ...(host === '' ? {} : { host }) });
  const { address, port: own } = server.address() as AddressInfo;
  return {
    url: `http://${isIPv6(address) ? `[${address}]` : address}:${own}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function handle(request: IncomingMessage, isLocal: boolean, answer: Parameters<typeof serve>[1]): Promise<Answer> {
  const { method, url = '', headers } = request;
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only GET and HEAD');
  if (Number(headers['content-length'] ?? 0) > 0 || headers['transfer-encoding'] !== undefined) return plain(400, 'no body is wanted');
  if (isLocal && !isLoopback(hostOf(headers.host ?? ''))) return plain(421, 'this is served under the names of this machine alone');
  const target = URL.canParse(url, 'http://localhost') && url.startsWith('/') ? new URL(url, 'http://localhost') : undefined;
  const found = target && (await answer(target.pathname, target.searchParams));
  return found ?? plain(404, 'nothing is here');
}

/** A line of text. */
function plain(status: number, words: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${words}\n` };
}

function send(response: ServerResponse, { status, type, body, policy }: Answer, isHead: boolean): void {
  const length = Buffer.byteLength(body);
  response.writeHead(status, {
    ...HEADERS,
    'content-type': type,
    'content-length': length,
    'content-security-policy': policy ?? "default-src 'none'; frame-ancestors 'none'",
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
    // What was not read of a request is not waited for.
    ...(status === 400 || status === 405 ? { connection: 'close' } : {}),
  });
  response.end(isHead ? undefined : body);
}

/** The host of a Host header, without its port. */
function hostOf(header: string): string {
  const [, v6, name] = /^(?:\[([^[\]]*)\]|([^:]*))(?::\d*)?$/.exec(header) ?? [];
  return v6 ?? name ?? header;
}

function isLoopback(host: string): boolean {
  if (isIP(host) === 0) return /^localhost\.?$/i.test(host);
  return host === '::1' || /^(::ffff:)?127\./i.test(host);
}
