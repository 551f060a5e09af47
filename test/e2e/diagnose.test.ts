import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { csrsOf, madeCertificate } from '../flow/diagnose/world.js';
import { tscert } from '../support/command.js';
import { type KubernetesCluster, startKubernetes } from '../support/kubernetes.js';
import { skipUnless } from '../support/servers.js';

const skip = skipUnless('kubernetes', 'openssl');
const root = madeCertificate({ ca: true });
let rootFile: string;
let cluster: KubernetesCluster;

before(async () => {
  if (skip !== false) return;
  cluster = await startKubernetes({ controllers: false });
  const csrs = csrsOf(cluster);
  const key = await csrs.make('good');
  await csrs.decide('good', 'Approved');
  await csrs.sign('good', madeCertificate({ key, issuer: root }).pem);
  rootFile = path.join(cluster.folder, 'root.pem');
  writeFileSync(rootFile, root.pem);
  await csrs.make('denied');
  await csrs.decide('denied', 'Denied');
});
after(() => cluster?.stop());

test('the command says it in lines or as a document, and ends with 1 when something is broken', { skip }, async () => {
  const config = ['--kubeconfig', cluster.kubeconfig('admin')];
  const folder = ['--dir', `${cluster.folder}/store`];
  const good = await tscert(['diagnose', 'csr', 'good', ...config, '--roots', rootFile]);
  assert.equal(good.code, 0, good.stderr + good.stdout);
  assert.match(good.stdout, /^csr good: nothing is broken\n {2}✔ cluster {6}"test" at 127.0.0.1:\d+ answers; to it we are "admin"\n/);
  const denied = await tscert(['diagnose', 'csr', 'denied', ...config, '--as', 'erin', '--json']);
  assert.equal(denied.code, 1, denied.stderr);
  const [first] = JSON.parse(denied.stdout).diagnoses;
  assert.equal(first.broken, 'rights');
  assert.deepEqual(first.links.at(-1), { link: 'chain', state: 'not-reached', message: '' });
  const text = await tscert(['diagnose', 'csr', 'denied', ...config]);
  assert.equal(text.code, 1);
  assert.match(
    text.stdout,
    /^csr denied: broken at "approval"\n[\s\S]*✘ approval[\s\S]*\n +next: that is final[\s\S]*· signing {6}not reached\n/,
  );
  // Neither stored here nor in the cluster; with a namespace the cluster alone is meant to be looked at as well.
  const absent = await tscert(['diagnose', 'certificate', 'www', ...folder], { env: { KUBECONFIG: cluster.kubeconfig('admin') } });
  assert.equal(absent.code, 1, absent.stderr);
  assert.match(absent.stdout, /^certificate www: broken at "object"\n[\s\S]*there is none at all/);
  const nowhere = await tscert(['diagnose', 'certificate', 'www', ...folder]);
  assert.equal(nowhere.code, 1, nowhere.stderr);
  assert.match(
    (await tscert(['diagnose', 'certificate', 'shop/www', ...folder, ...config])).stdout,
    /^certificate shop\/www: broken at "object"\n[\s\S]*cert-manager is not in this cluster/,
  );
  for (const args of [
    ['secret', 'a/b/c'],
    ['secret', 'a/b', '-n', 'c'],
    ['secret', 'a', '--probe', 'nowhere'],
    ['csr'],
    ['secret', 'a', '--context', 'other'],
  ]) {
    assert.equal((await tscert(['diagnose', ...args, ...config])).code, 2, args.join(' '));
  }
});
