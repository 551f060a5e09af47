import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCsr } from '../../../src/pki/csr.js';
import { judge } from '../../../src/policy/approval/judge.js';
import { keyOf, NOW } from '../../pki/support.js';
import { forge } from '../forge.js';
import { hostileRequests } from '../hostile.js';
import { accountOf, factsOf, judgeBy, KIND_WORLD, policies, requestOf, ruleOf, SHIPPED, shipped, worker } from './kit.js';

const serving = await shipped('kubelet-serving.yaml');
const node = { node: worker, pending: async () => 1 };

test('a node that asks for itself is approved, with every rule told', async () => {
  const verdict = await judge(requestOf(), serving, factsOf(node), NOW);
  assert.equal(verdict.outcome, 'Approved');
  assert.equal(verdict.policy, 'kubelet-serving');
  assert.equal(verdict.message, 'Policy "kubelet-serving": all 12 rules are met');
  assert.deepEqual(
    verdict.policies[0]?.rules.map(({ rule }) => rule),
    ['whole', 'signer', 'subject', 'names', 'usages', 'duration', 'key', 'ca', 'age', 'belong-to', 'pending', 'replay'],
  );
});

test('a signer that no policy is for is left to others', async () => {
  const verdict = await judge(requestOf({ signerName: 'example.com/x' }), serving, factsOf(), NOW);
  assert.equal(verdict.outcome, 'Unprocessed');
  assert.match(verdict.message, /No policy is for the signer "example.com\/x"/);
});

test('a requester that no policy selects is denied, or left where the policy says so', async () => {
  const alice = { username: 'alice', groups: ['system:authenticated'] };
  const verdict = await judge(requestOf(alice), serving, factsOf(), NOW);
  assert.equal(verdict.outcome, 'Denied');
  assert.equal(verdict.message, 'No policy selects it; policy "kubelet-serving": it is not for the user "alice"');
  const team = await shipped('team-clients.yaml');
  const left = await judge(requestOf({ ...alice, signerName: 'kubernetes.io/kube-apiserver-client' }), team, factsOf(), NOW);
  assert.equal(left.outcome, 'Unprocessed');
});

test('an error is never a verdict, unless another rule is broken anyhow', async () => {
  const lost = await judge(requestOf(), serving, factsOf(), NOW);
  assert.equal(lost.outcome, 'Unprocessed');
  assert.match(lost.message, /It cannot be found out: no answer/);
  const broken = await judge(requestOf({ usages: ['digital signature', 'server auth', 'client auth'] }), serving, factsOf(), NOW);
  assert.equal(broken.outcome, 'Denied');
});

test('one policy that is met is enough; one that cannot say keeps the others from denying', async () => {
  const two = await policies(`policies:
  - { name: a, signers: ["**"], requesters: { users: ["**"] }, usages: [client auth] }
  - { name: b, signers: ["**"], requesters: { users: ["**"] }, usages: [digital signature, key encipherment, server auth],
      subject: { commonName: ["**"], organizations: ["**"] }, names: { dns: { allow: ["*"] } }, maxPending: 5 }`);
  assert.equal((await judge(requestOf(), two, factsOf({ pending: async () => 1 }), NOW)).policy, 'b');
  assert.equal((await judge(requestOf(), two, factsOf(), NOW)).outcome, 'Unprocessed');
  assert.equal((await judge(requestOf(), two.slice(0, 1), factsOf(), NOW)).outcome, 'Denied');
});

test('what the signer would refuse is not approved', async () => {
  const lines =
    'usages: [digital signature, key encipherment, server auth]\nsubject: { commonName: ["**"] }\nnames: { dns: { allow: ["**"] } }';
  const request = Buffer.from(createCsr({ commonName: 'my-pod', names: [{ type: 'dns', value: 'svc.ns.svc' }] }, keyOf('ec256')).pem);
  const verdict = await judgeBy(lines, { request });
  assert.equal(verdict.outcome, 'Denied');
  assert.match(ruleOf(verdict, 'signer'), /^broken: The signer would refuse it: The organization must be "system:nodes" alone/);
});

const REQUESTERS = [
  { username: 'system:node:worker-1', groups: ['system:nodes'] },
  accountOf('web', 'server'),
  { username: 'jane', groups: ['team-a'] },
  { username: 'system:admin', groups: ['system:masters', 'team-a'] },
];
const SIGNERS = [
  'kubernetes.io/kubelet-serving',
  'example.com/services',
  'kubernetes.io/kube-apiserver-client',
  'clusterissuers.cert-manager.io/internal-ca',
];

test('no shipped policy approves a hostile request, whoever asks which signer, in a world that says yes to everything', async () => {
  const files = await Promise.all(SHIPPED.map(shipped));
  const all = files.flat();
  const list = hostileRequests();
  assert.ok(list.length >= 30);
  for (const { title, request, expirationSeconds, usages } of list) {
    for (const signerName of SIGNERS) {
      for (const requester of REQUESTERS) {
        const asked = requestOf({
          ...requester,
          signerName,
          request,
          ...(usages && { usages }),
          ...(expirationSeconds !== undefined && { expirationSeconds }),
        });
        const verdict = await judge(asked, all, KIND_WORLD, NOW);
        assert.notEqual(verdict.outcome, 'Approved', `${title}: ${signerName} ${requester.username}: ${verdict.message}`);
        assert.ok(verdict.message.length > 20, title);
      }
    }
    const ofNode = await judge(
      requestOf({ request, ...(usages && { usages }), ...(expirationSeconds !== undefined && { expirationSeconds }) }),
      serving,
      KIND_WORLD,
      NOW,
    );
    assert.equal(ofNode.outcome, 'Denied', `${title}: ${ofNode.message}`);
  }
});

