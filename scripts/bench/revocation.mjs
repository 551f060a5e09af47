// Whether 200 certificates were revoked, by OCSP: all of one CA, and of 50 CAs; the responders are openssl's, behind a way that takes a round trip.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { loadTypeScript } from '../test-support.mjs';
import { median, runCommand } from './measure.mjs';

const DAY = 86_400_000;

const { createCertificate, distinguishedNameOf, encodePrivateKey, freePort, generateKey, startTcpProxy } = await loadTypeScript(`
  export { createCertificate } from './src/pki/certificate.js';
  export { encodePrivateKey, generateKey } from './src/pki/key.js';
  export { distinguishedNameOf } from './src/pki/subject.js';
  export { freePort } from './test/support/free-port.js';
  export { startTcpProxy } from './test/support/tcp-proxy.js';
`);

/** A CA with `count` certificates in files, and its responder at the end of the way. */
async function startOneCa(folder, nth, { count, roundTrip, openssl }) {
  const at = (name) => path.join(folder, `ca-${nth}-${name}`);
  const [key, port] = [await generateKey('ec256'), await freePort()];
  const way = await startTcpProxy({ port }, roundTrip);
  const [notBefore, notAfter] = [new Date(Date.now() - DAY), new Date(Date.now() + 30 * DAY)];
  const make = (spec, signer) =>
    createCertificate(
      { names: [], serialNumber: Buffer.concat([Buffer.of(0x40), randomBytes(15)]), notBefore, notAfter, ...spec },
      key,
      signer,
    );
  const ca = make({ commonName: `CA ${nth}`, isCa: true });
  await writeFile(at('ca.pem'), ca.pem);
  await writeFile(at('ca.key'), encodePrivateKey(key));
  const leaves = [];
  let index = '';
  for (let leaf = 0; leaf < count; leaf++) {
    const serialNumber = Buffer.concat([Buffer.of(0x40), randomBytes(15)]);
    const spec = { commonName: `leaf ${leaf}`, serialNumber, ocspUrls: [`http://127.0.0.1:${way.port}/`] };
    const file = at(`leaf-${leaf}.pem`);
    await writeFile(file, make(spec, { name: distinguishedNameOf(`CA ${nth}`, undefined), key }).pem);
    leaves.push(file);
    const until = `${notAfter.toISOString().slice(2, 19).replaceAll(/[-:T]/g, '')}Z`;
    index += `V\t${until}\t\t${serialNumber.toString('hex').toUpperCase()}\tunknown\t/CN=leaf ${leaf}\n`;
  }
  await writeFile(at('index'), index);
  const child = spawn(
    openssl,
    [
      'ocsp',
      '-port',
      String(port),
      '-index',
      at('index'),
      '-CA',
      at('ca.pem'),
      '-rsigner',
      at('ca.pem'),
      '-rkey',
      at('ca.key'),
      '-nmin',
      '60',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  await new Promise((resolve, reject) => {
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (piece) => {
        said += piece;
        if (said.includes('ACCEPT')) resolve();
      });
    }
    child.once('exit', () => reject(new Error(`openssl ocsp ended: ${said}`)));
  });
  return {
    ...{ issuer: at('ca.pem'), leaves, url: `http://127.0.0.1:${way.port}/` },
    async stop() {
      child.kill('SIGKILL');
      await way.close();
    },
  };
}

/**
 * Seconds that it takes to ask about `count` certificates of `cas` CAs: by tscert in one run, by openssl one after the other where that is
 * wanted, and by openssl with one request a CA, one CA after the other.
 */
export async function timeRevocation({ openssl, cas, count, roundTrip, runs, oneByOne }) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'tscert-bench-'));
  const worlds = [];
  try {
    for (let nth = 0; nth < cas; nth++) worlds.push(await startOneCa(folder, nth, { count: count / cas, roundTrip, openssl }));
    const ask = ({ issuer, url }, leaves) => ({
      file: openssl,
      args: ['ocsp', '-issuer', issuer, ...leaves.flatMap((leaf) => ['-cert', leaf]), '-url', url, '-CAfile', issuer],
    });
    const inTurn = async (commands) => {
      let sum = 0;
      for (const command of commands) sum += (await runCommand(command)).seconds;
      return sum;
    };
    const issuers = worlds.flatMap(({ issuer }) => ['--issuer', issuer]);
    const targets = worlds.flatMap(({ leaves }) => leaves);
    const args = [
      'bin/tscert.js',
      'ocsp-check',
      '--quiet',
      '--allow-private',
      '--dir',
      path.join(folder, 'tscert'),
      ...issuers,
      ...targets,
    ];
    return {
      tscert: await median(runs, async () => (await runCommand({ file: process.execPath, args })).seconds),
      oneRequest: await median(runs, () => inTurn(worlds.map((world) => ask(world, world.leaves)))),
      ...(oneByOne ? { loop: await inTurn(worlds.flatMap((world) => world.leaves.map((leaf) => ask(world, [leaf])))) } : {}),
    };
  } finally {
    for (const world of worlds) await world.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
