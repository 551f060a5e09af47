/** What an API server, other replicas and people do to a store. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isTscertError, type TscertError } from '../../../src/base/errors.js';
import { stateName } from '../../../src/store/kubernetes/state.js';
import { storeRights } from '../../../src/store/kubernetes/store.js';
import { makeBundle } from '../../contract/certificates.js';
import { failure } from '../../kubernetes/world.js';
import { realClock } from '../../support/clock.js';
import { type ApiFault, type FaultyKubernetes, startFaultyKubernetes, status } from '../../support/faulty-kubernetes.js';
import { type KubernetesCluster, type Rule, startKubernetes } from '../../support/kubernetes.js';
import { skipUnless } from '../../support/servers.js';
import { makeNamespace, type Opened, openIn } from './support.js';

const skip = skipUnless('kubernetes', 'openssl');
const never = new AbortController().signal;

describe('a store in a cluster', { skip }, () => {
  let cluster: KubernetesCluster;
  let proxy: FaultyKubernetes;
  let namespace: string;
  const opened: Opened[] = [];
  const open = async (more: Parameters<typeof openIn>[2] = {}): Promise<Opened['store']> => {
    const one = await openIn(cluster, namespace, more);
    opened.push(one);
    return one.store;
  };
  const [first, second] = [makeBundle('first.test'), makeBundle('second.test')];
  before(async () => {
    cluster = await startKubernetes({ controllers: false });
    proxy = await startFaultyKubernetes(cluster);
    namespace = await makeNamespace(cluster);
  });
  after(async () => {
    for (const { client } of opened) client.close();
    await proxy?.stop();
    await cluster?.stop();
  });
  const secrets = (): string => `/api/v1/namespaces/${namespace}/secrets`;

  test('an outage is never "absent": each read says what is wrong', async () => {
    // No waiting: every pause is over at once, and each look at the time is a minute later.
    let now = 0;
    const clock = { now: () => Date.now(), sleep: async () => undefined };
    const uptime = (): number => (now += 30_000);
    const store = await open({ server: proxy.url, clock, uptime });
    await (await open()).save('outage.test', first);
    const faults: readonly (readonly [string, ApiFault])[] = [
      ['cluster-forbidden', status(403, 'Forbidden')],
      ['cluster-login', status(401, 'Unauthorized')],
      ['cluster-failed', status(500, 'InternalError')],
      ['cluster-failed', status(503, 'ServiceUnavailable')],
      ['cluster-failed', { kind: 'answer', status: 404, body: 'no such page' }],
      ['network', { kind: 'reset' }],
      ['response-invalid', { kind: 'answer', status: 200, body: '<html>' }],
    ];
    const reads = {
      load: () => store.load('outage.test'),
      outline: () => store.outline('outage.test'),
      mark: () => store.mark('outage.test', []),
      list: () => store.list(),
      generations: () => store.generations('outage.test'),
      get: () => store.get('ledger', 'x'),
      records: () => (store as unknown as { list(kind: string): Promise<string[]> }).list('journal'),
    };
    for (const [code, fault] of faults) {
      proxy.rule = () => fault;
      for (const [what, read] of Object.entries(reads)) {
        const error = await failure(read());
        assert.equal(error.code, code, `${what}: ${error.message}`);
      }
    }
    proxy.rule = () => undefined;
    assert.equal((await store.load('outage.test'))?.certificate, first.certificate);
  });

  test('an answer that is lost costs nothing: what was written is not written twice', async () => {
    const store = await open({ server: proxy.url });
    for (const [at, lost] of ['POST', 'PUT', 'DELETE'].entries()) {
      const done = new Set<string>();
      proxy.rule = ({ method, path }) => {
        const key = `${method} ${path.split('?')[0]}`;
        if (method !== lost || !path.includes('secrets') || done.has(key)) return undefined;
        done.add(key);
        return { kind: 'lose' };
      };
      const name = `lost${at}.test`;
      const generations = [(await store.save(name, first)).generation, (await store.save(name, second)).generation];
      await store.put('journal', name, 1);
      await store.put('journal', name, 2);
      assert.equal(await store.get('journal', name), 2);
      await store.delete('journal', name);
      assert.deepEqual(generations, ['0001', '0002'], lost);
      assert.deepEqual(
        (await store.generations(name)).map(({ id, isCurrent }) => [id, isCurrent]),
        [
          ['0001', false],
          ['0002', true],
        ],
      );
      assert.equal(done.size > 0, true);
    }
    proxy.rule = () => undefined;
  });

  test('the rights of the documentation are enough; without any one of them the probe names it', async () => {
    const rules = storeRights(namespace).map(
      ({ verb, group, resource }): Rule => ({ apiGroups: [group], resources: [resource], verbs: [verb] }),
    );
    await cluster.grant('alice', rules, namespace);
    const store = await open({ user: 'alice' });
    await store.probe();
    await store.save('rights.test', first);
    await store.save('rights.test', second);
    await store.prune('rights.test', { count: 1, age: 0 });
    await store.put('ledger', 'rights', 1);
    await store.put('ledger', 'rights', 2);
    await store.delete('ledger', 'rights');
    assert.deepEqual((await store.list()).includes('rights.test'), true);
    await (await store.lock('rights', { wait: 0, signal: never })).release();
    const spaces = await Promise.all(rules.map(() => makeNamespace(cluster)));
    for (const [at, space] of spaces.entries()) {
      await cluster.grant(
        'bob',
        rules.filter((_, other) => other !== at),
        space,
      );
      const one = await openIn(cluster, space, { user: 'bob' });
      opened.push(one);
      const error = await failure(one.store.probe(), 'store-unwritable');
      const { resources: [resource] = [], verbs: [verb] = [] } = rules[at] ?? assert.fail();
      assert.match(error.message, new RegExp(`the right "${verb}" on "${resource}[^"]*" in the namespace "${space}" is missing$`));
    }
  });

  test('who does not hold a journal any more cannot write it', async () => {
    const [late, holder] = [await open(), await open()];
    await late.put('journal', 'fence.test', { step: 1 });
    assert.deepEqual(await holder.get('journal', 'fence.test'), { step: 1 });
    await holder.put('journal', 'fence.test', { step: 2 });
    await failure(late.put('journal', 'fence.test', { step: 3 }), 'cluster-conflict');
    await late.get('journal', 'fence.test');
    await holder.delete('journal', 'fence.test');
    await failure(late.put('journal', 'fence.test', { step: 4 }), 'cluster-conflict');
    assert.equal(await holder.get('journal', 'fence.test'), undefined);
  });

  test('eight replicas that write the same at once: nothing is lost, and all see the same', async () => {
    const stores = await Promise.all(Array.from({ length: 8 }, () => open()));
    const saved = await Promise.all(stores.map((store, at) => store.save('storm.test', at % 2 === 0 ? first : second)));
    const history = await (stores[0] ?? assert.fail()).generations('storm.test');
    assert.equal(new Set(saved.map(({ generation }) => generation)).size, history.length);
    assert.equal(history.filter(({ isCurrent }) => isCurrent).length, 1);
    for (const { generation, certificate } of saved) {
      assert.equal((await stores[1]?.loadGeneration('storm.test', generation))?.certificate, certificate);
    }
    await Promise.all(stores.map((store, at) => store.put('ledger', 'storm', at)));
    assert.equal(typeof (await stores[2]?.get('ledger', 'storm')), 'number');
  });

  test('what a killed run has left of a generation is taken when it comes again, and swept when it does not', async () => {
    const store = await open({ server: proxy.url });
    const isPointer = (body: string): boolean => body.includes(`"name":"${stateName('certificate', 'killed.test')}"`);
    const halfDone = async (bundle: typeof first): Promise<void> => {
      const client = await openIn(cluster, namespace, { server: proxy.url });
      opened.push(client);
      // Neither the switch nor the tidying after it gets through.
      proxy.rule = ({ method, body }) =>
        method === 'DELETE' || (method !== 'GET' && isPointer(body)) ? status(403, 'Forbidden') : undefined;
      await failure(client.store.save('killed.test', bundle), 'cluster-forbidden');
      proxy.rule = () => undefined;
    };
    await halfDone(first);
    assert.equal(await store.load('killed.test'), undefined);
    assert.equal((await store.save('killed.test', first)).generation, '0001');
    await halfDone(first);
    const next = await store.save('killed.test', second);
    assert.deepEqual(
      (await store.generations('killed.test')).map(({ id }) => id),
      ['0001', next.generation],
    );
    await store.prune('killed.test', { count: 9, age: 0 });
    const { body } = await cluster.ask('GET', secrets());
    const left = body.items.filter((item: { metadata: { annotations?: Record<string, string> } }) =>
      item.metadata.annotations?.['tscert.io/of']?.startsWith('killed.test '),
    );
    assert.equal(left.length, 2);
  });

  test('damage is told, and the next generation heals it', async () => {
    const store = await open();
    const pointer = `${secrets()}/${stateName('certificate', 'hurt.test')}`;
    const one = await store.save('hurt.test', first);
    const generation = one.locations.certificate.split('/')[1];
    const { status: code } = await cluster.ask(
      'PATCH',
      `${secrets()}/${generation}`,
      { data: { 'cert.pem': 'eA==' } },
      { type: 'application/merge-patch+json' },
    );
    assert.equal(code, 422);
    await cluster.ask('DELETE', `${secrets()}/${generation}`);
    assert.equal(await store.outline('hurt.test'), undefined);
    assert.match((await failure(store.load('hurt.test'), 'store-damaged')).message, /is missing/);
    const two = await store.save('hurt.test', second);
    assert.equal((await store.load('hurt.test'))?.certificate, second.certificate);
    for (const text of ['', '{}', '{"version":1}', JSON.stringify({ version: 1, name: 'other' })]) {
      const data = { pointer: Buffer.from(text).toString('base64') };
      await cluster.ask('PATCH', pointer, { data }, { type: 'application/merge-patch+json' });
      await failure(store.load('hurt.test'), 'store-damaged');
      assert.equal((await store.list()).includes('hurt.test'), true);
    }
    const three = await store.save('hurt.test', first);
    assert.ok(Number(three.generation) > Number(two.generation));
    assert.equal((await store.loadGeneration('hurt.test', two.generation))?.certificate, second.certificate);
    await cluster.ask('DELETE', pointer);
    assert.equal(await store.load('hurt.test'), undefined);
    await store.save('hurt.test', second);
    const data = { pointer: Buffer.from('{"version":9}').toString('base64') };
    await cluster.ask('PATCH', pointer, { data }, { type: 'application/merge-patch+json' });
    const later = await failure(store.save('hurt.test', first), 'store-damaged');
    assert.equal(later.data.isForeign, true);
  });

  test('records that somebody has changed are told, except in the cache', async () => {
    const store = await open();
    for (const kind of ['ledger', 'cache'] as const) {
      await store.put(kind, 'changed', { a: 1 });
      for (const data of [{ record: '' }, { record: 'eA==' }, { record: null }, { record: null, packed: 'eA==' }]) {
        await cluster.ask('PATCH', `${secrets()}/${stateName(kind, 'changed')}`, { data }, { type: 'application/merge-patch+json' });
        const answer = await store.get(kind, 'changed').catch((error: TscertError) => error);
        if (kind === 'cache') assert.equal(answer, undefined);
        else assert.ok(isTscertError(answer, 'store-damaged'));
      }
      await store.put(kind, 'changed', 2);
      assert.equal(await store.get(kind, 'changed'), 2);
      await store.delete(kind, 'changed');
    }
  });

  test('large records are packed; larger ones than a Secret holds are refused, or not cached', async () => {
    const [store, other] = [await open(), await open()];
    const noise = Array.from({ length: 40_000 }, (_, at) => `note ${at}`);
    await store.put('ledger', 'large', noise);
    assert.deepEqual(await other.get('ledger', 'large'), noise);
    await store.put('ledger', 'large', 'small again');
    assert.equal(await other.get('ledger', 'large'), 'small again');
    const { randomBytes } = await import('node:crypto');
    const huge = randomBytes(1_200_000).toString('base64');
    await failure(store.put('ledger', 'huge', huge), 'store-unwritable');
    await store.put('cache', 'huge', 'before');
    await store.put('cache', 'huge', huge);
    assert.equal(await other.get('cache', 'huge'), undefined);
  });

  test('the lock of a dead holder is taken over; that of a live one is not, and who lost one is told', async () => {
    const [one, other] = [await open(), await open()];
    const held = await one.lock('live.test', { wait: 0, signal: never });
    const error = await failure(other.lock('live.test', { wait: 0, signal: never }), 'locked');
    assert.match(error.message, /^Cannot lock "live.test": tscert test on test \(\d+\) holds it$/);
    await held.release();
    // A process that was stopped for good: no sign of life comes any more.
    const frozen = await open({ background: { sleep: () => new Promise(() => undefined) } });
    await frozen.lock('dead.test', { wait: 0, signal: never });
    const taken = await other.lock('dead.test', { wait: 0, signal: never });
    await taken.release();
    // Of one on this machine it is known at once.
    const gone = await open({ background: { sleep: () => new Promise(() => undefined) }, seconds: 3_600 });
    await gone.lock('gone.test', { wait: 0, signal: never });
    const heir = await open({ isAlive: () => false });
    await (await heir.lock('gone.test', { wait: 0, signal: never })).release();
    // One that is robbed while it lives stops at once.
    const robbed = await one.lock('robbed.test', { wait: 0, signal: never });
    const lease = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${stateName('lock', 'robbed.test')}`;
    await cluster.ask('PATCH', lease, { spec: { holderIdentity: 'somebody' } }, { type: 'application/merge-patch+json' });
    const { lost } = robbed;
    while (lost?.aborted === false) await realClock.sleep(50);
    assert.ok(isTscertError(lost?.reason, 'lease-lost'));
    await robbed.release();
  });

  test('the API server goes away in the middle, and comes back: what was begun is done', async () => {
    const store = await open();
    const restarting = cluster.restart();
    const saved = await store.save('away.test', first);
    await restarting;
    assert.deepEqual(await store.load('away.test'), saved);
  });
});
