import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { judgeCertManager } from '../../../src/flow/diagnose/cert-manager.js';
import { readCertManagerEvidence } from '../../../src/flow/diagnose/cert-manager-evidence.js';
import type { Link } from '../../../src/flow/diagnose/link.js';
import { type ClusterUser, type KubernetesCluster, startKubernetes } from '../../support/kubernetes.js';
import { servers, skipUnless } from '../../support/servers.js';
import { allHold, brokenAt, eyesOn, type Made, madeCertificate, stateOf } from './world.js';

const skip = skipUnless('kubernetes', 'cert-manager-crds', 'openssl');
const CM = '/apis/cert-manager.io/v1/namespaces/default';
const ACME = '/apis/acme.cert-manager.io/v1/namespaces/default';
let cluster: KubernetesCluster;
let eyes: ReturnType<typeof eyesOn>;
let authority: Made;

before(async () => {
  if (skip !== false) return;
  cluster = await startKubernetes({ controllers: false });
  eyes = eyesOn(cluster);
  authority = madeCertificate({ ca: true, commonName: 'Own CA' });
});
after(() => cluster?.stop());

const condition = (type: string, status: 'True' | 'False', reason = 'Tested', message = 'by a test') => ({ type, status, reason, message });

/** Makes an object, and gives it the status that cert-manager's controllers would. */
async function put(collection: string, object: object, status?: object): Promise<void> {
  const made = await cluster.ask('POST', collection, object);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  if (status === undefined) return;
  const set = await cluster.ask('PUT', `${collection}/${made.body.metadata.name}/status`, { ...made.body, status });
  assert.equal(set.status, 200, JSON.stringify(set.body));
}

interface CertificateDraft {
  readonly status?: object;
  readonly issuer?: { readonly name: string; readonly kind?: string; readonly group?: string };
  readonly secretName?: string;
}

async function certificate(name: string, { status, issuer = { name: 'ca' }, secretName = name }: CertificateDraft = {}): Promise<void> {
  const spec = { secretName, dnsNames: ['web.example.com'], issuerRef: issuer };
  await put(`${CM}/certificates`, { apiVersion: 'cert-manager.io/v1', kind: 'Certificate', metadata: { name }, spec }, status);
}

async function request(name: string, of: string, conditions: readonly object[]): Promise<void> {
  const annotations = { 'cert-manager.io/certificate-name': of, 'cert-manager.io/certificate-revision': '1' };
  const spec = { request: Buffer.from('none').toString('base64'), issuerRef: { name: 'ca' } };
  await put(
    `${CM}/certificaterequests`,
    { apiVersion: 'cert-manager.io/v1', kind: 'CertificateRequest', metadata: { name, annotations }, spec },
    { conditions },
  );
}

const ownedBy = (kind: string, name: string) => [{ apiVersion: 'v1', kind, name, uid: '00000000-0000-0000-0000-000000000000' }];

async function order(name: string, of: string, status: object): Promise<void> {
  const metadata = { name, ownerReferences: ownedBy('CertificateRequest', of) };
  const spec = { request: Buffer.from('none').toString('base64'), issuerRef: { name: 'ca' } };
  await put(`${ACME}/orders`, { apiVersion: 'acme.cert-manager.io/v1', kind: 'Order', metadata, spec }, status);
}

async function challenge(name: string, of: string, status: object): Promise<void> {
  const metadata = { name, ownerReferences: ownedBy('Order', of) };
  const spec = {
    ...{
      type: 'DNS-01',
      dnsName: 'web.example.com',
      key: 'k',
      token: 't',
      url: 'https://ca.example/c',
      authorizationURL: 'https://ca.example/a',
    },
    issuerRef: { name: 'ca' },
    solver: {},
  };
  await put(`${ACME}/challenges`, { apiVersion: 'acme.cert-manager.io/v1', kind: 'Challenge', metadata, spec }, status);
}

