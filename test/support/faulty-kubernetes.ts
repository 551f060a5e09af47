/** A reverse proxy before a real API server that misbehaves as told: it refuses, loses answers, cuts, and falls silent. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import type { KubernetesCluster } from './kubernetes.js';

export interface SeenCall {
  readonly method: string;
  /** With its parameters. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type ApiFault =
  /** Answers itself; the API server never hears of it. A text instead of a Status is sent as it is. */
  | { readonly kind: 'answer'; readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }
  /** Cuts the connection before the API server hears of it. */
  | { readonly kind: 'reset' }
  /** The API server acts, and the answer is lost with the connection. */
  | { readonly kind: 'lose' }
  /** The answer goes through, and after so many bytes of it nothing more, without an end. */
  | { readonly kind: 'silence'; readonly after: number }
  /** Does what it says before the API server hears of it. */
  | { readonly kind: 'first'; readonly act: () => Promise<unknown> };

export interface FaultyKubernetes {
  readonly url: string;
  readonly seen: SeenCall[];
  /** Asked for every request; what comes back happens to it. */
  rule: (call: SeenCall, earlier: number) => ApiFault | undefined;
  /** Cuts all connections that stand. */
  cut(): void;
  stop(): Promise<void>;
}

/** A Status as the API server writes it. */
export function status(code: number, reason: string, message = reason, headers: Readonly<Record<string, string>> = {}): ApiFault {
  const body = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
  return { kind: 'answer', status: code, body, headers };
}

export async function startFaultyKubernetes(cluster: KubernetesCluster): Promise<FaultyKubernetes> {
  const [cert, key] = ['server.crt', 'server.key'].map((name) => readFileSync(path.join(cluster.folder, name)));
  const agent = new Agent({ keepAlive: true, ca: cluster.ca });
  const sockets = new Set<Duplex>();
  const server = createServer({ ...(cert && { cert }), ...(key && { key }) }, async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const call = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    };
    const earlier = proxy.seen.filter(({ method, path: place }) => method === call.method && place === call.path).length;
    proxy.seen.push(call);
    const fault = proxy.rule(call, earlier);
    if (fault?.kind === 'reset') return incoming.socket.destroy();
    if (fault?.kind === 'answer') {
      outgoing.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
      return outgoing.end(typeof fault.body === 'string' ? fault.body : JSON.stringify(fault.body ?? {}));
    }
    if (fault?.kind === 'first') await fault.act();
    const client = request(`${cluster.url}${call.path}`, { method: call.method, headers: incoming.headers, agent });
    outgoing.once('close', () => client.destroy());
    client.on('error', () => incoming.socket.destroy());
    client.end(call.body === '' ? undefined : call.body);
    const [response] = (await once(client, 'response').catch(() => [])) as (IncomingMessage | undefined)[];
    if (response === undefined) return undefined;
    if (fault?.kind === 'lose') {
      for await (const _ of response);
      return incoming.socket.destroy();
    }
    outgoing.writeHead(response.statusCode ?? 500, response.headers);
    outgoing.flushHeaders();
    let left = fault?.kind === 'silence' ? fault.after : Number.POSITIVE_INFINITY;
    response.on('error', () => incoming.socket.destroy());
    response.on('data', (chunk: Buffer) => {
      if (left > 0) outgoing.write(chunk.subarray(0, Math.min(left, chunk.length)));
      left -= chunk.length;
    });
    response.once('end', () => {
      if (left > 0) outgoing.end();
    });
    return undefined;
  });
  server.on('connection', (socket: Duplex) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const proxy: FaultyKubernetes = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    rule: () => undefined,
    cut,
    async stop() {
      server.close();
      cut();
      agent.destroy();
      await once(server, 'close');
    },
  };
  return proxy;
}
