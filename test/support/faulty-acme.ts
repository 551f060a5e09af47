/** A reverse proxy before Pebble that misbehaves as told: it loses, doubles, delays and replaces answers, and resets connections. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent, createServer, request } from 'node:https';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pebble } from './pebble.js';

/** A request as it came in, its JWS opened. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  /** Protected header and payload, empty for what is no JWS. */
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly userAgent: string | undefined;
}

export interface FakeAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export type Fault =
  /** Answers itself; Pebble never hears of it. */
  | { readonly kind: 'answer'; readonly answer: FakeAnswer }
  /** Ends the connection before Pebble hears of it. */
  | { readonly kind: 'reset' }
  /** Pebble acts, and the answer is lost with the connection. */
  | { readonly kind: 'lose' }
  /** Pebble gets it twice; the answer to the second one is passed on. */
  | { readonly kind: 'double' }
  | { readonly kind: 'delay'; readonly milliseconds: number }
  /** Pebble acts, and its answer is changed. */
  | { readonly kind: 'change'; readonly change: (answer: Required<FakeAnswer>) => FakeAnswer };

export interface FaultyAcme {
  readonly directory: string;
  readonly caBundle: string;
  readonly seen: Seen[];
  readonly connections: () => number;
  /** Asked for every request; what comes back happens to it. */
  rule: (seen: Seen, earlier: number) => Fault | undefined;
  stop(): Promise<void>;
}

/** A problem document as an answer. */
export function problem(status: number, type: string, detail: string, headers: Record<string, string> = {}): Fault {
  const body = JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail, status });
  return { kind: 'answer', answer: { status, headers: { 'content-type': 'application/problem+json', ...headers }, body } };
}

/** Starts the proxy before `pebble`; it serves under Pebble's own certificate, and Pebble's URLs lead through it. */
export async function startFaultyAcme(pebble: Pebble): Promise<FaultyAcme> {
  const folder = path.dirname(pebble.caBundle);
  const [ca, cert, key] = await Promise.all(['ca.pem', 'cert.pem', 'key.pem'].map((name) => readFile(path.join(folder, name))));
  const agent = new Agent({ keepAlive: true, ...(ca === undefined ? {} : { ca }) });
  const upstream = new URL(pebble.directory);
  const sockets = new Set<Duplex>();
  let connections = 0;

  const forward = async (incoming: IncomingMessage, body: Buffer): Promise<Required<FakeAnswer>> => {
    const { transfer: _, ...headers } = incoming.headers as IncomingHttpHeaders & { transfer?: string };
    const client = request({ host: upstream.hostname, port: upstream.port, path: incoming.url, method: incoming.method, headers, agent });
    client.end(body);
    const [response] = (await once(client, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    const passed = Object.entries(response.headers).filter(
      ([name]) => !/^(connection|keep-alive|transfer-encoding|content-length|date)$/.test(name),
    );
    return {
      status: response.statusCode ?? 500,
      headers: Object.fromEntries(passed.map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : String(value)])),
      body: Buffer.concat(chunks).toString('utf8'),
    };
  };

  const server = createServer(
    { ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) },
    async (incoming, outgoing) => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk);
      const body = Buffer.concat(chunks);
      const seen = open(incoming, body);
      const earlier = proxy.seen.filter((one) => one.method === seen.method && one.path === seen.path).length;
      proxy.seen.push(seen);
      const fault = proxy.rule(seen, earlier);
      if (fault?.kind === 'reset') return incoming.socket.destroy();
      if (fault?.kind === 'delay') await delay(fault.milliseconds);
      if (fault?.kind === 'double') await forward(incoming, body);
      let answer = fault?.kind === 'answer' ? fault.answer : await forward(incoming, body);
      if (fault?.kind === 'lose') return incoming.socket.destroy();
      if (fault?.kind === 'change') answer = fault.change({ headers: {}, body: '', ...answer });
      outgoing.writeHead(answer.status, answer.headers).end(answer.body ?? '');
    },
  );
  server.on('connection', (socket) => {
    connections++;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const proxy: FaultyAcme = {
    directory: `https://localhost:${typeof address === 'object' ? address?.port : 0}${upstream.pathname}`,
    caBundle: pebble.caBundle,
    seen: [],
    connections: () => connections,
    rule: () => undefined,
    async stop() {
      for (const socket of sockets) socket.destroy();
      agent.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

function open(incoming: IncomingMessage, body: Buffer): Seen {
  const { method = '', url = '' } = incoming;
  const part = (text: unknown): Record<string, unknown> => {
    const json = typeof text === 'string' ? Buffer.from(text, 'base64url').toString('utf8') : '';
    return json === '' ? {} : JSON.parse(json);
  };
  const jws = body.length > 0 ? JSON.parse(body.toString('utf8')) : {};
  return { method, path: url, header: part(jws.protected), payload: part(jws.payload), userAgent: incoming.headers['user-agent'] };
}
