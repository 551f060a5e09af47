/** Records made by hand, in two runs. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { type DnsServer, startDnsServer, zone } from '../support/dns-server.js';
import { skipUnless } from '../support/servers.js';
import { verifyFiles } from '../support/verify.js';

describe('--dns manual', { skip: skipUnless('pebble') }, () => {
  let dns: DnsServer;
  let world: AcmeWorld;
  before(async () => {
    dns = await startDnsServer({ zones: [zone('hand.test')] });
    world = await startAcmeWorld({ routes: { 'hand.test': dns.address } });
  });
  after(async () => {
    await world.close();
    await dns.close();
  });

  const recordsIn = (text: string): { name: string; value: string }[] =>
    [...text.matchAll(/^ +(\S+)\. TXT "([\w-]{43})"$/gm)].map(([, name = '', value = '']) => ({ name, value }));

  test('the first run names the records and ends with 5; the second goes on with the same order and the same values', async () => {
    const args = ['issue', '-d', 'hand.test', '-d', '*.hand.test', '-d', 'www.hand.test', '--dns', 'manual'];
    const first = await world.run(args);
    assert.equal(first.code, 5, first.stderr);
    assert.match(first.stdout + first.stderr, /run the same command again/);
    const wanted = recordsIn(first.stderr);
    assert.deepEqual(wanted.map(({ name }) => name).sort(), [
      '_acme-challenge.hand.test',
      '_acme-challenge.hand.test',
      '_acme-challenge.www.hand.test',
    ]);

    const impatient = await world.run(args);
    assert.equal(impatient.code, 5, impatient.stderr);
    const sorted = (records: typeof wanted): string[] => records.map(({ name, value }) => `${name} ${value}`).sort();
    assert.deepEqual(sorted(recordsIn(impatient.stderr)), sorted(wanted));

    for (const { name, value } of wanted) dns.addTxt(name, value);
    const second = await world.run(args);
    assert.equal(second.code, 0, second.stderr);
    assert.match(second.stderr, /going on with the order of an earlier run/);
    assert.match(second.stderr, /not needed any more/);
    assert.deepEqual(sorted(recordsIn(second.stderr)), sorted(wanted));
    assert.equal(world.pebble.log().match(/Added order "/g)?.length, 1);
    await verifyFiles(`${world.folder}/live/hand.test`, ['hand.test', '*.hand.test', 'www.hand.test'], await world.rootFile());
  });

  test('beside another provider in one certificate, the other one goes as far as it can and is cleaned up in the end', async () => {
    const args = ['issue', '-d', 'two.hand.test', '-d', 'two.example.com', '--dns', 'manual@hand.test', '--dns', 'route53@example.com'];
    const first = await world.run(args);
    assert.equal(first.code, 5, first.stderr);
    for (const { name, value } of recordsIn(first.stderr)) dns.addTxt(name, value);
    const second = await world.run(args);
    assert.equal(second.code, 0, second.stderr);
    assert.deepEqual(world.txtSets(), []);
  });
});
