/** `list`, `status`, `verify` and `metrics` over what `issue` and `renew` have left. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createServer, type Server } from 'node:tls';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { whyNoPebble } from '../support/pebble.js';
import { servers, skipUnless } from '../support/servers.js';

describe('looking', { skip: await whyNoPebble() }, () => {
  let world: AcmeWorld;
  let server: Server;
  let address: string;
  before(async () => {
    world = await startAcmeWorld();
    const issued = await world.run(['issue', '-d', 'www.example.com', '-d', '*.example.com', '--name', 'www', '--dns', 'route53']);
    assert.equal(issued.code, 0, issued.stderr);
    const other = await world.run(['issue', '-d', 'other.example.com', '--dns', 'route53', '--deploy-hook', 'exit 3']);
    assert.equal(other.code, 4, other.stderr);
    server = createServer({ key: await world.live('www', 'privkey.pem'), cert: await world.live('www', 'fullchain.pem') });
    server.on('tlsClientError', () => undefined);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.close();
    await world.close();
  });

  test('list', async () => {
    const { code, stdout, stderr } = await world.run(['list']);
    console.log(stdout, stderr);
    console.log((await world.run(['status', 'www', 'other.example.com'])).stdout);
    console.log((await world.run(['verify', 'www', '--probe', address])).stdout);
    console.log((await world.run(['verify', address])).stdout);
    console.log((await world.run(['verify', address, '--roots', await world.rootFile()])).stdout);
    console.log((await world.run(['metrics'])).stdout);
  });
});
