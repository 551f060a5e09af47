import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubernetesClient } from '../../src/kubernetes/client.js';
import { acquireLease, LEASE, type LeaseOptions } from '../../src/kubernetes/lease.js';
import { realClock } from '../support/clock.js';
import { type FaultyKubernetes, startFaultyKubernetes, status } from '../support/faulty-kubernetes.js';
import { type KubernetesCluster, startKubernetes } from '../support/kubernetes.js';
import { skipUnless } from '../support/servers.js';
import { clientFor, failure } from './world.js';

const skip = skipUnless('kubernetes', 'openssl');
const { signal } = new AbortController();
const call = { signal };
let cluster: KubernetesCluster;
let faulty: FaultyKubernetes;
let admin: KubernetesClient;
let shaky: KubernetesClient;

before(async () => {
  if (skip !== false) return;
  cluster = await startKubernetes({ controllers: false });
  faulty = await startFaultyKubernetes(cluster);
  admin = await clientFor({ kubeconfig: cluster.kubeconfig('admin') });
  shaky = await clientFor({ kubeconfig: cluster.kubeconfig('admin', { cluster: { server: faulty.url } }) });
});
after(async () => {
  admin?.close();
  shaky?.close();
  await faulty?.stop();
  await cluster?.stop();
});

/** A time that a test moves: sleepers wake when it has come, and the cluster is real. */
function createTime() {
  let now = 0;
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();
  const sleep = (ms: number, stop?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (stop?.aborted === true) return reject(stop.reason);
      const sleeper = { at: now + ms, wake: resolve };
      sleepers.add(sleeper);
      stop?.addEventListener('abort', () => {
        sleepers.delete(sleeper);
        reject(stop.reason);
      });
    });
  return {
    uptime: () => now,
    clock: { now: () => Date.now(), sleep },
    /** Moves on, and lets real answers come. */
    async pass(ms: number): Promise<void> {
      for (const end = now + ms; now < end; ) {
        now = Math.min(end, now + 250);
        for (const sleeper of [...sleepers].filter(({ at }) => at <= now)) {
          sleepers.delete(sleeper);
          sleeper.wake();
        }
        await realClock.sleep(10);
      }
    },
  };
}

function optionsFor(name: string, identity: string, time: ReturnType<typeof createTime>, more: Partial<LeaseOptions> = {}): LeaseOptions {
  const { clock, uptime } = time;
  return { client: admin, name, identity, seconds: 15, wait: 0, clock, background: clock, uptime, random: () => 0.5, signal, ...more };
}

const read = (name: string) => admin.get(LEASE, { name }, call);

