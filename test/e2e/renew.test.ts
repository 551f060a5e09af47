/** `renew` and `plan` as cron and people run them. */
import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { whyNoPebble } from '../support/pebble.js';

describe('tscert renew', { skip: await whyNoPebble() }, () => {
  let world: AcmeWorld;
  before(async () => {
    world = await startAcmeWorld();
  });
  after(() => world.close());

  /** What cron has: none of the flags and variables that asked for the certificate, but the credentials. */
  const cron = (): Record<string, string> => ({
    TSCERT_SERVER: '',
    TSCERT_CA_BUNDLE: '',
    TSCERT_DNS_RESOLVER: '',
    TSCERT_DNS_NAMESERVER: '',
    TSCERT_AGREE_TOS: '',
    TSCERT_EMAIL: '',
  });
  const orders = (): number => world.pebble.log().match(/Added order "/g)?.length ?? 0;

  test('says that there is nothing, in a folder without certificates', async () => {
    const { code, stderr } = await world.run(['renew']);
    assert.deepEqual([code, stderr], [0, 'tscert: nothing to renew: no certificate is stored or configured\n']);
  });

  test('leaves alone what is not due, and says nothing when it is quiet', async () => {
    const issued = await world.run(['issue', '-d', 'a.example.com', '--dns', 'route53']);
    assert.equal(issued.code, 0, issued.stderr);
    const before = orders();
    const words = await world.run(['renew'], cron());
    assert.deepEqual([words.code, words.stdout, words.stderr], [0, '', 'tscert: 1 certificate: 1 not due\n']);
    const quiet = await world.run(['renew', '--quiet'], cron());
    assert.deepEqual([quiet.code, quiet.stdout, quiet.stderr], [0, '', '']);
    assert.equal(orders(), before);
  });

  test('what earlier runs have noted to be quiet is looked at again once a file of it is damaged', async () => {
    const notes = path.join(world.folder, 'state/cache/quiet.json');
    assert.match(await readFile(notes, 'utf8'), /"a\.example\.com"/);
    const file = path.join(world.folder, 'archive/a.example.com/0001/fullchain.pem');
    const whole = await readFile(file);
    await writeFile(file, Buffer.from(whole).fill(0x41, 100, 110));
    const healed = await world.run(['renew'], cron());
    assert.equal(healed.code, 0, healed.stderr);
    assert.match(healed.stdout, /a\.example\.com is issued/);
    await rm(notes);
    assert.equal((await world.run(['renew'], cron())).stderr, 'tscert: 1 certificate: 1 not due\n');
  });

  test('plan tells when, and what is due and why, and touches nothing', async () => {
    const issued = await world.run(['issue', '-d', 'b.example.com', '--dns', 'route53', '--renew-before', '99%']);
    assert.equal(issued.code, 0, issued.stderr);
    await world.run(['issue', '-d', 'b.example.com', '--dns', 'route53', '--renew-before', '2159h']);
    const before = orders();
    const { code, stdout, stderr } = await world.run(['plan'], cron());
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^a\.example\.com: not due: renews \d{4}-\d\d-\d\d \d\d:\d\d UTC \(in \d+d( \d+h)?\)$/m);
    assert.match(stdout, /^b\.example\.com: not due: renews .* \(in (59m|1h)/m);
    assert.equal((await world.run(['plan', '--detailed-exitcode'], cron())).code, 0);
    await rm(path.join(world.folder, 'archive/b.example.com/0001/chain.pem'));
    const due = await world.run(['plan', '--detailed-exitcode', '--json', 'b.example.com'], cron());
    assert.equal(due.code, 6, due.stderr);
    const [certificate, ...others] = JSON.parse(due.stdout).certificates;
    assert.deepEqual(others, []);
    assert.deepEqual([certificate.name, certificate.due, certificate.reason], ['b.example.com', true, 'MissingData']);
    assert.equal(orders(), before);
  });

  test('heals what is damaged with the flags it was issued with, and leaves no record', async () => {
    const { code, stdout, stderr } = await world.run(['renew'], cron());
    assert.equal(code, 0, stderr);
    assert.match(stdout, /b\.example\.com is issued/);
    assert.doesNotMatch(stdout, /a\.example\.com/);
    assert.match(stderr, /2 certificates: 1 renewed, 1 not due\n$/);
    assert.deepEqual(world.txtSets(), []);
  });

  test('forced, it renews the named one alone; the new key is another', async () => {
    const before = await world.live('a.example.com', 'privkey.pem');
    const other = await world.live('b.example.com', 'cert.pem');
    const { code, stderr } = await world.run(['renew', 'a.example.com', '--force'], cron());
    assert.equal(code, 0, stderr);
    assert.notEqual(await world.live('a.example.com', 'privkey.pem'), before);
    assert.equal(await world.live('b.example.com', 'cert.pem'), other);
  });

  test('what is given to renew itself goes before what was given to issue', async () => {
    const file = path.join(world.folder, 'state/ledger/given%3Aa.example.com.json');
    const record = await readFile(file, 'utf8');
    await writeFile(file, record.replaceAll(world.dns, '127.0.0.1:1'));
    const then = await world.run(['renew', 'a.example.com', '--force'], cron());
    assert.equal(then.code, 1, then.stderr);
    const now = await world.run(['renew', 'a.example.com', '--force']);
    assert.equal(now.code, 0, now.stderr);
    await writeFile(file, record);
  });

  test('takes what the configuration file says for those that stand in it', async () => {
    const config = path.join(world.folder, 'tscert.yaml');
    await writeFile(config, 'dns: route53\ncertificates:\n  - domains: [a.example.com, c.example.com]\n');
    try {
      const plan = await world.run(['plan', 'a.example.com']);
      assert.match(plan.stdout, /^a\.example\.com: due: RequestChanged: The names have changed: \+dns:c\.example\.com$/m);
      const { code, stderr } = await world.run(['renew']);
      assert.equal(code, 0, stderr);
      assert.match(stderr, /2 certificates: 1 renewed, 1 not due\n$/);
    } finally {
      await rm(config);
    }
  });

  test('one that fails does not stop the others, and the code says that some failed', async () => {
    // A hook that fails is no failed renewal; an unknown zone is.
    const given = path.join(world.folder, 'state/ledger');
    const file = (name: string): string => path.join(given, `given%3A${name}.json`);
    const record = await readFile(file('b.example.com'), 'utf8');
    await writeFile(file('b.example.com'), record.replaceAll('b.example.com', 'b.example.net'));
    const { code, stdout, stderr } = await world.run(['renew', '--force'], cron());
    assert.equal(code, 3, stderr);
    assert.match(stdout, /a\.example\.com is issued/);
    assert.match(stderr, /error: b\.example\.com: /);
    assert.match(stderr, /2 certificates: 1 renewed, 1 failed\n$/);
    await writeFile(file('b.example.com'), record.replace(/"version": ?1/, '"version":7'));
    const newer = await world.run(['plan', 'b.example.com'], cron());
    assert.equal(newer.code, 1);
    assert.match(newer.stderr, /its record has the unknown version 7 \(of a later tscert\?\)/);
  });

  test('a name that is not there is refused, with the one that was meant', async () => {
    const { code, stderr } = await world.run(['renew', 'a.exampel.com'], cron());
    assert.equal(code, 2);
    assert.match(stderr, /cannot find the certificate "a\.exampel\.com": .* \(did you mean a\.example\.com\?\)/);
  });
});
