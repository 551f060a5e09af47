import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createTarget } from '../../src/deploy/targets.js';
import type { KubernetesClient } from '../../src/kubernetes/client.js';
import { buildTargets } from '../../src/request/targets.js';
import { clientFor } from '../kubernetes/world.js';
import { type KubernetesCluster, startKubernetes } from '../support/kubernetes.js';
import { skipUnless } from '../support/servers.js';
import { bring, deliveryOf, failure, partsOf } from './kit.js';

const skip = skipUnless('kubernetes', 'openssl');
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
let cluster: KubernetesCluster;
let client: KubernetesClient;

before(async () => {
  if (skip !== false) return;
  cluster = await startKubernetes({ controllers: false });
  client = await clientFor({ kubeconfig: cluster.kubeconfig('admin') });
});
after(async () => {
  client?.close();
  await cluster?.stop();
});

const target = (text: string, of = client) => {
  const [request] = buildTargets({ deploy: [{ rollout: text }] }, 'www');
  assert.ok(request);
  return createTarget(request, partsOf({ clusters: async () => of }));
};
const make = async (name: string, more: object = {}): Promise<void> => {
  const template = {
    metadata: { labels: { app: name }, annotations: { mine: 'stays' } },
    spec: { containers: [{ name: 'a', image: 'a' }] },
  };
  const spec = { selector: { matchLabels: { app: name } }, template, ...more };
  assert.equal((await cluster.ask('POST', DEPLOYMENTS, { metadata: { name }, spec })).status, 201);
};
const annotationsOf = async (name: string): Promise<Record<string, string>> =>
  (await cluster.ask('GET', `${DEPLOYMENTS}/${name}`)).body.spec.template.metadata.annotations;

test('the pod template gets what kubectl rollout restart gives it; a second time for the same certificate nothing', { skip }, async () => {
  await make('web');
  await make('by-kubectl');
  cluster.kubectl(['rollout', 'restart', 'deployment/by-kubectl']);
  const [theirs] = Object.keys(await annotationsOf('by-kubectl')).filter((key) => key !== 'mine');
  const delivery = deliveryOf('www');
  await bring(target('deployment/web'), delivery);
  const first = await annotationsOf('web');
  assert.ok(theirs !== undefined && !Number.isNaN(Date.parse(first[theirs] ?? '')), JSON.stringify(first));
  assert.equal(first.mine, 'stays');
  await bring(target('default/deployment/web'), delivery);
  assert.deepEqual(await annotationsOf('web'), first);
  // Another certificate of the same name, and one of another name, are each a reason of their own.
  await bring(target('deployment/web'), deliveryOf('www'));
  await bring(target('deployment/web'), deliveryOf('api'));
  const last = await annotationsOf('web');
  assert.equal(Object.keys(last).filter((key) => key.startsWith('tscert.io/restarted-for-')).length, 2);
  assert.notDeepEqual(last, first);
});

test('what cannot be restarted is told', { skip }, async () => {
  await make('paused', { paused: true });
  assert.match((await failure(bring(target('deployment/paused'), deliveryOf('www')))).message, /it is paused; resume it first/);
  const absent = await failure(bring(target('statefulset/none'), deliveryOf('www')));
  assert.equal(absent.message, 'Cannot restart statefulset/none for "www": there is no StatefulSet "none" in the namespace "default"');
  await cluster.grant('alice', [{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['get'] }], 'default');
  await make('locked');
  const alice = await clientFor({ kubeconfig: cluster.kubeconfig('alice') });
  const forbidden = await failure(bring(target('deployment/locked', alice), deliveryOf('www')));
  assert.match(forbidden.message, /lacks the right "patch" on "deployments\.apps" in the namespace "default"/);
  alice.close();
});

test('what names no workload is refused when it is read', () => {
  for (const text of ['web', 'pod/web', 'deployment/', 'deployment/Web', 'a/b/deployment/web', 'deployment/web@', '']) {
    assert.throws(() => buildTargets({ deploy: [{ rollout: text }] }, 'www'), /Cannot restart/, text);
  }
  const [word] = buildTargets({ deploy: ['rollout:shop/daemonset/edge@prod'] }, 'www');
  assert.deepEqual(word, { kind: 'rollout', workload: 'daemonset', name: 'edge', namespace: 'shop', context: 'prod' });
});
