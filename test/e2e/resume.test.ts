/** What is asked for besides names, and what a changed wish does to a certificate that is there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import type { Finished } from '../support/command.js';
import { skipUnless } from '../support/servers.js';
import { verifyFiles } from '../support/verify.js';

const run = promisify(execFile);
const DAY = 86_400_000;

describe('issue', { skip: skipUnless('pebble') }, () => {
  let world: AcmeWorld;
  let roots: string;
  before(async () => {
    world = await startAcmeWorld({
      pebble: {
        alternateRoots: 2,
        profiles: {
          default: { description: 'The default', validityPeriod: 7_776_000 },
          short: { description: 'Six days', validityPeriod: 518_400 },
        },
      },
    });
    roots = await world.rootFile();
  });
  after(() => world.close());

  const live = (name: string): string => path.join(world.folder, 'live', name);
  const read = (name: string, part: string): Promise<string> => readFile(path.join(live(name), part), 'utf8');
  const leaf = async (name: string): Promise<X509Certificate> => new X509Certificate(await read(name, 'cert.pem'));
  const issue = async (name: string, ...more: readonly string[]): Promise<Finished> => {
    const finished = await world.run(['issue', '-d', name, ...world.flags, ...more]);
    assert.equal(finished.code, 0, finished.stderr);
    return finished;
  };
  const orders = (): number => world.pebble.log().match(/Added order "/g)?.length ?? 0;

  test('--force issues again with a new key, --reuse-key with the old one', async () => {
    await issue('force.example.com');
    const key = await read('force.example.com', 'privkey.pem');
    const { serialNumber } = await leaf('force.example.com');
    assert.match((await issue('force.example.com', '--force')).stderr, /a new one was asked for/);
    assert.notEqual((await leaf('force.example.com')).serialNumber, serialNumber);
    const second = await read('force.example.com', 'privkey.pem');
    assert.notEqual(second, key);
    await issue('force.example.com', '--force', '--reuse-key');
    assert.equal(await read('force.example.com', 'privkey.pem'), second);
    await verifyFiles(live('force.example.com'), ['force.example.com'], roots);
    assert.deepEqual((await readdir(path.join(world.folder, 'archive/force.example.com'))).sort(), ['0001', '0002', '0003']);
  });

  test('other names or another kind of key are told as the reason, and issued', async () => {
    await issue('changed.example.com');
    const more = await issue('changed.example.com', '-d', 'more.example.com');
    assert.match(more.stderr, /issue: RequestChanged: /);
    await verifyFiles(live('changed.example.com'), ['changed.example.com', 'more.example.com'], roots);
    const other = await issue('changed.example.com', '-d', 'more.example.com', '--key-type', 'rsa2048');
    assert.match(other.stderr, /issue: SecretMismatch: .*rsa2048 is wanted/);
    assert.equal((await leaf('changed.example.com')).publicKey.asymmetricKeyType, 'rsa');
    const before = orders();
    assert.match((await issue('changed.example.com', '-d', 'more.example.com', '--key-type', 'rsa2048')).stdout, /is good; nothing to do/);
    assert.equal(orders(), before);
  });

  test('another wish while an order is under way: the old one is given up, and nothing of it is left', async () => {
    const run = world.start(['issue', '-d', 'wish.example.com', ...world.flags, '--json']);
    await run.said(/"state":"presented"/);
    run.kill('SIGKILL');
    await run.finished;
    assert.equal(world.txtSets().length, 1);
    await issue('wish.example.com', '-d', 'other.example.com');
    assert.deepEqual(world.txtSets(), []);
    await verifyFiles(live('wish.example.com'), ['wish.example.com', 'other.example.com'], roots);
    assert.deepEqual(await readdir(path.join(world.folder, 'state/journal')), []);
  });

  test('--dry-run goes through all of it, stores nothing and leaves nothing', async () => {
    const { stdout } = await issue('dry.example.com', '--dry-run', '--deploy-hook', 'exit 9');
    assert.match(stdout, /the dry run went through.*nothing was stored/);
    assert.deepEqual(world.txtSets(), []);
    for (const below of ['live', 'archive', 'state/journal', 'state/ledger', 'state/locks']) {
      const names = await readdir(path.join(world.folder, below));
      assert.deepEqual(
        names.filter((name) => name.includes('dry')),
        [],
        below,
      );
    }
    assert.match((await issue('dry.example.com', '--dry-run')).stdout, /the dry run went through/);
    const before = orders();
    assert.match((await issue('dry.example.com')).stdout, /is issued/);
    assert.equal(orders(), before + 1);
    await issue('dry.example.com', '--dry-run');
    assert.deepEqual(await readdir(path.join(world.folder, 'archive/dry.example.com')), ['0001']);
  });

  test('--key certifies a key that is there, and leaves its file alone', async () => {
    const file = path.join(world.folder, '..', 'own.pem');
    await run('openssl', ['ecparam', '-name', 'secp384r1', '-genkey', '-noout', '-out', file]);
    const text = await readFile(file, 'utf8');
    await issue('key.example.com', '--key', file);
    assert.equal(await readFile(file, 'utf8'), text);
    await verifyFiles(live('key.example.com'), ['key.example.com'], roots);
    assert.equal((await leaf('key.example.com')).publicKey.asymmetricKeyDetails?.namedCurve, 'secp384r1');
    const before = orders();
    await issue('key.example.com', '--key', file);
    assert.equal(orders(), before);
  });

  test('--csr has a request signed whose key stays where it is', async () => {
    const at = (name: string): string => path.join(world.folder, '..', name);
    await run('openssl', [
      'req',
      '-new',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      at('csr.key'),
      '-out',
      at('own.csr'),
      '-subj',
      '/',
      '-addext',
      'subjectAltName=DNS:csr.example.com,DNS:*.csr.example.com',
    ]);
    const args = ['issue', '--csr', at('own.csr'), ...world.flags];
    const { code, stderr } = await world.run(args);
    assert.equal(code, 0, stderr);
    assert.ok(!(await readdir(live('csr.example.com'))).includes('privkey.pem'));
    const key = await run('openssl', ['pkey', '-in', at('csr.key'), '-pubout']);
    assert.equal((await leaf('csr.example.com')).publicKey.export({ type: 'spki', format: 'pem' }), key.stdout);
    const before = orders();
    assert.match((await world.run(args)).stdout, /is good; nothing to do/);
    assert.equal(orders(), before);
  });

  test('--must-staple and --cn stand in the request that the CA gets', async () => {
    const from = world.pebble.log().length;
    await issue('staple.example.com', '--must-staple', '--cn', 'staple.example.com');
    assert.match(world.pebble.log().slice(from), /Issued certificate/);
    const { stdout } = await run('openssl', ['x509', '-in', path.join(live('staple.example.com'), 'cert.pem'), '-noout', '-text']);
    // Pebble takes the extension over, as a CA that honours it does.
    assert.match(stdout, /TLS Feature|1\.3\.6\.1\.5\.5\.7\.1\.24/);
  });

  test('--preferred-chain picks the chain that ends in that root', async () => {
    const root = new X509Certificate(await world.pebble.root(2));
    const commonName = /CN=(.*)/.exec(root.subject)?.[1] ?? '';
    await issue('chain.example.com', '--preferred-chain', commonName);
    const own = path.join(world.folder, '..', 'root2.pem');
    await writeFile(own, root.toString());
    await verifyFiles(live('chain.example.com'), ['chain.example.com'], own);
    const before = orders();
    await issue('chain.example.com', '--preferred-chain', commonName);
    assert.equal(orders(), before);
  });

  test('--profile and --not-after are what the CA is asked for', async () => {
    await issue('profile.example.com', '--profile', 'short');
    const { validFrom, validTo } = await leaf('profile.example.com');
    assert.equal(Math.round((Date.parse(validTo) - Date.parse(validFrom)) / DAY), 6);
    const unknown = await world.run(['issue', '-d', 'none.example.com', ...world.flags, '--profile', 'nine']);
    assert.equal(unknown.code, 2, unknown.stderr);
    assert.match(unknown.stderr, /default.*short/s);
    const end = new Date(Math.floor(Date.now() / 1_000) * 1_000 + 10 * DAY).toISOString().replace('.000Z', 'Z');
    await issue('end.example.com', '--not-after', end);
    assert.equal(Date.parse((await leaf('end.example.com')).validTo), Date.parse(end));
  });
});
