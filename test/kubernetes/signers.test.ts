/** Our preflight's verdict is the server's, on every request: what is refused when it is made, what fails after its approval, and what is signed. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCsr, readCsr } from '../../src/pki/csr.js';
import { SIGNER } from '../../src/policy/signers/names.js';
import { preflight } from '../../src/policy/signers/preflight.js';
import { keyOf } from '../pki/support.js';
import { REFUSED, SIGNED, type SignerCase } from '../policy/signers/cases.js';
import { type KubernetesCluster, startKubernetes } from '../support/kubernetes.js';
import { skipUnless } from '../support/servers.js';

const skip = skipUnless('kubernetes', 'openssl');
const ROOT = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
let cluster: KubernetesCluster;

before(async () => {
  if (skip === false) cluster = await startKubernetes();
});
after(async () => {
  await cluster?.stop();
});

let count = 0;

/** What the server makes of it: `signed`, or who refuses it with what words. */
async function serverVerdict({
  spec,
  keyType = 'ec256',
  signerName,
  usages,
  expirationSeconds,
}: SignerCase): Promise<{ by: 'signed' | 'server' | 'signer'; words: string }> {
  const name = `case-${count++}`;
  const request = Buffer.from(createCsr(spec, keyOf(keyType)).pem).toString('base64');
  const body = { metadata: { name }, spec: { request, signerName, usages, ...(expirationSeconds !== undefined && { expirationSeconds }) } };
  const made = await cluster.ask('POST', ROOT, body);
  if (made.status >= 400) return { by: 'server', words: made.body.message };
  for (let tries = 0; tries < 400; tries++) {
    const { body: found } = await cluster.ask('GET', `${ROOT}/${name}`);
    const conditions: { type: string; message: string }[] = found.status.conditions ?? [];
    const failed = conditions.find(({ type }) => type === 'Failed');
    if (failed !== undefined) return { by: 'signer', words: failed.message };
    if (found.status.certificate !== undefined) return { by: 'signed', words: '' };
    if (!conditions.some(({ type }) => type === 'Approved')) {
      const condition = { type: 'Approved', status: 'True', reason: 'Test', message: 'test' };
      await cluster.ask('PUT', `${ROOT}/${name}/approval`, {
        ...found,
        status: { ...found.status, conditions: [...conditions, condition] },
      });
    } else await sleep(25);
  }
  return { by: 'signer', words: 'never signed' };
}

async function sideBySide<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}

const ofLegacy: readonly SignerCase[] = SIGNED.map((one) => ({ ...one, signerName: SIGNER.legacyUnknown }));

test('the four signers: what they sign and what they refuse, and who refuses', { skip }, async () => {
  const seen = new Map<string, { signed: number; refused: number }>();
  const faults: string[] = [];
  await sideBySide([...SIGNED, ...REFUSED, ...ofLegacy], async (one) => {
    const { keyType = 'ec256', spec, ...rest } = one;
    const ours = preflight({ csr: readCsr(createCsr(spec, keyOf(keyType)).pem), ...rest });
    const server = await serverVerdict(one);
    const expected = ours.isSigned ? 'signed' : ours.broken.some(({ by }) => by === 'server') ? 'server' : 'signer';
    if (server.by !== expected)
      faults.push(`${one.signerName}, ${one.title}: we say ${expected}, the server ${server.by} (${server.words})`);
    const counts = seen.get(one.signerName) ?? { signed: 0, refused: 0 };
    seen.set(one.signerName, counts);
    counts[server.by === 'signed' ? 'signed' : 'refused']++;
  });
  assert.deepEqual(faults, []);
  for (const signer of [SIGNER.apiserverClient, SIGNER.kubeletClient, SIGNER.kubeletServing]) {
    assert.ok((seen.get(signer)?.signed ?? 0) >= 3, signer);
    assert.ok((seen.get(signer)?.refused ?? 0) >= 10, signer);
  }
  assert.deepEqual(seen.get(SIGNER.legacyUnknown)?.signed, 0);
  assert.ok((seen.get(SIGNER.legacyUnknown)?.refused ?? 0) >= 10);
});
