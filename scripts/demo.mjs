// The quick start: `npm run demo`. Starts Pebble (an ACME server) and an emulator of Route 53 with name servers of its own,
// runs literally `tscert issue -d example.com -d '*.example.com' --dns route53` against them, and shows what came of it.
// Everything is stopped and removed at the end; --keep leaves the folder with the certificate.
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { createShell } from './demo/shell.mjs';
import { buildCommand, startWorld } from './demo/world.mjs';

const KEY = { accessKeyId: 'AKIADEMO', secretAccessKey: 'demo/secret+key=' };
const keep = process.argv.includes('--keep');
const times = [];

let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    interrupted = true;
  });
}

/** Runs one stage of the demo and remembers how long it took. */
async function stage(title, work) {
  if (interrupted) throw Object.assign(new Error('Interrupted; everything is stopped.'), { isPlain: true });
  const began = performance.now();
  const result = await work();
  times.push([title, (performance.now() - began) / 1_000]);
  return result;
}

const folder = await mkdtemp(path.join(os.tmpdir(), 'tscert-demo-'));
let world;
try {
  const bin = path.join(folder, 'bin');
  await stage('build', () => buildCommand(folder));
  world = await stage('start the servers', () => startWorld(KEY));

  const dir = path.join(folder, 'tscert');
  await mkdir(dir);
  await cp(world.caBundle, path.join(dir, 'ca.pem'));
  await writeFile(path.join(dir, 'root.pem'), await world.root());
  const configuration = [
    `server: ${world.directory}`,
    `caBundle: ${path.join(dir, 'ca.pem')}`,
    `dnsResolver: ${world.dns}`,
    `dnsNameserver: ${world.dns}`,
    'email: admin@example.com',
    'agreeTos: true',
  ];
  await writeFile(path.join(dir, 'tscert.yaml'), `${configuration.join('\n')}\n`);
  await symlink(path.join(bin, 'tscert.js'), path.join(bin, 'tscert'));

  const shell = createShell({
    cwd: dir,
    env: {
      PATH: `${bin}${path.delimiter}${process.env.PATH}`,
      HOME: folder,
      LANG: process.env.LANG ?? 'C.UTF-8',
      ...(process.env.TERM === undefined ? {} : { TERM: process.env.TERM }),
      ...(process.env.NO_COLOR === undefined ? {} : { NO_COLOR: process.env.NO_COLOR }),
      TSCERT_DIR: dir,
      AWS_ACCESS_KEY_ID: KEY.accessKeyId,
      AWS_SECRET_ACCESS_KEY: KEY.secretAccessKey,
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_ROUTE_53: world.route53,
    },
  });
  console.log(`Pebble is at ${world.directory}, Route 53 at ${world.route53}, its name server at ${world.dns}.`);
  console.log(`TSCERT_DIR is ${dir}; AWS_* in the environment are keys of the emulator.`);
  await shell('cat tscert.yaml');
  await stage('issue', () => shell("tscert issue -d example.com -d '*.example.com' --dns route53"));
  await stage('look', async () => {
    await shell('ls -l live/example.com/');
    await shell('tscert inspect live/example.com/fullchain.pem');
    await shell('openssl x509 -in live/example.com/cert.pem -noout -subject -issuer -dates -ext subjectAltName');
    await shell('openssl verify -CAfile root.pem -untrusted live/example.com/chain.pem live/example.com/cert.pem');
  });
  const left = world.txtSets();
  if (left.length > 0) throw new Error(`these TXT records were left behind: ${left.join(', ')}`);
  console.log(`\nTXT records left in the zone: none. ${world.calls()} calls of Route 53, ${world.requests()} requests to the ACME server.`);
  console.log(`Time: ${times.map(([title, seconds]) => `${title} ${seconds.toFixed(1)} s`).join(', ')}.`);
} catch (error) {
  console.error(error.isPlain ? error.message : error);
  process.exitCode = 1;
} finally {
  await world?.stop();
  if (keep) console.log(`The folder ${folder} is kept.`);
  else await rm(folder, { recursive: true, force: true });
}
