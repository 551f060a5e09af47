import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import * as v from 'valibot';
import { type AccessOptions, findAccess } from '../../src/kubernetes/access.js';
import type { KubernetesClient } from '../../src/kubernetes/client.js';
import { defineKind, metadataSchema } from '../../src/kubernetes/kind.js';
import { askRight, missingRights, signerRight } from '../../src/kubernetes/review.js';
import type { AccessWorld } from '../../src/kubernetes/world.js';
import { realClock } from '../support/clock.js';
import { type KubernetesCluster, startKubernetes } from '../support/kubernetes.js';
import { startProxy } from '../support/proxy.js';
import { skipUnless } from '../support/servers.js';
import { clientFor, failure, worldWith } from './world.js';

const skip = skipUnless('kubernetes', 'openssl');
const { signal } = new AbortController();
const call = { signal };
let cluster: KubernetesCluster;
let folder: string;

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'tscert-access-'));
  if (skip === false) cluster = await startKubernetes();
});
after(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Who the server takes us for. */
const WHOAMI = defineKind(
  { group: 'authentication.k8s.io', version: 'v1', plural: 'selfsubjectreviews', kind: 'SelfSubjectReview', isNamespaced: false },
  v.looseObject({
    metadata: v.nullish(v.looseObject({ ...metadataSchema.entries, name: v.exactOptional(v.string(), '') }), {}),
    status: v.object({
      userInfo: v.object({ username: v.string(), groups: v.optional(v.array(v.string()), []), uid: v.optional(v.string()) }),
    }),
  }),
);
const userOf = async (client: KubernetesClient) => (await client.create(WHOAMI, { metadata: {} }, call)).status.userInfo;
async function whoami(options: AccessOptions, world: Partial<AccessWorld> = {}) {
  const client = await clientFor(options, { world });
  try {
    return await userOf(client);
  } finally {
    client.close();
  }
}
const file = (name: string, text: string, mode = 0o600): string => {
  const place = path.join(folder, name);
  writeFileSync(place, text, { mode });
  chmodSync(place, mode);
  return place;
};
const PATH = { PATH: process.env.PATH ?? '' };

test('a token, a token file, a client certificate in files or in the text', { skip }, async () => {
  assert.equal((await whoami({ kubeconfig: cluster.kubeconfig('alice') })).username, 'alice');
  const tokenFile = file('token', `${cluster.tokenOf('bob')}\n`);
  // The file goes before the value.
  assert.equal((await whoami({ kubeconfig: cluster.kubeconfig({ tokenFile, token: cluster.tokenOf('alice') }) })).username, 'bob');
  const { certFile, keyFile } = cluster.clientCertificate('/O=ops/CN=frank');
  const inFiles = await whoami({ kubeconfig: cluster.kubeconfig({ 'client-certificate': certFile, 'client-key': keyFile }) });
  assert.deepEqual([inFiles.username, inFiles.groups.includes('ops')], ['frank', true]);
  const [cert, key] = [certFile, keyFile].map((name) => readFileSync(name).toString('base64'));
  const inText = cluster.kubeconfig({ 'client-certificate-data': cert, 'client-key-data': key, 'client-key': '/nonexistent/key' });
  assert.equal((await whoami({ kubeconfig: inText })).username, 'frank');
});

test('somebody else: --as, its groups and uid, and what the kubeconfig says', { skip }, async () => {
  const kubeconfig = cluster.kubeconfig('admin');
  const flags = await whoami({ kubeconfig, as: 'grace', asGroup: ['one', 'two, three'], asUid: 'u7' });
  assert.deepEqual([flags.username, flags.groups, flags.uid], ['grace', ['one', 'two, three', 'system:authenticated'], 'u7']);
  const written = cluster.kubeconfig({
    token: cluster.tokenOf('admin'),
    as: 'heidi',
    'as-groups': ['written'],
    'as-user-extra': { 'Example.com/x y': ['1'] },
  });
  assert.deepEqual((await whoami({ kubeconfig: written })).groups, ['written', 'system:authenticated']);
  assert.equal((await whoami({ kubeconfig: written, as: 'ivan' })).username, 'ivan');
  await failure(whoami({ kubeconfig, asGroup: ['one'] }), 'usage');
  await failure(whoami({ kubeconfig, as: 'a\r\nb' }), 'usage');
  const denied = await failure(whoami({ kubeconfig: cluster.kubeconfig('alice'), as: 'admin' }), 'cluster-forbidden');
  assert.match(denied.message, /"alice" lacks the right "impersonate" on "users" *$/);
});

test('a credential plugin: what it is told, what it gives, when it is asked again', { skip }, async () => {
  const log = path.join(folder, 'plugin.log');
  const answer = file('answer.json', '');
  const plugin = file(
    'plugin',
    `#!/bin/sh\nprintf '%s %s %s\\n' "$KUBERNETES_EXEC_INFO" "$1" "$OF_THE_CONFIG$OF_THE_RUN" >> '${log}'\ncat '${answer}'\n`,
    0o700,
  );
  const give = (status: object): void =>
    writeFileSync(answer, JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status }));
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: plugin,
    args: ['first'],
    env: [{ name: 'OF_THE_CONFIG', value: 'yes' }],
    interactiveMode: 'IfAvailable',
    provideClusterInfo: true,
  };
  const kubeconfig = cluster.kubeconfig({ exec });
  const env = { ...PATH, OF_THE_RUN: 'too' };
  give({ token: cluster.tokenOf('alice') });
  assert.equal((await whoami({ kubeconfig }, { env })).username, 'alice');
  const [line = ''] = readFileSync(log, 'utf8').split('\n');
  const info = JSON.parse(line.slice(0, line.lastIndexOf('}') + 1));
  assert.equal(info.spec.interactive, false);
  assert.equal(info.spec.cluster.server, cluster.url);
  assert.equal(Buffer.from(info.spec.cluster['certificate-authority-data'], 'base64').toString(), cluster.ca);
  assert.match(line, / first yestoo$/);

  // A certificate, of which the connection is made.
  const { certFile, keyFile } = cluster.clientCertificate('/CN=judy');
  give({ clientCertificateData: readFileSync(certFile, 'utf8'), clientKeyData: readFileSync(keyFile, 'utf8') });
  assert.equal((await whoami({ kubeconfig }, { env })).username, 'judy');

  // One that ends is had anew before its end, one that is refused at once; one that holds is kept.
  let now = Date.now();
  const clock = { ...realClock, now: () => now };
  const asked = (): number => readFileSync(log, 'utf8').trim().split('\n').length;
  give({ token: cluster.tokenOf('alice'), expirationTimestamp: new Date(now + 600_000).toISOString() });
  const client = await clientFor({ kubeconfig }, { world: { env, clock } });
  const before = asked();
  const me = async (): Promise<string> => (await userOf(client)).username;
  await Promise.all([me(), me(), me()]);
  assert.equal(asked(), before + 1);
  now += 560_000;
  give({ token: 'not a token that anybody knows', expirationTimestamp: new Date(now + 600_000).toISOString() });
  await me();
  assert.equal(asked(), before + 1);
  now += 15_000;
  give({ token: 'unknown', expirationTimestamp: new Date(now + 600_000).toISOString() });
  await failure(me(), 'cluster-login');
  assert.equal(asked(), before + 3);
  give({ token: cluster.tokenOf('bob') });
  assert.equal(await me(), 'bob');
  client.close();
});

