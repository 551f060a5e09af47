/** examples/kubernetes/approver.yaml: applied as it stands, its command run as its service account, and no right of it needless. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { createCsr } from '../../src/pki/csr.js';
import { generateKey } from '../../src/pki/key.js';
import { startTscert } from '../support/command.js';
import { type FaultyKubernetes, startFaultyKubernetes } from '../support/faulty-kubernetes.js';
import { freePort } from '../support/free-port.js';
import { type KubernetesCluster, startKubernetes } from '../support/kubernetes.js';
import { skipUnless } from '../support/servers.js';
import {
  applyAll,
  argumentsOf,
  kubeconfigOf,
  type Manifest,
  manifestsIn,
  nameOf,
  rightsIn,
  type SingleRight,
  tryPod,
  without,
} from './kubernetes-world.js';

const skip = skipUnless('kubernetes', 'openssl');
const CSRS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/tscert-approver/leases';

describe('examples/kubernetes/approver.yaml', { skip }, () => {
  const manifests = manifestsIn('approver.yaml');
  const workload = manifests.find(({ kind }) => kind === 'Deployment') as Manifest;
  const account = (manifests.find(({ kind }) => kind === 'ServiceAccount') as Manifest).metadata;
  const rights = rightsIn(manifests);
  let cluster: KubernetesCluster;
  let proxy: FaultyKubernetes;
  let asked = 0;

  before(async () => {
    cluster = await startKubernetes({ controllers: false });
    proxy = await startFaultyKubernetes(cluster);
    await applyAll(cluster, manifests);
    await cluster.ask('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
    await cluster.ask('POST', '/api/v1/namespaces/shop/services', { metadata: { name: 'web' }, spec: { ports: [{ port: 443 }] } });
    await cluster.ask('POST', '/api/v1/namespaces/shop/serviceaccounts', { metadata: { name: 'web' } });
    const binding = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'shop' } };
    const subjects = [{ kind: 'ServiceAccount', name: 'web', namespace: 'shop' }];
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' };
    await cluster.ask('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', { ...binding, subjects, roleRef });
  });
  after(async () => {
    await proxy?.stop();
    await cluster?.stop();
  });

  /** A request of the service account `web` for its Service. */
  async function ask(): Promise<string> {
    const name = `web-${asked++}`;
    const names = [{ type: 'dns', value: 'web.shop.svc' } as const];
    const request = Buffer.from(createCsr({ names, commonName: 'web.shop.svc', usages: [] }, await generateKey('ec256')).pem).toString(
      'base64',
    );
    const spec = { request, signerName: 'example.com/services', usages: ['digital signature', 'server auth'], expirationSeconds: 86_400 };
    const object = { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name }, spec };
    const kubeconfig = await kubeconfigOf(cluster, { name: 'web', namespace: 'shop' });
    cluster.kubectl(['create', '-f', '-'], { kubeconfig, input: JSON.stringify(object) });
    return name;
  }

  const conditionsOf = async (name: string): Promise<readonly string[]> => {
    const { body } = await cluster.ask('GET', `${CSRS}/${name}`);
    return (body.status?.conditions ?? []).map(({ type }: { type: string }) => type);
  };

  /** The very command of the manifest. Its first verdict finds that the request has changed meanwhile. */
  async function start() {
    const replace = { ':9402': `127.0.0.1:${await freePort()}` };
    const { args, env } = argumentsOf(manifests, workload, { folder: cluster.folder, container: 'tscert', replace });
    let isFirst = true;
    proxy.rule = ({ method, path }) => {
      if (!isFirst || method !== 'PUT' || !path.includes('/approval')) return undefined;
      isFirst = false;
      const place = `${CSRS}/${path.split('/').at(-2)}`;
      return {
        kind: 'first',
        act: () => cluster.ask('PATCH', place, { metadata: { labels: { seen: 'yes' } } }, { type: 'application/merge-patch+json' }),
      };
    };
    return startTscert([...args], { env: { ...env, KUBECONFIG: await kubeconfigOf(cluster, account, proxy.url) } });
  }

  test('its policy is the one in policies/, and its pods are taken where pods are restricted', async () => {
    const own = manifests.find(({ kind }) => kind === 'ConfigMap')?.data['policy.yaml'];
    assert.deepEqual(parse(own), parse(readFileSync('examples/kubernetes/policies/services.yaml', 'utf8')));
    assert.equal((await tryPod(cluster, workload)).status, 201);
    // That this says something: the same pod as root is refused.
    const spec = structuredClone(workload.spec);
    spec.template.spec.securityContext = {};
    const { status, body } = await tryPod(cluster, { ...workload, spec });
    assert.equal(status, 403, JSON.stringify(body));
    assert.match(body.message, /runAsNonRoot/);
  });

  test('it approves with these rights', async () => {
    const name = await ask();
    const running = await start();
    await running.said(/web-\d+.*approved/i);
    assert.deepEqual(await conditionsOf(name), ['Approved']);
    running.kill('SIGTERM');
    const { code, stderr } = await running.finished;
    assert.equal(code, 0, stderr);
  });

  for (const missing of rights) {
    test(`without ${nameOf(missing)} it does not, and names the right`, async () => {
      await prepareLease(missing);
      const name = await ask();
      const said = await without(cluster, account, rights, missing, async () => {
        const running = await start();
        await running.said(missing.words).catch(() => undefined);
        // Without this one it ends by itself.
        if (missing.verb !== 'watch') running.kill('SIGTERM');
        return running.finished;
      });
      assert.match(`${said.stdout}${said.stderr}`, missing.words);
      // What a list has shown is judged before the watch is refused, which ends it; a verdict that came too late is judged anew by the next event.
      if (missing.verb === 'watch') assert.equal(said.code, 1);
      else if (missing.resource !== 'certificatesigningrequests' || missing.verb !== 'get') assert.deepEqual(await conditionsOf(name), []);
      await cluster.ask('DELETE', `${CSRS}/${name}`);
    });
  }

  /** Whether there is a Lease already decides which right is needed. */
  async function prepareLease({ resource, verb }: SingleRight): Promise<void> {
    await cluster.ask('DELETE', `${LEASES}/tscert-approver`);
    if (resource !== 'leases' || verb !== 'update') return;
    const { status } = await cluster.ask('POST', LEASES, { metadata: { name: 'tscert-approver' }, spec: {} });
    assert.equal(status, 201);
  }
});
