/** A real BIND 9 (named) as a child process on loopback, with zones that TSIG keys may update. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import packet from 'dns-packet';
import { exchangeOverTcp } from '../../src/net/tcp.js';
import { servers } from './servers.js';

interface BindKey {
  readonly name: string;
  readonly algorithm: string;
  /** Base64. */
  readonly secret: string;
  /** Rules of update-policy behind `grant NAME`; all TXT records of every zone unless given. */
  readonly rules?: readonly string[];
}

interface BindZone {
  readonly name: string;
  /** Name servers of the zone and their addresses; `ns1.ZONE` at the server's own address unless given. */
  readonly nameservers?: readonly { readonly name: string; readonly address: string }[];
  /** Further lines of the zone file, with absolute names. */
  readonly records?: readonly string[];
}

interface BindOptions {
  readonly zones: readonly (string | BindZone)[];
  /** Beside `key`, which is there always. */
  readonly keys?: readonly BindKey[];
  /** 127.0.0.1 unless given; any 127.x.y.z will do. */
  readonly address?: string;
  /** A free one unless given; 53 needs root. */
  readonly port?: number;
}

export interface Bind {
  readonly address: string;
  readonly port: number;
  /** `address:port`. */
  readonly nameserver: string;
  /** May update all TXT records of all zones. */
  readonly key: BindKey;
  /** A key file of `key` for nsupdate. */
  readonly keyFile: string;
  /** The TXT values at a name, as the server answers them. */
  values(name: string): Promise<string[]>;
  /** Carries out lines of nsupdate's language with a key that may change everything. */
  update(...lines: readonly string[]): Promise<void>;
  /** Adds a TXT value, past all providers. */
  plant(name: string, value: string): Promise<void>;
  log(): string;
  stop(): Promise<void>;
}

/** Starts a server and waits until it answers. A port that was taken meanwhile is given up for another one. */
export async function startBind(options: BindOptions): Promise<Bind> {
  const { named = '', nsupdate = '' } = servers('bind');
  const address = options.address ?? '127.0.0.1';
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort(address));
    const folder = await mkdtemp(path.join(tmpdir(), 'tscert-bind-'));
    const key = newKey('tscert');
    const root = newKey('root', ['zonesub ANY']);
    const keyFile = path.join(folder, 'tscert.key');
    const rootFile = path.join(folder, 'root.key');
    await writeFile(keyFile, keyClause(key), { mode: 0o600 });
    await writeFile(rootFile, keyClause(root), { mode: 0o600 });
    await writeConfiguration(folder, { address, port, zones: options.zones, keys: [key, root, ...(options.keys ?? [])] });

    const child = spawn(named, ['-g', '-n', '1', '-c', path.join(folder, 'named.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
    const lines: string[] = [];
    const killed = (): void => void child.kill('SIGKILL');
    process.once('exit', killed);
    const stop = async (): Promise<void> => {
      process.off('exit', killed);
      if (child.exitCode === null && child.signalCode === null && child.kill('SIGTERM')) await once(child, 'exit');
      await rm(folder, { recursive: true, force: true });
    };
    if (await isRunning(child, lines)) {
      const update = (...commands: readonly string[]): Promise<void> =>
        runNsupdate(nsupdate, rootFile, [`server ${address} ${port}`, ...commands, 'send']);
      return {
        address,
        port,
        nameserver: `${address}:${port}`,
        key,
        keyFile,
        values: (name) => askTxt({ host: address, port }, name),
        update,
        plant: (name, value) => update(`update add ${name}. 60 TXT "${value}"`),
        log: () => lines.join('\n'),
        stop,
      };
    }
    await stop();
    const log = lines.join('\n');
    if (attempt === 5 || options.port !== undefined || !log.includes('address in use')) throw new Error(`named did not start:\n${log}`);
  }
}

/** A key with a fresh secret. */
export function newKey(name: string, rules?: readonly string[], algorithm = 'hmac-sha256'): BindKey {
  return { name, algorithm, secret: randomBytes(32).toString('base64'), ...(rules === undefined ? {} : { rules }) };
}

async function isRunning(child: ChildProcess, lines: string[]): Promise<boolean> {
  const { promise, resolve } = deferred<boolean>();
  let rest = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    const parts = `${rest}${text}`.split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
    if (parts.some((line) => / running$/.test(line))) resolve(!lines.some((line) => line.includes('address in use')));
  });
  child.once('exit', () => resolve(false));
  child.once('error', (error) => {
    lines.push(error.message);
    resolve(false);
  });
  return promise;
}