test('a plugin that fails is told, and nothing that it printed on standard output', { skip }, async () => {
  const failing = async (script: string, more: object = {}) => {
    const command = file('failing', `#!/bin/sh\n${script}\n`, 0o700);
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command, interactiveMode: 'Never', ...more };
    const error = await failure(whoami({ kubeconfig: cluster.kubeconfig({ exec }) }, { env: PATH }), 'cluster-login');
    assert.doesNotMatch(error.message, /s3cret/);
    return error.message;
  };
  assert.match(await failing('echo s3cret; echo "log in first" >&2; exit 3'), /it ended with exit code 3, saying "log in first"/);
  assert.match(await failing('echo s3cret'), /what it printed is no JSON/);
  assert.match(await failing('echo "{\\"s3cret\\": 1}"'), /is no ExecCredential with a status/);
  const credential = (status: string, version = 'v1'): string =>
    `printf '%s' '{"apiVersion":"client.authentication.k8s.io/${version}","kind":"ExecCredential","status":${status}}'`;
  assert.match(await failing(credential('{}')), /neither a token nor a certificate/);
  assert.match(await failing(credential('{"clientKeyData":"s3cret"}')), /a key without its certificate/);
  assert.match(await failing(credential('{"token":"s3cret"}', 'v1beta1')), /it answered in "client\.authentication\.k8s\.io\/v1beta1"/);
  assert.match(await failing(credential('{"token":"s3cret","expirationTimestamp":"soon"}')), /expirationTimestamp is no time/);
  assert.match(await failing(credential('{"token":"s3cret\\nx: y"}')), /cannot stand in a header/);
  assert.match(await failing('true', { interactiveMode: 'Always' }), /it wants a terminal/);
  assert.match(
    await failing('true', { command: 'no-such-plugin', installHint: 'apt-get install it' }),
    /there is no such program \(apt-get install it\)/,
  );
});

