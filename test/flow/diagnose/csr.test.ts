import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { after, before, test } from 'node:test';
import { encodePem } from '../../../src/base/pem.js';
import { judgeCsr } from '../../../src/flow/diagnose/csr.js';
import type { Link } from '../../../src/flow/diagnose/link.js';
import { freePort } from '../../support/free-port.js';
import { type KubernetesCluster, startKubernetes } from '../../support/kubernetes.js';
import { skipUnless } from '../../support/servers.js';
import { allHold, brokenAt, csrsOf, eyesOn, type MadeSpec, madeCertificate, stateOf } from './world.js';

const skip = skipUnless('kubernetes', 'openssl');
const OWN = { signerName: 'example.com/own', usages: ['server auth'], dns: ['web.example.com'] };
let cluster: KubernetesCluster;
let eyes: ReturnType<typeof eyesOn>;
let csrs: ReturnType<typeof csrsOf>;

before(async () => {
  if (skip !== false) return;
  cluster = await startKubernetes();
  eyes = eyesOn(cluster);
  csrs = csrsOf(cluster);
});
after(() => cluster?.stop());

/** As it looks some minutes later. */
async function later(name: string, minutes = 5): Promise<readonly Link[]> {
  const evidence = await eyes.csrEvidence(name);
  return judgeCsr({ ...evidence, now: evidence.now + minutes * 60_000 });
}

test('one that was approved and signed holds in every link', { skip }, async () => {
  await csrs.make('good', { dns: ['web.example.com'], expirationSeconds: 7_200 });
  await csrs.decide('good', 'Approved');
  await csrs.settled('good');
  const links = await eyes.csr('good');
  allHold(links);
  assert.deepEqual(
    links.map(({ link }) => link),
    ['cluster', 'rights', 'object', 'request', 'approval', 'signing', 'certificate', 'key', 'names', 'dates', 'chain'],
  );
  assert.match(stateOf(links, 'cluster')?.message ?? '', /to it we are "admin"$/);
  // Without the cluster's authority among the roots it cannot be told where the chain leads; nothing is broken by that.
  assert.equal(stateOf(await eyes.csr('good', 'admin', { roots: () => [] }), 'chain')?.state, 'unknown');
  brokenAt(await eyes.csr('good', 'admin', { roots: () => [], areRootsNamed: true }), 'chain', /no root that is known has issued/);
  brokenAt(await later('good', 600), 'dates', /^it expired at/, /delete it and make another one/);
});

test('cluster: nobody answers, another authority, a token that is not taken', { skip }, async () => {
  const data = Buffer.from(madeCertificate({ ca: true }).pem).toString('base64');
  const closed = { server: `https://127.0.0.1:${await freePort()}` };
  brokenAt(await eyes.as(cluster.kubeconfig('admin', { cluster: closed }), 'good'), 'cluster', /nobody listens there/, /kubeconfig/);
  const other = cluster.kubeconfig('admin', { cluster: { 'certificate-authority-data': data } });
  brokenAt(await eyes.as(other, 'good'), 'cluster', /certificate/, /certificate-authority-data/);
  brokenAt(await eyes.as(cluster.kubeconfig({ token: 'wrong' }), 'good'), 'cluster', /does not take our credentials/, /log in anew/);
});

test('rights: the verb on the resource, and the rule that gives it', { skip }, async () => {
  brokenAt(
    await eyes.csr('good', 'alice'),
    'rights',
    /^"alice" lacks the right "get" on "certificatesigningrequests.certificates.k8s.io"$/,
    /the rule \{ apiGroups: \["certificates.k8s.io"\], resources: \["certificatesigningrequests"\], verbs: \["get"\] \} in a ClusterRole, bound by a ClusterRoleBinding to the User "alice"/,
  );
});

