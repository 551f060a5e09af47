import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubernetesClient, Watched } from '../../src/kubernetes/client.js';
import { anyKind, type KubernetesObject } from '../../src/kubernetes/kind.js';
import { realClock } from '../support/clock.js';
import { type FaultyKubernetes, startFaultyKubernetes, status } from '../support/faulty-kubernetes.js';
import { type KubernetesCluster, startKubernetes } from '../support/kubernetes.js';
import { skipUnless } from '../support/servers.js';
import { clientFor, failure } from './world.js';

const skip = skipUnless('kubernetes', 'openssl');
const CONFIG_MAP = anyKind({ group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', isNamespaced: true });
const { signal } = new AbortController();
const call = { signal };
let cluster: KubernetesCluster;
let faulty: FaultyKubernetes;
let admin: KubernetesClient;
let shaky: KubernetesClient;

/** Pauses of the watch are short, so that tests are. */
const hasty = { now: () => Date.now(), sleep: (ms: number, stop?: AbortSignal) => realClock.sleep(Math.min(ms, 2_000) / 20, stop) };

before(async () => {
  if (skip !== false) return;
  cluster = await startKubernetes({ controllers: false });
  faulty = await startFaultyKubernetes(cluster);
  admin = await clientFor({ kubeconfig: cluster.kubeconfig('admin') });
  shaky = await clientFor({ kubeconfig: cluster.kubeconfig('admin', { cluster: { server: faulty.url } }) }, { clock: hasty });
});
after(async () => {
  admin?.close();
  shaky?.close();
  await faulty?.stop();
  await cluster?.stop();
});

/** Reads a watch into words; `until` resolves when a word has come so many times. */
function reader(client: KubernetesClient, label: string, idle = 60_000) {
  const stop = new AbortController();
  const words: string[] = [];
  const listeners = new Set<() => void>();
  const objects = new Set<string>();
  const wordOf = (event: Watched<KubernetesObject>): string => {
    if (event.type === 'all') {
      objects.clear();
      for (const { metadata } of event.objects) objects.add(metadata.name);
      return `all ${event.objects.map(({ metadata }) => metadata.name).join(',')}`;
    }
    if (event.type === 'interrupted') return `interrupted ${event.error.code}`;
    if (event.type === 'changed') objects.add(event.object.metadata.name);
    else objects.delete(event.object.metadata.name);
    return `${event.type} ${event.object.metadata.name}`;
  };
  const done = (async () => {
    for await (const event of client.watch(CONFIG_MAP, { labels: `of=${label}` }, { signal: stop.signal, idle })) {
      words.push(wordOf(event));
      for (const listener of listeners) listener();
    }
  })();
  done.catch(() => undefined);
  return {
    words,
    objects,
    done,
    stop: () => stop.abort(),
    until: (word: string, times = 1) =>
      new Promise<void>((resolve, reject) => {
        const look = (): void => {
          if (words.filter((one) => one === word).length < times) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        done.then(() => reject(new Error(`it ended without "${word}": ${words.join('; ')}`)), reject);
      }),
  };
}

const make = (name: string, label: string) => admin.create(CONFIG_MAP, { metadata: { name, labels: { of: label } } }, call);
const touch = (name: string) => admin.patch(CONFIG_MAP, { name }, { merge: { data: { at: String(Math.random()) } } }, call);
const remove = (name: string) => admin.remove(CONFIG_MAP, { name }, call);

test('first all, then every change, until it is stopped', { skip }, async () => {
  await make('a1', 'a');
  const seen = reader(admin, 'a');
  await seen.until('all a1');
  await make('a2', 'a');
  await make('other', 'not-a');
  await touch('a1');
  await remove('a2');
  await seen.until('removed a2');
  assert.deepEqual(seen.words, ['all a1', 'changed a2', 'changed a1', 'removed a2']);
  seen.stop();
  await seen.done;
});

test('a connection that breaks is opened again where it was: nothing is missed, nothing comes twice', { skip }, async () => {
  const seen = reader(shaky, 'b');
  await seen.until('all ');
  for (let nth = 0; nth < 5; nth++) {
    await make(`b${nth}`, 'b');
    faulty.cut();
    await make(`b${nth}-gap`, 'b');
    await seen.until(`changed b${nth}-gap`);
  }
  const expected = Array.from({ length: 5 }, (_, nth) => [`changed b${nth}`, `changed b${nth}-gap`]).flat();
  assert.deepEqual(
    seen.words.filter((word) => !word.startsWith('interrupted')),
    ['all ', ...expected],
  );
  seen.stop();
  await seen.done;
});

test('an API server that is away is waited for, and then all is true again', { skip }, async () => {
  await make('c1', 'c');
  const seen = reader(shaky, 'c');
  await seen.until('all c1');
  await cluster.restart();
  await make('c2', 'c');
  await seen.until('changed c2');
  assert.deepEqual([...seen.objects], ['c1', 'c2']);
  seen.stop();
  await seen.done;
});

test('a history that the server has forgotten: everything is listed anew', { skip }, async () => {
  await make('d1', 'd');
  const gone = status(410, 'Expired', 'too old resource version');
  const event = {
    kind: 'answer',
    status: 200,
    body: `${JSON.stringify({ type: 'ERROR', object: gone.kind === 'answer' ? gone.body : {} })}\n`,
  } as const;
  for (const fault of [gone, event]) {
    faulty.seen.length = 0;
    let isTold = false;
    faulty.rule = ({ path }) => {
      if (!path.includes('watch=true') || isTold) return undefined;
      isTold = true;
      return fault;
    };
    const seen = reader(shaky, 'd');
    await seen.until('all d1', 2);
    await touch('d1');
    await seen.until('changed d1');
    const lists = faulty.seen.filter(({ path }) => !path.includes('watch=true'));
    assert.equal(lists.length, 2);
    seen.stop();
    await seen.done;
  }
  faulty.rule = () => undefined;
});

test('a watch that has died without a word is noticed', { skip }, async () => {
  await make('e1', 'e');
  let watches = 0;
  faulty.rule = ({ path }) => (path.includes('watch=true') && watches++ === 0 ? { kind: 'silence', after: 0 } : undefined);
  const seen = reader(shaky, 'e', 4_000);
  await seen.until('all e1');
  await touch('e1');
  await seen.until('changed e1');
  assert.ok(watches >= 2, String(watches));
  faulty.rule = () => undefined;
  seen.stop();
  await seen.done;
});

test('what no later try mends ends it: a missing right, a wrong query; so does whatever the first list meets', { skip }, async () => {
  const alice = await clientFor({ kubeconfig: cluster.kubeconfig('alice') });
  await failure(reader(alice, 'f').done, 'cluster-forbidden');
  alice.close();
  const all = async (query: object): Promise<void> => {
    for await (const _ of admin.watch(CONFIG_MAP, query, call));
  };
  await failure(all({ fields: 'data.x=y' }), 'cluster-invalid');
  const nobody = await clientFor({ kubeconfig: cluster.kubeconfig('admin', { cluster: { server: 'https://127.0.0.1:1' } }) });
  await failure(reader(nobody, 'f').done, 'network');
  nobody.close();

  // The right is taken away while it runs.
  await cluster.grant('carol', [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }]);
  const carol = await clientFor({ kubeconfig: cluster.kubeconfig('carol') });
  const seen = reader(carol, 'f');
  const error = await failure(seen.done, 'cluster-forbidden');
  assert.match(error.message, /"carol" lacks the right "watch" on "configmaps"/);
  assert.deepEqual(seen.words, ['all ']);
  carol.close();
});

test('garbage among the events is no state', { skip }, async () => {
  await make('g1', 'g');
  for (const body of [
    'nonsense\n',
    '{"type":"ADDED","object":{}}\n',
    '{"type":"NEW","object":{"metadata":{"name":"x"}}}\n',
    '{"type":"ADDED","obj',
  ]) {
    let isTold = false;
    faulty.rule = ({ path }) => {
      if (!path.includes('watch=true') || isTold) return undefined;
      isTold = true;
      return { kind: 'answer', status: 200, body };
    };
    const seen = reader(shaky, 'g');
    await seen.until('all g1');
    await touch('g1');
    await seen.until('changed g1');
    assert.deepEqual(
      [...new Set(seen.words)].filter((word) => !word.startsWith('interrupted')),
      ['all g1', 'changed g1'],
    );
    seen.stop();
    await seen.done;
  }
  faulty.rule = () => undefined;
});
