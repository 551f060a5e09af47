/** Sockets to an origin: directly or through a proxy's CONNECT (RFC 9110 §9.3.6), with TLS where the URL has it. */
import http from 'node:http';
import net from 'node:net';
import tls from 'node:tls';
import { TscertError } from '../base/errors.js';
import { connectFailure } from './failure.js';
import { bareHost, type ProxyServer } from './proxy.js';

export interface ConnectOptions {
  /** For https: trust roots; made once, since reading them takes milliseconds. */
  readonly secureContext: tls.SecureContext | undefined;
  /** The name that the server's certificate must have, and that it is asked for by; the URL's host unless given. */
  readonly servername?: string;
  /** Takes any certificate of the server. */
  readonly insecure?: boolean;
  /** For a proxy that speaks TLS itself, where it is not to be met as the server is. */
  readonly proxyContext?: tls.SecureContext;
  /** Protocols offered by ALPN (RFC 7301). */
  readonly alpn: readonly string[];
  readonly proxy: ProxyServer | undefined;
  readonly signal: AbortSignal;
  /** Where the origin is: its name is not looked up again. Not for a proxy, which looks for itself. */
  readonly addresses?: readonly string[];
}

/**
 * Opens a connection to the origin of `url`; for an http URL with a proxy that is one to the proxy itself.
 * @throws {TscertError} `network`, `tls-untrusted`; the signal's reason when aborted
 */
export async function connect(url: URL, options: ConnectOptions): Promise<net.Socket> {
  const { proxy, signal } = options;
  signal.throwIfAborted();
  if (url.protocol === 'http:') return open(proxy?.url ?? url, options);
  const tunnel = proxy === undefined ? await openPlain(url, options) : await openTunnel(url, proxy, options);
  return secure(tunnel, url, options.alpn, options);
}

/** Opens a connection to a proxy: what is particular to the server behind it does not hold for it. */
async function open(url: URL, options: ConnectOptions): Promise<net.Socket> {
  const { signal, proxy, secureContext, proxyContext } = options;
  const socket = await openPlain(url, options);
  if (url.protocol !== 'https:') return socket;
  return secure(socket, url, ['http/1.1'], { secureContext: proxyContext ?? secureContext, alpn: [], proxy, signal });
}

function openPlain(url: URL, { signal, proxy, addresses }: ConnectOptions): Promise<net.Socket> {
  const host = bareHost(url.hostname);
  const pinned = addresses === undefined || proxy !== undefined ? {} : { lookup: lookupIn(addresses) };
  const socket = net.connect({ host, port: portOf(url), noDelay: true, keepAlive: true, autoSelectFamily: true, ...pinned });
  return established(socket, 'connect', url.host, signal);
}

/** Gives these addresses for every name. */
function lookupIn(addresses: readonly string[]): net.LookupFunction {
  const found = addresses.map((address) => ({ address, family: net.isIP(address) }));
  return (_name, { all }, done) => {
    if (all === true) done(null, found);
    else done(null, found[0]?.address ?? '', found[0]?.family);
  };
}

function secure(socket: net.Socket, url: URL, alpn: readonly string[], options: ConnectOptions): Promise<net.Socket> {
  const { secureContext, signal } = options;
  const host = options.servername ?? bareHost(url.hostname);
  const secured = tls.connect({
    socket,
    host,
    ...(net.isIP(host) === 0 && { servername: host }),
    ...(options.insecure === true && { rejectUnauthorized: false }),
    ALPNProtocols: [...alpn],
    ...(secureContext !== undefined && { secureContext }),
  });
  return established(secured, 'secureConnect', url.host, signal);
}

function established(socket: net.Socket, event: 'connect' | 'secureConnect', host: string, signal: AbortSignal): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown): void => {
      signal.removeEventListener('abort', abort);
      socket.off('close', closed);
      if (error === undefined) resolve(socket);
      else {
        socket.destroy();
        reject(signal.aborted ? signal.reason : connectFailure(error, host));
      }
    };
    const abort = (): void => settle(signal.reason);
    const closed = (): void => settle(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }));
    signal.addEventListener('abort', abort, { once: true });
    socket.once(event, () => settle());
    // Stays: a socket that breaks while nobody uses it must not end the process.
    socket.on('error', settle);
    socket.once('close', closed);
  });
}

async function openTunnel(url: URL, proxy: ProxyServer, options: ConnectOptions): Promise<net.Socket> {
  const socket = await open(proxy.url, options);
  const target = `${url.hostname}:${portOf(url)}`;
  const { signal } = options;
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      reject(error);
    };
    const abort = (): void => fail(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    const request = http.request({
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...(proxy.authorization !== undefined && { 'proxy-authorization': proxy.authorization }) },
      createConnection: () => socket,
    });
    request.once('connect', (response, _socket, head: Buffer) => {
      signal.removeEventListener('abort', abort);
      if (response.statusCode !== 200) {
        fail(refused(proxy, target, response.statusCode ?? 0));
        return;
      }
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    request.once('response', (response) => fail(refused(proxy, target, response.statusCode ?? 0)));
    request.on('error', (error) => fail(connectFailure(error, proxy.url.host)));
    request.end();
  });
}

function refused(proxy: ProxyServer, target: string, status: number): TscertError {
  const why = status === 407 ? 'it wants other credentials (407)' : `it answered ${status}`;
  return new TscertError('network', `Cannot reach "${target}" through the proxy "${proxy.url.host}": ${why}`, {
    data: { host: target, proxy: proxy.url.host, phase: 'connect', code: `PROXY_${status}`, status },
  });
}

function portOf(url: URL): number {
  return Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
}
