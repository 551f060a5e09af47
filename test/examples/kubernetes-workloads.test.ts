/** renew-cronjob.yaml, watch.yaml and sidecar.yaml: applied as they stand, their commands run as their service accounts, no right of them needless. */
import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCsr } from '../../src/pki/csr.js';
import { type ClusterWorld, startClusterWorld } from '../e2e/kubernetes/world.js';
import { csrsOf, madeCertificate } from '../flow/diagnose/world.js';
import { type Finished, startTscert, tscert } from '../support/command.js';
import { type FaultyKubernetes, startFaultyKubernetes } from '../support/faulty-kubernetes.js';
import { freePort } from '../support/free-port.js';
import { whyNoPebble } from '../support/pebble.js';
import { skipUnless } from '../support/servers.js';
import {
  apply,
  applyAll,
  argumentsOf,
  kubeconfigOf,
  type Manifest,
  manifestsIn,
  nameOf,
  rightsIn,
  templateOf,
  tryPod,
  without,
} from './kubernetes-world.js';

const skip = (await whyNoPebble()) || skipUnless('kubernetes', 'openssl');
const CSRS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';

describe('examples/kubernetes', { skip }, () => {
  const renew = manifestsIn('renew-cronjob.yaml');
  const watch = manifestsIn('watch.yaml');
  const sidecar = manifestsIn('sidecar.yaml');
  const workloadOf = (manifests: readonly Manifest[]): Manifest => manifests.find((one) => templateOf(one) !== undefined) as Manifest;
  const accountOf = (manifests: readonly Manifest[]): Manifest['metadata'] =>
    (manifests.find(({ kind }) => kind === 'ServiceAccount') as Manifest).metadata;
  let world: ClusterWorld;
  let proxy: FaultyKubernetes;
  let folder: string;

  before(async () => {
    world = await startClusterWorld();
    folder = world.cluster.folder;
    proxy = await startFaultyKubernetes(world.cluster);
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await world.cluster.ask('POST', '/api/v1/namespaces', { metadata: { name: 'shop', labels } });
    await applyAll(world.cluster, [...renew, ...watch, ...sidecar]);
  });
  after(async () => {
    await proxy?.stop();
    await world?.close();
  });

  const secretsOf = async (): Promise<readonly { metadata: { name: string }; type: string; data: Record<string, string> }[]> =>
    (await world.cluster.ask('GET', '/api/v1/namespaces/shop/secrets')).body.items;

  async function forget(): Promise<void> {
    for (const place of ['/api/v1/namespaces/shop/secrets', '/apis/coordination.k8s.io/v1/namespaces/shop/leases'])
      await world.cluster.ask('DELETE', place);
  }

  /** The very command of a manifest; the directory, the name servers and the keys of the DNS provider are those of the test. */
  async function start(manifests: readonly Manifest[], replace: Readonly<Record<string, string>>) {
    const { args, env } = argumentsOf(manifests, workloadOf(manifests), { folder, container: 'tscert', replace });
    const kubeconfig = await kubeconfigOf(world.cluster, accountOf(manifests));
    return world.acme.start(args, { ...env, KUBECONFIG: kubeconfig, TSCERT_DIR: '', HOME: '/nonexistent' });
  }
  const runRenew = async (): Promise<Finished> => (await start(renew, { '10m': '1ms' })).finished;

  async function until(holds: () => Promise<boolean>): Promise<void> {
    for (let tries = 0; !(await holds()); tries++) {
      assert.ok(tries < 300, 'it does not come');
      await sleep(100);
    }
  }

  test('an unknown field of a manifest is refused, and pods are taken where pods are restricted', async () => {
    const [first] = watch.filter(({ kind }) => kind === 'Deployment');
    assert.ok(first);
    const refused = await apply(world.cluster, { ...first, spec: { ...first.spec, replica: 3 } });
    assert.ok(refused.status >= 400, JSON.stringify(refused.body));
    assert.match(refused.body.message, /spec\.replica/);
    for (const manifests of [renew, watch, sidecar]) {
      const { status, body } = await tryPod(world.cluster, workloadOf(manifests));
      assert.equal(status, 201, JSON.stringify(body));
    }
  });

  test('the CronJob issues into Secrets, and then has nothing to do', async () => {
    const first = await runRenew();
    assert.equal(first.code, 0, first.stderr);
    const tls = (await secretsOf()).find(({ metadata }) => metadata.name === 'www-tls');
    assert.equal(tls?.type, 'kubernetes.io/tls');
    const leaf = new X509Certificate(Buffer.from(tls?.data['tls.crt'] ?? '', 'base64'));
    assert.equal(leaf.subjectAltName, 'DNS:example.com, DNS:*.example.com');
    const second = await runRenew();
    assert.equal(second.code, 0, second.stderr);
    assert.equal((await secretsOf()).find(({ metadata }) => metadata.name === 'www-tls')?.data['tls.crt'], tls?.data['tls.crt']);
  });

  const rights = rightsIn(renew);
  for (const missing of rights) {
    test(`without ${nameOf(missing)} the CronJob fails, and names the right`, async () => {
      await forget();
      const { code, stdout, stderr } = await without(world.cluster, accountOf(renew), rights, missing, runRenew);
      assert.notEqual(code, 0);
      assert.match(`${stdout}${stderr}`, missing.words);
      assert.equal(
        (await secretsOf()).some(({ metadata }) => metadata.name === 'www-tls'),
        false,
      );
    });
  }

  test('two replicas of the Deployment, with the same rights, issue once', async () => {
    const bare = (manifests: readonly Manifest[]) => rightsIn(manifests).map(({ group, resource, verb }) => `${verb} ${group}/${resource}`);
    assert.deepEqual(bare(watch), bare(renew));
    assert.equal(workloadOf(watch).spec.replicas, 2);
    await forget();
    const before = world.acme.pebble.log().match(/Issued certificate serial/g)?.length ?? 0;
    const ports = [await freePort(), await freePort()];
    const replicas = await Promise.all(ports.map((port) => start(watch, { ':9402': `127.0.0.1:${port}` })));
    try {
      await until(async () => (await secretsOf()).some(({ metadata }) => metadata.name === 'www-tls'));
      const { readinessProbe, livenessProbe } = templateOf(workloadOf(watch)).spec.containers[0];
      for (const port of ports) {
        for (const { httpGet } of [readinessProbe, livenessProbe])
          await until(async () => (await fetch(`http://127.0.0.1:${port}${httpGet.path}`)).status === 200);
      }
    } finally {
      for (const one of replicas) one.kill('SIGTERM');
    }
    for (const one of replicas) assert.equal((await one.finished).code, 0, (await one.finished).stderr);
    assert.equal(world.acme.pebble.log().match(/Issued certificate serial/g)?.length, before + 1);
  });

  describe('sidecar.yaml', () => {
    const container = templateOf(workloadOf(sidecar)).spec.initContainers[0];
    const issuer = madeCertificate({ ca: true, commonName: 'Own CA' });

    async function startSidecar() {
      const place = mkdtempSync(path.join(folder, 'sidecar-'));
      const made = argumentsOf(sidecar, workloadOf(sidecar), { folder: place, container: 'tscert', replace: {} });
      const env = { KUBECONFIG: await kubeconfigOf(world.cluster, accountOf(sidecar), proxy.url) };
      const probe = (container.startupProbe.exec.command as readonly string[]).slice(2).map((word) => {
        const mount = Object.keys(made.mounts).find((one) => word === one || word.startsWith(`${one}/`));
        return mount === undefined ? word : `${made.mounts[mount]}${word.slice(mount.length)}`;
      });
      return { running: startTscert([...made.args], { env }), probe, tls: made.mounts['/tls'] ?? '' };
    }

    const requests = async (): Promise<readonly { metadata: { name: string } }[]> => (await world.cluster.ask('GET', CSRS)).body.items;
    afterEach(async () => {
      for (const { metadata } of await requests()) await world.cluster.ask('DELETE', `${CSRS}/${metadata.name}`);
    });

    test('its key is made in the pod, stands in memory alone, and fits what the signer gives', async () => {
      await forget();
      const volume = templateOf(workloadOf(sidecar)).spec.volumes.find(({ name }: { name: string }) => name === 'tls');
      assert.equal(volume.emptyDir.medium, 'Memory');
      const { running, probe, tls } = await startSidecar();
      try {
        await until(async () => (await requests()).length > 0);
        const name = (await requests())[0]?.metadata.name ?? '';
        assert.equal((await tscert(probe)).code, 1);
        const csrs = csrsOf(world.cluster);
        await csrs.decide(name, 'Approved');
        const request = (await world.cluster.ask('GET', `${CSRS}/${name}`)).body.spec;
        assert.equal(request.username, 'system:serviceaccount:shop:web');
        assert.equal(request.expirationSeconds, 86_400);
        const { publicKey } = readCsr(Buffer.from(request.request, 'base64').toString('utf8'));
        const dns = ['web.shop.svc', 'web.shop.svc.cluster.local'];
        await csrs.sign(name, madeCertificate({ key: publicKey, issuer, dns, commonName: 'web.shop.svc', days: 1 }).pem);
        await until(async () => (await tscert(probe)).code === 0);
      } finally {
        running.kill('SIGTERM');
      }
      const { code, stderr } = await running.finished;
      assert.equal(code, 0, stderr);
      const key = path.join(tls, 'live/web/privkey.pem');
      assert.equal(statSync(key).mode & 0o777, 0o600);
      const leaf = new X509Certificate(readFileSync(path.join(tls, 'live/web/cert.pem')));
      assert.ok(leaf.checkPrivateKey(createPrivateKey(readFileSync(key))));
      // Nothing that was sent holds it, and no Secret is made.
      assert.ok(proxy.seen.length > 0);
      const secret = readFileSync(key, 'utf8').split('\n')[1] ?? '';
      for (const { path: place, body } of proxy.seen)
        assert.ok(!body.includes('PRIVATE KEY') && !body.includes(secret) && !place.includes('/secrets'), place);
      assert.deepEqual(await secretsOf(), []);
    });

    const own = rightsIn(sidecar);
    for (const missing of own) {
      test(`without ${nameOf(missing)} it asks for nothing, and names the right`, async () => {
        await without(world.cluster, accountOf(sidecar), own, missing, async () => {
          const { running } = await startSidecar();
          await running.said(missing.words).finally(() => running.kill('SIGTERM'));
          await running.finished;
        });
        assert.deepEqual(await requests(), []);
      });
    }
  });
});