test('each shipped policy approves what it is there for', async () => {
  const make = (spec: Parameters<typeof createCsr>[0]): Buffer => Buffer.from(createCsr(spec, keyOf('ec256')).pem);
  const cases: readonly [(typeof SHIPPED)[number], ReturnType<typeof requestOf>][] = [
    ['kubelet-serving.yaml', requestOf()],
    [
      'services.yaml',
      requestOf({
        ...accountOf('web-ns', 'server'),
        signerName: 'example.com/services',
        expirationSeconds: 86_400,
        request: make({
          commonName: 'system:serviceaccount:web-ns:server',
          names: [
            { type: 'dns', value: 'web' },
            { type: 'dns', value: 'web.web-ns.svc' },
            { type: 'ip', value: '10.96.0.7' },
            { type: 'uri', value: 'spiffe://cluster.local/ns/web-ns/sa/server' },
          ],
        }),
      }),
    ],
    [
      'team-clients.yaml',
      requestOf({
        username: 'jane',
        groups: ['team-a', 'system:authenticated'],
        signerName: 'kubernetes.io/kube-apiserver-client',
        usages: ['client auth'],
        expirationSeconds: 3_600,
        request: make({ commonName: 'jane', subject: { organizations: ['team-a'] }, names: [] }),
      }),
    ],
    [
      'cert-manager.yaml',
      requestOf({
        ...accountOf('web', 'server'),
        signerName: 'clusterissuers.cert-manager.io/internal-ca',
        expirationSeconds: 86_400,
        request: make({
          names: [
            { type: 'dns', value: 'www.example.com' },
            { type: 'dns', value: 'a.web.svc' },
          ],
        }),
      }),
    ],
  ];
  for (const [file, request] of cases) {
    const verdict = await judge(request, await shipped(file), KIND_WORLD, NOW);
    assert.equal(verdict.outcome, 'Approved', `${file}: ${verdict.message}`);
  }
});

test('a policy file that is not one', async () => {
  const cases: readonly [string, RegExp][] = [
    ['', /it is empty|there is no policy/],
    ['policies: []', /policies is empty/],
    [
      'policies: [{ name: a }]',
      /policies\[0\]\.signers is missing; policies\[0\]\.requesters is missing; policies\[0\]\.usages is missing/,
    ],
    ['policies:\n  - { name: a, signers: [x], requesters: {}, usages: [any] }', /must name users, groups or namespaces/],
    ['policies:\n  - { name: a, signers: [x], requesters: { users: [x] }, usages: [web] }', /usages\[0\] must be/],
    [
      'policies:\n  - { name: a, signers: [x], requesters: { users: [x] }, usages: [any], subjekt: {} }',
      /policies\[0\]\.subjekt is no known key/,
    ],
    [
      'policies:\n  - { name: a, signers: [x], requesters: { users: [x] }, usages: [any], subject: { commonName: ["{user}"] } }',
      /may hold only the templates/,
    ],
    [
      'policies:\n  - { name: a, signers: [x], requesters: { users: [x] }, usages: [any], names: { ip: { allow: [10.0.0.0/33] } } }',
      /must be an address or a range/,
    ],
    ['policies:\n  - { name: a, signers: [x], requesters: { users: [x] }, usages: [any], maxAge: soon }', /must be a duration/],
    [
      'policies:\n  - { name: a, signers: [x], requesters: { users: [x] }, usages: [any], rules: [{ rule: "self == 1" }] }',
      /there is no variable "self"/,
    ],
    ['policies:\n  - &a { name: a, signers: [x], requesters: { users: [x] }, usages: [any] }\n  - *a', /two policies of the name "a"/],
    ['a: [', /it is no YAML/],
    [
      'apiVersion: policy.cert-manager.io/v1alpha1\nkind: CertificateRequestPolicy\nmetadata: { name: a }\nspec: { selector: {} }',
      /must have issuerRef or namespace/,
    ],
    ['apiVersion: v1\nkind: Secret\nmetadata: { name: a }', /apiVersion must be/],
    [
      'apiVersion: policy.cert-manager.io/v1alpha1\nkind: CertificateRequestPolicy\nmetadata: { name: a }\nspec: { selector: { issuerRef: {} }, plugins: { rego: {} } }',
      /needs plugins/,
    ],
  ];
  for (const [yaml, message] of cases) await assert.rejects(policies(yaml), { code: 'config-invalid', message });
});

test('a copy of the request that comes later is denied, and not the first one', async () => {
  const alike = async () => [{ name: 'first', username: 'jane', createdAt: NOW - 120_000, state: 'pending' as const, isSameRequest: true }];
  const late = await judge(requestOf({ request: forge() }), serving, factsOf({ ...node, alike }), NOW);
  assert.match(late.message, /the same request is there already: "first" of "jane", pending/);
  const first = await judge(requestOf({ createdAt: NOW - 180_000 }), serving, factsOf({ ...node, alike }), NOW);
  assert.equal(first.outcome, 'Approved');
  for (const state of ['denied', 'failed', 'approved'] as const) {
    const other = async () => [{ name: 'other', username: 'jane', createdAt: NOW - 1_000, state, isSameRequest: true }];
    const { outcome } = await judge(requestOf(), serving, factsOf({ ...node, alike: other }), NOW);
    assert.equal(outcome, state === 'approved' ? 'Denied' : 'Approved', state);
  }
});
