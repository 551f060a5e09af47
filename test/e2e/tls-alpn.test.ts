/** tls-alpn-01 on a port of our own. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { skipUnless } from '../support/servers.js';
import { verifyFiles } from '../support/verify.js';

describe('--tls-alpn', { skip: skipUnless('pebble') }, () => {
  let world: AcmeWorld;
  before(async () => {
    world = await startAcmeWorld({ hosts: ['one.host.test', 'two.host.test'] });
  });
  after(() => world.close());

  test('several names and an address in one certificate, on one port', async () => {
    const names = ['one.host.test', 'two.host.test', '127.0.0.1'];
    const { code, stderr } = await world.run(['issue', '-d', names.join(','), '--name', 'tls', '--tls-alpn', String(world.pebble.tlsPort)]);
    assert.equal(code, 0, stderr);
    await verifyFiles(path.join(world.folder, 'live/tls'), names, await world.rootFile());
  });

  test('a wildcard is refused before an order is made', async () => {
    const from = world.pebble.log().length;
    const { code, stderr } = await world.run(['issue', '-d', '*.host.test', '--tls-alpn', String(world.pebble.tlsPort)]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /wildcard/i);
    assert.doesNotMatch(world.pebble.log().slice(from), /Added order/);
  });

  test('a port that somebody has already is told, and by whom', async () => {
    const server = createServer().listen(world.pebble.tlsPort, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { code, stderr } = await world.run(['issue', '-d', 'one.host.test', '--tls-alpn', String(world.pebble.tlsPort)]);
      assert.equal(code, 1, stderr);
      assert.match(stderr, new RegExp(`port ${world.pebble.tlsPort}\\b.*${process.pid}`, 's'));
    } finally {
      server.close();
    }
  });
});