async function diagnosed(
  name: string,
  { user = 'admin', minutes = 0 }: { user?: ClusterUser; minutes?: number } = {},
): Promise<readonly Link[]> {
  return eyes.look(user, { clock: { now: () => Date.now() + minutes * 60_000 } }, async (parts) =>
    judgeCertManager(await readCertManagerEvidence({ name, namespace: 'default' }, [], parts)),
  );
}

const approved = condition('Approved', 'True');
const notReady = {
  conditions: [condition('Ready', 'False', 'DoesNotExist', 'Issuing certificate as Secret does not exist'), condition('Issuing', 'True')],
};

test('without cert-manager there is no Certificate', { skip }, async () => {
  brokenAt(await diagnosed('web'), 'object', /cert-manager is not in this cluster/, /without it/);
  const { 'cert-manager-crds': folder = '' } = servers('cert-manager-crds');
  cluster.kubectl(['apply', '--server-side', '-f', folder]);
  cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
});

test('object and controller: the nearest name, and nobody who looks at it', { skip }, async () => {
  brokenAt(await diagnosed('web', { user: 'alice' }), 'rights', /"list" on "certificates.cert-manager.io" in the namespace "default"/);
  await certificate('unseen');
  brokenAt(await diagnosed('unsee'), 'object', /there is no Certificate "unsee" in the namespace "default"; there is "unseen"/);
  const [last] = (await diagnosed('unseen')).filter(({ state }) => state === 'waiting');
  assert.equal(last?.link, 'controller');
  brokenAt(
    await diagnosed('unseen', { minutes: 5 }),
    'controller',
    /cert-manager has never looked at it/,
    /kubectl get pods -n cert-manager/,
  );
});

test('issuer and request: not there, not ready, not asked, not approved, denied', { skip }, async () => {
  await certificate('web', { status: notReady });
  brokenAt(await diagnosed('web'), 'issuer', /there is no Issuer "ca" in the namespace "default"/);
  await put(
    `${CM}/issuers`,
    { apiVersion: 'cert-manager.io/v1', kind: 'Issuer', metadata: { name: 'ca' }, spec: { selfSigned: {} } },
    { conditions: [condition('Ready', 'False', 'ErrInitIssuer', 'secret "ca" not found')] },
  );
  brokenAt(await diagnosed('web'), 'issuer', /the Issuer "ca" is not ready \(ErrInitIssuer: secret "ca" not found\)/);
  const found = await cluster.ask('GET', `${CM}/issuers/ca`);
  await cluster.ask('PUT', `${CM}/issuers/ca/status`, { ...found.body, status: { conditions: [condition('Ready', 'True')] } });
  brokenAt(await diagnosed('web'), 'request', /there is no CertificateRequest of it/, /cmctl renew web/);
  await request('web-1', 'web', []);
  brokenAt(await diagnosed('web'), 'request', /"web-1" is not approved/, /cmctl approve web-1/);
  await certificate('denied', { status: notReady });
  await request('denied-1', 'denied', [condition('Denied', 'True', 'policy', 'No policy approved this request')]);
  brokenAt(await diagnosed('denied'), 'request', /"denied-1" is denied \(policy: No policy approved this request\)/);
  await certificate('elsewhere', { status: notReady, issuer: { name: 'x', kind: 'Own', group: 'example.com' } });
  const links = await diagnosed('elsewhere');
  assert.equal(stateOf(links, 'issuer')?.state, 'unknown');
});

