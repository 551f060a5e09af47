import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CsrSpec, createCsr } from '../../../src/pki/csr.js';
import type { ApprovalFacts } from '../../../src/policy/approval/facts.js';
import { judge } from '../../../src/policy/approval/judge.js';
import type { ApprovalRequest } from '../../../src/policy/approval/request.js';
import type { Verdict } from '../../../src/policy/approval/verdict.js';
import { keyOf, NOW } from '../../pki/support.js';
import { accountOf, factsOf, policies, requestOf, ruleOf } from './kit.js';

const ISSUER = 'issuers.cert-manager.io/web.ca';
const CLUSTER_ISSUER = 'clusterissuers.cert-manager.io/ca';
const mayDo: ApprovalFacts['mayDo'] = async () => true;

async function judgeBy(
  spec: string,
  asked: Partial<CsrSpec> = {},
  more: Partial<ApprovalRequest> = {},
  facts: Partial<ApprovalFacts> = { mayDo },
): Promise<Verdict> {
  const yaml = `apiVersion: policy.cert-manager.io/v1alpha1
kind: CertificateRequestPolicy
metadata: { name: p }
spec:
${spec.replaceAll(/^/gm, '  ')}`;
  const request = Buffer.from(createCsr({ names: [], ...asked }, keyOf('ec256')).pem);
  const own = requestOf({ signerName: ISSUER, ...accountOf('web', 'server'), usages: ['server auth'], request, ...more });
  return await judge(own, await policies(yaml), factsOf(facts), NOW);
}

const ANY = 'selector: { issuerRef: {} }\n';
const named = (value: string): Partial<CsrSpec> => ({ names: [{ type: 'dns', value }] });

test('what is omitted is denied', async () => {
  const allowed = `${ANY}allowed: { usages: [server auth] }`;
  assert.equal((await judgeBy(allowed)).outcome, 'Approved');
  const cases: readonly [Partial<CsrSpec>, string][] = [
    [named('a.b'), 'dnsNames'],
    [{ names: [{ type: 'ip', value: '10.0.0.1' }] }, 'ipAddresses'],
    [{ names: [{ type: 'uri', value: 'spiffe://a/b' }] }, 'uris'],
    [{ names: [{ type: 'email', value: 'a@b.c' }] }, 'emailAddresses'],
    [{ names: [{ type: 'other', oid: '1.2.3', value: 'x' }] }, 'others'],
    [{ commonName: 'a' }, 'commonName'],
    [{ subject: { organizations: ['a'] } }, 'subject.organizations'],
    [{ subject: { serialNumber: '1' } }, 'subject.serialNumber'],
    [{ subject: { extra: [{ oid: '1.2.3.4', value: 'x' }] } }, 'others'],
    [{ isCa: true }, 'ca'],
  ];
  for (const [asked, rule] of cases) {
    const verdict = await judgeBy(allowed, asked);
    assert.equal(verdict.outcome, 'Denied');
    assert.match(ruleOf(verdict, rule), /^broken/, rule);
  }
  assert.equal((await judgeBy(`${ANY}allowed: {}`)).outcome, 'Denied', 'usages');
  assert.equal((await judgeBy(ANY)).outcome, 'Denied');
});

test('values, required and validations', async () => {
  const spec = `${ANY}allowed:
  usages: [server auth]
  dnsNames:
    required: true
    values: ["*.example.com", "*.svc"]
    validations:
      - { rule: "self.endsWith('.example.com') || self.endsWith('.' + cr.namespace + '.svc')", message: not ours }
      - { rule: "serviceaccount.getNamespace(cr.username) == cr.namespace && serviceaccount.getName(cr.username) == 'server'" }`;
  assert.equal((await judgeBy(spec, named('a.b.example.com'))).outcome, 'Approved', 'their star goes over dots');
  assert.equal((await judgeBy(spec, named('a.web.svc'))).outcome, 'Approved');
  assert.match(ruleOf(await judgeBy(spec, named('a.other.svc')), 'dnsNames'), /^broken: dnsNames "a.other.svc": not ours$/);
  assert.match(ruleOf(await judgeBy(spec, named('a.b')), 'dnsNames'), /is not allowed: the policy allows/);
  assert.match(ruleOf(await judgeBy(spec), 'dnsNames'), /^broken: dnsNames is required/);
  assert.match(ruleOf(await judgeBy(spec, named('a.example.com'), accountOf('web', 'other')), 'dnsNames'), /failed rule: serviceaccount/);
  const validated = `${ANY}allowed: { usages: [server auth], commonName: { validations: [{ rule: "self.size() < 4" }] } }`;
  assert.equal((await judgeBy(validated, { commonName: 'abc' })).outcome, 'Approved', 'validations alone are enough');
  assert.equal((await judgeBy(validated, { commonName: 'abcd' })).outcome, 'Denied');
  const failing = `${ANY}allowed: { usages: [server auth], commonName: { validations: [{ rule: "self.split('.')[1] == 'x'" }] } }`;
  assert.equal((await judgeBy(failing, { commonName: 'abc' })).outcome, 'Unprocessed', 'an error is no verdict');
});

