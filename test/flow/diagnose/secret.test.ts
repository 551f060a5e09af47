import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { judgeCsr } from '../../../src/flow/diagnose/csr.js';
import type { Link } from '../../../src/flow/diagnose/link.js';
import { type KubernetesCluster, startKubernetes } from '../../support/kubernetes.js';
import { skipUnless } from '../../support/servers.js';
import { allHold, brokenAt, csrsOf, eyesOn, type Made, type MadeSpec, madeCertificate, stateOf } from './world.js';

const skip = skipUnless('kubernetes', 'openssl');
let cluster: KubernetesCluster;
let eyes: ReturnType<typeof eyesOn>;
let authority: Made;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

before(async () => {
  if (skip !== false) return;
  cluster = await startKubernetes({ controllers: false });
  eyes = eyesOn(cluster);
  authority = madeCertificate({ ca: true, commonName: 'Own CA' });
});
after(() => cluster?.stop());

const leafOf = (more: MadeSpec = {}): Made => madeCertificate({ dns: ['web.example.com'], issuer: authority, ...more });

interface SecretDraft {
  readonly type?: string;
  readonly namespace?: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

async function put(
  name: string,
  { type = 'kubernetes.io/tls', namespace = 'default', data = {}, annotations = {} }: SecretDraft,
): Promise<void> {
  const body = { metadata: { name, annotations }, type, data };
  const { status, body: said } = await cluster.ask('POST', `/api/v1/namespaces/${namespace}/secrets`, body);
  assert.equal(status, 201, JSON.stringify(said));
}

/** What a pair is in a Secret. */
const pair = (leaf: Made, more: { readonly crt?: string; readonly key?: string; readonly ca?: string } = {}): Record<string, string> => ({
  'tls.crt': base64(more.crt ?? leaf.pem),
  'tls.key': base64(more.key ?? leaf.keyPem),
  ...(more.ca === undefined ? {} : { 'ca.crt': base64(more.ca) }),
});

async function diagnosed(name: string, draft: SecretDraft): Promise<readonly Link[]> {
  await put(name, draft);
  return eyes.secret(name);
}

test('a whole Secret holds in every link', { skip }, async () => {
  const links = await diagnosed('good', { data: pair(leafOf(), { ca: authority.pem }) });
  allHold(links);
  assert.deepEqual(
    links.map(({ link }) => link),
    ['cluster', 'rights', 'object', 'type', 'data', 'writer', 'certificate', 'key', 'names', 'dates', 'chain', 'ca', 'issuer', 'ingress'],
  );
  assert.match(stateOf(links, 'chain')?.message ?? '', /^it leads to "Own CA"$/);
  assert.match(stateOf(links, 'issuer')?.message ?? '', /cert-manager is not in this cluster/);
});

test('rights and object: the verb, the nearest name, the namespace that has it', { skip }, async () => {
  brokenAt(
    await eyes.secret('good', 'default', 'alice'),
    'rights',
    /^"alice" lacks the right "get" on "secrets" in the namespace "default"$/,
    /\{ apiGroups: \[""\], resources: \["secrets"\], verbs: \["get"\] \} in a Role of the namespace "default", bound by a RoleBinding to the User "alice"/,
  );
  brokenAt(await eyes.secret('goood'), 'object', /there is no Secret "goood" in the namespace "default"; there is "good"/, /try "good"/);
  brokenAt(await eyes.secret('good', 'defualt'), 'object', /there is no namespace "defualt"; one of this name is in "default"/);
  await cluster.ask('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
  await put('shop-only', { namespace: 'shop', data: pair(leafOf()) });
  brokenAt(
    await eyes.secret('shop-only'),
    'object',
    /there is no Secret "shop-only" in the namespace "default"; one of this name is in "shop"/,
    /-n shop/,
  );
  // Who may only get sees less, and is told as much as that.
  await cluster.grant('carol', [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }], 'default');
  brokenAt(
    await eyes.secret('goood', 'default', 'carol'),
    'object',
    /^there is no Secret "goood" in the namespace "default"$/,
    /tscert issue/,
  );
  const seen = await eyes.secret('good', 'default', 'carol');
  allHold(seen);
  assert.equal(stateOf(seen, 'ingress')?.state, 'unknown');
});

test('type and data: what is no certificate at all', { skip }, async () => {
  brokenAt(
    await diagnosed('docker', { type: 'example.com/other', data: pair(leafOf()) }),
    'type',
    /of the type "example.com\/other"/,
    /cannot be changed/,
  );
  const opaque = await diagnosed('opaque', { type: 'Opaque', data: pair(leafOf()) });
  allHold(opaque);
  assert.equal(stateOf(opaque, 'type')?.state, 'unknown');
  brokenAt(await diagnosed('half', { type: 'Opaque', data: { 'tls.crt': base64(leafOf().pem) } }), 'data', /^it has no tls.key$/);
  brokenAt(await diagnosed('empty', { data: { 'tls.crt': '', 'tls.key': base64(leafOf().keyPem) } }), 'data', /^its tls.crt is empty$/);
  brokenAt(
    await diagnosed('twice', { data: pair(leafOf(), { crt: base64(leafOf().pem) }) }),
    'data',
    /^its tls.crt is base64 twice over$/,
    /stringData/,
  );
  brokenAt(await diagnosed('path', { data: pair(leafOf(), { key: '/etc/ssl/web.key' }) }), 'data', /^its tls.key is not PEM$/);
});

test('certificate and key: what cannot be read, and what does not belong together', { skip }, async () => {
  const leaf = leafOf();
  brokenAt(
    await diagnosed('leaked', { data: pair(leaf, { crt: `${leaf.pem}${leaf.keyPem}` }) }),
    'certificate',
    /a block "PRIVATE KEY" stands in it/,
  );
  brokenAt(
    await diagnosed('swapped', { data: pair(leaf, { crt: '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n' }) }),
    'certificate',
    /it holds no certificate in PEM; it holds "PUBLIC KEY"/,
  );
  brokenAt(
    await diagnosed('other-key', { data: pair(leaf, { key: leafOf().keyPem }) }),
    'key',
    /it is for another key than tls.key/,
    /tscert issue --secret default\/other-key/,
  );
  brokenAt(await diagnosed('bad-key', { data: pair(leaf, { key: leaf.pem }) }), 'key', /tls.key: Cannot read/);
  brokenAt(await diagnosed('turned', { data: pair(leaf, { crt: `${authority.pem}${leaf.pem}` }) }), 'key', /stands at place 2 of tls.crt/);
});

test('names, dates, chain and ca: what clients would refuse', { skip }, async () => {
  const annotations = { 'cert-manager.io/alt-names': 'web.example.com,www.example.com' };
  brokenAt(
    await diagnosed('fewer', { annotations, data: pair(leafOf()) }),
    'names',
    /it does not hold "www.example.com", as its annotations say/,
  );
  brokenAt(await diagnosed('old', { data: pair(leafOf({ days: -1 })) }), 'dates', /expired/);
  const middle = madeCertificate({ ca: true, commonName: 'Middle', issuer: authority });
  const leaf = leafOf({ issuer: middle, caIssuerUrl: 'http://ca.example/middle.der' });
  brokenAt(
    await diagnosed('alone', { data: pair(leaf, { ca: authority.pem }) }),
    'chain',
    /comes alone.*the certificate between them is missing/,
  );
  allHold(await diagnosed('whole', { data: pair(leaf, { crt: `${leaf.pem}${middle.pem}`, ca: authority.pem }) }));
  const rooted = await diagnosed('rooted', { data: pair(leaf, { crt: `${leaf.pem}${middle.pem}${authority.pem}`, ca: authority.pem }) });
  allHold(rooted);
  assert.match(stateOf(rooted, 'chain')?.next ?? '', /the root at the end is needless/);
  brokenAt(
    await diagnosed('mixed', { data: pair(leaf, { crt: `${leaf.pem}${authority.pem}${middle.pem}` }) }),
    'chain',
    /the order is wrong/,
    /behind it each one/,
  );
  const other = madeCertificate({ ca: true, commonName: 'Another CA' });
  brokenAt(
    await diagnosed('other-ca', { data: pair(leafOf(), { ca: other.pem }) }),
    'ca',
    /ca.crt holds "Another CA", which has not issued it/,
  );
  brokenAt(await diagnosed('no-ca', { data: pair(leafOf(), { ca: 'none' }) }), 'ca', /ca.crt holds no certificate/);
});

test('writer: who keeps which half', { skip }, async () => {
  const leaf = leafOf();
  await put('written', { data: pair(leaf) });
  const place = '/api/v1/namespaces/default/secrets/written';
  await cluster.ask(
    'PATCH',
    `${place}?fieldManager=somebody`,
    { data: { 'tls.key': base64(`${leaf.keyPem}\n`) } },
    { type: 'application/merge-patch+json' },
  );
  const links = await eyes.secret('written');
  allHold(links);
  assert.equal(stateOf(links, 'writer')?.state, 'unknown');
  assert.match(stateOf(links, 'writer')?.message ?? '', /^tls.crt was written by ".*" \(.*\), tls.key by "somebody" \(.*\)$/);
});

test('ingress: the hosts that it is wanted for', { skip }, async () => {
  await put('front', { data: pair(leafOf({ dns: ['web.example.com', '*.example.org'] })) });
  const ingress = (name: string, hosts: readonly string[]) => ({
    metadata: { name },
    spec: { tls: [{ hosts, secretName: 'front' }], defaultBackend: { service: { name: 'web', port: { number: 80 } } } },
  });
  const root = '/apis/networking.k8s.io/v1/namespaces/default/ingresses';
  assert.equal((await cluster.ask('POST', root, ingress('fits', ['web.example.com', 'a.example.org', '*.example.org']))).status, 201);
  const links = await eyes.secret('front');
  allHold(links);
  assert.match(stateOf(links, 'ingress')?.message ?? '', /every host of "fits"/);
  assert.equal((await cluster.ask('POST', root, ingress('short', ['web.example.com', 'a.b.example.org']))).status, 201);
  brokenAt(await eyes.secret('front'), 'ingress', /the Ingress "short" wants it for "a.b.example.org", which it does not hold/);
});

test('served: what a server sends', { skip }, async () => {
  const leaf = leafOf();
  await put('served', { data: pair(leaf) });
  const serve = async (one: Made): Promise<{ readonly target: string; close(): void }> => {
    const server = tls.createServer({ cert: one.pem, key: one.keyPem }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { target: `127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => void server.close() };
  };
  const [same, other] = [await serve(leaf), await serve(leafOf())];
  try {
    const links = await eyes.secret('served', 'default', 'admin', [same.target]);
    allHold(links);
    assert.equal(stateOf(links, 'served')?.message, `${same.target} sends it`);
    const probes = [same.target, other.target];
    brokenAt(
      await eyes.secret('served', 'default', 'admin', probes),
      'served',
      /sends another one than the Secret holds: "web.example.com"/,
      /reload/,
    );
  } finally {
    same.close();
    other.close();
  }
  brokenAt(await eyes.secret('served', 'default', 'admin', [same.target]), 'served', /127.0.0.1/, /whether .* is up/);
});

test('signing: Kubernetes has the signer, and nobody runs it', { skip }, async () => {
  const csrs = csrsOf(cluster);
  await csrs.make('approved');
  await csrs.decide('approved', 'Approved');
  const evidence = await eyes.csrEvidence('approved');
  brokenAt(
    judgeCsr({ ...evidence, now: evidence.now + 60_000 }),
    'signing',
    /"kubernetes.io\/kube-apiserver-client" has not signed it, 1m.*: kube-controller-manager signs for it, and skips without a word what it has no key for/,
    /certificatesigningrequest-signing-controller, and with --cluster-signing-cert-file/,
  );
});
