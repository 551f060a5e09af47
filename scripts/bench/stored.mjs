// A folder with many stored certificates of which none is due: each with its flags, its ledger with the CA's advice, and its deployment.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { loadTypeScript } from '../test-support.mjs';
import { runCommand } from './measure.mjs';

const DAY = 86_400_000;

/** Fills `folder` with `count` certificates, issued yesterday for 90 days. */
async function storeMany(folder, count) {
  const source = await loadTypeScript(`
    export { createDiskStore } from './src/store/disk.js';
    export { nodeFileSystem } from './src/store/files.js';
    export { createCertificate } from './src/pki/certificate.js';
    export { certificateIdOf } from './src/acme/renewal-info.js';
    export { encodePrivateKey, generateKey } from './src/pki/key.js';
    export { distinguishedNameOf } from './src/pki/subject.js';
    export { parseName } from './src/base/names.js';
    export { keepGiven } from './src/flow/given.js';
    export { emptyLedger, writeLedger } from './src/store/ledger.js';
    export { metaOf } from './src/policy/meta.js';
    export { withKnown } from './src/flow/known.js';
    export { readCertificate } from './src/pki/certificate.js';
    export { issuerKeyOf } from './src/issuer/issuer.js';
  `);
  const { createDiskStore, nodeFileSystem, createCertificate, generateKey, encodePrivateKey, distinguishedNameOf, parseName } = source;
  const now = Date.now();
  const clock = { now: () => now, sleep: async () => undefined };
  const store = createDiskStore({
    folder: path.join(folder, 'tscert'),
    process: { pid: process.pid, host: 'bench', command: 'bench' },
    isAlive: () => true,
    clock,
    background: clock,
    fs: nodeFileSystem,
  });
  const [caKey, key] = [await generateKey('ec256'), await generateKey('ec256')];
  const issuer = { name: distinguishedNameOf('Bench CA', undefined), key: caKey };
  const chain = createCertificate(
    {
      names: [],
      commonName: 'Bench CA',
      isCa: true,
      serialNumber: randomBytes(16),
      notBefore: new Date(now - DAY),
      notAfter: new Date(now + 900 * DAY),
    },
    caKey,
  ).pem;
  const directory = 'https://ca.example/directory';
  const request = { kind: 'acme', directory, agreeTos: true };
  for (let at = 0; at < count; at++) {
    const name = `c${at}.example.com`;
    const spec = { names: [parseName(name)] };
    const dates = { notBefore: new Date(now - DAY), notAfter: new Date(now + 89 * DAY) };
    const certificate = createCertificate({ ...spec, serialNumber: randomBytes(16), ...dates }, key, issuer).pem;
    const content = source.readCertificate(certificate);
    const meta = source.withKnown(
      source.metaOf({ name, spec, issuer: request, key: { type: 'ec256', reuse: false }, solvers: [] }, source.issuerKeyOf(request)),
      content,
    );
    await store.save(name, { privateKey: encodePrivateKey(key), certificate, chain, meta });
    await source.keepGiven(name, { domains: [name], server: directory, agreeTos: true, http: ['standalone'] }, store);
    const iso = (days) => new Date(now + days * DAY).toISOString();
    const renewalInfo = {
      ...{ certificate: source.certificateIdOf(certificate), pick: iso(60), checkAt: iso(0.9) },
      window: { start: iso(59), end: iso(61) },
    };
    await source.writeLedger(name, { ...source.emptyLedger(), renewalInfo, counts: { issued: 1, failed: 0 } }, store);
  }
}

/** Time and memory of two runs of `renew` that find nothing to do for `count` certificates: the first has no notes of an earlier one. */
export async function measureNothingDue(count) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'tscert-bench-'));
  const renew = { file: process.execPath, args: ['bin/tscert.js', 'renew', '--quiet', '--dir', path.join(folder, 'tscert')] };
  try {
    await storeMany(folder, count);
    const first = await runCommand(renew);
    return { first, next: await runCommand(renew) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
