/** Real Pebble and pebble-challtestsrv as child processes on free ports of loopback, each with a folder of its own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface PebbleOptions {
  /** Percent of good nonces that are refused; 0 unless given. */
  readonly nonceReject?: number;
  /** Longest random delay before a validation in seconds, or `false` for none (the default). */
  readonly sleep?: number | false;
  readonly profiles?: Readonly<Record<string, { readonly description: string; readonly validityPeriod: number }>>;
  /** kid to base64url key; given, every new account must be bound. */
  readonly eab?: Readonly<Record<string, string>>;
  /** `host:port` of the resolver that the validation asks; the system's unless given. */
  readonly dnsServer?: string;
  /** Ports at which http-01 and tls-alpn-01 are looked at; free ones unless given. */
  readonly httpPort?: number;
  readonly tlsPort?: number;
  readonly alternateRoots?: number;
  /** Intermediates in the chain; 1 unless given. */
  readonly chainLength?: number;
  /** Seconds in the Retry-After header of pending authorizations and orders; Pebble's 3 and 5 unless given. */
  readonly retryAfter?: { readonly authz: number; readonly order: number };
  /** Percent of authorizations that are used again; 0 unless given. */
  readonly authzReuse?: number;
  readonly blocked?: readonly string[];
  /** Every challenge passes unseen. */
  readonly alwaysValid?: boolean;
  readonly keyAlgorithm?: 'ecdsa' | 'rsa';
  /** The responder that its certificates name; none unless given. */
  readonly ocspUrl?: string;
}

/** How many requests of each kind were answered, by Pebble's own log; `total` is all of them. */
export type RequestCounts = Readonly<
  Record<
    'directory' | 'nonce' | 'account' | 'order' | 'poll' | 'authorization' | 'challenge' | 'finalize' | 'certificate' | 'other' | 'total',
    number
  >
>;

export interface Pebble {
  readonly directory: string;
  readonly managementUrl: string;
  /** Path of a PEM file with the root of the directory's own TLS certificate. */
  readonly caBundle: string;
  readonly httpPort: number;
  readonly tlsPort: number;
  /** Since the start, or since the last call with `true`. */
  requests(reset?: boolean): RequestCounts;
  /** Resolves when the log has every request so far: it comes through a pipe, and may be late. */
  settled(): Promise<void>;
  log(): string;
  /** The root at this index as PEM: what issued chains end in. */
  root(index?: number): Promise<string>;
  /** The intermediate that signs, and its key, PEM: who has them can answer for it. With `keyAlgorithm: rsa` only. */
  intermediate(): Promise<{ readonly certificate: string; readonly key: string }>;
  /** What it answers when it is asked about this certificate (PEM), RFC 9773 §4.1. */
  setRenewalInfo(certificate: string, answer: unknown): Promise<void>;
  /** What it knows of an issued certificate: `Valid`, or `Revoked` with the reason's number where one was given. */
  certificateStatus(serialNumber: string): Promise<{ readonly Status: string; readonly Reason?: number }>;
  stop(): Promise<void>;
}

export interface ChallengeServer {
  /** `host:port` of its DNS side. */
  readonly dns: string;
  readonly managementUrl: string;
  /** Adds one value beside those that stand; `name` without a dot at the end. */
  addTxt(name: string, value: string): Promise<void>;
  /** Removes all values of a name. */
  clearTxt(name: string): Promise<void>;
  /** Any call of the management interface: `post('add-a', { host, addresses })`. */
  post(command: string, body: unknown): Promise<void>;
  stop(): Promise<void>;
}

const ROUTES: readonly (readonly [keyof RequestCounts, string])[] = [
  ['directory', '/dir'],
  ['nonce', '/nonce-plz'],
  ['account', '/sign-me-up'],
  ['account', '/my-account/'],
  ['account', '/rollover-account-key'],
  ['order', '/order-plz'],
  ['poll', '/my-order/'],
  ['authorization', '/authZ/'],
  ['challenge', '/chalZ/'],
  ['finalize', '/finalize-order/'],
  ['certificate', '/certZ/'],
];

let found: Promise<Record<'pebble' | 'pebble-challtestsrv', string>> | undefined;

function binaries(): Promise<Record<'pebble' | 'pebble-challtestsrv', string>> {
  found ??= run(process.execPath, ['scripts/servers.mjs', 'pebble'], { maxBuffer: 1 << 24 }).then(({ stdout }) => JSON.parse(stdout));
  return found;
}

