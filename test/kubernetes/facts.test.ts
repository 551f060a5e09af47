/** What rules ask, answered by a real cluster. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { createClusterFacts } from '../../src/flow/approval/facts.js';
import { requestOf } from '../../src/flow/approval/requested.js';
import type { KubernetesClient } from '../../src/kubernetes/client.js';
import { CSR } from '../../src/kubernetes/csr.js';
import { handshake } from '../../src/net/tls.js';
import { readCertificates } from '../../src/pki/certificate.js';
import { readCsr } from '../../src/pki/csr.js';
import { describeKey } from '../../src/pki/describe.js';
import type { ApprovalFacts } from '../../src/policy/approval/facts.js';
import { judge } from '../../src/policy/approval/judge.js';
import { readPolicies } from '../../src/policy/approval/read.js';
import { authority } from '../pki/support.js';
import { realClock } from '../support/clock.js';
import { freePort } from '../support/free-port.js';
import { type KubernetesCluster, startKubernetes } from '../support/kubernetes.js';
import { skipUnless } from '../support/servers.js';
import { makeNode, mustAsk, nodeRequest, pemOf } from './requests.js';
import { clientFor } from './world.js';

const skip = skipUnless('kubernetes', 'openssl');
const { signal } = new AbortController();
let cluster: KubernetesCluster;
let client: KubernetesClient;
let up = 0;

before(async () => {
  if (skip !== false) return;
  cluster = await startKubernetes({ controllers: false });
  client = await clientFor({ kubeconfig: cluster.kubeconfig('admin') });
});
after(async () => {
  client?.close();
  await cluster?.stop();
});

function factsNow(roots = cluster.ca): ApprovalFacts {
  return createClusterFacts({
    client,
    resolve: async () => [],
    shake: async (target) => (await handshake(target, { timeout: 5_000, signal })).chain,
    roots: readCertificates(roots),
    clock: realClock,
    uptime: () => up,
    signal,
  }).asOf(up);
}

test('Nodes, Services, namespaces', { skip }, async () => {
  await makeNode(cluster, 'worker-1', '10.1.0.1');
  const facts = factsNow();
  assert.deepEqual(await facts.node('worker-1'), {
    addresses: [
      { type: 'Hostname', address: 'worker-1' },
      { type: 'InternalIP', address: '10.1.0.1' },
    ],
  });
  assert.equal(await facts.node('worker-9'), undefined);
  await cluster.ask('POST', '/api/v1/namespaces', { metadata: { name: 'shop', labels: { team: 'a' } } });
  await cluster.ask('POST', '/api/v1/namespaces/shop/services', {
    metadata: { name: 'api' },
    spec: { ports: [{ port: 443 }], clusterIP: '10.0.0.77' },
  });
  await cluster.ask('POST', '/api/v1/namespaces/shop/services', {
    metadata: { name: 'pods' },
    spec: { ports: [{ port: 443 }], clusterIP: 'None' },
  });
  assert.deepEqual(await facts.services('shop'), [
    { name: 'api', clusterIps: ['10.0.0.77'] },
    { name: 'pods', clusterIps: [] },
  ]);
  assert.deepEqual(await facts.services('nowhere'), []);
  assert.equal((await facts.namespaceLabels('shop'))?.team, 'a');
  assert.equal(await facts.namespaceLabels('nowhere'), undefined);
});

test('rights of others', { skip }, async () => {
  await cluster.grant('carol', [{ apiGroups: [''], resources: ['nodes'], verbs: ['get'], resourceNames: ['worker-1'] }]);
  const facts = factsNow();
  const carol = { username: 'carol', groups: [] };
  assert.equal(await facts.mayDo(carol, { verb: 'get', resource: 'nodes', name: 'worker-1' }), true);
  assert.equal(await facts.mayDo(carol, { verb: 'get', resource: 'nodes', name: 'worker-2' }), false);
  assert.equal(
    await facts.mayDo({ username: 'x', groups: ['system:masters'] }, { verb: 'get', resource: 'nodes', name: 'worker-2' }),
    true,
  );
});

test('what is served, and whether it is trusted', { skip }, async () => {
  const facts = factsNow();
  const served = await facts.served('127.0.0.1', cluster.port);
  assert.equal(served?.isTrusted, true);
  assert.equal(served?.commonName, 'kube-apiserver');
  assert.ok(served?.names.some(({ value }) => value === 'kubernetes.default.svc'));
  assert.equal(await facts.served('127.0.0.1', await freePort()), undefined);

  assert.equal((await factsNow(authority('other').pem).served('127.0.0.1', cluster.port))?.isTrusted, false);
  const renewal = `policies:
  - { name: r, signers: [a.b/c], requesters: { users: [admin] }, usages: [server auth], subject: { commonName: [kube-apiserver] },
      names: { dns: { allow: ["**"] }, ip: { allow: [127.0.0.1] } }, renewal: { at: "127.0.0.1:${cluster.port}" } }`;
  const asking = { signerName: 'a.b/c', usages: ['server auth'], user: 'admin' } as const;
  const names = served?.names ?? [];
  await mustAsk(cluster, 'same', pemOf({ commonName: 'kube-apiserver', names }), asking);
  await mustAsk(cluster, 'less', pemOf({ commonName: 'kube-apiserver', names: names.slice(1) }), asking);
  const verdictOf = async (name: string): Promise<string> => {
    const csr = await client.get(CSR, { name }, { signal });
    assert.ok(csr !== undefined);
    up += 1;
    return (await judge(requestOf(csr), await readPolicies(renewal, '"r"'), factsNow(), Date.now())).outcome;
  };
  assert.deepEqual([await verdictOf('same'), await verdictOf('less')], ['Approved', 'Denied']);
});

test('other requests: how many wait, and which are alike; as of when a request was read', { skip }, async () => {
  const request = nodeRequest('worker-1');
  const { der, publicKey } = readCsr(request);
  const asked = { uid: 'mine', digest: createHash('sha256').update(der).digest('hex'), keyDigest: describeKey(publicKey).publicKeySha256 };
  const facts = createClusterFacts({
    client,
    resolve: async () => [],
    shake: async () => [],
    roots: [],
    clock: realClock,
    uptime: () => up,
    signal,
  });
  const before = await facts.asOf(up).alike(asked);
  await mustAsk(cluster, 'copy', request);
  assert.deepEqual(await facts.asOf(up).alike(asked), before, 'an answer is kept for a moment');
  up += 1;
  const after = await facts.asOf(up).alike(asked);
  const copy = after.find(({ name }) => name === 'copy');
  assert.deepEqual([copy?.username, copy?.state, copy?.isSameRequest], ['system:node:worker-1', 'pending', true]);
  assert.ok(
    after.some(({ isSameRequest }) => !isSameRequest),
    'another request for the same key',
  );
  assert.equal(await facts.asOf(up).pending('kubernetes.io/kubelet-serving'), 1);
  assert.equal(await facts.asOf(up).pending('nobody.example/x'), 0);
});
