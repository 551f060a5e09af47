/** `approve` and `deny` on a real API server: by hand, and by policy in one pass. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ask, conditionsOf, makeNode, mustAsk, nodeRequest, pemOf, ROOT, sideBySide, stateOf } from '../kubernetes/requests.js';
import { forge } from '../policy/forge.js';
import { hostileRequests } from '../policy/hostile.js';
import { type Finished, tscert } from '../support/command.js';
import { type KubernetesCluster, startKubernetes } from '../support/kubernetes.js';
import { skipUnless } from '../support/servers.js';

const skip = skipUnless('kubernetes', 'openssl');
const POLICIES = 'examples/kubernetes/policies';
const SERVING = `${POLICIES}/kubelet-serving.yaml`;
const folder = mkdtempSync(path.join(tmpdir(), 'tscert-approve-'));
let cluster: KubernetesCluster;
let kubeconfig: string;

before(async () => {
  if (skip !== false) return;
  cluster = await startKubernetes();
  kubeconfig = cluster.kubeconfig('admin');
  await makeNode(cluster, 'worker-1', '10.1.0.1');
  await makeNode(cluster, 'worker-2', '10.1.0.2');
  await cluster.grant('alice', [{ apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests'], verbs: ['create'] }]);
});
after(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: readonly string[]): Promise<Finished> => tscert([...args, '--kubeconfig', kubeconfig]);
const text = ({ stdout, stderr }: Finished): string => stdout + stderr;

test('by hand: what is asked for is shown, and the very object approved; a second time is no error', { skip }, async () => {
  await mustAsk(cluster, 'hand-1', nodeRequest('worker-1', ['worker-1', '10.1.0.1']));
  const dry = await run('approve', 'hand-1', '--dry-run');
  assert.equal(dry.code, 0, text(dry));
  assert.match(dry.stdout, /would be approved/);
  assert.equal(await stateOf(cluster, 'hand-1'), '');
  const done = await run('approve', 'hand-1', '--reason', 'Known', '--message', 'I know it');
  assert.equal(done.code, 0, text(done));
  assert.match(done.stdout, /asked by {6}system:node:worker-1 \(system:nodes, system:authenticated\)/);
  assert.match(done.stdout, /subject {7}CN=system:node:worker-1,O=system:nodes\n {2}DNS names {5}worker-1\n {2}IP addresses {2}10.1.0.1/);
  assert.match(done.stdout, /✔ hand-1 approved/);
  const [condition] = await conditionsOf(cluster, 'hand-1');
  assert.deepEqual([condition?.type, condition?.reason, condition?.message], ['Approved', 'Known', 'I know it']);
  const again = await run('approve', 'hand-1');
  assert.deepEqual([again.code, /hand-1 is (approved|issued) already/.test(again.stdout)], [0, true], text(again));
  const denied = await run('deny', 'hand-1');
  assert.equal(denied.code, 1, text(denied));
});

test('by hand: a request that is not what it shows is refused, and stays; it may be denied', { skip }, async () => {
  await mustAsk(cluster, 'two-blocks', Buffer.concat([nodeRequest('worker-1'), nodeRequest('worker-2')]));
  const refused = await run('approve', 'two-blocks');
  assert.equal(refused.code, 1, text(refused));
  assert.match(text(refused), /cannot approve "two-blocks": There are 2 PEM blocks: signers read the first alone/i);
  assert.equal(await stateOf(cluster, 'two-blocks'), '');
  const denied = await run('deny', 'two-blocks');
  assert.equal(denied.code, 0, text(denied));
  assert.equal(await stateOf(cluster, 'two-blocks'), 'Denied');
});

test('by hand: names of a Service for kubelet-serving are refused, with the rule of the signer that they break', { skip }, async () => {
  const tutorial = pemOf({
    commonName: 'my-pod.my-namespace.pod.cluster.local',
    names: [{ type: 'dns', value: 'my-svc.my-namespace.svc.cluster.local' }],
  });
  await mustAsk(cluster, 'tutorial', tutorial, { user: 'alice' });
  const refused = await run('approve', 'tutorial');
  assert.equal(refused.code, 1, text(refused));
  assert.match(
    text(refused),
    /Its signer would refuse it for good: The organization must be "system:nodes" alone, and it has none; .* need a signer of your own/,
  );
  assert.equal(await stateOf(cluster, 'tutorial'), '', 'it did not become Failed');
});

test('names that are not there, and flags that do not go together', { skip }, async () => {
  await mustAsk(cluster, 'there', nodeRequest('worker-1', ['worker-1', 'there']));
  const partly = await run('approve', 'nowhere', 'there');
  assert.equal(partly.code, 3, text(partly));
  assert.match(partly.stderr, /cannot find the request "nowhere"/);
  assert.equal((await run('approve', 'nowhere')).code, 1);
  for (const [args, why] of [
    [['approve'], /name the requests, or say --all-pending/],
    [['approve', '--signer', 'a.b/c'], /add --all-pending/],
    [['approve', 'a', '--all-pending'], /not both/],
    [['approve', '--watch'], /name them with --policy FILE/],
    [['approve', 'a', '--reason', 'two words'], /it wants one word/],
    [['approve', 'a', '--policy', 'nowhere.yaml'], /nowhere.yaml/],
  ] as const) {
    const refused = await run(...args);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, why);
  }
});

test('a policy decides on all that wait, and tells each rule; what it cannot find out is left', { skip }, async () => {
  await mustAsk(cluster, 'good', nodeRequest('worker-2', ['worker-2', '10.1.0.2']), { user: 'system:node:worker-2' });
  await mustAsk(cluster, 'another', nodeRequest('worker-2', ['worker-2']));
  await mustAsk(cluster, 'foreign', nodeRequest('worker-1', ['worker-1', '10.1.0.2']));
  await mustAsk(cluster, 'elsewhere', pemOf({ commonName: 'alice', names: [] }), { user: 'alice', signerName: 'example.com/else' });
  const dry = await run('approve', '--policy', SERVING, '--dry-run', '--json');
  assert.equal(dry.code, 3, dry.stderr);
  assert.equal(await stateOf(cluster, 'good'), '');
  const real = await run('approve', '--policy', SERVING, '--json');
  assert.equal(real.code, 3, 'one got no verdict');
  const document = JSON.parse(real.stdout);
  assert.deepEqual([document.version, document.kind, document.dryRun], [1, 'approve', false]);
  const byName = new Map<
    string,
    { state: string; verdict: { message: string; policies: { rules: { rule: string; outcome: string }[] }[] } }
  >(document.requests.map((one: { name: string }) => [one.name, one]));
  assert.equal(byName.get('good')?.state, 'approved');
  assert.equal(
    byName.get('good')?.verdict.policies[0]?.rules.every(({ outcome }) => outcome === 'passed'),
    true,
  );
  assert.match(
    byName.get('another')?.verdict.message ?? '',
    /The common name "system:node:worker-2" is not allowed: the policy allows "\{username\}" \(here "system:node:worker-1"\)/i,
  );
  assert.match(byName.get('foreign')?.verdict.message ?? '', /"10.1.0.2" is none of the Node "worker-1"/);
  assert.equal(byName.get('elsewhere')?.state, 'unprocessed');
  assert.deepEqual(await Promise.all(['good', 'another', 'foreign', 'elsewhere'].map((name) => stateOf(cluster, name))), [
    'Approved',
    'Denied',
    'Denied',
    '',
  ]);
  const [condition] = await conditionsOf(cluster, 'foreign');
  assert.equal(condition?.reason, 'TscertPolicy');
  assert.match(condition?.message ?? '', /^Policy "kubelet-serving": "10.1.0.2" is none of the Node "worker-1"/);
  assert.equal((await run('deny', 'elsewhere')).code, 0);
  const nothing = await run('approve', '--policy', SERVING);
  assert.equal(nothing.code, 0, text(nothing));
});

test('the same bytes a second time are a replay, whatever became of the first', { skip }, async () => {
  const request = nodeRequest('worker-2', ['worker-2', '10.1.0.2']);
  await mustAsk(cluster, 'once', request, { user: 'system:node:worker-2' });
  assert.equal((await run('approve', '--policy', SERVING)).code, 0);
  assert.equal(await stateOf(cluster, 'once'), 'Approved');
  await mustAsk(cluster, 'twice', request, { user: 'system:node:worker-2' });
  const done = await run('approve', '--policy', SERVING);
  assert.equal(done.code, 0, text(done));
  assert.match(done.stdout, /✘ twice denied: .*the same request is there already: "once" of "system:node:worker-2", approved/);
});

test('deny by policy carries out denials alone', { skip }, async () => {
  await mustAsk(cluster, 'deny-good', nodeRequest('worker-2', ['worker-2']), { user: 'system:node:worker-2' });
  await mustAsk(cluster, 'deny-bad', nodeRequest('worker-2', ['worker-1']), { user: 'system:node:worker-2' });
  const done = await run('deny', '--all-pending', '--policy', SERVING, '--signer', 'kubernetes.io/kubelet-serving');
  assert.equal(done.code, 0, text(done));
  assert.deepEqual([await stateOf(cluster, 'deny-good'), await stateOf(cluster, 'deny-bad')], ['', 'Denied']);
  assert.equal((await run('deny', 'deny-good')).code, 0);
});

test('by label, and the Services of a namespace', { skip }, async () => {
  await cluster.ask('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
  await cluster.ask('POST', '/api/v1/namespaces/shop/services', { metadata: { name: 'api' }, spec: { ports: [{ port: 443 }] } });
  const account = '/api/v1/namespaces/shop/serviceaccounts';
  await cluster.ask('POST', account, { metadata: { name: 'server' } });
  await cluster.ask('POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', {
    metadata: { name: 'ask' },
    rules: [{ apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests'], verbs: ['create'] }],
  });
  await cluster.ask('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'ask' },
    subjects: [{ kind: 'ServiceAccount', name: 'server', namespace: 'shop' }],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'ask' },
  });
  const { body } = await cluster.ask('POST', `${account}/server/token`, { spec: {} });
  const own = cluster.kubeconfig({ token: body.status.token });
  const make = (name: string, dns: string): void => {
    const request = pemOf({ commonName: 'system:serviceaccount:shop:server', names: [{ type: 'dns', value: dns }] }).toString('base64');
    const spec = { request, signerName: 'example.com/services', usages: ['server auth'], expirationSeconds: 86_400 };
    const object = {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name, labels: { app: 'shop' } },
      spec,
    };
    cluster.kubectl(['create', '-f', '-'], { kubeconfig: own, input: JSON.stringify(object) });
  };
  make('svc-good', 'api.shop.svc');
  make('svc-bad', 'api.other.svc');
  const done = await run('approve', '--all-pending', '-l', 'app=shop', '--policy', `${POLICIES}/services.yaml`, '-v');
  assert.equal(done.code, 0, text(done));
  assert.deepEqual([await stateOf(cluster, 'svc-good'), await stateOf(cluster, 'svc-bad')], ['Approved', 'Denied'], text(done));
  assert.match(done.stdout, /✔ services: belong-to: Every DNS name and address is one of a Service in the namespace "shop"/);
});

test('a policy of cert-manager: the right to use it, and its rules', { skip }, async () => {
  const request = (name: string): Buffer => pemOf({ names: [{ type: 'dns', value: name }] });
  const asking = {
    user: 'alice',
    signerName: 'clusterissuers.cert-manager.io/internal-ca',
    usages: ['server auth'],
    expirationSeconds: 86_400,
  } as const;
  const decide = (): Promise<Finished> => run('approve', '--policy', `${POLICIES}/cert-manager.yaml`);
  await mustAsk(cluster, 'cm-1', request('www.example.com'), asking);
  const without = await decide();
  assert.equal(without.code, 3);
  assert.match(
    without.stdout,
    /"alice" has not the right to use it: the verb "use" on certificaterequestpolicies.policy.cert-manager.io "web"/,
  );
  await cluster.grant('alice', [
    { apiGroups: ['policy.cert-manager.io'], resources: ['certificaterequestpolicies'], resourceNames: ['web'], verbs: ['use'] },
  ]);
  await mustAsk(cluster, 'cm-2', request('evil.example.org'), asking);
  const done = await decide();
  assert.equal(done.code, 0, text(done));
  assert.deepEqual([await stateOf(cluster, 'cm-1'), await stateOf(cluster, 'cm-2')], ['Approved', 'Denied']);
});

test('hostile requests, as many as the server takes: none is approved by any shipped policy', { skip }, async () => {
  const taken: string[] = [];
  await sideBySide(hostileRequests().entries(), async ([at, { title, request, usages, expirationSeconds, isTaken }]) => {
    const name = `hostile-${at}`;
    const { status, message } = await ask(cluster, name, request, {
      ...(usages && { usages }),
      ...(expirationSeconds !== undefined && { expirationSeconds }),
    });
    assert.equal(status === 201, isTaken, `${title}: ${status} ${message}`);
    if (status === 201) taken.push(name);
  });
  assert.ok(taken.length >= 30, `${taken.length}`);
  const all = path.join(folder, 'all.yaml');
  const { readFileSync } = await import('node:fs');
  const [serving = '', services = '', team = '', manager = ''] = ['kubelet-serving', 'services', 'team-clients', 'cert-manager'].map(
    (name) => readFileSync(`${POLICIES}/${name}.yaml`, 'utf8'),
  );
  writeFileSync(all, [serving, services, team, manager].join('\n---\n'));
  const done = await run('approve', '--policy', all, '--json');
  assert.equal(done.code, 0, done.stderr);
  const document = JSON.parse(done.stdout);
  assert.equal(document.requests.length, taken.length);
  for (const one of document.requests) {
    assert.equal(one.state, 'denied', `${one.name}: ${one.state}`);
    assert.ok(one.verdict.message.length > 20);
  }
  await sideBySide(taken, async (name) => assert.equal(await stateOf(cluster, name), 'Denied', name));
});

test('the least rights; and a right that is missing is told', { skip }, async () => {
  await mustAsk(cluster, 'rights', nodeRequest('worker-1', ['worker-1', '10.1.0.1']));
  const bob = cluster.kubeconfig('bob');
  const approve = (): Promise<Finished> => tscert(['approve', '--policy', SERVING, '--kubeconfig', bob]);
  const none = await approve();
  assert.equal(none.code, 1);
  assert.match(none.stderr, /"list" on "certificatesigningrequests.certificates.k8s.io"|list.*certificatesigningrequests/);
  await cluster.grant('bob', [
    { apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests/approval'], verbs: ['update'] },
    { apiGroups: [''], resources: ['nodes'], verbs: ['get'] },
  ]);
  const unsigned = await approve();
  assert.equal(unsigned.code, 3);
  assert.match(text(unsigned), /approve.*signers|signers.*approve/s);
  await cluster.grant('bob', [
    { apiGroups: ['certificates.k8s.io'], resources: ['signers'], resourceNames: ['kubernetes.io/*'], verbs: ['approve'] },
  ]);
  const done = await approve();
  assert.equal(done.code, 0, text(done));
  assert.equal(await stateOf(cluster, 'rights'), 'Approved');
});

test('nothing of a request that is gone by now is decided on another of its name', { skip }, async () => {
  await mustAsk(cluster, 'replaced', nodeRequest('worker-1', ['worker-1']));
  const first = await cluster.ask('GET', `${ROOT}/replaced`);
  await cluster.ask('DELETE', `${ROOT}/replaced`);
  await mustAsk(cluster, 'replaced', forge(), { user: 'system:node:worker-1' });
  const stale = { ...first.body, status: { conditions: [{ type: 'Approved', status: 'True', reason: 'Old', message: 'x' }] } };
  assert.equal((await cluster.ask('PUT', `${ROOT}/replaced/approval`, stale)).status, 409);
  assert.equal(await stateOf(cluster, 'replaced'), '');
});
