import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubernetesClient } from '../../src/kubernetes/client.js';
import { anyKind } from '../../src/kubernetes/kind.js';
import { type FaultyKubernetes, startFaultyKubernetes, status } from '../support/faulty-kubernetes.js';
import { type KubernetesCluster, startKubernetes } from '../support/kubernetes.js';
import { skipUnless } from '../support/servers.js';
import { clientFor, failure } from './world.js';

const skip = skipUnless('kubernetes', 'openssl');
const SECRET = anyKind({ group: '', version: 'v1', plural: 'secrets', kind: 'Secret', isNamespaced: true });
const CONFIG_MAP = anyKind({ group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', isNamespaced: true });
const NAMESPACE = anyKind({ group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', isNamespaced: false });
const { signal } = new AbortController();
const call = { signal };
let cluster: KubernetesCluster;
let faulty: FaultyKubernetes;
let admin: KubernetesClient;
let shaky: KubernetesClient;

/** Waits cost nothing. */
const quick = { now: () => Date.now(), sleep: async () => undefined };

before(async () => {
  if (skip !== false) return;
  cluster = await startKubernetes({ controllers: false });
  faulty = await startFaultyKubernetes(cluster);
  admin = await clientFor({ kubeconfig: cluster.kubeconfig('admin') });
  shaky = await clientFor({ kubeconfig: cluster.kubeconfig('admin', { cluster: { server: faulty.url } }) }, { clock: quick });
});
after(async () => {
  admin?.close();
  shaky?.close();
  await faulty?.stop();
  await cluster?.stop();
});

const secret = (name: string, more: object = {}) => ({ metadata: { name }, stringData: { a: 'b' }, ...more });

test('what is made is read, changed and removed; what is not there is no error', { skip }, async () => {
  assert.equal(await admin.get(SECRET, { name: 'one' }, call), undefined);
  const made = await admin.create(SECRET, secret('one'), call);
  assert.equal(made.metadata.namespace, 'default');
  assert.deepEqual(await admin.get(SECRET, { name: 'one' }, call), made);
  const patched = await admin.patch(SECRET, { name: 'one' }, { merge: { metadata: { labels: { x: 'y' } } } }, call);
  assert.deepEqual(patched.metadata.labels, { x: 'y' });
  const json = [{ op: 'add', path: '/metadata/labels/z', value: '1' }];
  assert.deepEqual((await admin.patch(SECRET, { name: 'one' }, { json }, call)).metadata.labels, { x: 'y', z: '1' });
  assert.equal(await admin.remove(SECRET, { name: 'one' }, call), true);
  assert.equal(await admin.remove(SECRET, { name: 'one' }, call), false);
  await failure(admin.patch(SECRET, { name: 'one' }, { json }, call), 'cluster-absent');
});

test('a dry run goes through the whole server and leaves nothing', { skip }, async () => {
  const dry = { signal, dryRun: true };
  assert.notEqual((await admin.create(SECRET, secret('dry'), dry)).metadata.uid, '');
  assert.equal(await admin.get(SECRET, { name: 'dry' }, call), undefined);
  await admin.create(SECRET, secret('dry'), call);
  await admin.patch(SECRET, { name: 'dry' }, { merge: { metadata: { labels: { x: 'y' } } } }, dry);
  await admin.apply(SECRET, { metadata: { name: 'dry', labels: { x: 'y' } } }, dry);
  assert.equal(await admin.remove(SECRET, { name: 'dry' }, dry), true);
  assert.deepEqual((await admin.get(SECRET, { name: 'dry' }, call))?.metadata.labels, {});
  const refused = await failure(
    admin.create(SECRET, secret('dry', { type: 'kubernetes.io/tls' }), { signal, dryRun: true }),
    'cluster-invalid',
  );
  assert.match(refused.message, /data\[tls\.crt\]: Required value/);
});

test('an object is replaced only if nobody has changed it since, and removed only if it is still the same', { skip }, async () => {
  const made = await admin.create(CONFIG_MAP, { metadata: { name: 'race' }, data: { a: '1' } }, call);
  await admin.patch(CONFIG_MAP, { name: 'race' }, { merge: { data: { b: '2' } } }, call);
  const late = await failure(admin.replace(CONFIG_MAP, made, call), 'cluster-conflict');
  assert.match(late.message, /^Cannot change the ConfigMap "race" in "default": somebody else has changed it meanwhile/);
  const { resourceVersion, uid } = made.metadata;
  await failure(admin.remove(CONFIG_MAP, { name: 'race' }, { signal, resourceVersion }), 'cluster-conflict');
  await failure(admin.remove(CONFIG_MAP, { name: 'race' }, { signal, uid: 'another' }), 'cluster-conflict');
  assert.equal(await admin.remove(CONFIG_MAP, { name: 'race' }, { signal, uid }), true);
  await failure(
    admin.replace(CONFIG_MAP, { ...made, metadata: { ...made.metadata, resourceVersion: '', uid: '' } }, call),
    'cluster-absent',
  );
  await admin.create(CONFIG_MAP, { metadata: { name: 'race' } }, call);
  await failure(admin.create(CONFIG_MAP, { metadata: { name: 'race' } }, call), 'cluster-exists');
});

test('apply keeps to its own fields, and says whose the others are', { skip }, async () => {
  cluster.kubectl(['apply', '--server-side', '-f', '-'], {
    input: JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'shared', namespace: 'default' },
      data: { a: 'kubectl', b: 'kubectl' },
    }),
  });
  const ours = await admin.apply(CONFIG_MAP, { metadata: { name: 'shared' }, data: { c: 'tscert' } }, call);
  assert.deepEqual((ours as unknown as { data: unknown }).data, { a: 'kubectl', b: 'kubectl', c: 'tscert' });
  const theirs = await failure(admin.apply(CONFIG_MAP, { metadata: { name: 'shared' }, data: { a: 'tscert' } }, call), 'cluster-conflict');
  assert.deepEqual(theirs.data.conflicts, [{ field: '.data.a', manager: 'kubectl' }]);
  assert.match(theirs.message, /"\.data\.a" is kept by "kubectl"/);
  const forced = await admin.apply(CONFIG_MAP, { metadata: { name: 'shared' }, data: { a: 'tscert' } }, { signal, force: true });
  // What we applied before and do not name any more is gone.
  assert.deepEqual((forced as unknown as { data: unknown }).data, { a: 'tscert', b: 'kubectl' });
});

test('a list is read page by page, by label and by name, in one namespace or everywhere', { skip }, async () => {
  await admin.create(NAMESPACE, { metadata: { name: 'many' } }, call);
  const names = Array.from({ length: 260 }, (_, nth) => `m${String(nth).padStart(3, '0')}`);
  for (let at = 0; at < names.length; at += 20) {
    await Promise.all(
      names
        .slice(at, at + 20)
        .map((name) =>
          admin.create(CONFIG_MAP, { metadata: { name, namespace: 'many', labels: { odd: String(Number(name.slice(1)) % 2) } } }, call),
        ),
    );
  }
  faulty.seen.length = 0;
  const all = await shaky.list(CONFIG_MAP, { namespace: 'many' }, call);
  assert.deepEqual(all.items.map(({ metadata }) => metadata.name).sort(), names);
  assert.equal(faulty.seen.length, 2);
  assert.equal((await admin.list(CONFIG_MAP, { namespace: 'many', labels: 'odd=1' }, call)).items.length, 130);
  assert.equal((await admin.list(CONFIG_MAP, { namespace: 'many', fields: 'metadata.name=m007' }, call)).items.length, 1);
  assert.ok((await admin.list(CONFIG_MAP, { everywhere: true }, call)).items.length > 260);

  // A page whose history is gone.
  faulty.rule = ({ path }) =>
    path.includes('continue=') ? status(410, 'Expired', 'the provided continue parameter is too old') : undefined;
  const again = await shaky.list(CONFIG_MAP, { namespace: 'many' }, call);
  faulty.rule = () => undefined;
  assert.deepEqual(again.items.map(({ metadata }) => metadata.name).sort(), names);
});

test('a missing right is told as the verb on the resource', { skip }, async () => {
  const alice = await clientFor({ kubeconfig: cluster.kubeconfig('alice') });
  const get = await failure(alice.get(SECRET, { name: 'x', namespace: 'kube-system' }, call), 'cluster-forbidden');
  assert.equal(
    get.message,
    'Cannot read the Secret "x" in "kube-system": "alice" lacks the right "get" on "secrets" in the namespace "kube-system"',
  );
  const list = await failure(alice.list(SECRET, { everywhere: true }, call), 'cluster-forbidden');
  assert.equal(list.message, 'Cannot list secrets: "alice" lacks the right "list" on "secrets"');
  const nodes = anyKind({ group: '', version: 'v1', plural: 'nodes', kind: 'Node', isNamespaced: false });
  const remove = await failure(alice.remove(nodes, { name: 'worker-1' }, call), 'cluster-forbidden');
  assert.deepEqual(remove.data.right, { verb: 'delete', group: '', resource: 'nodes', names: [] });
  alice.close();
});

test('names that lead elsewhere are not sent', { skip }, async () => {
  for (const name of ['', '.', '..', 'a/b', '..%2f', 'a%2Fb']) await failure(admin.get(SECRET, { name }, call), 'request-invalid');
  for (const name of ['a b', 'A:b', 'ü', 'a?b#c']) assert.equal(await admin.get(SECRET, { name }, call), undefined);
});

test('a resource that the cluster does not have is no object that is not there', { skip }, async () => {
  const widget = anyKind({ group: 'example.com', version: 'v1', plural: 'widgets', kind: 'Widget', isNamespaced: true });
  const error = await failure(admin.get(widget, { name: 'x' }, call), 'cluster-failed');
  assert.match(error.message, /does not serve widgets\.example\.com/);
});

test('what the server asks to be sent again is sent again, and no more often than it should', { skip }, async () => {
  const clock = { now: () => Date.now(), slept: [] as number[], sleep: async (ms: number) => void clock.slept.push(ms) };
  const client = await clientFor(
    { kubeconfig: cluster.kubeconfig('admin', { cluster: { server: faulty.url } }) },
    { clock, random: () => 0 },
  );
  faulty.seen.length = 0;
  faulty.rule = (_, earlier) => (earlier < 3 ? status(429, 'TooManyRequests', 'slow down', { 'retry-after': '7' }) : undefined);
  await client.create(CONFIG_MAP, { metadata: { name: 'patient' } }, call);
  assert.deepEqual(clock.slept, [7_000, 7_000, 7_000]);
  assert.equal(faulty.seen.length, 4);

  faulty.rule = () => status(429, 'TooManyRequests', 'slow down', { 'retry-after': '1' });
  const busy = await failure(client.get(CONFIG_MAP, { name: 'x' }, call), 'rate-limited');
  assert.match(busy.message, /too much to do \(429\): slow down/);
  assert.equal(clock.slept.length, 3 + 10);

  faulty.rule = () => status(503, 'ServiceUnavailable', 'later', { 'retry-after': '86400' });
  await failure(client.get(CONFIG_MAP, { name: 'y' }, call), 'cluster-failed');
  assert.equal(clock.slept.length, 13);

  // A gateway without words: what reads is tried again, what writes is not.
  faulty.rule = (_, earlier) => (earlier < 2 ? { kind: 'answer', status: 502, body: '<h1>Bad Gateway</h1>' } : undefined);
  assert.equal(await client.get(CONFIG_MAP, { name: 'z' }, call), undefined);
  faulty.seen.length = 0;
  const write = await failure(client.create(CONFIG_MAP, { metadata: { name: 'w' } }, call), 'cluster-failed');
  assert.match(write.message, /answered 502: <h1>Bad Gateway<\/h1>/);
  faulty.rule = () => undefined;
  client.close();
});

test('a lost answer: reading is done again, of a write it is said that it may have been done', { skip }, async () => {
  await admin.create(CONFIG_MAP, { metadata: { name: 'there' } }, call);
  faulty.seen.length = 0;
  faulty.rule = (_, earlier) => (earlier === 0 ? { kind: 'lose' } : undefined);
  assert.equal((await shaky.get(CONFIG_MAP, { name: 'there' }, call))?.metadata.name, 'there');
  const lost = await failure(shaky.create(CONFIG_MAP, { metadata: { name: 'lost' } }, call), 'network');
  assert.equal(lost.data.sent, true);
  faulty.rule = () => undefined;
  assert.equal((await admin.get(CONFIG_MAP, { name: 'lost' }, call))?.metadata.name, 'lost');
});

test('answers that are none are refused with a word', { skip }, async () => {
  const bodies = ['', 'hello', '[]', '{"metadata":{"name":7}}', '{"metadata":{"name":"x","labels":{"a":1}}}', '{"items":[]}'];
  for (const body of bodies) {
    faulty.rule = () => ({ kind: 'answer', status: 200, body });
    await failure(shaky.get(CONFIG_MAP, { name: 'x' }, call), 'response-invalid');
    await failure(shaky.list(CONFIG_MAP, {}, call), 'response-invalid');
  }
  faulty.rule = () => ({ kind: 'answer', status: 418, body: '\u001b[31mteapot' });
  const teapot = await failure(shaky.get(CONFIG_MAP, { name: 'x' }, call), 'cluster-failed');
  assert.match(teapot.message, /answered 418: \\u\{1b\}\[31mteapot$/);
  faulty.rule = () => undefined;
});

test('a warning of the server is told once', { skip }, async () => {
  const warnings: string[] = [];
  const client = await clientFor(
    { kubeconfig: cluster.kubeconfig('admin', { cluster: { server: faulty.url } }) },
    { onWarning: (message) => warnings.push(message) },
  );
  faulty.rule = () => ({ kind: 'answer', status: 404, body: '{}', headers: { warning: '299 - "it is \\"old\\"", 299 - "use v2"' } });
  for (let nth = 0; nth < 2; nth++) await failure(client.get(CONFIG_MAP, { name: 'x' }, call), 'cluster-failed');
  faulty.rule = () => undefined;
  assert.deepEqual(warnings, ['it is "old"', 'use v2']);
  client.close();
});

test('an aborted call ends at once, a server that is silent by its time', { skip }, async () => {
  const gone = new AbortController();
  const reason = new Error('enough');
  gone.abort(reason);
  await assert.rejects(admin.get(SECRET, { name: 'x' }, { signal: gone.signal }), reason);
  const hasty = await clientFor({ kubeconfig: cluster.kubeconfig('admin', { cluster: { server: faulty.url } }) }, { timeout: 200 });
  faulty.rule = () => ({ kind: 'silence', after: 10 });
  await failure(hasty.get(SECRET, { name: 'x' }, call), 'timeout');
  faulty.rule = () => undefined;
  hasty.close();
});
