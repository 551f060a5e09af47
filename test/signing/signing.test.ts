import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTscertError, TscertError } from '../../src/base/errors.js';
import type { KubernetesClient } from '../../src/kubernetes/client.js';
import { type CertificateSigningRequest, CSR } from '../../src/kubernetes/csr.js';
import { createCertificate } from '../../src/pki/certificate.js';
import { createCsr, readCsr } from '../../src/pki/csr.js';
import { generateKey } from '../../src/pki/key.js';
import { takeCertificate } from '../../src/signing/certificate.js';
import { awaitOutcome, checkOutcome } from '../../src/signing/outcome.js';
import { checkSignable } from '../../src/signing/question.js';
import { requestName, submitRequest } from '../../src/signing/submit.js';

/** What no server of today does: old ones, and answers that are lost. */
const key = await generateKey('ec256');
const csr = readCsr(createCsr({ names: [{ type: 'dns', value: 'a.example.com' }] }, key).der);
const { signal } = new AbortController();
const HOUR = 3_600_000;

const objectOf = (spec: object = {}, status: object = {}): CertificateSigningRequest =>
  CSR.parse({
    metadata: { name: 'one', uid: 'u1', resourceVersion: '1' },
    spec: { request: Buffer.from(csr.pem).toString('base64'), signerName: 'example.com/mine', usages: ['server auth'], ...spec },
    status,
  });
const submission = { name: 'one', csr, signerName: 'example.com/mine', usages: ['server auth'], expirationSeconds: 86_400 };
const client = (calls: Partial<KubernetesClient>): KubernetesClient => calls as KubernetesClient;
const answering = (object: CertificateSigningRequest) => client({ create: (async () => object) as never });

test('a server that drops the duration, or changes anything else, is told', async () => {
  const dropped = await submitRequest(answering(objectOf()), submission, { signal });
  assert.deepEqual(dropped.differences, [
    'the server has dropped the duration (Kubernetes before 1.22 knows none): the signer gives what it likes',
  ]);
  const changed = objectOf({ expirationSeconds: 600, usages: ['client auth'], signerName: 'example.com/other' });
  const { differences } = await submitRequest(answering(changed), submission, { signal });
  assert.deepEqual(differences, [
    'the server has the signer "example.com/other"',
    'the server has the usages "client auth"',
    'the server has a duration of 600 seconds',
  ]);
  assert.deepEqual((await submitRequest(answering(objectOf({ expirationSeconds: 86_400 })), submission, { signal })).differences, []);
});

test('an answer that was lost: what was made is found, and nothing is made twice', async () => {
  const lost = new TscertError('network', 'Cannot reach it', { data: { sent: true } });
  const create = (async () => Promise.reject(lost)) as never;
  const found = await submitRequest(client({ create, get: (async () => objectOf({ expirationSeconds: 86_400 })) as never }), submission, {
    signal,
  });
  assert.equal(found.isNew, false);
  await assert.rejects(submitRequest(client({ create, get: (async () => undefined) as never }), submission, { signal }), lost);
  // ECDSA signs with chance: the same request signed again is the same.
  const again = createCsr({ names: [{ type: 'dns', value: 'a.example.com' }] }, key);
  assert.notEqual(again.pem, csr.pem);
  const signedAgain = objectOf({ request: Buffer.from(again.pem).toString('base64') });
  assert.equal((await submitRequest(client({ create, get: (async () => signedAgain) as never }), submission, { signal })).isNew, false);
  const other = objectOf({ request: Buffer.from(createCsr({ names: [] }, key).pem).toString('base64') });
  await assert.rejects(submitRequest(client({ create, get: (async () => other) as never }), submission, { signal }), (error) =>
    isTscertError(error, 'cluster-exists'),
  );
});

test('names of objects are those of what they are for, and never the same', () => {
  assert.match(requestName('*.Example.COM', Math.random), /^example\.com-[a-z0-9]{5}$/);
  assert.match(requestName('system:node:worker-1', Math.random), /^system-node-worker-1-[a-z0-9]{5}$/);
  assert.match(requestName('', Math.random), /^tscert-[a-z0-9]{5}$/);
  assert.ok(requestName('x'.repeat(500), Math.random).length < 110);
  assert.equal(new Set(Array.from({ length: 100 }, () => requestName('a', Math.random))).size, 100);
});

