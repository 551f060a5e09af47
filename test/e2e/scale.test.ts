/** Many names and many certificates, with every way to prove a name, at a Pebble that refuses a fifth of all nonces and takes its time. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type MixedWorld, startMixedWorld } from '../support/mixed-world.js';
import { skipUnless } from '../support/servers.js';
import { verifyFiles } from '../support/verify.js';

interface Wanted {
  readonly name: string;
  readonly domains: readonly string[];
  readonly dns?: readonly string[];
  readonly http?: string;
  readonly tlsAlpn?: number;
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);
const HTTP_HOSTS = numbers(13).map((at) => `h${at}.host.test`);
const TLS_HOSTS = numbers(8).map((at) => `t${at}.host.test`);

describe('many', { skip: skipUnless('pebble', 'bind', 'acme.sh') }, () => {
  let world: MixedWorld;
  let roots: string;
  before(async () => {
    world = await startMixedWorld({
      hosts: [...HTTP_HOSTS, ...TLS_HOSTS],
      pebble: { nonceReject: 20, sleep: 2, retryAfter: { authz: 1, order: 1 } },
    });
    roots = await world.rootFile();
  });
  after(() => world.close());

  const live = (name: string): string => path.join(world.folder, 'live', name);

  test('one name', async () => {
    const { code, stderr } = await world.run(['issue', '-d', 'one.example.com', '--dns', 'route53']);
    assert.equal(code, 0, stderr);
    await verifyFiles(live('one.example.com'), ['one.example.com'], roots);
    assert.deepEqual(world.txtSets(), []);
  });

  test('a wildcard and its apex', async () => {
    const names = ['example.com', '*.example.com'];
    const { code, stderr } = await world.run(['issue', ...names.flatMap((name) => ['-d', name]), '--dns', 'route53']);
    assert.equal(code, 0, stderr);
    await verifyFiles(live('example.com'), names, roots);
    assert.deepEqual(world.txtSets(), []);
  });

  test('fifty names in one certificate', async () => {
    const names = numbers(50).map((at) => `n${at}.fifty.example.com`);
    const { code, stderr } = await world.run(['issue', '-d', names.join(','), '--name', 'fifty', '--dns', 'route53']);
    assert.equal(code, 0, stderr);
    await verifyFiles(live('fifty'), names, roots);
    assert.deepEqual(world.txtSets(), []);
  });

  test('addresses, by http-01 and by tls-alpn-01', async () => {
    const { httpPort, tlsPort } = world.pebble;
    for (const [name, proof] of [
      ['by-http', ['--http', `standalone:${httpPort}`]],
      ['by-tls', ['--tls-alpn', String(tlsPort)]],
    ] as const) {
      const { code, stderr } = await world.run(['issue', '-d', '127.0.0.1', '--name', name, ...proof]);
      assert.equal(code, 0, stderr);
      await verifyFiles(live(name), ['127.0.0.1'], roots);
    }
  });

  test('a hundred certificates in one run, their names proven in seven ways', async () => {
    const { httpPort, tlsPort } = world.pebble;
    const both = (name: string): string[] => [name, `*.${name}`];
    const certificates: Wanted[] = [
      ...numbers(38).map((at) => ({ name: `r${at}`, domains: both(`r${at}.example.com`) })),
      ...numbers(12).map((at) => ({ name: `a${at}`, domains: both(`a${at}.example.net`) })),
      ...numbers(12).map((at) => ({ name: `b${at}`, domains: both(`b${at}.example.org`) })),
      ...numbers(6).map((at) => ({ name: `e${at}`, domains: [`e${at}.exec.test`] })),
      ...numbers(3).map((at) => ({ name: `s${at}`, domains: [`s${at}.acmesh.test`] })),
      ...HTTP_HOSTS.slice(1).map((host) => ({ name: host, domains: [host], http: `standalone:${httpPort}` })),
      ...TLS_HOSTS.map((host) => ({ name: host, domains: [host], tlsAlpn: tlsPort })),
      // Two that share a name take turns.
      { name: 'shared-1', domains: ['shared.example.com', 'one.shared.example.com'] },
      { name: 'shared-2', domains: ['shared.example.com', 'two.shared.example.com'] },
      // Names of one certificate in the zones of several providers.
      ...numbers(6).map((at) => ({
        name: `m${at}`,
        domains: [`m${at}.example.com`, `*.m${at}.example.net`, `m${at}.example.org`, `m${at}.exec.test`],
      })),
      {
        name: 'all',
        domains: ['all.example.com', 'all.example.net', HTTP_HOSTS[0] ?? ''],
        dns: ['route53@example.com', 'alidns@example.net'],
        http: `standalone:${httpPort}`,
      },
    ];
    assert.equal(certificates.length, 100);
    const zones = ['route53@example.com', 'alidns@example.net', 'rfc2136@example.org', 'exec@exec.test', 'acmesh:dns_world@acmesh.test'];
    const config = path.join(world.folder, '..', 'hundred.json');
    await writeFile(config, JSON.stringify({ dns: zones, certificates }));

    const before = world.pebble.log().length;
    world.route53.resetCalls();
    const { code, stdout, stderr } = await world.run(['issue', '--config', config, '--json']);
    assert.equal(code, 0, stderr.slice(-4_000));
    const { certificates: outcomes } = JSON.parse(stdout) as { certificates: { name: string; state: string }[] };
    assert.deepEqual(
      outcomes.filter(({ state }) => state !== 'issued'),
      [],
    );
    for (const { name, domains } of certificates) await verifyFiles(live(name), domains, roots);
    assert.deepEqual(await world.standing(certificates.flatMap(({ domains }) => domains)), []);
    assert.ok(world.route53.calls().total <= 20, JSON.stringify(world.route53.calls()));

    const log = world.pebble.log().slice(before);
    assert.equal(new Set(log.match(/Issued certificate serial \w+/g)).size, 100);
    const atOnce = mostAtOnce(log);
    assert.ok(atOnce <= 60 && atOnce > 1, `${atOnce} challenges were with the CA at once`);
    assert.deepEqual(overlaps(stderr), []);
  });
});

/** How many validations Pebble had under way at most. */
function mostAtOnce(log: string): number {
  let now = 0;
  let most = 0;
  for (const [line] of log.matchAll(/Pulled a task from the Tasks queue|set VALID by completed challenge|set INVALID by/g)) {
    now += line.startsWith('Pulled') ? 1 : -1;
    most = Math.max(most, now);
  }
  return most;
}

/** Challenges, by the events of a run, that were under way while another of the same name and type was. */
function overlaps(lines: string): string[] {
  const holders = new Map<string, string>();
  const found: string[] = [];
  for (const line of lines.split('\n').filter((text) => text.startsWith('{'))) {
    const { type, certificate, identifier, challenge, state } = JSON.parse(line) as Record<string, string>;
    if (type !== 'challenge') continue;
    const key = `${challenge} ${identifier}`;
    const holder = holders.get(key);
    if (state === 'scheduled' && holder !== undefined) found.push(`${key}: ${certificate} while ${holder} has it`);
    if (state === 'scheduled') holders.set(key, certificate ?? '');
    if (state === 'valid' && holder === certificate) holders.delete(key);
  }
  return found;
}