test('challenge and order: what the CA says, and what does not show', { skip }, async () => {
  const failed = { ...notReady, lastFailureTime: new Date().toISOString().replace(/\.\d+/, ''), failedIssuanceAttempts: 2 };
  await certificate('acme', { status: failed });
  await request('acme-1', 'acme', [approved, condition('Ready', 'False', 'Pending')]);
  await order('acme-1-1', 'acme-1', { state: 'pending' });
  await challenge('acme-1-1-1', 'acme-1-1', { state: 'pending', presented: true, processing: true, reason: 'propagation check failed' });
  const [proof] = (await diagnosed('acme')).filter(({ state }) => state === 'waiting');
  assert.match(
    proof?.message ?? '',
    /"acme-1-1-1" for "web.example.com" \(DNS-01\) is pending for .*its proof was put out: propagation check failed/,
  );
  brokenAt(await diagnosed('acme', { minutes: 30 }), 'challenge', /propagation check failed/, /TXT of _acme-challenge.web.example.com/);

  await certificate('invalid', { status: failed });
  await request('invalid-1', 'invalid', [approved, condition('Ready', 'False', 'Failed', 'order is invalid')]);
  await order('invalid-1-1', 'invalid-1', { state: 'invalid', reason: 'rejected' });
  brokenAt(await diagnosed('invalid'), 'order', /the Order "invalid-1-1" is invalid: rejected/);
  await challenge('invalid-1-1-1', 'invalid-1-1', { state: 'invalid', reason: 'Incorrect TXT record' });
  brokenAt(await diagnosed('invalid'), 'challenge', /is invalid: Incorrect TXT record/);

  await certificate('refused', { status: failed });
  await request('refused-1', 'refused', [approved, condition('Ready', 'False', 'Failed', 'the CA is sealed')]);
  brokenAt(
    await diagnosed('refused'),
    'issuance',
    /^2 attempts failed, the last at .* \(Failed: the CA is sealed\); cert-manager tries it again at /,
    /cmctl status certificate refused -n default/,
  );
});

test('a Certificate that is ready, and its Secret', { skip }, async () => {
  const ready = { conditions: [condition('Ready', 'True', 'Ready', 'Certificate is up to date and has not expired')], revision: 1 };
  const secret = (name: string, leaf: Made, issuer: string, more: object = {}) => ({
    metadata: {
      name,
      annotations: {
        'cert-manager.io/issuer-name': issuer,
        'cert-manager.io/issuer-kind': 'Issuer',
        'cert-manager.io/issuer-group': 'cert-manager.io',
        ...more,
      },
    },
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': Buffer.from(leaf.pem).toString('base64'), 'tls.key': Buffer.from(leaf.keyPem).toString('base64') },
  });
  const secrets = '/api/v1/namespaces/default/secrets';
  const leaf = madeCertificate({ dns: ['web.example.com'], issuer: authority });
  await certificate('ready', { status: ready });
  brokenAt(await diagnosed('ready'), 'secret-object', /there is no Secret "ready" in the namespace "default"/);
  await put(secrets, secret('ready', leaf, 'ca'));
  const links = await diagnosed('ready');
  allHold(links);
  assert.match(stateOf(links, 'secret-issuer')?.message ?? '', /what the Certificate "ready" expects, of Issuer "ca"/);

  await certificate('moved', { status: ready });
  await put(secrets, secret('moved', leaf, 'old-ca'));
  brokenAt(
    await diagnosed('moved'),
    'secret-issuer',
    /issue it anew \(IncorrectIssuer\): its annotations name the issuer Issuer "old-ca", and "moved" wants Issuer "ca"/,
  );
  // The Secret alone tells the same.
  brokenAt(await eyes.secret('moved'), 'issuer', /IncorrectIssuer/);
  await certificate('renamed', { status: ready });
  await put(secrets, secret('renamed', leaf, 'ca', { 'cert-manager.io/certificate-name': 'before' }));
  brokenAt(await diagnosed('renamed'), 'secret-issuer', /IncorrectCertificate.*"before"/);
  await certificate('narrow', { status: ready });
  await put(secrets, secret('narrow', madeCertificate({ dns: ['other.example.com'], issuer: authority }), 'ca'));
  brokenAt(await diagnosed('narrow'), 'names', /does not hold "web.example.com", as the Certificate "narrow" wants/, /cmctl renew/);
  await certificate('one', { status: ready, secretName: 'shared' });
  await certificate('two', { status: ready, secretName: 'shared' });
  await put(secrets, secret('shared', leaf, 'ca'));
  brokenAt(await diagnosed('one'), 'secret-issuer', /2 Certificates in "default" claim it: "one", "two"/, /own secretName/);
});
