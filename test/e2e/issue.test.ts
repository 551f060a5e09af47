/** The main line as users run it: the built command against Pebble and the Route53 emulator. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { whyNoPebble } from '../support/pebble.js';

const run = promisify(execFile);

describe('tscert issue', { skip: await whyNoPebble() }, () => {
  let world: AcmeWorld;
  before(async () => {
    world = await startAcmeWorld();
  });
  after(() => world.close());

  const files = (name: string, file: string): string => path.join(world.folder, 'live', name, file);

  test('issues a wildcard and its apex over Route53, and leaves no record', async () => {
    const { code, stdout, stderr } = await world.run(['issue', '-d', 'example.com', '-d', '*.example.com', '--dns', 'route53']);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /example\.com is issued/);
    assert.match(stdout, new RegExp(files('example.com', 'fullchain.pem')));
    assert.deepEqual(world.txtSets(), []);
    const { subjectAltName } = new X509Certificate(await world.live('example.com', 'cert.pem'));
    assert.deepEqual(subjectAltName?.split(', ').sort(), ['DNS:*.example.com', 'DNS:example.com']);
    const { stdout: verdict } = await run('openssl', [
      'verify',
      '-CAfile',
      await world.rootFile(),
      '-untrusted',
      files('example.com', 'chain.pem'),
      files('example.com', 'cert.pem'),
    ]);
    assert.match(verdict, /: OK/);
    const key = await stat(files('example.com', 'privkey.pem'));
    assert.equal(key.mode & 0o777, 0o600);
  });

  test('leaves a good certificate alone, and says so in one line', async () => {
    const before = world.pebble.requests().order;
    const { code, stdout, stderr } = await world.run(['issue', '-d', 'example.com', '-d', '*.example.com', '--dns', 'route53']);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /is good; nothing to do/);
    assert.equal(world.pebble.requests().order, before);
  });
});
