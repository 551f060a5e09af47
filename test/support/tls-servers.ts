/** Real servers that serve a certificate over TLS, as plain processes with a configuration of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { handshake } from '../../src/net/tls.js';
import { realClock } from './clock.js';
import { freePort } from './free-port.js';
import { servers } from './servers.js';

export interface TlsServer {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  readonly config: string;
  readonly pidFile: string;
  /** Serial number of the certificate that it serves. */
  served(): Promise<string>;
  /** Resolves when it serves this one: for a moment after a reload, workers of before still take connections. */
  serves(serialNumber: string): Promise<void>;
  /** Makes its configuration one that its test refuses, and good again. */
  spoil(): Promise<void>;
  mend(): Promise<void>;
  log(): Promise<string>;
  stop(): Promise<void>;
}

interface Plan {
  readonly program: string;
  readonly args: readonly string[];
  /** Of its configuration file. */
  readonly lines: readonly string[];
}

interface Place {
  readonly folder: string;
  readonly port: number;
  readonly config: string;
  readonly pidFile: string;
}

const LONGEST_START = 20_000;

/** Starts one in this folder, which is made, and waits until it serves. */
async function start(folder: string, planFor: (place: Place) => Plan): Promise<TlsServer> {
  await mkdir(folder, { recursive: true });
  const place = { folder, port: await freePort(), config: path.join(folder, 'server.conf'), pidFile: path.join(folder, 'server.pid') };
  const { program, args, lines } = planFor(place);
  const write = (more: readonly string[] = []): Promise<void> => writeFile(place.config, `${[...lines, ...more].join('\n')}\n`);
  await write();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const killed = (): void => void child.kill('SIGKILL');
  process.once('exit', killed);
  const address = `127.0.0.1:${place.port}`;
  const served = async (): Promise<string> => {
    const [leaf] = (await handshake(address, { timeout: 10_000, signal: new AbortController().signal })).chain;
    return leaf === undefined ? '' : new X509Certificate(leaf).serialNumber;
  };
  const serves = async (serialNumber: string): Promise<void> => {
    const deadline = Date.now() + LONGEST_START;
    for (let last = await served(); last !== serialNumber; last = await served()) {
      if (Date.now() > deadline) throw new Error(`${address} serves ${last} instead of ${serialNumber}`);
      await realClock.sleep(50);
    }
  };
  const log = async (): Promise<string> => said + (await readFile(path.join(folder, 'error.log'), 'utf8').catch(() => ''));
  const stop = async (): Promise<void> => {
    process.off('exit', killed);
    await end(child);
  };
  const deadline = Date.now() + LONGEST_START;
  while ((await served().catch(() => '')) === '') {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`${program} did not start:\n${await log()}`);
    }
    await realClock.sleep(50);
  }
  const { config, pidFile } = place;
  return { ...{ address, config, pidFile, served, serves, log, stop }, spoil: () => write(['Nonsense here;']), mend: () => write() };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = once(child, 'exit');
  child.kill('SIGTERM');
  const patience = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await over;
  clearTimeout(patience);
}

interface Pair {
  readonly certificate: string;
  readonly key: string;
}

/** @param pair `staple` is the file of the OCSP response that it sends along */
export function startNginx(folder: string, { certificate, key, staple }: Pair & { readonly staple?: string }): Promise<TlsServer> {
  const { nginx = '' } = servers('nginx');
  return start(folder, ({ port, config, pidFile }) => ({
    program: nginx,
    args: ['-c', config, '-g', 'daemon off;'],
    lines: [
      `pid ${pidFile};`,
      `error_log ${folder}/error.log notice;`,
      'worker_processes 1;',
      'events { worker_connections 64; }',
      'http {',
      '  access_log off;',
      ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `  ${kind}_temp_path ${folder}/${kind};`),
      ...(staple === undefined ? [] : ['  ssl_stapling on;', `  ssl_stapling_file ${staple};`]),
      `  server { listen 127.0.0.1:${port} ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key}; }`,
      '}',
    ],
  }));
}

/** With a master process, so that it can be reloaded. */
export function startHaproxy(folder: string, { combined }: { readonly combined: string }): Promise<TlsServer> {
  const { haproxy = '' } = servers('haproxy');
  return start(folder, ({ port, config, pidFile }) => ({
    program: haproxy,
    args: ['-W', '-f', config, '-p', pidFile],
    lines: [
      'defaults',
      '  mode http',
      '  timeout client 5s',
      '  timeout server 5s',
      '  timeout connect 5s',
      'frontend web',
      `  bind 127.0.0.1:${port} ssl crt ${combined}`,
      '  http-request return status 200',
    ],
  }));
}

export function startApache(folder: string, { certificate, key }: Pair): Promise<TlsServer> {
  const { apache2 = '' } = servers('apache');
  const modules = ['mpm_event', 'authz_core', 'ssl'].map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`);
  return start(folder, ({ port, config, pidFile }) => ({
    program: apache2,
    args: ['-f', config, '-DFOREGROUND'],
    lines: [
      `ServerRoot ${folder}`,
      'ServerName localhost',
      `PidFile ${pidFile}`,
      `DefaultRuntimeDir ${folder}`,
      `ErrorLog ${folder}/error.log`,
      ...modules,
      'User nobody',
      'Group nogroup',
      'SSLSessionCache none',
      `Mutex file:${folder}`,
      `Listen 127.0.0.1:${port} https`,
      'SSLEngine on',
      `SSLCertificateFile ${certificate}`,
      `SSLCertificateKeyFile ${key}`,
    ],
  }));
}
