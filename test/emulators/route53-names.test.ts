/** The emulator's name servers: what is written is served, authoritatively, by each server with its own delay. */
import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import { after, before, describe, test } from 'node:test';
import { createPlainClient, type PlainClient, txtSet } from '../support/route53-client.js';
import { type Route53Emulator, startRoute53Emulator } from './route53/index.js';

const key = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' };

describe("the Route53 emulator's name servers", () => {
  let emulator: Route53Emulator;
  let plain: PlainClient;
  let now = Date.now();
  before(async () => {
    emulator = await startRoute53Emulator({
      zones: [
        { name: 'example.com', id: 'Z1', nameServers: ['ns-1.awsdns.test', 'ns-2.awsdns.test'] },
        { name: 'inside.test', id: 'Z2', private: true },
      ],
      credentials: [key],
      dns: { servers: [{ address: '127.0.0.1' }, { address: '127.0.0.2', lag: 5_000 }] },
      now: () => now,
    });
    plain = createPlainClient(emulator.endpoint, key);
  });
  after(async () => {
    plain.close();
    await emulator.stop();
  });

  const at = (nth: number): Resolver => {
    const resolver = new Resolver({ timeout: 2_000, tries: 2 });
    resolver.setServers([emulator.dns.addresses[nth] ?? '']);
    return resolver;
  };

  test('serve the zone with its NS and SOA records, and NXDOMAIN for what is not there', async () => {
    assert.deepEqual((await at(0).resolveNs('example.com')).sort(), ['ns-1.awsdns.test', 'ns-2.awsdns.test']);
    assert.equal((await at(0).resolveSoa('example.com')).nsname, 'ns-1.awsdns.test');
    await assert.rejects(at(0).resolveTxt('_acme-challenge.example.com'), { code: 'ENOTFOUND' });
  });

  test('do not serve private zones', async () => {
    await assert.rejects(at(0).resolveSoa('inside.test'), { code: 'EREFUSED' });
  });

  test('show a change at once or after their delay, and its end too', async () => {
    const long = 'x'.repeat(200);
    const set = txtSet('_acme-challenge.example.com', ['"one"', `"${long}" "${long}"`, '"with \\"quotes\\" and \\134"']);
    await plain.send('Z1', { Action: 'CREATE', ResourceRecordSet: set });
    const served = [['one'], ['with "quotes" and \\'], [long, long]];
    assert.deepEqual((await at(0).resolveTxt('_acme-challenge.example.com')).sort(), served);
    await assert.rejects(at(1).resolveTxt('_acme-challenge.example.com'), { code: 'ENOTFOUND' });
    now += 5_000;
    assert.deepEqual((await at(1).resolveTxt('_acme-challenge.example.com')).sort(), served);
    await plain.send('Z1', { Action: 'DELETE', ResourceRecordSet: set });
    await assert.rejects(at(0).resolveTxt('_acme-challenge.example.com'), { code: 'ENOTFOUND' });
    assert.equal((await at(1).resolveTxt('_acme-challenge.example.com')).length, 3);
  });

  test('serve all multivalue sets of a name together', async () => {
    for (const value of ['"a"', '"b"']) {
      const set = txtSet('multi.example.com', [value], { SetIdentifier: value, MultiValueAnswer: true });
      await plain.send('Z1', { Action: 'CREATE', ResourceRecordSet: set });
    }
    assert.deepEqual((await at(0).resolveTxt('multi.example.com')).sort(), [['a'], ['b']]);
  });
});
