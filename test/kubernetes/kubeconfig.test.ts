import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTscertError } from '../../src/base/errors.js';
import { mergeKubeconfigs, parseKubeconfig } from '../../src/kubernetes/kubeconfig.js';
import { RUNS } from '../support/property.js';

const FILE = '/home/jane/.kube/config';
const read = (text: string) => parseKubeconfig(text, FILE);
const fault = (text: string): string => {
  try {
    read(text);
  } catch (error) {
    assert.ok(isTscertError(error, 'kubeconfig-invalid'), String(error));
    return error.message.replace(`Cannot read the kubeconfig "${FILE}": `, '');
  }
  assert.fail('it was taken');
};

test('a kubeconfig as kubectl writes it', () => {
  const config = read(`apiVersion: v1
kind: Config
preferences: {}
current-context: dev
clusters:
- name: dev
  cluster:
    server: https://10.0.0.1:6443
    certificate-authority: pki/ca.crt
    tls-server-name: api.example.com
    proxy-url: http://proxy:3128
    extensions:
    - name: client.authentication.k8s.io/exec
      extension: { audience: here }
users:
- name: jane
  user:
    client-certificate-data: LS0t
    client-key: /etc/jane.key
    as: root
    as-groups: [admins]
    as-user-extra: { scopes: [a, b] }
- name: eks
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: aws
      args: [eks, get-token]
      env: [{ name: AWS_PROFILE, value: prod }]
contexts:
- name: dev
  context: { cluster: dev, user: jane, namespace: web }
`);
  assert.equal(config.currentContext, 'dev');
  assert.deepEqual(config.clusters.get('dev'), {
    server: 'https://10.0.0.1:6443',
    insecure: false,
    authority: { file: '/home/jane/.kube/pki/ca.crt' },
    tlsServerName: 'api.example.com',
    proxyUrl: 'http://proxy:3128',
    execConfig: { audience: 'here' },
  });
  assert.deepEqual(config.users.get('jane'), {
    file: FILE,
    certificate: { text: '---' },
    key: { file: '/etc/jane.key' },
    impersonate: { user: 'root', groups: ['admins'], extra: { scopes: ['a', 'b'] } },
  });
  assert.deepEqual(config.users.get('eks')?.exec, {
    apiVersion: 'client.authentication.k8s.io/v1beta1',
    command: 'aws',
    args: ['eks', 'get-token'],
    env: { AWS_PROFILE: 'prod' },
    interactiveMode: 'IfAvailable',
    provideClusterInfo: false,
  });
  assert.deepEqual(config.contexts.get('dev'), { cluster: 'dev', user: 'jane', namespace: 'web' });
});

test('what says nothing is nothing: empty files, nulls, empty texts', () => {
  for (const text of [
    '',
    '{}',
    'clusters:\nusers:\ncontexts:\ncurrent-context: ""\n',
    'apiVersion: v1\nkind: Config\nfuture-thing: {a: 1}\n',
  ]) {
    const config = read(text);
    assert.equal(config.currentContext, undefined);
    assert.equal(config.clusters.size + config.users.size + config.contexts.size, 0);
  }
  assert.deepEqual(read('users: [{ name: a, user: { token: "" } }, { name: b, user: null }, { name: c }]').users.get('a'), { file: FILE });
});

test('faults are told by their place, and never by their value', () => {
  assert.equal(fault('apiVersion: v2'), '"apiVersion" wants "v1" | ""');
  assert.equal(fault('clusters: [{ name: a, cluster: { server: 7 } }]'), '"clusters[0].cluster.server" wants string');
  assert.equal(fault('users: [{ name: a, user: { token: 12345 } }]'), '"users[0].user.token" wants string');
  assert.equal(fault('users: [{ name: a }, { name: a }]'), 'it has two entries for the user "a"');
  assert.equal(fault('users: [{ name: a, user: { client-key-data: "s3cr%t" } }]'), 'a "-data" of the user "a" is not base64');
  assert.match(
    fault('users: [{ name: a, user: { exec: { command: x, apiVersion: client.authentication.k8s.io/v1alpha1 } } }]'),
    /v1alpha1/,
  );
  assert.match(
    fault('users: [{ name: a, user: { exec: { command: x, apiVersion: client.authentication.k8s.io/v1 } } }]'),
    /says no interactiveMode/,
  );
  assert.doesNotMatch(fault('users:\n- name: a\n  user: { token: "s3cret\n'), /s3cret/);
  assert.equal(fault('[1]'), 'it must be a mapping, not a list');
  assert.equal(fault('7'), 'it wants Object');
});

test('of several files what an earlier one says stands', () => {
  const one = parseKubeconfig('current-context: x\nusers: [{ name: a, user: { token: one } }]', '/one');
  const two = parseKubeconfig('current-context: y\nusers: [{ name: a, user: { token: two } }, { name: b, user: { token: two } }]', '/two');
  const merged = mergeKubeconfigs([read(''), one, two]);
  assert.equal(merged.currentContext, 'x');
  assert.deepEqual([...merged.users].map(([name, user]) => `${name}:${user.token}`).sort(), ['a:one', 'b:two']);
});

test('any text is a kubeconfig or a kubeconfig-invalid', () => {
  const words = [
    'clusters',
    'users',
    'contexts',
    'name',
    'user',
    'cluster',
    'context',
    'exec',
    'token',
    'server',
    'current-context',
    '- ',
    ': ',
    '\n  ',
    '\n',
    '{',
    '}',
    '[',
    ']',
    '&a',
    '*a',
    '"',
    '|',
    'null',
    '7',
  ];
  const text = fc.oneof(
    fc.string(),
    fc.array(fc.constantFrom(...words), { maxLength: 40 }).map((parts) => parts.join('')),
    fc.json(),
  );
  fc.assert(
    fc.property(text, (content) => {
      try {
        read(content);
      } catch (error) {
        assert.ok(isTscertError(error, 'kubeconfig-invalid'), String(error));
      }
    }),
    { numRuns: RUNS },
  );
});

test('what is written is read again', () => {
  const name = fc.string({ minLength: 1 });
  const config = fc.record({
    'current-context': name,
    users: fc.uniqueArray(fc.record({ name, user: fc.record({ token: name, 'as-groups': fc.array(name) }) }), {
      selector: (entry) => entry.name,
    }),
  });
  fc.assert(
    fc.property(config, (written) => {
      const config = read(JSON.stringify(written));
      assert.equal(config.currentContext, written['current-context']);
      for (const { name: who, user } of written.users) {
        assert.equal(config.users.get(who)?.token, user.token);
        assert.deepEqual(config.users.get(who)?.impersonate?.groups ?? [], user['as-groups']);
      }
    }),
    { numRuns: RUNS },
  );
});