async function writeConfiguration(
  folder: string,
  options: {
    readonly address: string;
    readonly port: number;
    readonly zones: BindOptions['zones'];
    readonly keys: readonly BindKey[];
  },
): Promise<void> {
  const grants = options.keys.flatMap((key) => (key.rules ?? ['zonesub TXT']).map((rule) => `    grant ${key.name} ${rule};`));
  const clauses: string[] = [];
  await mkdir(path.join(folder, 'zones'));
  for (const entry of options.zones) {
    const zone: BindZone = typeof entry === 'string' ? { name: entry } : entry;
    const servers = zone.nameservers ?? [{ name: `ns1.${zone.name}`, address: options.address }];
    const file = path.join(folder, 'zones', `${zone.name}.zone`);
    const records = [
      `${zone.name}. 60 IN SOA ${servers[0]?.name}. hostmaster.${zone.name}. 1 3600 600 86400 1`,
      ...servers.map((server) => `${zone.name}. 60 IN NS ${server.name}.`),
      ...servers
        .filter((server) => server.name.endsWith(`.${zone.name}`))
        .map(({ name, address }) => `${name}. 60 IN ${address.includes(':') ? 'AAAA' : 'A'} ${address}`),
      ...(zone.records ?? []),
    ];
    await writeFile(file, `${records.join('\n')}\n`);
    clauses.push(`zone "${zone.name}" {\n  type primary;\n  file "${file}";\n  update-policy {\n${grants.join('\n')}\n  };\n};`);
  }
  const configuration = [
    'options {',
    `  directory "${folder}";`,
    `  listen-on port ${options.port} { ${options.address}; };`,
    '  listen-on-v6 { none; };',
    '  pid-file none;',
    '  session-keyfile none;',
    '  recursion no;',
    '  dnssec-validation no;',
    '  notify no;',
    '  allow-query { any; };',
    '};',
    'controls { };',
    ...options.keys.map(keyClause),
    ...clauses,
  ];
  await writeFile(path.join(folder, 'named.conf'), `${configuration.join('\n')}\n`, { mode: 0o600 });
}

function keyClause({ name, algorithm, secret }: BindKey): string {
  return `key "${name}" {\n  algorithm ${algorithm};\n  secret "${secret}";\n};`;
}

async function askTxt(server: { readonly host: string; readonly port: number }, name: string): Promise<string[]> {
  const query = packet.encode({ type: 'query', id: 1, questions: [{ type: 'TXT', name }] });
  const answer = packet.decode(await exchangeOverTcp(server, query, { timeout: 10_000, signal: new AbortController().signal }));
  return (answer.answers ?? []).flatMap((record) => (record.type === 'TXT' ? [[record.data].flat().join('')] : []));
}

function runNsupdate(nsupdate: string, keyFile: string, lines: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile(nsupdate, ['-v', '-k', keyFile], (error) => (error === null ? resolve() : reject(error)));
    child.stdin?.end(`${lines.join('\n')}\n`);
  });
}

async function freePort(address: string): Promise<number> {
  const server = createServer().listen(0, address);
  await once(server, 'listening');
  const bound = server.address();
  server.close();
  await once(server, 'close');
  if (bound === null || typeof bound === 'string') throw new Error('no port was given');
  return bound.port;
}

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
