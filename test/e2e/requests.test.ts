/** What an issuance costs: requests to the CA on one connection, and calls to Route53. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { skipUnless } from '../support/servers.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

describe('the cost of an issuance', { skip: skipUnless('pebble') }, () => {
  let world: AcmeWorld;
  let proxy: TcpProxy;
  let way: Record<string, string>;
  before(async () => {
    world = await startAcmeWorld({ route53: { insyncAfter: 300 } });
    const { port } = new URL(world.pebble.directory);
    proxy = await startTcpProxy({ port: Number(port) });
    way = { TSCERT_SERVER: world.pebble.directory.replace(port, String(proxy.port)) };
    const { code, stderr } = await world.run(['issue', '-d', 'first.example.com', ...world.flags], way);
    assert.equal(code, 0, stderr);
  });
  after(async () => {
    await proxy.close();
    await world.close();
  });

  for (const count of [1, 2, 10, 50]) {
    test(`${count} name${count > 1 ? 's' : ''} with a known account: at most 2n + 7 requests beside polls, on one connection`, async () => {
      const names = numbers(count).map((at) => `n${at}.of${count}.example.com`);
      world.pebble.requests(true);
      const connections = proxy.connections();
      const { code, stderr } = await world.run(['issue', '-d', names.join(','), ...world.flags], way);
      assert.equal(code, 0, stderr);
      const { total, poll, ...rest } = world.pebble.requests();
      assert.ok(total - poll <= 2 * count + 7, JSON.stringify({ total, poll, ...rest }));
      assert.ok(total >= 2 * count + 3, 'the proxy is the way that was taken');
      assert.equal(proxy.connections() - connections, 1);
    });
  }

  test('200 names of one zone in five certificates: at most 20 calls to Route53', async () => {
    const certificates = numbers(5).map((at) => ({ name: `c${at}`, domains: numbers(40).map((one) => `n${one}.c${at}.example.com`) }));
    const config = path.join(world.folder, '..', 'zone.json');
    await writeFile(config, JSON.stringify({ dns: 'route53', certificates }));
    world.route53.resetCalls();
    const { code, stderr } = await world.run(['issue', '--config', config], way);
    assert.equal(code, 0, stderr);
    const { total, ...calls } = world.route53.calls();
    assert.ok(total <= 20, JSON.stringify(calls));
    assert.ok(calls.ChangeResourceRecordSets >= 2);
    assert.deepEqual(world.txtSets(), []);
  });
});
