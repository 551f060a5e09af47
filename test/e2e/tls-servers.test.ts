/**
 * Real servers get the renewed certificate by the recipes: it is served after the reload; when the server refuses its configuration
 * the old one is served on, and the next run heals it without an order.
 */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { skipUnless } from '../support/servers.js';
import { startApache, startHaproxy, startNginx, type TlsServer } from '../support/tls-servers.js';

describe('real servers', { skip: skipUnless('pebble', 'nginx', 'haproxy', 'apache') }, () => {
  let world: AcmeWorld;
  before(async () => {
    world = await startAcmeWorld();
  });
  after(() => world.close());

  const at = (...parts: string[]): string => path.join(world.folder, '..', ...parts);
  const live = (name: string, part: string): string => path.join(world.folder, 'live', name, part);
  const orders = (): number => world.pebble.log().match(/Added order "/g)?.length ?? 0;
  const stored = async (name: string): Promise<string> => new X509Certificate(await readFile(live(name, 'cert.pem'))).serialNumber;

  /** Runs `renew` with a configuration that deploys this certificate. */
  const renew = async (name: string, deploy: readonly unknown[], probe?: string, ...flags: readonly string[]) => {
    const config = at(`${name}.yaml`);
    await writeFile(config, stringify({ dns: 'route53', certificates: [{ domains: name, deploy, probe }] }));
    return world.run(['renew', name, '--config', config, ...flags]);
  };

  /** What every server must show. */
  async function show(name: string, server: TlsServer, deploy: readonly unknown[], refusal: RegExp): Promise<void> {
    const first = await stored(name);
    assert.equal(await server.served(), first);

    const renewed = await renew(name, deploy, server.address, '--force');
    assert.equal(renewed.code, 0, renewed.stderr);
    const second = await stored(name);
    assert.notEqual(second, first);
    await server.serves(second);

    await server.spoil();
    const spoiled = await renew(name, deploy, undefined, '--force');
    assert.equal(spoiled.code, 4, spoiled.stderr);
    assert.match(spoiled.stderr, refusal);
    assert.match(spoiled.stderr, /its configuration is refused by/);
    const third = await stored(name);
    assert.notEqual(third, second);
    assert.equal(await server.served(), second);

    const before = orders();
    assert.equal((await renew(name, deploy)).code, 4);
    assert.equal(await server.served(), second);
    await server.mend();
    const healed = await renew(name, deploy, server.address);
    assert.equal(healed.code, 0, healed.stderr);
    await server.serves(third);
    assert.equal(orders(), before);
  }

  test('nginx', async () => {
    const name = 'nginx.example.com';
    assert.equal((await world.run(['issue', '-d', name, ...world.flags])).code, 0);
    const server = await startNginx(at('nginx'), { certificate: live(name, 'fullchain.pem'), key: live(name, 'privkey.pem') });
    try {
      const deploy = [{ nginx: { config: server.config } }];
      await show(name, server, deploy, /unknown directive "Nonsense"/);
      // Once for each certificate that was deployed, and not again.
      assert.equal((await renew(name, deploy, server.address)).code, 0);
      assert.equal((await server.log()).match(/SIGHUP\) received/g)?.length, 2);
    } finally {
      await server.stop();
    }
  });

  test('HAProxy, with its own copy of certificate and key', async () => {
    const name = 'haproxy.example.com';
    const combined = at('haproxy-www.pem');
    const file = { file: combined, content: 'combined', mode: '0600' };
    const first = await world.run(['issue', '-d', name, ...world.flags]);
    assert.equal(first.code, 0, first.stderr);
    assert.equal((await renew(name, [file])).code, 0);
    const server = await startHaproxy(at('haproxy'), { combined });
    try {
      const deploy = [{ haproxy: { file: combined, mode: '0640', config: server.config, pidFile: server.pidFile } }];
      await show(name, server, deploy, /unknown keyword 'Nonsense'/);
      assert.equal(await readFile(combined, 'utf8'), (await world.live(name, 'fullchain.pem')) + (await world.live(name, 'privkey.pem')));
      assert.equal((await stat(combined)).mode & 0o7777, 0o640);
    } finally {
      await server.stop();
    }
  });

  test('Apache', async () => {
    const name = 'apache.example.com';
    assert.equal((await world.run(['issue', '-d', name, ...world.flags])).code, 0);
    const server = await startApache(at('apache'), { certificate: live(name, 'fullchain.pem'), key: live(name, 'privkey.pem') });
    try {
      await show(name, server, [{ apache: { config: server.config } }], /Invalid command 'Nonsense'/);
    } finally {
      await server.stop();
    }
  });
});
