import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type CsrEvidence, judgeCsr } from '../../../src/flow/diagnose/csr.js';
import type { Link } from '../../../src/flow/diagnose/link.js';
import { holdersOf } from '../../../src/flow/diagnose/rbac.js';
import { judgeSecret, type SecretEvidence } from '../../../src/flow/diagnose/secret.js';
import { CSR } from '../../../src/kubernetes/csr.js';
import { SECRET } from '../../../src/kubernetes/secret/object.js';
import { RUNS } from '../../support/property.js';
import { madeCertificate } from './world.js';

const leaf = madeCertificate({ dns: ['web.example.com'] });
const other = madeCertificate({ ca: true });
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** PEM of something, parts of it, or anything. */
const value = fc.oneof(
  fc.constantFrom(leaf.pem, leaf.keyPem, other.pem, `${other.pem}${leaf.pem}`, `${leaf.pem}${leaf.keyPem}`, ''),
  fc
    .tuple(fc.constantFrom(leaf.pem, leaf.keyPem), fc.nat(800), fc.nat(255))
    .map(([pem, at, code]) => pem.slice(0, at) + String.fromCharCode(code) + pem.slice(at + 1)),
  fc.string({ unit: 'binary' }),
);
const encoded = fc.oneof(value.map(base64), fc.string());
const cluster = { name: 'test', server: 'x:1', who: { value: 'alice' } };
const common = { cluster, roots: [], areRootsNamed: false, now: Date.now() };

/** At most one link is broken, nothing behind it was reached, and every word is there. */
function isChain(links: readonly Link[]): void {
  const at = links.findIndex(({ state }) => state === 'broken' || state === 'waiting');
  for (const [nth, { link, state, message }] of links.entries()) {
    assert.equal(state === 'not-reached', at >= 0 && nth > at, link);
    assert.equal(message === '', state === 'not-reached', link);
    assert.doesNotMatch(message, /\[object /);
  }
}

test('whatever stands in a Secret, it is judged and never thrown', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('tls.crt', 'tls.key', 'ca.crt', 'x'), encoded),
      fc.constantFrom('kubernetes.io/tls', 'Opaque', 'a/b'),
      fc.dictionary(
        fc.constantFrom('alt-names', 'ip-sans', 'issuer-name', 'issuer-kind').map((key) => `cert-manager.io/${key}`),
        fc.string(),
      ),
      fc.anything(),
      (data, type, annotations, managedFields) => {
        const secret = SECRET.parse({ metadata: { name: 'web', annotations, managedFields }, type, data });
        const evidence: SecretEvidence = {
          ...common,
          ...{ name: 'web', namespace: 'shop', secret: { value: secret }, probed: [] },
          ...{ namespaces: { value: [] }, neighbours: { value: [] }, elsewhere: { value: [] }, ingresses: { value: [] } },
          certificates: { value: undefined },
        };
        isChain(judgeSecret(evidence));
      },
    ),
    { numRuns: RUNS },
  );
});

test('whatever stands in a request and its conditions, it is judged and never thrown', () => {
  const condition = fc.record({
    type: fc.constantFrom('Approved', 'Denied', 'Failed', 'Other'),
    status: fc.constantFrom('True', 'False'),
    reason: fc.string(),
    message: fc.string(),
    lastUpdateTime: fc.constantFrom('2026-01-01T00:00:00Z', 'never', undefined),
  });
  fc.assert(
    fc.property(encoded, encoded, fc.array(condition, { maxLength: 3 }), fc.string(), (request, certificate, conditions, signerName) => {
      const csr = CSR.parse({
        metadata: { name: 'web' },
        spec: { request, signerName, usages: ['server auth'] },
        status: { conditions, certificate },
      });
      const evidence: CsrEvidence = {
        ...common,
        ...{
          name: 'web',
          csr: { value: csr },
          all: { value: [csr] },
          approvers: { value: [] },
          signers: { value: [] },
          missing: { value: [] },
        },
      };
      isChain(judgeCsr(evidence));
    }),
    { numRuns: RUNS },
  );
});

test('who has a right by several roles has it, and nobody by a name that is another one', () => {
  const right = (verb: string, resource: string, ...names: readonly string[]) => ({ verb, group: 'certificates.k8s.io', resource, names });
  const rule = (verbs: readonly string[], resources: readonly string[], resourceNames: readonly string[] = []) => ({
    ...{ apiGroups: ['certificates.k8s.io'], verbs, resources, resourceNames },
  });
  const needs = [
    [right('update', 'certificatesigningrequests/approval'), right('patch', 'certificatesigningrequests/approval')],
    [right('approve', 'signers', 'a.b/c', 'a.b/*')],
  ];
  const grants = [
    { rules: [rule(['patch'], ['*/approval'])], subjects: ['User "x"', 'User "y"', 'User "z"'] },
    { rules: [rule(['approve'], ['signers'], ['a.b/*'])], subjects: ['User "x"'] },
    { rules: [rule(['approve'], ['signers'], ['a.b/d'])], subjects: ['User "y"'] },
    { rules: [{ apiGroups: ['*'], verbs: ['*'], resources: ['*'], resourceNames: null }], subjects: ['Group "admins"'] },
    { rules: [{ ...rule(['approve'], ['signers']), apiGroups: [''] }], subjects: ['User "z"'] },
  ];
  assert.deepEqual(holdersOf(needs, grants), ['Group "admins"', 'User "x"']);
});
