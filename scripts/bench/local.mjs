// What needs no server: how fast the command starts, and how fast requests are made.
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { median, runCommand } from './measure.mjs';

/** Seconds of `node -e 0` and of `tscert --help`. */
export async function timeStart(runs) {
  const time = (args) => median(runs, async () => (await runCommand({ file: process.execPath, args })).seconds);
  return { node: await time(['-e', '0']), tscert: await time(['bin/tscert.js', '--help']) };
}

/** CSRs a second: tscert in one process, what node:crypto signs, and a process a CSR of openssl and cfssl. */
export async function timeRequests(peers) {
  const { createCsr } = await import('../../dist/index.js');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const names = ['example.com', 'www.example.com', 'api.example.com'].map((value) => ({ type: 'dns', value }));
  const data = createCsr({ names }, privateKey).der.subarray(0, 250);
  const rates = {
    tscert: perSecond(2, () => createCsr({ names }, privateKey)),
    'node:crypto sign': perSecond(2, () => sign('sha256', data, privateKey)),
  };
  if (peers.openssl !== undefined) {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'tscert-bench-'));
    const key = path.join(folder, 'key.pem');
    writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    const args = ['req', '-new', '-key', key, '-subj', '/', '-addext', `subjectAltName=${names.map(({ value }) => `DNS:${value}`)}`];
    rates['openssl req, a process each'] = perSecond(1, () => execFileSync(peers.openssl, args, { stdio: 'pipe' }));
    rmSync(folder, { recursive: true });
  }
  if (peers.cfssl !== undefined) {
    const input = JSON.stringify({ hosts: names.map(({ value }) => value), key: { algo: 'ecdsa', size: 256 } });
    rates['cfssl genkey, a process each'] = perSecond(1, () => execFileSync(peers.cfssl, ['genkey', '-'], { input, stdio: 'pipe' }));
  }
  return rates;
}

function perSecond(seconds, work) {
  const warm = performance.now() + 200;
  while (performance.now() < warm) work();
  const began = performance.now();
  let count = 0;
  for (; performance.now() - began < seconds * 1_000; count++) work();
  return count / ((performance.now() - began) / 1_000);
}
