// Makes sure that real servers and peers are there: `node scripts/servers.mjs NAME...`, from the root of the checkout.
// Prints one JSON object of program names to absolute paths; everything else goes to stderr. Exit code 3, and one line a
// server that cannot be had, saying how to get it; 2 for an unknown name. What is built lies in a cache outside the checkout
// ($TSCERT_TEST_CACHE), pinned by version and checksum.
import { existsSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { built, cacheFolder } from './servers/cache.mjs';
import { find, findGo, fromDebian, goBuild, run, Unavailable } from './servers/tools.mjs';

const CERTBOT = '5.8.0';

const recipes = {
  openssl: (cache) => fromDebian(cache, 'openssl', ['openssl'], ['openssl']),
  bind: (cache) => fromDebian(cache, 'bind (named, nsupdate, dig)', ['named', 'nsupdate', 'dig'], ['bind9', 'bind9-dnsutils']),
  nginx: (cache) => fromDebian(cache, 'nginx', ['nginx'], ['nginx']),
  haproxy: (cache) => fromDebian(cache, 'HAProxy', ['haproxy'], ['haproxy']),
  apache: (cache) => fromDebian(cache, 'the Apache HTTP server', ['apachectl', 'apache2'], ['apache2']),
  curl: (cache) => fromDebian(cache, 'curl', ['curl'], ['curl']),
  chromium: (cache) => fromDebian(cache, 'chromium', ['chromium'], ['chromium']),
  systemd: (cache) => fromDebian(cache, 'systemd-analyze', ['systemd-analyze'], ['systemd']),
  pebble: (cache) => import('./servers/pebble.mjs').then(({ install }) => install(cache)),
  async cfssl(cache) {
    const go = await needGo('cfssl', [1, 24]);
    return goBuild(
      cache,
      go,
      'cfssl',
      'v1.6.5',
      ['cfssl', 'cfssljson'].map((name) => `github.com/cloudflare/cfssl/cmd/${name}`),
    );
  },
  /** What Go's reader of requests sees, as the API server does. */
  async 'go-csr'(cache) {
    return goBuild(cache, await needGo('go-csr', [1, 26]), 'go-csr', 'v1', ['tscert.test/go-csr']);
  },
  async lego(cache) {
    return goBuild(cache, await needGo('lego', [1, 25]), 'lego', 'v4.35.2', ['github.com/go-acme/lego/v4/cmd/lego']);
  },
  async lego5(cache) {
    // Of its DNS providers only `exec`: all of them take minutes, and the parts of one cannot be had.
    const tags = 'lego_dnslight,lego_dns_exec';
    const { v5 } = await goBuild(
      cache,
      await needGo('lego 5', [1, 26]),
      'lego5',
      'v5.6.0',
      ['github.com/go-acme/lego/v5'],
      ['-tags', tags],
    );
    return { lego5: path.join(path.dirname(v5), 'lego') };
  },
  async certbot(cache) {
    const python = find('python3');
    if (python === undefined) throw new Unavailable('certbot needs python3 (3.10 or later) with venv: apt-get install python3-venv');
    const folder = await built(cache, `certbot-${CERTBOT}`, async (temporary, final) => {
      const requirements = path.resolve('test/servers/certbot/requirements.txt');
      try {
        await run(python, ['-m', 'venv', temporary]);
        await run(path.join(temporary, 'bin/python'), ['-m', 'pip', 'install', '-q', '--require-hashes', '-r', requirements]);
      } catch (cause) {
        throw new Unavailable(
          `certbot ${CERTBOT} could not be installed (${cause.message}): apt-get install python3-venv, or pip install certbot`,
        );
      }
      await moveScript(path.join(temporary, 'bin/certbot'), temporary, final);
    });
    return { certbot: path.join(folder, 'bin/certbot') };
  },
  'acme.sh': (cache) => import('./servers/acmesh.mjs').then(({ install }) => install(cache)),
  'alidns-python': (cache) => import('./servers/alidns-python.mjs').then(({ install }) => install(cache)),
  kubernetes: (cache) => import('./servers/kubernetes.mjs').then(({ install }) => install(cache)),
  'cert-manager-crds': (cache) => import('./servers/cert-manager.mjs').then(({ install }) => install(cache)),
  containerfile: (cache) => import('./servers/containerfile.mjs').then(({ install }) => install(cache)),
  promtool: (cache) => import('./servers/promtool.mjs').then(({ install }) => install(cache)),
  node22: (cache) => import('./servers/node.mjs').then(({ install }) => install(cache, '22')),
  node24: (cache) => import('./servers/node.mjs').then(({ install }) => install(cache, '24')),
};

async function needGo(name, [major, minor]) {
  const go = await findGo([major, minor]);
  if (go !== undefined) return go;
  throw new Unavailable(`${name} is built with Go ${major}.${minor} or later, which is not here: https://go.dev/dl/`);
}

/** A venv may be renamed, but its scripts name their interpreter by its absolute path. */
async function moveScript(file, from, to) {
  await writeFile(file, (await readFile(file, 'utf8')).replaceAll(from, to));
  await chmod(file, 0o755);
}

const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(recipes, name));
if (names.length === 0 || unknown.length > 0) {
  for (const name of unknown) console.error(`unknown server: ${name}`);
  console.error(`usage: node scripts/servers.mjs NAME...   (${Object.keys(recipes).join(', ')})`);
  process.exit(2);
}
if (!existsSync('test/servers')) {
  console.error('scripts/servers.mjs wants to be started in the root of the checkout');
  process.exit(2);
}
const paths = {};
const missing = [];
for (const name of new Set(names)) {
  try {
    Object.assign(paths, await recipes[name](cacheFolder()));
  } catch (error) {
    missing.push(`${name} cannot be had: ${error.message.replaceAll(/\s*\n\s*/g, ' ')}`);
  }
}
for (const line of missing) console.error(line);
if (missing.length > 0) process.exit(3);
console.log(JSON.stringify(paths));
