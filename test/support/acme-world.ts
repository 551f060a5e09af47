/** A small world to issue in: Pebble, which asks the name servers of a Route53 emulator, and a folder for the command. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Route53Emulator, type Route53EmulatorOptions, startRoute53Emulator } from '../emulators/route53/index.js';
import { type CommandOptions, type Finished, type Started, startTscert } from './command.js';
import { startDnsRouter } from './dns-router.js';
import { startDnsServer } from './dns-server.js';
import { type ServedRecord, zone } from './dns-zone.js';
import { type Pebble, type PebbleOptions, startPebble } from './pebble.js';

export const AWS_KEY = { accessKeyId: 'AKIAWORLD', secretAccessKey: 'world/secret+key=' };

export interface AcmeWorld {
  readonly pebble: Pebble;
  readonly route53: Route53Emulator;
  /** `--dir` of the command. */
  readonly folder: string;
  /** `host:port` of the DNS side, resolver and name server in one. */
  readonly dns: string;
  readonly env: Readonly<Record<string, string>>;
  /** What every `issue` of this world needs besides its names. */
  readonly flags: readonly string[];
  start(args: readonly string[], env?: Readonly<Record<string, string>>, more?: Omit<CommandOptions, 'env'>): Started;
  run(args: readonly string[], env?: Readonly<Record<string, string>>, more?: Omit<CommandOptions, 'env'>): Promise<Finished>;
  /** TXT sets that stand in all zones. */
  txtSets(): string[];
  /** A part of a stored certificate. */
  live(name: string, file: string): Promise<string>;
  /** Path of a PEM file with the root that issued chains end in. */
  rootFile(): Promise<string>;
  close(): Promise<void>;
}

export interface AcmeWorldOptions {
  readonly zones?: readonly string[];
  readonly pebble?: PebbleOptions;
  readonly route53?: Partial<Route53EmulatorOptions>;
  /** Names below host.test that lead to this machine. */
  readonly hosts?: readonly string[];
  /** Further zones, with the `host:port` of the name server of each. */
  readonly routes?: Readonly<Record<string, string>>;
  /** More of the command's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function startAcmeWorld({
  zones = ['example.com'],
  pebble: pebbleOptions,
  route53: more,
  hosts = [],
  routes = {},
  env: moreEnv,
}: AcmeWorldOptions = {}): Promise<AcmeWorld> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tscert-world-'));
  const route53 = await startRoute53Emulator({
    zones: zones.map((name) => ({ name })),
    credentials: [AWS_KEY],
    dns: { servers: [{ address: '127.0.0.1' }] },
    ...more,
  });
  const addresses = hosts.map((name): ServedRecord => ({ name, type: 'A', data: '127.0.0.1' }));
  const hostDns = await startDnsServer({ zones: [zone('host.test', ['127.0.0.1'], addresses)] });
  const own = Object.fromEntries(zones.map((name) => [name, route53.dns.addresses[0] ?? '']));
  const router = await startDnsRouter({ ...own, 'host.test': hostDns.address, ...routes });
  const dns = router.address;
  const pebble = await startPebble({ dnsServer: dns, ...pebbleOptions });
  const env = {
    AWS_ACCESS_KEY_ID: AWS_KEY.accessKeyId,
    AWS_SECRET_ACCESS_KEY: AWS_KEY.secretAccessKey,
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_ROUTE_53: route53.endpoint,
    TSCERT_DIR: path.join(folder, 'data'),
    TSCERT_SERVER: pebble.directory,
    TSCERT_CA_BUNDLE: pebble.caBundle,
    TSCERT_DNS_RESOLVER: dns,
    TSCERT_DNS_NAMESERVER: dns,
    TSCERT_AGREE_TOS: '1',
    TSCERT_EMAIL: 'admin@example.com',
    ...moreEnv,
  };
  const start: AcmeWorld['start'] = (args, own = {}, more = {}) => startTscert(args, { cwd: folder, ...more, env: { ...env, ...own } });
  return {
    pebble,
    route53,
    folder: path.join(folder, 'data'),
    dns,
    env,
    flags: ['--dns', 'route53'],
    start,
    run: (...values) => start(...values).finished,
    txtSets: () =>
      route53
        .zones()
        .flatMap(({ id }) => route53.records(id))
        .filter(({ type }) => type === 'TXT')
        .map(({ name }) => name),
    live: (name, file) => readFile(path.join(folder, 'data/live', name, file), 'utf8'),
    async rootFile() {
      const file = path.join(folder, 'root.pem');
      await writeFile(file, await pebble.root());
      return file;
    },
    async close() {
      await Promise.all([pebble.stop(), route53.stop(), router.close(), hostDns.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