test('other attributes and names by their types', async () => {
  const spec = `${ANY}allowed:
  usages: [server auth]
  otherNames: [{ oid: 1.2.3, values: ["*@corp"] }]
  subject: { otherAttributes: [{ oid: 1.2.3.4, values: [x], required: true }] }`;
  const extra = { subject: { extra: [{ oid: '1.2.3.4', value: 'x' }] } };
  assert.equal((await judgeBy(spec, { ...extra, names: [{ type: 'other', oid: '1.2.3', value: 'me@corp' }] })).outcome, 'Approved');
  assert.equal((await judgeBy(spec, { ...extra, names: [{ type: 'other', oid: '1.2.3', value: 'me@evil' }] })).outcome, 'Denied');
  assert.equal((await judgeBy(spec)).outcome, 'Denied');
});

test('constraints, with the duration and the CA of the annotations', async () => {
  const spec = `${ANY}allowed: { usages: [server auth] }
constraints: { minDuration: 1h, maxDuration: 24h, privateKey: { algorithm: ECDSA, minSize: 256 } }`;
  const duration = 'experimental.cert-manager.io/request-duration';
  assert.equal((await judgeBy(spec, {}, { expirationSeconds: 3_600 })).outcome, 'Approved');
  assert.equal((await judgeBy(spec, {}, { annotations: { [duration]: '24h0m0s' } })).outcome, 'Approved');
  assert.match(
    ruleOf(await judgeBy(spec, {}, { annotations: { [duration]: 'soon' } }), 'duration'),
    /^broken: The duration cannot be read/,
  );
  assert.equal((await judgeBy(spec, {}, { annotations: { [duration]: '24h' } })).outcome, 'Approved');
  assert.equal(
    (await judgeBy(spec, {}, { expirationSeconds: 3_600, annotations: { [duration]: '25h' } })).outcome,
    'Denied',
    'the longer counts',
  );
  assert.match(ruleOf(await judgeBy(spec), 'duration'), /asks for no duration/);
  const rsa = Buffer.from(createCsr({ names: [] }, keyOf('rsa2048')).pem);
  assert.match(ruleOf(await judgeBy(spec, {}, { expirationSeconds: 3_600, request: rsa }), 'key'), /^broken/);
  const ca = { annotations: { 'experimental.cert-manager.io/request-is-ca': 'true' } };
  assert.match(ruleOf(await judgeBy(`${ANY}allowed: { usages: [server auth] }`, {}, ca), 'ca'), /^broken/);
  assert.equal((await judgeBy(`${ANY}allowed: { usages: [server auth], isCA: true }`, {}, ca)).outcome, 'Approved');
});

test('selected by issuer, namespace and the right to use it; else nothing is decided', async () => {
  const by = (selector: string): string => `selector: ${selector}\nallowed: { usages: [server auth] }`;
  const outcome = async (selector: string, more: Partial<ApprovalRequest> = {}, facts?: Partial<ApprovalFacts>): Promise<string> =>
    (await judgeBy(by(selector), {}, more, facts)).outcome;
  assert.equal(await outcome('{ issuerRef: { name: "c*", kind: Issuer, group: cert-manager.io } }'), 'Approved');
  assert.equal(await outcome('{ issuerRef: { kind: ClusterIssuer } }'), 'Unprocessed');
  assert.equal(await outcome('{ issuerRef: { kind: ClusterIssuer, name: ca } }', { signerName: CLUSTER_ISSUER }), 'Approved');
  assert.equal(await outcome('{ issuerRef: {} }', { signerName: 'kubernetes.io/kube-apiserver-client' }), 'Unprocessed');
  assert.equal(await outcome('{ namespace: { matchNames: ["w*"] } }'), 'Approved');
  assert.equal(await outcome('{ namespace: { matchNames: [other] } }'), 'Unprocessed');
  assert.equal(
    await outcome('{ namespace: { matchNames: ["w*"] } }', { signerName: CLUSTER_ISSUER, ...accountOf('other', 'x') }),
    'Unprocessed',
  );
  const labels = '{ namespace: { matchLabels: { team: a } } }';
  assert.equal(await outcome(labels, {}, { mayDo, namespaceLabels: async () => ({ team: 'a' }) }), 'Approved');
  assert.equal(await outcome(labels, {}, { mayDo, namespaceLabels: async () => ({ team: 'b' }) }), 'Unprocessed');
  assert.equal(await outcome(labels, {}, { mayDo }), 'Unprocessed');
  const denied = await judgeBy(by('{ issuerRef: {} }'), {}, {}, { mayDo: async () => false });
  assert.equal(denied.outcome, 'Unprocessed');
  assert.match(denied.message, /has not the right to use it: the verb "use" on certificaterequestpolicies.policy.cert-manager.io "p"/);
  let asked: unknown;
  const noting: ApprovalFacts['mayDo'] = async (_, access) => {
    asked = access;
    return true;
  };
  await judgeBy(by('{ issuerRef: {} }'), {}, {}, { mayDo: noting });
  assert.deepEqual(asked, {
    verb: 'use',
    group: 'policy.cert-manager.io',
    resource: 'certificaterequestpolicies',
    name: 'p',
    namespace: 'web',
  });
});

test('a list, as kubectl writes it', async () => {
  const list = `apiVersion: v1
kind: CertificateRequestPolicyList
items:
  - { apiVersion: policy.cert-manager.io/v1alpha1, kind: CertificateRequestPolicy, metadata: { name: a }, spec: { selector: { issuerRef: {} } } }
  - { apiVersion: policy.cert-manager.io/v1alpha1, kind: CertificateRequestPolicy, metadata: { name: b }, spec: { selector: { namespace: {} } } }`;
  assert.deepEqual(
    (await policies(list)).map(({ name }) => name),
    ['a', 'b'],
  );
});