test('a certificate without an approval, or beside a failure, does not count', () => {
  const condition = (type: string, status = 'True') => ({ type, status, reason: 'R', message: 'm' });
  const certificate = Buffer.from('x').toString('base64');
  const cases: readonly (readonly [object, string | undefined])[] = [
    [{}, 'csr-pending'],
    [{ conditions: [condition('Approved')] }, 'csr-pending'],
    [{ conditions: [condition('Denied')] }, 'csr-denied'],
    [{ conditions: [condition('Approved'), condition('Failed')], certificate }, 'csr-failed'],
    [{ certificate }, 'csr-failed'],
    [{ conditions: [condition('Approved', 'False')], certificate }, 'csr-failed'],
    [{ conditions: [condition('Approved')], certificate }, undefined],
  ];
  for (const [status, code] of cases) {
    try {
      checkOutcome(objectOf({}, status));
      assert.equal(code, undefined);
    } catch (error) {
      assert.ok(isTscertError(error), String(error));
      assert.equal(error.code, code, error.message);
    }
  }
});

test('a signer of Kubernetes keeps the subject; of another that it does not is told, and so are other dates', () => {
  const now = Date.UTC(2026, 10, 25);
  const sign = (commonName: string, hours: number): string =>
    createCertificate(
      {
        names: csr.extensions.names,
        commonName,
        serialNumber: Buffer.from([1]),
        notBefore: new Date(now),
        notAfter: new Date(now + hours * HOUR),
      },
      key,
    ).pem;
  const issued = (signerName: string, pem: string): CertificateSigningRequest =>
    objectOf({ signerName }, { conditions: [{ type: 'Approved', status: 'True' }], certificate: Buffer.from(pem).toString('base64') });
  assert.throws(
    () => takeCertificate(issued('kubernetes.io/kubelet-serving', sign('other', 24)), { csr, now }),
    /it is for the subject "CN=other", asked was ""/,
  );
  const wanted = { csr, now, expirationSeconds: 86_400 };
  assert.match(takeCertificate(issued('example.com/mine', sign('other', 24)), wanted).notes.join(), /changed the subject/);
  assert.match(
    takeCertificate(issued('example.com/mine', sign('x', 1)), wanted).notes.join(),
    /gave 3600 seconds where 86400 were asked for/,
  );
  assert.match(takeCertificate(issued('example.com/mine', sign('x', 9_000)), wanted).notes.join(), /dropped the duration/);
  assert.throws(
    () => takeCertificate(objectOf({}, { conditions: [{ type: 'Approved' }], certificate: '%%' }), wanted),
    (error) => isTscertError(error, 'pem-invalid'),
  );
});

test('who may not watch looks again, also past a server that is away', async () => {
  const states = [
    new TscertError('network', 'away'),
    objectOf(),
    new TscertError('cluster-failed', '503'),
    objectOf({}, { conditions: [{ type: 'Denied' }] }),
  ];
  const forbidden = new TscertError('cluster-forbidden', 'no');
  const watch = async function* (): AsyncGenerator<never, void> {
    yield await Promise.reject(forbidden);
  };
  const get = (async () => {
    const next = states.shift();
    if (next instanceof TscertError) throw next;
    return next;
  }) as never;
  const told: string[] = [];
  const ended = await awaitOutcome(client({ watch: watch as never, get }), 'one', {
    ...{ signal, clock: { now: () => 0, sleep: async () => undefined }, uid: 'u1' },
    onInterrupted: ({ code }) => told.push(code),
  });
  assert.equal(ended.status?.conditions?.[0]?.type, 'Denied');
  assert.deepEqual(told, ['network', 'cluster-failed']);
  const another = client({ watch: watch as never, get: (async () => objectOf()) as never });
  await assert.rejects(
    awaitOutcome(another, 'one', { signal, clock: { now: () => 0, sleep: async () => undefined }, uid: 'another' }),
    (error) => isTscertError(error, 'cluster-absent'),
  );
});

test('a rule that is broken is told before anything is sent, with the signer that fits', () => {
  const question = { csr, usages: ['server auth'], signerName: 'kubernetes.io/kubelet-serving' };
  try {
    checkSignable(question);
    assert.fail('it was taken');
  } catch (error) {
    assert.ok(isTscertError(error, 'csr-unsignable'), String(error));
    assert.match(error.message, /"kubernetes\.io\/kubelet-serving" does not sign it: the organization must be "system:nodes"/);
    assert.ok(error.data.fits);
  }
  assert.equal(checkSignable({ ...question, signerName: 'example.com/mine' }).isSigned, true);
});
