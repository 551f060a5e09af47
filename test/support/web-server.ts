/** HTTPS servers of tests, with what they were asked. */
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { ServerCertificate } from './openssl-ca.js';

/** One request as it came in; `reply` answers it, `cut` breaks its connection. */
export interface Incoming {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
  /** Requests before this one, on all connections. */
  readonly index: number;
  reply(status: number, headers: Readonly<Record<string, string | readonly string[]>>, body?: string | Buffer): void;
  cut(): void;
  /** HTTP/2 only. */
  readonly stream?: http2.ServerHttp2Stream;
  readonly session?: http2.Http2Session | undefined;
}

export interface WebServer {
  readonly port: number;
  readonly seen: readonly Incoming[];
  /** Connections accepted so far. */
  connections(): number;
  close(): Promise<void>;
}

/** Starts a server that speaks HTTP/2 (`h2`, by ALPN), HTTP/1.1 over TLS (`h1`) or plain HTTP/1.1 (`plain`). */
export async function startWebServer(
  kind: 'h2' | 'h1' | 'plain',
  certificate: ServerCertificate | undefined,
  handle: (incoming: Incoming) => void,
): Promise<WebServer> {
  const seen: Incoming[] = [];
  const sockets = new Set<Socket>();
  let count = 0;
  const take = (incoming: Omit<Incoming, 'index'>): void => {
    const numbered = { ...incoming, index: seen.length };
    seen.push(numbered);
    handle(numbered);
  };
  const server = kind === 'h2' ? http2Server(certificate, take) : http1Server(kind === 'h1' ? certificate : undefined, take);
  server.on('connection', (socket: Socket) => {
    count++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    connections: () => count,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

type Take = (incoming: Omit<Incoming, 'index'>) => void;

function http1Server(certificate: ServerCertificate | undefined, take: Take): http.Server | https.Server {
  const answer = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('error', () => {});
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () =>
      take({
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
        reply: (status, headers, body) => response.writeHead(status, { ...headers } as http.OutgoingHttpHeaders).end(body),
        cut: () => request.socket.destroy(),
      }),
    );
  };
  return certificate === undefined ? http.createServer(answer) : https.createServer(certificate, answer);
}

function http2Server(certificate: ServerCertificate | undefined, take: Take): http2.Http2SecureServer {
  const server = http2.createSecureServer({ ...certificate });
  server.on('sessionError', () => {});
  server.on('stream', (stream, headers) => {
    const chunks: Buffer[] = [];
    const { session } = stream;
    stream.on('error', () => {});
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('end', () =>
      take({
        method: headers[':method'] ?? '',
        path: headers[':path'] ?? '',
        headers,
        body: Buffer.concat(chunks).toString(),
        reply(status, more, body) {
          stream.respond({ ':status': status, ...(more as http2.OutgoingHttpHeaders) });
          stream.end(body);
        },
        cut: () => session?.destroy(),
        stream,
        session,
      }),
    );
  });
  return server;
}
