/** What transcripts need around them: servers that are started once for all files, and the variables that name them. */
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { AWS_KEY, startAcmeWorld } from '../support/acme-world.js';
import { freePort } from '../support/free-port.js';
import { createOpensslCa } from '../support/openssl-ca.js';
import { type Incoming, startWebServer } from '../support/web-server.js';

export interface World {
  /** For the command. */
  readonly env: Readonly<Record<string, string>>;
  /** Values that stand in what the command prints as `$NAME`; they are variables of the command line too. */
  readonly values: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const READER = { accessKeyId: 'AKIAREADER', secretAccessKey: 'reader/secret' };
const EAB = { kid: 'kid-1', key: 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W' };

type Start = (folder: string) => Promise<World>;

const WORLDS: Readonly<Record<string, Start>> = {
  /** Pebble, its names in a Route53 emulator; one zone, one key that may do everything and one that may only read. */
  pebble: async () => {
    const world = await startAcmeWorld({
      pebble: { blocked: ['blocked.example', 'blocked-too.example'], retryAfter: { authz: 1, order: 1 } },
      route53: {
        zones: [{ name: 'example.com', id: 'ZEXAMPLE' }],
        credentials: [
          AWS_KEY,
          {
            ...READER,
            policy: {
              Version: '2012-10-17',
              Statement: [{ Effect: 'Allow', Action: ['route53:List*', 'route53:GetChange'], Resource: '*' }],
            },
          },
        ],
      },
    });
    const { TSCERT_DIR: _, ...env } = world.env;
    return {
      env,
      values: {
        PEBBLE: new URL(world.pebble.directory).host,
        DNS: world.dns,
        ROUTE53: world.route53.endpoint,
        CA: world.pebble.caBundle,
        HTTP_PORT: String(world.pebble.httpPort),
      },
      close: world.close,
    };
  },
  /** Pebble that wants an external account binding. */
  'pebble-eab': async () => {
    const world = await startAcmeWorld({ pebble: { eab: { [EAB.kid]: EAB.key } } });
    const { TSCERT_DIR: _, ...env } = world.env;
    return {
      env,
      values: { PEBBLE: new URL(world.pebble.directory).host, DNS: world.dns, CA: world.pebble.caBundle },
      close: world.close,
    };
  },
  /** HTTPS servers that are no ACME servers, each in its own way. */
  web: async (folder) => {
    const ca = createOpensslCa();
    const bundle = path.join(folder, 'web-ca.pem');
    await writeFile(bundle, ca.root);
    const names = ['DNS:localhost', 'IP:127.0.0.1'];
    const good = await startWebServer('h1', ca.issue(names), answer);
    const other = await startWebServer('h1', ca.issue(['DNS:other.example']), answer);
    const expired = await startWebServer('h1', ca.issue(names, -1), answer);
    const plain = await startWebServer('plain', undefined, answer);
    const silent = await startSilence();
    const closed = await freePort();
    return {
      env: { TSCERT_AGREE_TOS: '1' },
      values: {
        WEB: `localhost:${good.port}`,
        OTHER: `localhost:${other.port}`,
        EXPIRED: `localhost:${expired.port}`,
        PLAIN: `localhost:${plain.port}`,
        SILENT: `localhost:${silent.port}`,
        CLOSED: `localhost:${closed}`,
        CA: bundle,
      },
      async close() {
        ca.remove();
        await Promise.all([good, other, expired, plain, silent].map((server) => server.close()));
      },
    };
  },
  /** A port of this machine that somebody listens on. */
  'port-taken': async () => {
    const server = await listen();
    return { env: {}, values: { TAKEN: String(portOf(server)) }, close: () => end(server) };
  },
};

/** What is answered at each path. */
function answerAt(route: string, host: string): Parameters<Incoming['reply']> | undefined {
  const html = { 'content-type': 'text/html' };
  const json = { 'content-type': 'application/json' };
  const resource = (name: string): string => `https://${host}/${name}`;
  switch (route) {
    case '/500':
      return [500, html, '<html><body><h1>Internal Server Error</h1></body></html>'];
    case '/html':
      return [200, html, '<!doctype html><title>It works!</title>'];
    case '/no-new-order':
      return [200, json, JSON.stringify({ newNonce: resource('nonce'), newAccount: resource('account') })];
    case '/garbage':
      return [200, json, '{"newNonce": "https://'];
    case '/list':
      return [200, json, '[1, 2, 3]'];
    case '/redirect':
      return [302, { location: resource('elsewhere') }, ''];
    case '/huge':
      return [200, json, Buffer.alloc(8 * 1_048_576, ' ')];
    case '/maintenance':
      return [503, { ...json, 'retry-after': '86400' }, '{"type":"about:blank","detail":"Down for maintenance until tomorrow"}'];
    case '/no-nonce':
      return [200, json, JSON.stringify({ newNonce: resource('404'), newAccount: resource('404'), newOrder: resource('404') })];
    case '/cut':
      return undefined;
    default:
      return [404, { 'content-type': 'text/plain' }, 'no such page\n'];
  }
}

function answer(incoming: Incoming): void {
  const reply = answerAt(incoming.path, String(incoming.headers.host));
  if (reply === undefined) incoming.cut();
  else incoming.reply(...reply);
}

/** A server that takes connections and never says a word. */
async function startSilence(): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = await listen();
  return { port: portOf(server), close: () => end(server) };
}

async function listen(): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => undefined).unref());
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function end(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close();
    server.unref();
    resolve();
  });
}

const started = new Map<string, Promise<World>>();

/** The worlds of these names as one; each is started once. */
export async function worldOf(names: readonly string[], folder: string): Promise<Pick<World, 'env' | 'values'>> {
  const worlds = await Promise.all(
    names.map((name) => {
      const start = WORLDS[name];
      if (start === undefined) throw new Error(`There is no world "${name}"`);
      const world = started.get(name) ?? start(folder);
      started.set(name, world);
      return world;
    }),
  );
  return {
    env: Object.assign({}, ...worlds.map(({ env }) => env)),
    values: Object.assign({}, ...worlds.map(({ values }) => values)),
  };
}

export async function closeWorlds(): Promise<void> {
  const worlds = await Promise.allSettled(started.values());
  await Promise.all(worlds.map((world) => (world.status === 'fulfilled' ? world.value.close() : undefined)));
}
