/** The rules of the four signers, one by one; test/kubernetes asks the real server the same questions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCsr, readCsr } from '../../../src/pki/csr.js';
import { SIGNER, signerNameFault } from '../../../src/policy/signers/names.js';
import { preflight } from '../../../src/policy/signers/preflight.js';
import type { SignerQuestion, SignerVerdict } from '../../../src/policy/signers/verdict.js';
import { keyOf } from '../../pki/support.js';
import { REFUSED, SIGNED, type SignerCase } from './cases.js';

function verdictOf({ spec, keyType = 'ec256', ...rest }: SignerCase): SignerVerdict {
  return preflight({ csr: readCsr(createCsr(spec, keyOf(keyType)).pem), ...rest });
}

for (const signed of SIGNED) {
  test(`signed: ${signed.signerName}, ${signed.title}`, () => assert.deepEqual(verdictOf(signed).broken, []));
}

for (const refused of REFUSED) {
  test(`refused: ${refused.signerName}, ${refused.title}`, () => {
    const { broken, isSigned, fits } = verdictOf(refused);
    assert.equal(isSigned, false);
    assert.ok(
      broken.some(({ rule, by }) => rule === refused.rule && by === refused.by),
      JSON.stringify(broken),
    );
    assert.ok(fits !== undefined);
  });
}

test('each signer has ten refusals and more than one request that it signs', () => {
  for (const signerName of [SIGNER.apiserverClient, SIGNER.kubeletClient, SIGNER.kubeletServing]) {
    assert.ok(REFUSED.filter((entry) => entry.signerName === signerName).length >= 10, signerName);
    assert.ok(SIGNED.filter((entry) => entry.signerName === signerName).length >= 3, signerName);
  }
});

const service: SignerCase = {
  title: 'the popular tutorial',
  signerName: SIGNER.kubeletServing,
  spec: { commonName: 'my-pod.my-namespace.pod.cluster.local', names: [{ type: 'dns', value: 'my-svc.my-namespace.svc.cluster.local' }] },
  usages: ['digital signature', 'key encipherment', 'server auth'],
};

test('names of a Service with kubelet-serving: the rules, and who signs such', () => {
  const { broken, fits } = verdictOf(service);
  assert.deepEqual(
    broken.map(({ message }) => message),
    [
      'The organization must be "system:nodes" alone, and it has none',
      'The common name must begin with "system:node:", and it is "my-pod.my-namespace.pod.cluster.local"',
    ],
  );
  assert.equal(fits?.signerName, undefined);
  assert.match(fits?.message ?? '', /No signer of Kubernetes gives server certificates to anything but nodes: .* a signer of your own/);
});

test('the signer that fits: as it is, or with other usages', () => {
  const node: SignerCase = { ...service, spec: { commonName: 'system:node:a', subject: { organizations: ['system:nodes'] }, names: [] } };
  const asIs = verdictOf({ ...node, usages: ['digital signature', 'client auth'] });
  assert.equal(asIs.fits?.signerName, SIGNER.kubeletClient);
  const person: SignerCase = { ...service, spec: { commonName: 'jane', names: [] }, usages: ['client auth'] };
  assert.equal(verdictOf(person).fits?.signerName, SIGNER.apiserverClient);
  const usages = verdictOf({ ...person, signerName: SIGNER.apiserverClient, usages: ['client auth', 'any'] }).fits;
  assert.deepEqual([usages?.signerName, usages?.usages], [SIGNER.apiserverClient, ['digital signature', 'client auth']]);
  const weak = verdictOf({ ...person, spec: { commonName: 'x', names: [{ type: 'uri', value: 'http://a..b/' }] } });
  assert.match(weak.fits?.message ?? '', /^No signer takes it/);
});

test('custom and unknown signers', () => {
  const custom = verdictOf({ ...service, signerName: 'example.com/serving' });
  assert.deepEqual([custom.isSigned, custom.kind], [true, 'custom']);
  assert.match(custom.notes[0] ?? '', /only the rules of the API server/);
  const unknown = verdictOf({ ...service, signerName: 'kubernetes.io/kubelet-server' });
  assert.deepEqual([unknown.isSigned, unknown.kind], [false, 'unknown']);
});

test('what is worth knowing before it is sent', () => {
  const spec = { commonName: 'system:node:b', subject: { organizations: ['system:nodes'] }, names: [{ type: 'dns', value: 'b' }] } as const;
  const csr = readCsr(createCsr({ ...spec, usages: ['server auth'] }, keyOf('ec256')).pem);
  const question: SignerQuestion = {
    csr,
    signerName: SIGNER.kubeletServing,
    usages: ['digital signature', 'server auth'],
    expirationSeconds: 40_000_000,
    requester: { username: 'system:node:a', groups: ['system:nodes'] },
  };
  const { isSigned, notes } = preflight(question);
  assert.equal(isSigned, true);
  assert.deepEqual(
    notes.map((note) => note.slice(0, 30)),
    [
      'The signer gives a year at mos',
      'Of the extensions that it asks',
      '"system:node:a" asks for a cer',
      'A cluster with the admission p',
    ],
  );
});

test('a damaged signature, and keys that Go does not verify', () => {
  const { der } = createCsr({ commonName: 'a', names: [] }, keyOf('ec256'));
  const damaged = Buffer.from(der);
  damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
  const question = { signerName: SIGNER.apiserverClient, usages: ['client auth'] };
  assert.deepEqual(
    preflight({ ...question, csr: readCsr(damaged) }).broken.map(({ rule }) => rule),
    ['signature'],
  );
});

test('signer names', () => {
  for (const good of ['a.b/c', 'issuers.cert-manager.io/ns.name', `a.b/${'x'.repeat(253)}`])
    assert.equal(signerNameFault(good), undefined, good);
  for (const bad of ['', 'a', 'a/b', 'a.b/', '/a', 'a.b/c/d', 'A.b/c', 'a.b/C', 'a..b/c', 'a.b/c..d', '-a.b/c', `a.b/${'x'.repeat(254)}`])
    assert.notEqual(signerNameFault(bad), undefined, bad);
});