test('a pod: its token, which is rotated, its authority and its namespace', { skip }, async () => {
  await cluster.ask('POST', '/api/v1/namespaces', { metadata: { name: 'pods' } });
  await cluster.ask('POST', '/api/v1/namespaces/pods/serviceaccounts', { metadata: { name: 'robot' } });
  const tokenFor = async (): Promise<string> =>
    (await cluster.ask('POST', '/api/v1/namespaces/pods/serviceaccounts/robot/token', { spec: { expirationSeconds: 600 } })).body.status
      .token;
  const serviceAccount = path.join(folder, 'serviceaccount');
  mkdirSync(serviceAccount);
  writeFileSync(path.join(serviceAccount, 'ca.crt'), cluster.ca);
  writeFileSync(path.join(serviceAccount, 'namespace'), 'pods');
  writeFileSync(path.join(serviceAccount, 'token'), await tokenFor());
  let now = Date.now();
  const world = {
    env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(cluster.port) },
    serviceAccount,
    clock: { ...realClock, now: () => now },
  };
  const client = await clientFor({}, { world });
  assert.deepEqual([client.name, client.namespace], ['in-cluster', 'pods']);
  const me = async (): Promise<string> => (await userOf(client)).username;
  assert.equal(await me(), 'system:serviceaccount:pods:robot');
  writeFileSync(path.join(serviceAccount, 'token'), cluster.tokenOf('bob'));
  assert.equal(await me(), 'system:serviceaccount:pods:robot');
  now += 61_000;
  assert.equal(await me(), 'bob');
  // One that is refused is read again at once.
  writeFileSync(path.join(serviceAccount, 'token'), 'stale');
  now += 61_000;
  await failure(me(), 'cluster-login');
  writeFileSync(path.join(serviceAccount, 'token'), cluster.tokenOf('carol'));
  assert.equal(await me(), 'carol');
  client.close();
  const flags = await findAccess({ namespace: 'other', as: 'x' }, worldWith(world));
  assert.deepEqual([flags.namespace, flags.impersonation], ['other', { 'impersonate-user': 'x' }]);
});

test('which cluster: files in their order, contexts, namespaces', { skip }, async () => {
  const one = cluster.kubeconfig('alice', { namespace: 'of-the-context' });
  const home = path.join(folder, 'home');
  mkdirSync(path.join(home, '.kube'), { recursive: true });
  writeFileSync(path.join(home, '.kube/config'), readFileSync(one));
  const nowhere = '/nonexistent/kubeconfig';
  assert.equal((await findAccess({}, worldWith({ env: { HOME: home } }))).namespace, 'of-the-context');
  const many = await findAccess({}, worldWith({ env: { KUBECONFIG: `${nowhere}:${one}::${one}`, HOME: home } }));
  assert.equal(many.server.href, `${cluster.url}/`);
  assert.equal((await findAccess({ kubeconfig: one, namespace: 'flag' }, worldWith())).namespace, 'flag');
  assert.equal((await findAccess({ kubeconfig: cluster.kubeconfig('alice') }, worldWith())).namespace, 'default');
  await failure(findAccess({ kubeconfig: nowhere }, worldWith()), 'kubeconfig-invalid');
  await failure(findAccess({ kubeconfig: one, context: 'other' }, worldWith()), 'cluster-unknown');
  await failure(findAccess({}, worldWith()), 'cluster-unknown');
  await failure(findAccess({}, worldWith({ env: { KUBECONFIG: nowhere } })), 'cluster-unknown');
  const broken: readonly object[] = [
    { server: '' },
    { server: 'ftp://x' },
    { server: 'https://user:pass@x' },
    { 'insecure-skip-tls-verify': true },
    { 'certificate-authority-data': Buffer.from('nothing').toString('base64') },
    { 'proxy-url': 'socks5://127.0.0.1:1080' },
  ];
  for (const more of broken)
    await failure(findAccess({ kubeconfig: cluster.kubeconfig('alice', { cluster: { ...more } }) }, worldWith()), 'cluster-unknown');
});