/** Why Pebble cannot be had, in one line for `skip`; `false` when it can. */
export async function whyNoPebble(): Promise<string | false> {
  try {
    await binaries();
    return false;
  } catch (error) {
    const words = error instanceof Error && 'stderr' in error ? String(error.stderr).trim().split('\n').at(-1) : String(error);
    return `Pebble cannot be had: ${words}`;
  }
}

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  return Promise.all(
    servers.map(async (server) => {
      const address = server.address();
      await new Promise((resolve) => server.close(resolve));
      return typeof address === 'object' && address !== null ? address.port : 0;
    }),
  );
}

/** One GET or HEAD over HTTPS, trusting only `ca`. */
async function get(url: string, ca: string, method = 'GET', body?: string): Promise<string> {
  const client = request(url, { method, ca, agent: false, headers: { 'user-agent': 'tscert-test' } });
  client.end(body);
  const [response] = await once(client, 'response');
  let text = '';
  for await (const chunk of response) text += chunk;
  if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}`);
  return text;
}

interface Running {
  log(): string;
  stop(): Promise<void>;
}

/** Starts a program and resolves once `ready` does; a program that ends before that is an error with its last words. */
async function start(file: string, args: readonly string[], env: NodeJS.ProcessEnv, ready: () => Promise<unknown>): Promise<Running> {
  const child: ChildProcess = spawn(file, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', kill);
  let log = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async (): Promise<void> => {
    process.off('exit', kill);
    kill();
    await ended;
  };
  const over = (): boolean => child.exitCode !== null || child.signalCode !== null;
  for (let tries = 0; ; tries++) {
    try {
      await ready();
      if (!over()) return { log: () => log, stop };
    } catch (error) {
      if (tries > 600) {
        await stop();
        throw new Error(`${path.basename(file)} does not answer: ${log.slice(-2_000)}`, { cause: error });
      }
    }
    if (over()) throw new Error(`${path.basename(file)} ended: ${log.slice(-2_000)}`);
    await sleep(25);
  }
}

/** Tries again with other ports when somebody else took one in the meantime. */
async function withFreePorts<T>(count: number, attempt: (ports: readonly number[]) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt(await freePorts(count));
    } catch (error) {
      if (tries === 5 || !String(error).includes('address already in use')) throw error;
    }
  }
}

const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** A CA and a leaf for localhost, 127.0.0.1 and ::1 in `folder`: ca.pem, cert.pem, key.pem. */
async function makeTlsFiles(folder: string): Promise<void> {
  const at = (name: string): string => path.join(folder, name);
  await run('openssl', [
    ...['req', '-x509', ...EC_KEY, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-days', '30', '-subj', '/CN=Test directory root'],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  ]);
  await run('openssl', [
    ...['req', '-x509', '-CA', at('ca.pem'), '-CAkey', at('ca.key'), ...EC_KEY, '-keyout', at('key.pem'), '-out', at('cert.pem')],
    ...['-days', '30', '-subj', '/CN=localhost', '-addext', 'basicConstraints=critical,CA:false', '-addext', 'extendedKeyUsage=serverAuth'],
    ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1'],
  ]);
}

/** No client asks for the directory in this way: what `settled` does is not counted. */
const MARK = 'HEAD /dir -> calling handler';

function countRequests(log: string): RequestCounts {
  const counts: Record<keyof RequestCounts, number> = {
    directory: 0,
    nonce: 0,
    account: 0,
    order: 0,
    poll: 0,
    authorization: 0,
    challenge: 0,
    finalize: 0,
    certificate: 0,
    other: 0,
    total: 0,
  };
  for (const [, route] of log.replaceAll(MARK, '').matchAll(/(?:GET|HEAD|POST) (\/\S*) -> calling handler/g)) {
    counts[ROUTES.find(([, prefix]) => route === prefix)?.[0] ?? 'other']++;
    counts.total++;
  }
  return counts;
}

/** Starts Pebble; `stop` ends it and removes its folder. */
export async function startPebble(options: PebbleOptions = {}): Promise<Pebble> {
  const { pebble } = await binaries();
  const folder = await mkdtemp(path.join(tmpdir(), 'tscert-pebble-'));
  try {
    await makeTlsFiles(folder);
    const caBundle = path.join(folder, 'ca.pem');
    const ca = await readFile(caBundle, 'utf8');
    return await withFreePorts(4, async ([listen = 0, management = 0, http = 0, tls = 0]) => {
      const httpPort = options.httpPort ?? http;
      const tlsPort = options.tlsPort ?? tls;
      const directory = `https://localhost:${listen}/dir`;
      const managementUrl = `https://localhost:${management}`;
      const config = {
        pebble: {
          listenAddress: `127.0.0.1:${listen}`,
          managementListenAddress: `127.0.0.1:${management}`,
          certificate: path.join(folder, 'cert.pem'),
          privateKey: path.join(folder, 'key.pem'),
          httpPort,
          tlsPort,
          ocspResponderURL: options.ocspUrl ?? '',
          externalAccountBindingRequired: options.eab !== undefined,
          externalAccountMACKeys: options.eab ?? {},
          domainBlocklist: options.blocked ?? [],
          keyAlgorithm: options.keyAlgorithm ?? 'ecdsa',
          ...(options.retryAfter === undefined ? {} : { retryAfter: options.retryAfter }),
          profiles: options.profiles ?? { default: { description: 'The default', validityPeriod: 7_776_000 } },
        },
      };
      await writeFile(path.join(folder, 'config.json'), JSON.stringify(config));
      const args = ['-config', path.join(folder, 'config.json'), '-strict'];
      const sleepTime = options.sleep ?? false;
      const server = await start(
        pebble,
        options.dnsServer === undefined ? args : [...args, '-dnsserver', options.dnsServer],
        {
          PEBBLE_WFE_NONCEREJECT: String(options.nonceReject ?? 0),
          ...(sleepTime === false ? { PEBBLE_VA_NOSLEEP: '1' } : { PEBBLE_VA_SLEEPTIME: String(sleepTime) }),
          PEBBLE_VA_ALWAYS_VALID: options.alwaysValid === true ? '1' : '0',
          PEBBLE_AUTHZREUSE: String(options.authzReuse ?? 0),
          PEBBLE_ALTERNATE_ROOTS: String(options.alternateRoots ?? 0),
          PEBBLE_CHAIN_LENGTH: String(options.chainLength ?? 1),
        },
        async () => {
          await get(`${managementUrl}/roots/0`, ca);
          await get(directory, ca);
        },
      );
      let mark = server.log().length;
      return {
        directory,
        managementUrl,
        caBundle,
        httpPort,
        tlsPort,
        requests(reset = false) {
          const counts = countRequests(server.log().slice(mark));
          if (reset) mark = server.log().length;
          return counts;
        },
        async settled() {
          const marks = (): number => server.log().split(MARK).length;
          const before = marks();
          await get(directory, ca, 'HEAD');
          while (marks() === before) await sleep(5);
        },
        log: () => server.log(),
        async setRenewalInfo(certificate, answer) {
          const body = JSON.stringify({ Certificate: certificate, ARIResponse: JSON.stringify(answer) });
          await get(`${managementUrl}/set-renewal-info/`, ca, 'POST', body);
        },
        root: (index = 0) => get(`${managementUrl}/roots/${index}`, ca),
        intermediate: async () => ({
          certificate: await get(`${managementUrl}/intermediates/0`, ca),
          key: await get(`${managementUrl}/intermediate-keys/0`, ca),
        }),
        certificateStatus: async (serialNumber) => JSON.parse(await get(`${managementUrl}/cert-status-by-serial/${serialNumber}`, ca)),
        async stop() {
          await server.stop();
          await rm(folder, { recursive: true, force: true });
        },
      };
    });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Starts pebble-challtestsrv with its DNS side and, when asked, its http-01 side; A queries answer `ipv4` by default. */