test('one holds it, the next one is told who; let go, it is free', { skip }, async () => {
  const time = createTime();
  const first = await acquireLease(optionsFor('one', 'a', time, { labels: { of: 'test' } }));
  const lease = await read('one');
  assert.equal(lease?.spec?.holderIdentity, 'a');
  assert.match(lease?.spec?.renewTime ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  assert.deepEqual(lease?.metadata.labels, { of: 'test' });
  const error = await failure(acquireLease(optionsFor('one', 'b', time)), 'locked');
  assert.match(error.message, /"a" holds it/);
  await first.release();
  assert.equal((await read('one'))?.spec?.holderIdentity, '');
  const second = await acquireLease(optionsFor('one', 'b', time, { afterwards: 'remove' }));
  assert.equal((await read('one'))?.spec?.leaseTransitions, 1);
  await second.release();
  assert.equal(await read('one'), undefined);
  assert.equal(second.lost.aborted, false);
});

test('of twenty that ask at once one gets it', { skip }, async () => {
  const time = createTime();
  const asked = await Promise.allSettled(Array.from({ length: 20 }, (_, nth) => acquireLease(optionsFor('many', `m${nth}`, time))));
  assert.equal(asked.filter(({ status: how }) => how === 'fulfilled').length, 1);
});

test('who gives signs of life keeps it however long it takes; who waits gets it after the holder lets go', { skip }, async () => {
  const time = createTime();
  const held = await acquireLease(optionsFor('long', 'a', time));
  let isTaken = false;
  const waiting = acquireLease(optionsFor('long', 'b', time, { wait: Number.POSITIVE_INFINITY })).then((lease) => {
    isTaken = true;
    return lease;
  });
  await time.pass(60_000);
  assert.equal(isTaken, false);
  assert.equal(held.lost.aborted, false);
  await held.release();
  await time.pass(3_000);
  assert.equal((await read('long'))?.spec?.holderIdentity, 'b');
  await (await waiting).release();
});

test("a dead holder's is taken over after its own duration, whatever its clock said", { skip }, async () => {
  const time = createTime();
  for (const renewTime of ['2001-01-01T00:00:00.000000Z', '2099-01-01T00:00:00.000000Z']) {
    const name = `dead-${renewTime.slice(0, 4)}`;
    const spec = { holderIdentity: 'gone', leaseDurationSeconds: 30, renewTime, acquireTime: renewTime, leaseTransitions: 4 };
    await admin.create(LEASE, { metadata: { name }, spec }, call);
    let isTaken = false;
    const waiting = acquireLease(optionsFor(name, 'a', time, { wait: 60_000 })).then((lease) => {
      isTaken = true;
      return lease;
    });
    await realClock.sleep(50);
    await time.pass(28_000);
    assert.equal(isTaken, false);
    await time.pass(6_000);
    assert.equal((await read(name))?.spec?.holderIdentity, 'a');
    assert.equal((await read(name))?.spec?.leaseTransitions, 5);
    await (await waiting).release();
  }
});

test('the wait ends when it is over, or when the signal says so', { skip }, async () => {
  const time = createTime();
  const held = await acquireLease(optionsFor('wait', 'a', time));
  const waiting = failure(acquireLease(optionsFor('wait', 'b', time, { wait: 5_000 })), 'locked');
  await time.pass(10_000);
  await waiting;
  const stop = new AbortController();
  const stopped = assert.rejects(acquireLease(optionsFor('wait', 'c', time, { wait: 1e9, signal: stop.signal })), /enough/);
  await realClock.sleep(50);
  stop.abort(new Error('enough'));
  await stopped;
  await held.release();
});

test('who cannot renew it in time stops before another may take it', { skip }, async () => {
  const time = createTime();
  faulty.rule = () => undefined;
  const held = await acquireLease(optionsFor('cut', 'a', time, { client: shaky }));
  faulty.rule = () => ({ kind: 'reset' });
  await time.pass(9_500);
  assert.equal(held.lost.aborted, false);
  await time.pass(2_500);
  assert.equal(held.lost.aborted, true);
  assert.equal(held.lost.reason.code, 'lease-lost');
  await held.release();
  faulty.rule = () => undefined;
});

test('an API server that is away for a moment costs nothing', { skip }, async () => {
  const time = createTime();
  const held = await acquireLease(optionsFor('blink', 'a', time, { client: shaky }));
  faulty.rule = () => status(500, 'InternalError', 'etcdserver: leader changed');
  await time.pass(7_000);
  faulty.rule = () => undefined;
  await time.pass(30_000);
  assert.equal(held.lost.aborted, false);
  await held.release();
});

test('a renewal whose answer was lost is one; a label of somebody else is none of our business', { skip }, async () => {
  const time = createTime();
  const held = await acquireLease(optionsFor('lost-answer', 'a', time, { client: shaky }));
  let losses = 0;
  faulty.rule = ({ method }) => (method === 'PUT' && losses++ === 0 ? { kind: 'lose' } : undefined);
  await time.pass(12_000);
  await admin.patch(LEASE, { name: 'lost-answer' }, { merge: { metadata: { labels: { x: 'y' } } } }, call);
  await time.pass(20_000);
  faulty.rule = () => undefined;
  assert.ok(losses > 1);
  assert.equal(held.lost.aborted, false);
  await held.release();
  assert.deepEqual((await read('lost-answer'))?.metadata.labels, { x: 'y' });
});

test('somebody who took it by force, or removed it, is noticed with the next sign of life', { skip }, async () => {
  const time = createTime();
  const stolen = await acquireLease(optionsFor('stolen', 'a', time));
  await admin.patch(LEASE, { name: 'stolen' }, { merge: { spec: { holderIdentity: 'thief' } } }, call);
  const removed = await acquireLease(optionsFor('removed', 'a', time));
  await admin.remove(LEASE, { name: 'removed' }, call);
  await time.pass(6_000);
  assert.match(stolen.lost.reason.message, /"thief" holds it/);
  assert.match(removed.lost.reason.message, /somebody removed it/);
  await stolen.release();
  assert.equal((await read('stolen'))?.spec?.holderIdentity, 'thief');
});

test('a missing right is told, and nothing is taken', { skip }, async () => {
  const alice = await clientFor({ kubeconfig: cluster.kubeconfig('alice') });
  const error = await failure(acquireLease(optionsFor('x', 'a', createTime(), { client: alice })), 'cluster-forbidden');
  assert.match(error.message, /lacks the right "get" on "leases\.coordination\.k8s\.io" in the namespace "default"/);
  alice.close();
});