test('only the authority of the kubeconfig is trusted, and the name that it says', { skip }, async () => {
  const other = { 'certificate-authority-data': readFileSync(cluster.clientCertificate('/CN=other').certFile).toString('base64') };
  await failure(whoami({ kubeconfig: cluster.kubeconfig('alice', { cluster: other }) }), 'tls-untrusted');
  const none = cluster.kubeconfig('alice', { cluster: { 'certificate-authority-data': '' } });
  await failure(whoami({ kubeconfig: none }), 'tls-untrusted');
  assert.equal((await whoami({ kubeconfig: none }, { roots: [cluster.ca] })).username, 'alice');
  const insecure = { 'certificate-authority-data': '', 'insecure-skip-tls-verify': true };
  assert.equal((await whoami({ kubeconfig: cluster.kubeconfig('alice', { cluster: insecure }) })).username, 'alice');
  const named = (name: string) => whoami({ kubeconfig: cluster.kubeconfig('alice', { cluster: { 'tls-server-name': name } }) });
  assert.equal((await named('kubernetes.default.svc')).username, 'alice');
  assert.equal((await failure(named('other.example'), 'tls-untrusted')).data.reason, 'wrong-host');
});

test('through the proxy that the cluster names, or the environment; never to this machine by the environment', { skip }, async () => {
  const target = `kubernetes.default.svc:${cluster.port}`;
  const proxy = await startProxy({ routes: { [target]: cluster.port } });
  const server = `https://${target}`;
  const named = { 'proxy-url': `http://${proxy.address}`, server };
  assert.equal((await whoami({ kubeconfig: cluster.kubeconfig('alice', { cluster: named }) })).username, 'alice');
  const ofTheRun = { proxy: { https: `http://${proxy.address}` } };
  assert.equal((await whoami({ kubeconfig: cluster.kubeconfig('alice', { cluster: { server } }) }, ofTheRun)).username, 'alice');
  assert.deepEqual(proxy.tunnels, [target, target]);
  assert.equal((await whoami({ kubeconfig: cluster.kubeconfig('alice') }, { proxy: { https: 'http://127.0.0.1:1' } })).username, 'alice');
  await proxy.close();
});

test('rights are asked before they are needed: signers by their name and by their domain', { skip }, async () => {
  await cluster.grant('dave', [
    { apiGroups: ['certificates.k8s.io'], resources: ['signers'], resourceNames: ['example.com/*'], verbs: ['approve'] },
    { apiGroups: [''], resources: ['secrets'], resourceNames: ['one'], verbs: ['get'] },
  ]);
  const client = await clientFor({ kubeconfig: cluster.kubeconfig('dave') });
  assert.equal((await askRight(client, signerRight('approve', 'example.com/foo'), call)).isAllowed, true);
  assert.equal((await askRight(client, signerRight('approve', 'example.org/foo'), call)).isAllowed, false);
  assert.equal(
    (await askRight(client, { ...signerRight('approve', 'example.com/foo'), names: ['example.com/foo'] }, call)).isAllowed,
    false,
  );
  const secret = { verb: 'get', group: '', resource: 'secrets', namespace: 'default' };
  const missing = await missingRights(
    client,
    [
      { ...secret, names: ['one'] },
      { ...secret, names: ['two'] },
      { ...secret, names: [] },
    ],
    call,
  );
  assert.deepEqual(
    missing.map(({ names }) => names),
    [['two'], []],
  );
  client.close();
});