export async function startChallengeServer(options: { readonly ipv4?: string; readonly httpPort?: number } = {}): Promise<ChallengeServer> {
  const file = (await binaries())['pebble-challtestsrv'];
  return withFreePorts(2, async ([dns = 0, management = 0]) => {
    const managementUrl = `http://127.0.0.1:${management}`;
    const post = async (command: string, body: unknown): Promise<void> => {
      const response = await fetch(`${managementUrl}/${command}`, { method: 'POST', body: JSON.stringify(body) });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`challtestsrv ${command} answered ${response.status}`);
    };
    const server = await start(
      file,
      [
        ...['-dnsserver', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${management}`, '-doh', '', '-https01', '', '-tlsalpn01', ''],
        ...['-http01', options.httpPort === undefined ? '' : `127.0.0.1:${options.httpPort}`],
        ...['-defaultIPv4', options.ipv4 ?? '127.0.0.1', '-defaultIPv6', ''],
      ],
      {},
      () => post('clear-txt', { host: 'ready.invalid.' }),
    );
    return {
      dns: `127.0.0.1:${dns}`,
      managementUrl,
      addTxt: (name, value) => post('set-txt', { host: `${name}.`, value }),
      clearTxt: (name) => post('clear-txt', { host: `${name}.` }),
      post,
      stop: () => server.stop(),
    };
  });
}
