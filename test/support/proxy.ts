/** An HTTP proxy on loopback: CONNECT, absolute-form requests, credentials, and a record of what it was asked. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ServerCertificate } from './openssl-ca.js';

export interface TestProxy {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** `host:port` of each tunnel that was asked for, refused ones too. */
  readonly tunnels: string[];
  /** The absolute URLs of plain requests. */
  readonly requests: string[];
  close(): Promise<void>;
}

export interface TestProxyOptions {
  /** `user:password`; without them 407. */
  readonly credentials?: string;
  /** Where targets really are, by `host:port`; others are connected to as they stand. */
  readonly routes?: Readonly<Record<string, number>>;
  /** The proxy itself speaks TLS. */
  readonly certificate?: ServerCertificate;
}

export async function startProxy({ credentials, routes = {}, certificate }: TestProxyOptions = {}): Promise<TestProxy> {
  const tunnels: string[] = [];
  const requests: string[] = [];
  const sockets = new Set<Duplex>();
  const wanted = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`;
  const mayPass = (message: IncomingMessage): boolean => wanted === undefined || message.headers['proxy-authorization'] === wanted;
  const keep = (socket: Duplex): void => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  };
  const answer = (incoming: IncomingMessage, response: ServerResponse): void => {
    requests.push(incoming.url ?? '');
    if (!mayPass(incoming)) {
      response.writeHead(407, { 'proxy-authenticate': 'Basic realm="test"' }).end();
      return;
    }
    const url = new URL(incoming.url ?? '');
    const { 'proxy-authorization': _, ...headers } = incoming.headers;
    const onward = request(
      { host: '127.0.0.1', port: routes[url.host] ?? url.port, path: url.pathname, method: incoming.method, headers },
      (from) => {
        response.writeHead(from.statusCode ?? 502, from.headers);
        from.pipe(response);
      },
    );
    incoming.pipe(onward);
  };
  const server = certificate === undefined ? createServer(answer) : createSecureServer(certificate, answer);
  server.on('connection', keep);
  server.on('connect', (incoming: IncomingMessage, near: Socket, head: Buffer) => {
    const target = incoming.url ?? '';
    tunnels.push(target);
    if (!mayPass(incoming)) {
      near.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="test"\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    const [host, port] = target.split(/:(?=\d+$)/);
    const far = connect(routes[target] ?? Number(port), routes[target] === undefined ? host : '127.0.0.1');
    keep(far);
    near.on('error', () => far.destroy());
    near.once('close', () => far.destroy());
    far.once('close', () => near.destroy());
    far.once('connect', () => {
      near.write('HTTP/1.1 200 Connection established\r\n\r\n');
      far.write(head);
      near.pipe(far).pipe(near);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    tunnels,
    requests,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
