/** Each rule: met, broken, and without an answer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CsrSpec, createCsr } from '../../../src/pki/csr.js';
import type { ApprovalFacts } from '../../../src/policy/approval/facts.js';
import type { ApprovalRequest } from '../../../src/policy/approval/request.js';
import { keyOf, NOW } from '../../pki/support.js';
import { accountOf, judgeBy, ruleOf, worker } from './kit.js';

type Names = CsrSpec['names'];
const SIGNER = 'example.com/any';
const BASE = `usages: [digital signature, key encipherment, server auth]
subject: { commonName: ["**"], organizations: ["**"] }`;
const LOOSE = `${BASE}
names: { dns: { allow: ["**"], wildcards: true }, ip: { allow: [0.0.0.0/0, "::/0"] } }`;

function asking(names: Names, spec: Partial<CsrSpec> = {}, key = keyOf('ec256')): Pick<ApprovalRequest, 'request' | 'signerName'> {
  return { signerName: SIGNER, request: Buffer.from(createCsr({ commonName: 'system:node:worker-1', names, ...spec }, key).pem) };
}

const dns = (...values: readonly string[]): Names => values.map((value) => ({ type: 'dns', value }));
const ip = (value: string): Names[number] => ({ type: 'ip', value });

async function says(rule: string, lines: string, more: Partial<ApprovalRequest>, facts: Partial<ApprovalFacts> = {}): Promise<string> {
  return ruleOf(await judgeBy(lines, { signerName: SIGNER, ...more }, facts), rule);
}

test('subject: every attribute by a pattern, templates literally', async () => {
  const lines = (subject: string): string => `usages: [server auth]\nsubject: ${subject}`;
  const request = asking([], { subject: { organizations: ['a', 'b'] } });
  assert.match(await says('subject', lines('{ commonName: ["{username}"], organizations: [a, b] }'), request), /^passed/);
  assert.match(
    await says('subject', lines('{ commonName: ["{username}"], organizations: [a] }'), request),
    /^broken: The subject attribute O "b" is not allowed: the policy allows "a"$/,
  );
  assert.match(
    await says('subject', lines('{ organizations: [a, b] }'), request),
    /common name "system:node:worker-1" is not allowed: the policy allows none/,
  );
  assert.match(
    await says('subject', lines('{ commonName: ["{node}"], organizations: [a, b] }'), request),
    /the policy allows "\{node\}" \(here "worker-1"\)/,
  );
  assert.match(
    await says('subject', lines('{ commonName: ["{namespace}"], organizations: ["*"] }'), request),
    /^broken/,
    'no service account, no value',
  );
  const star = { ...asking([], { commonName: 'a*' }), name: 'a*' };
  assert.match(await says('subject', lines('{ commonName: ["{requestName}"] }'), star), /^passed/);
  assert.match(
    await says('subject', lines('{ commonName: ["{requestName}"] }'), { ...star, ...asking([], { commonName: 'ab' }) }),
    /^broken/,
  );
  assert.match(await says('subject', lines('{ commonName: ["**"] }'), star), /^broken/, 'a star is never matched by one');
});

test('names: kinds, patterns, wildcards, counts', async () => {
  const by = (names: string): string => `${BASE}\nnames: ${names}`;
  const check = async (names: string, asked: Names, outcome: RegExp): Promise<void> =>
    assert.match(await says('names', by(names), asking(asked)), outcome, names);
  await check('{ dns: { allow: ["*.example.com"] } }', dns('a.example.com', 'B.Example.Com'), /^passed/);
  await check('{ dns: { allow: ["*.Example.com"] } }', dns('a.b.example.com'), /^broken: The DNS name "a.b.example.com" is not allowed/);
  await check('{ dns: { allow: ["**.example.com"] } }', dns('a.b.example.com'), /^passed/);
  await check('{ dns: { allow: ["**.example.com"] } }', dns('*.example.com'), /it is a wildcard/);
  await check('{ dns: { allow: ["*.example.com"], wildcards: true } }', dns('*.example.com'), /^passed/);
  await check('{ dns: { allow: ["a.example.com"], wildcards: true } }', dns('*.example.com'), /^broken/);
  await check('{ dns: { allow: ["**"], max: 1 } }', dns('a.b', 'c.d'), /at most 1/);
  await check('{ min: 1 }', [], /at least 1/);
  await check('{ ip: { allow: [10.0.0.0/8] } }', [ip('10.1.2.3')], /^passed/);
  await check('{ ip: { allow: [10.0.0.0/8] } }', [ip('11.1.2.3')], /^broken/);
  await check('{ ip: { allow: [0.0.0.0/0] } }', [ip('2001:db8::1')], /^broken/);
  await check('{ uri: { allow: ["spiffe://a/*"] } }', [{ type: 'uri', value: 'spiffe://a/b' }], /^passed/);
  await check('{ uri: { allow: ["spiffe://a/*"] } }', [{ type: 'uri', value: 'spiffe://a/b/c' }], /^broken/);
  await check('{ email: { allow: ["*@example.com"] } }', [{ type: 'email', value: 'me@example.com' }], /^passed/);
  await check('{ other: { 1.2.3: ["*@example.com"] } }', [{ type: 'other', oid: '1.2.3', value: 'me@example.com' }], /^passed/);
  await check('{ other: { 1.2.4: ["**"] } }', [{ type: 'other', oid: '1.2.3', value: 'me@example.com' }], /^broken: The otherName/);
});

test('usages of the object and of the request itself', async () => {
  assert.match(await says('usages', BASE, { ...asking([]), usages: ['server auth'] }), /^passed/);
  assert.match(
    await says('usages', BASE, { ...asking([]), usages: ['server auth', 'client auth'] }),
    /^broken: The usages "client auth" are not allowed/,
  );
  assert.match(await says('usages', BASE, { ...asking([], { usages: ['code signing'] }), usages: ['server auth'] }), /"code signing"/);
  assert.match(await says('usages', BASE, { ...asking([], { usages: ['any'] }), usages: ['server auth'] }), /"any"/);
});

test('duration, age, key, CA', async () => {
  const duration = `${BASE}\nduration: { min: 1h, max: 24h }`;
  assert.match(await says('duration', duration, { ...asking([]), expirationSeconds: 3_600 }), /^passed/);
  assert.match(await says('duration', duration, { ...asking([]), expirationSeconds: 3_599 }), /shorter than the least/);
  assert.match(await says('duration', duration, { ...asking([]), expirationSeconds: 86_401 }), /longer than the most/);
  assert.match(await says('duration', duration, asking([])), /asks for no duration/);
  assert.match(await says('duration', `${BASE}\nduration: { max: 24h, absent: allow }`, asking([])), /^passed/);
  const age = `${BASE}\nmaxAge: 1h`;
  assert.match(await says('age', age, { ...asking([]), createdAt: NOW - 3_600_000 }), /^passed/);
  assert.match(await says('age', age, { ...asking([]), createdAt: NOW - 3_600_001 }), /^broken/);
  assert.match(await says('age', age, { ...asking([]), createdAt: NOW + 120_000 }), /^unknown: It was made in the future/);
  const keys = `${BASE}\nkeys: { RSA: { min: 3072 }, ECDSA: { max: 256 } }`;
  assert.match(await says('key', keys, asking([], {}, keyOf('rsa3072'))), /^passed/);
  assert.match(await says('key', keys, asking([], {}, keyOf('rsa2048'))), /at least 3072 bits/);
  assert.match(await says('key', keys, asking([], {}, keyOf('ec384'))), /at most 256 bits/);
  assert.match(await says('key', keys, asking([], {}, keyOf('ed25519'))), /A key of Ed25519 is not allowed/);
  assert.match(await says('ca', BASE, asking([], { isCa: true, usages: [] })), /^broken/);
  assert.match(await says('ca', `${BASE}\nisCA: true`, asking([], { isCa: true })), /^passed/);
});

test('names that belong to the Node of the requester', async () => {
  const lines = `${LOOSE}\nbelongTo: node`;
  const own = asking([...dns('worker-1'), ip('10.0.0.1')]);
  assert.match(await says('belong-to', lines, own, { node: worker }), /^passed/);
  assert.match(
    await says('belong-to', lines, asking(dns('worker-2')), { node: worker }),
    /^broken: "worker-2" is none of the Node "worker-1"/,
  );
  assert.match(await says('belong-to', lines, asking([ip('10.0.0.2')]), { node: worker }), /^broken/);
  assert.match(await says('belong-to', lines, own, { node: async () => undefined }), /There is no Node "worker-1"/);
  assert.match(await says('belong-to', lines, { ...own, username: 'alice' }, { node: worker }), /is no node/);
  assert.match(await says('belong-to', lines, { ...own, groups: [] }, { node: worker }), /is no node/, 'the name alone makes no node');
  assert.match(await says('belong-to', lines, own), /^unknown: It cannot be found out: no answer/);
});

test('names that belong to Services of the namespace', async () => {
  const lines = `${LOOSE}\nbelongTo: services`;
  const services: ApprovalFacts['services'] = async (namespace) =>
    namespace === 'web' ? [{ name: 'api', clusterIps: ['10.96.0.7'] }] : [];
  const account = accountOf('web', 'server');
  const own = asking([...dns('api', 'api.web', 'api.web.svc', 'api.web.svc.cluster.local', '*.api.web.svc'), ip('10.96.0.7')]);
  assert.match(await says('belong-to', lines, { ...own, ...account }, { services }), /^passed/);
  for (const name of ['api.other', 'db.web.svc', 'kubernetes.default.svc', 'api.web.svc.evil.example'])
    assert.match(await says('belong-to', lines, { ...asking(dns(name)), ...account }, { services }), /^broken/, name);
  assert.match(await says('belong-to', lines, { ...own, ...accountOf('other', 'server') }, { services }), /^broken/);
  assert.match(await says('belong-to', lines, { ...own, ...account, groups: [] }, { services }), /is no service account/);
  assert.match(await says('belong-to', lines, { ...own, ...account }), /^unknown/);
});

test('names that resolve', async () => {
  const lines = `${LOOSE}\nresolve: true`;
  const resolve: ApprovalFacts['resolve'] = async (name) => (name === 'a.b' ? ['10.0.0.1', '2001:db8::1'] : []);
  assert.match(await says('resolve', lines, asking([...dns('a.b'), ip('2001:db8::1')]), { resolve }), /^passed/);
  assert.match(await says('resolve', lines, asking(dns('a.b', 'c.d')), { resolve }), /"c.d" cannot be resolved/);
  assert.match(
    await says('resolve', lines, asking([...dns('a.b'), ip('10.0.0.2')]), { resolve }),
    /None of its DNS names has the address "10.0.0.2"/,
  );
  assert.match(await says('resolve', lines, asking(dns('*.a.b')), { resolve }), /it is a wildcard/);
  assert.match(await says('resolve', lines, asking(dns('a.b'))), /^unknown/);
});

test('renewal of what is served now', async () => {
  const lines = `${LOOSE}\nrenewal: { at: "{node}:10250" }`;
  const served = (names: Names, isTrusted = true): Partial<ApprovalFacts> => ({
    served: async (host, port) => {
      assert.deepEqual([host, port], ['worker-1', 10_250]);
      return { names, commonName: 'system:node:worker-1', isTrusted };
    },
  });
  const request = asking(dns('a', 'b'));
  assert.match(await says('renewal', lines, request, served(dns('b', 'a'))), /^passed/);
  assert.match(await says('renewal', lines, request, served(dns('a', 'c'))), /\+dns:b -dns:c/);
  assert.match(await says('renewal', lines, request, served(dns('a', 'b'), false)), /is not trusted/);
  assert.match(await says('renewal', lines, request, { served: async () => undefined }), /^broken: Nobody listens/);
  assert.match(await says('renewal', lines.replace('" }', '", first: allow }'), request, { served: async () => undefined }), /^passed/);
  assert.match(await says('renewal', lines, { ...request, username: 'alice' }), /^broken: There is no place/);
  assert.match(await says('renewal', lines, request), /^unknown/);
});

test('pending, access, replay', async () => {
  const pending = `${BASE}\nmaxPending: 10`;
  assert.match(await says('pending', pending, asking([]), { pending: async () => 10 }), /^passed/);
  assert.match(
    await says('pending', pending, asking([]), { pending: async () => 11 }),
    /^unknown: 11 requests wait/,
    'nobody is denied for it',
  );
  const access = `${BASE}\naccess: [{ verb: get, resource: nodes, name: "{node}" }]`;
  const mayDo: ApprovalFacts['mayDo'] = async ({ username }, { verb, name }) =>
    username === 'system:node:worker-1' && verb === 'get' && name === 'worker-1';
  assert.match(await says('access', access, asking([]), { mayDo }), /^passed: "system:node:worker-1" may get nodes "worker-1"/);
  assert.match(await says('access', access, { ...asking([]), username: 'system:node:b' }, { mayDo }), /^broken/);
  assert.match(await says('access', access, { ...asking([]), username: 'alice' }, { mayDo }), /no value for a template/);
  assert.match(await says('access', access, asking([])), /^unknown/);
  const other = { name: 'other', username: 'jane', createdAt: NOW - 1e6, state: 'approved', isSameRequest: false } as const;
  assert.match(await says('replay', BASE, asking([]), { alike: async () => [other] }), /^passed/);
  assert.match(
    await says('replay', `${BASE}\nkeyReuse: deny`, asking([]), { alike: async () => [other] }),
    /A request for the same key is there already: "other" of "jane", approved/,
  );
  assert.match(await says('replay', BASE, asking([]), { alike: async () => [{ ...other, isSameRequest: true }] }), /^broken/);
  assert.match(
    await says('replay', `${BASE}\nreplay: allow`, asking([]), { alike: async () => [{ ...other, isSameRequest: true }] }),
    /^passed/,
  );
});

test('expressions', async () => {
  const by = (rule: string): string => `${BASE}\nrules: [{ rule: ${JSON.stringify(rule)}, message: Not so }]`;
  const good = [
    'csr.commonName == "system:node:" + requester.node',
    'request.usages.exists(u, u == "server auth") && !csr.isCA',
    'csr.dnsNames.all(n, n.endsWith(".b"))',
    'requester.username.matches("^system:node:[a-z0-9-]+$")',
    'request.expirationSeconds == null && request.ageSeconds < 3600',
    'csr.key.kind == "ECDSA" && csr.key.size >= 256',
    'request.labels["team"] == "a" && "c" in request.annotations',
    'requester.username.split(":")[2].upperAscii() == "WORKER-1"',
  ];
  const request = { ...asking(dns('a.b')), labels: { team: 'a' }, annotations: { c: '' } };
  for (const rule of good) assert.match(await says('expression', by(rule), request), /^passed/, rule);
  assert.equal(await says('expression', by('csr.isCA'), request), 'broken: Not so');
  for (const rule of ['csr.nope == "a"', '1 / (size(csr.uris)) == 1', 'csr.commonName', 'request.labels["none"] == "a"'])
    assert.match(await says('expression', by(rule), request), /^unknown: It cannot be found out: Cannot decide by the expression/, rule);
  const bad = [
    ['csr.isCA &&', /at 1:10/],
    ['self == "a"', /there is no variable "self"/],
    ['csr.commonName.evil()', /there is no function "evil"/],
    ['csr.dnsNames.all(a, csr.dnsNames.all(b, csr.dnsNames.all(c, true)))', /nest deeper than 2/],
    [Array(300).fill('true').join(' && '), /more than 500 parts/],
    [`"${'a'.repeat(5_000)}" == ""`, /longer than 4096/],
  ] as const;
  for (const [rule, message] of bad) await assert.rejects(says('expression', by(rule), request), { code: 'config-invalid', message });
  const full = { ...request, annotations: { a: 'x'.repeat(20_000) } };
  assert.match(await says('expression', by('csr.isCA'), full), /^unknown: .* the annotations have more than 16384 characters/);
  const slow = asking(dns('x.y'), { commonName: `${'a'.repeat(60)}!` });
  assert.match(await says('expression', by('csr.commonName.matches("^(a+)+$")'), slow), /^broken/, 'linear, and so it comes back');
});
