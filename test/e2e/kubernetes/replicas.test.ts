/**
 * Everything in the cluster, nothing on disk: runs that are killed, replicas that work beside each other, an API server that goes away, and the
 * least rights.
 *
 * KILL_POINTS says how many steps a run is killed at, SECRETS how many certificates two replicas renew.
 */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { storeRights } from '../../../src/store/kubernetes/store.js';
import { blocksOf } from '../../docs/blocks.js';
import { KILLER } from '../../support/command.js';
import { type FaultyKubernetes, startFaultyKubernetes, status } from '../../support/faulty-kubernetes.js';
import type { Rule } from '../../support/kubernetes.js';
import { skipUnless } from '../../support/servers.js';
import { type ClusterWorld, type Room, startClusterWorld } from './world.js';

const skip = skipUnless('pebble', 'kubernetes', 'openssl');
const POINTS = Math.ceil(Number(process.env.KILL_POINTS ?? 78) / 13);
const SIDE_BY_SIDE = 3;
const SECRETS = Number(process.env.SECRETS ?? 16);

describe('state in the cluster alone', { skip }, () => {
  let world: ClusterWorld;
  let proxy: FaultyKubernetes;
  before(async () => {
    world = await startClusterWorld();
    proxy = await startFaultyKubernetes(world.cluster);
  });
  after(async () => {
    await proxy?.stop();
    await world?.close();
  });

  const flags = (): readonly string[] => world.acme.flags;
  const issued = (log: string): number => log.match(/Issued certificate serial/g)?.length ?? 0;
  const leafOf = async (room: Room, name: string): Promise<X509Certificate> => {
    const secret = await room.secret(name);
    return new X509Certificate(Buffer.from(secret.data['tls.crt'], 'base64'));
  };

  test('a run that is killed at any step is finished by the next, elsewhere: one order, one certificate, nothing left', async () => {
    const warm = await world.room('warm');
    const traced = async (room: Room, name: string, env: Record<string, string> = {}) => {
      const trace = path.join(world.acme.folder, '..', `${name}.steps`);
      await rm(trace, { force: true });
      const done = await room.run(['issue', '-d', name, ...flags()], { ...KILLER, KILL_TRACE: trace, ...env });
      return { ...done, steps: (await readFile(trace, 'utf8')).trim().split('\n') };
    };
    const { steps, code, stderr } = await traced(warm, 'warm.example.com');
    assert.equal(code, 0, stderr);
    const writes = steps.flatMap((step, at) => (/ (PUT|POST|PATCH|DELETE) \/a/.test(step) && !step.includes('leases') ? [at + 1] : []));
    assert.ok(writes.length > 12, steps.join('\n'));
    // Spread over all writes to the cluster, before and after each.
    const chosen = writes.filter((_, at) => Math.floor((at * POINTS) / writes.length) !== Math.floor(((at - 1) * POINTS) / writes.length));
    const attempt = async (at: number): Promise<void> => {
      const room = await world.room(`killed-${at}`);
      const name = `k${at}.example.com`;
      const first = await traced(room, name, { KILL_AT: String(at) });
      const killed = first.steps.at(-1);
      assert.equal(first.code, -1, `${at}: ${killed}`);
      const second = await traced(room, name);
      assert.equal(second.code, 0, `${killed}: ${second.stderr}`);
      // Whatever was finalized, one order: its certificate is the one that is stored.
      const finalized = second.steps.concat(first.steps).filter((step) => step.startsWith('before POST /finalize-order/'));
      assert.equal(new Set(finalized).size, 1, `${killed}: ${finalized.join(', ')}`);
      assert.equal((await leafOf(room, name)).subjectAltName, `DNS:${name}`);
      const secrets = await room.all('secrets');
      assert.deepEqual(
        secrets.filter(({ type }) => type === 'tscert.io/journal'),
        [],
      );
      assert.equal(secrets.filter(({ type }) => type === 'tscert.io/generation').length, 1, killed);
      assert.equal(room.usesDisk(), false);
    };
    const waiting = chosen.values();
    const work = async (): Promise<void> => {
      for (const at of waiting) await attempt(at);
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
    assert.deepEqual(world.acme.txtSets(), []);
  });

  test(`two replicas renew ${SECRETS} Secrets: each once, none twice`, async () => {
    const room = await world.room('replicas');
    const config = path.join(world.acme.folder, '..', 'many.yaml');
    const names = Array.from({ length: SECRETS }, (_, at) => `r${at}.example.com`);
    const entries = names.map((name) => `  - domains: ${name}\n`).join('');
    await writeFile(config, `dns: route53\ncertificates:\n${entries}`);
    const from = world.acme.pebble.log().length;
    const runs = await Promise.all([1, 2].map(() => room.run(['renew', '--config', config])));
    for (const { code, stderr } of runs) assert.ok([0, 3, 5].includes(code), stderr);
    for (const { stderr } of runs) {
      // Whoever was slower found it done, or at work.
      const told = stderr.match(/^tscert: error: \S+: .*$/gm) ?? [];
      for (const line of told) assert.match(line, /cannot lock "certificate:r\d+\.example\.com": tscert renew on \S+ \(\d+\) holds it/);
    }
    assert.equal(issued(world.acme.pebble.log().slice(from)), SECRETS);
    for (const name of names) assert.equal((await leafOf(room, name)).subjectAltName, `DNS:${name}`);
    const generations = (await room.all('secrets')).filter(({ type }) => type === 'tscert.io/generation');
    assert.equal(generations.length, SECRETS);
    assert.deepEqual(await room.all('leases'), []);
    assert.equal((await room.run(['renew', '--config', config])).code, 0);
    assert.equal(issued(world.acme.pebble.log().slice(from)), SECRETS);
  });

  test('two that watch, as a Deployment of two replicas does: each certificate once, and both end when they are told', async () => {
    const room = await world.room('watchers');
    const config = path.join(world.acme.folder, '..', 'watched.yaml');
    const names = ['w0', 'w1', 'w2', 'w3'].map((label) => `${label}.example.com`);
    await writeFile(config, `dns: route53\ncertificates:\n${names.map((name) => `  - domains: ${name}\n`).join('')}`);
    const from = world.acme.pebble.log().length;
    const runs = [1, 2].map(() => room.start(['watch', '--no-listen', '--config', config]));
    while ((await Promise.all(names.map((name) => room.secret(name)))).includes(undefined)) await sleep(100);
    for (const run of runs) run.kill('SIGTERM');
    for (const { code, stderr } of await Promise.all(runs.map(({ finished }) => finished))) assert.equal(code, 0, stderr);
    assert.equal(issued(world.acme.pebble.log().slice(from)), names.length);
    assert.deepEqual(await room.all('leases'), []);
  });

  test('the rights that the documentation names are enough for all of it', async () => {
    const role = blocksOf('docs/secrets.md').find(({ text }) => text.includes('kind: Role\n')) ?? assert.fail();
    const { rules: written } = parse(role.text) as { rules: readonly Rule[] };
    const rules = written.flatMap((rule) => rule.verbs.map((verb): Rule => ({ ...rule, verbs: [verb] })));
    const wanted = [...storeRights('least'), { verb: 'patch', group: '', resource: 'secrets' }];
    const told = (list: readonly { verb: string; resource: string }[]): string[] =>
      list.map(({ verb, resource }) => `${verb} ${resource}`).sort();
    assert.deepEqual(told(rules.map(({ verbs: [verb = ''], resources: [resource = ''] }) => ({ verb, resource }))), told(wanted));
    const room = await world.room('least', { user: 'carol' });
    await world.cluster.grant('carol', rules, 'least');
    for (const args of [
      ['issue', '-d', 'least.example.com', ...flags()],
      ['plan'],
      ['renew', '--force'],
      ['list'],
      ['rollback', 'least.example.com'],
    ]) {
      const { code, stderr } = await room.run(args);
      assert.equal(code, 0, stderr);
    }
    const poor = await world.room('poor', { user: 'dave' });
    await world.cluster.grant(
      'dave',
      rules.filter(({ verbs, resources }) => !(verbs[0] === 'create' && resources[0] === 'secrets')),
      'poor',
    );
    const from = world.acme.pebble.log().length;
    const { code, stderr } = await poor.run(['issue', '-d', 'poor.example.com', ...flags()]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /cannot keep anything in the namespace "poor": the right "create" on "secrets" in the namespace "poor" is missing/,
    );
    assert.equal(world.acme.pebble.log().slice(from).includes('Added order'), false);
  });

  test('an API server that goes away in the middle costs time and nothing else', async () => {
    const room = await world.room('away');
    const run = room.start(['issue', '-d', 'away.example.com', '-d', '*.away.example.com', ...flags()]);
    await run.said(/ordered/);
    await world.cluster.restart();
    const { code, stderr } = await run.finished;
    assert.equal(code, 0, stderr);
    assert.match((await leafOf(room, 'away.example.com')).subjectAltName ?? '', /away\.example\.com/);
    assert.deepEqual(
      (await room.all('secrets')).filter(({ type }) => type === 'tscert.io/journal'),
      [],
    );
  });

  test('conflicts and refusals without end are met with patience, and none is taken for "absent"', async () => {
    const room = await world.room('storm', { server: proxy.url });
    const from = world.acme.pebble.log().length;
    proxy.rule = ({ method, path: place }, earlier) => {
      // Of some objects each first look is refused.
      if (method === 'GET' || !place.includes('/secrets'))
        return earlier === 0 && place.length % 5 === 0 ? status(429, 'TooManyRequests', 'slow down', { 'retry-after': '0' }) : undefined;
      return earlier % 3 === 0 ? status(409, 'Conflict', 'the object has been modified') : undefined;
    };
    const { code, stderr } = await room.run(['issue', '-d', 'storm.example.com', ...flags()]);
    proxy.rule = () => undefined;
    assert.equal(code, 0, stderr);
    assert.equal(issued(world.acme.pebble.log().slice(from)), 1);
    proxy.rule = ({ path: place }) => (place.includes('/secrets') ? status(403, 'Forbidden') : undefined);
    const shut = await room.run(['issue', '-d', 'storm.example.com', ...flags()]);
    proxy.rule = () => undefined;
    assert.equal(shut.code, 1, shut.stderr);
    assert.equal(issued(world.acme.pebble.log().slice(from)), 1);
  });
});