test('object: the nearest name', { skip }, async () => {
  brokenAt(
    await eyes.csr('goood'),
    'object',
    /there is no CertificateSigningRequest "goood"; there is "good" \(a cluster removes them/,
    /try "good"/,
  );
  brokenAt(
    await eyes.csr('quite-another'),
    'object',
    /there is no CertificateSigningRequest "quite-another" \(a/,
    /tscert csr submit --name quite-another/,
  );
});

test('request: what shows less than it holds is never approved', { skip }, async () => {
  await csrs.make('two', { ...OWN, request: (pem) => `${pem}${pem}` });
  brokenAt(await eyes.csr('two'), 'request', /holds more than it shows/, /no policy may approve it/);
  await csrs.decide('two', 'Approved');
  brokenAt(await eyes.csr('two'), 'request', /holds more than it shows/);
});

test('rules: what its signer will refuse is told before anybody approves it', { skip }, async () => {
  const tutorial = {
    signerName: 'kubernetes.io/kubelet-serving',
    commonName: 'my-pod',
    usages: ['digital signature', 'key encipherment', 'server auth'],
  };
  await csrs.make('tutorial', { ...tutorial, dns: ['my-svc.my-namespace.svc.cluster.local'] });
  brokenAt(await eyes.csr('tutorial'), 'rules', /"kubernetes.io\/kubelet-serving" will not sign it, approved or not/, /signer of your own/);
  await csrs.decide('tutorial', 'Approved');
  await csrs.settled('tutorial');
  brokenAt(
    await eyes.csr('tutorial'),
    'signing',
    /refuses to sign it .*SignerValidationFailure: subject organization is not system:nodes/,
    /that is final: .*signer of your own/,
  );
  await csrs.make('typo', { ...OWN, signerName: 'kubernetes.io/kube-apiserver-clients' });
  brokenAt(await eyes.csr('typo'), 'rules', /Kubernetes has no signer "kubernetes.io\/kube-apiserver-clients"/);
});

test('approval: since when it waits, who may approve it, what we lack for it', { skip }, async () => {
  await csrs.make('pending', OWN);
  const read = { apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests'], verbs: ['get', 'list'] };
  const approval = { apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests/approval'], verbs: ['update'] };
  const signers = (name: string) => ({
    apiGroups: ['certificates.k8s.io'],
    resources: ['signers'],
    resourceNames: [name],
    verbs: ['approve'],
  });
  await cluster.grant('bob', [read, approval, signers('example.com/*')]);
  await cluster.grant('carol', [read, approval, signers('example.com/other')]);
  const seen = await eyes.csr('pending');
  brokenAt(
    seen,
    'approval',
    /^pending since \d{4}-.*: nobody has approved or denied it; those who may are .*User "bob", the group "system:masters"$/,
    /approve it: tscert approve pending$/,
  );
  assert.doesNotMatch(stateOf(seen, 'approval')?.message ?? '', /carol/);
  assert.equal(stateOf(seen, 'rules')?.state, 'unknown');
  // Bob may, and may not see who else.
  brokenAt(
    await eyes.csr('pending', 'bob'),
    'approval',
    /who may approve it cannot be read here$/,
    /^look at it with tscert csr show pending, and approve it/,
  );
  brokenAt(
    await eyes.csr('pending', 'carol'),
    'approval',
    /^pending since/,
    /we lack "approve" on "signers.certificates.k8s.io" named "example.com\/own" or "example.com\/\*"; give it: the rule .*resourceNames: \["example.com\/own" or "example.com\/\*"\].* to the User "carol"$/,
  );
});

test('approval: denied, with reason and message; odd conditions decide nothing', { skip }, async () => {
  await csrs.make('denied', OWN);
  await csrs.decide('denied', 'Denied', 'NotOurs', 'ask the web team');
  brokenAt(await eyes.csr('denied'), 'approval', /it was denied .*ago \(NotOurs: ask the web team\)$/, /make another one/);
});

test('signing: nobody serves a signer of ones own', { skip }, async () => {
  await csrs.make('unsigned', OWN);
  await csrs.decide('unsigned', 'Approved');
  const [soon] = (await eyes.csr('unsigned')).filter(({ state }) => state === 'waiting');
  assert.match(soon?.message ?? '', /approved .* ago and not signed yet/);
  brokenAt(
    await later('unsigned'),
    'signing',
    /"example.com\/own" has not signed it, 5m.*: it is none of the four that Kubernetes has/,
    /look at the controller of "example.com\/own" and its log/,
  );
  await csrs.make('of-cert-manager', { ...OWN, signerName: 'issuers.cert-manager.io/default.ca' });
  await csrs.decide('of-cert-manager', 'Approved');
  brokenAt(await later('of-cert-manager'), 'signing', /ExperimentalCertificateSigningRequestControllers, which is off/, /--feature-gates/);
});

test('what signers of ones own may do wrong: without approval, for another key, fewer names, out of date, no chain', { skip }, async () => {
  const authority = madeCertificate({ ca: true, commonName: 'Own CA' });
  const signed = async (name: string, certificate: (key: KeyObject) => string, approve = true): Promise<readonly Link[]> => {
    const key = await csrs.make(name, OWN);
    if (approve) await csrs.decide(name, 'Approved');
    await csrs.sign(name, certificate(key));
    return eyes.csr(name);
  };
  const from = (more: MadeSpec) => madeCertificate({ dns: ['web.example.com'], issuer: authority, ...more }).pem;
  allHold(await signed('own-good', (key) => from({ key })));
  brokenAt(
    await signed('unapproved', (key) => from({ key }), false),
    'approval',
    /nobody has approved it, and yet somebody has signed it/,
    /do not use the certificate/,
  );
  brokenAt(await signed('other-key', () => from({})), 'key', /it is for another key than the key of the request/);
  brokenAt(
    await signed('turned', (key) => `${authority.pem}${from({ key })}`),
    'key',
    /stands at place 2 of status.certificate/,
    /put it first/,
  );
  brokenAt(
    await signed('fewer', (key) => from({ key, dns: ['other.example.com'] })),
    'names',
    /does not hold "web.example.com", as the request asks/,
  );
  brokenAt(await signed('old', (key) => from({ key, days: -1 })), 'dates', /it expired at/);
  brokenAt(await signed('early', (key) => from({ key, from: 1 })), 'dates', /not valid before/, /clock/);
  brokenAt(
    await signed('alone', (key) => from({ key, caIssuerUrl: 'http://ca.example/ca.der' })),
    'chain',
    /it comes alone, and no root that is known has issued "web": the certificate between them is missing/,
    /put the certificate of http:\/\/ca.example\/ca.der behind it/,
  );
  const strange = madeCertificate({ ca: true, commonName: 'Another CA' });
  brokenAt(
    await signed('strange', (key) => `${from({ key })}${strange.pem}`),
    'chain',
    /"Another CA" stands behind "web" and has not issued it/,
  );
  const [chain] = (await signed('rooted', (key) => `${from({ key })}${authority.pem}`)).slice(-1);
  assert.equal(chain?.state, 'unknown');
  assert.match(chain?.message ?? '', /it ends in "Own CA", a root that is not known here/);
  // Now that it has signed others it was there once.
  await csrs.make('stopped', OWN);
  await csrs.decide('stopped', 'Approved');
  brokenAt(await later('stopped'), 'signing', /has not signed it/, /it has signed others that are still here/);
  // The server takes any PEM block that is called a certificate.
  const key = await csrs.make('garbage', OWN);
  assert.ok(key);
  await csrs.decide('garbage', 'Approved');
  const answer = await csrs.trySign('garbage', encodePem('CERTIFICATE', Buffer.from('nothing')));
  assert.equal(answer, 422);
});
