/** `tscert account` as users run it, against Pebble. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { whyNoPebble } from '../support/pebble.js';

describe('tscert account', { skip: await whyNoPebble() }, () => {
  let world: AcmeWorld;
  before(async () => {
    world = await startAcmeWorld();
    const { code, stderr } = await world.run(['issue', '-d', 'example.com', '--dns', 'route53']);
    assert.equal(code, 0, stderr);
  });
  after(() => world.close());

  const account = async (...args: string[]): Promise<Record<string, unknown>> => {
    const { code, stdout, stderr } = await world.run(['account', ...args, '--json']);
    assert.equal(code, 0, stderr);
    const document = JSON.parse(stdout);
    assert.deepEqual([document.version, document.kind], [1, 'account']);
    return document;
  };

  test('shows who we are to the CA', async () => {
    const shown = await account('show');
    assert.deepEqual([shown.directory, shown.status, shown.contact], [world.pebble.directory, 'valid', ['mailto:admin@example.com']]);
    assert.match(String(shown.url), /\/my-account\//);
    assert.match(String(shown.thumbprint), /^[\w-]{43}$/);
    assert.equal(shown.key, 'ECDSA P-256');
    const { stdout } = await world.run(['account', 'show']);
    for (const word of [world.pebble.directory, shown.url, 'valid', 'admin@example.com', 'ECDSA P-256', shown.thumbprint]) {
      assert.ok(stdout.includes(String(word)), stdout);
    }
  });

  test('changes the contact, and finds the account under it and by itself', async () => {
    const updated = await account('update', '--email', 'Ops@example.com', '--current-email', 'admin@example.com');
    assert.deepEqual(updated.contact, ['mailto:Ops@example.com']);
    assert.equal((await account('show', '--email', 'ops@EXAMPLE.com')).url, updated.url);
    assert.equal((await account('show')).url, updated.url);
    const { code, stderr } = await world.run(['account', 'show', '--email', 'admin@example.com']);
    assert.equal(code, 1);
    assert.match(stderr, /cannot find the account of admin@example\.com .*: here are Ops@example\.com/);
  });

  test('gives the account a new key, with which the next certificate is issued', async () => {
    const old = await account('show');
    const rolled = await account('rollover');
    assert.equal(rolled.oldThumbprint, old.thumbprint);
    assert.notEqual(rolled.thumbprint, old.thumbprint);
    const { code, stderr } = await world.run(['issue', '-d', 'a.example.com', '--dns', 'route53'], { TSCERT_EMAIL: 'ops@example.com' });
    assert.equal(code, 0, stderr);
    const now = await account('show');
    assert.deepEqual([now.url, now.thumbprint], [old.url, rolled.thumbprint]);
  });

  test('says which accounts there are when it cannot tell which one is meant', async () => {
    const made = await world.run(['issue', '-d', 'b.example.com', '--dns', 'route53'], { TSCERT_EMAIL: 'second@example.com' });
    assert.equal(made.code, 0, made.stderr);
    const { code, stderr } = await world.run(['account', 'deactivate']);
    assert.equal(code, 2);
    assert.match(stderr, /cannot tell which account .*: there are Ops@example\.com, second@example\.com/);
    assert.equal((await account('show', '--email', 'second@example.com')).status, 'valid');
    const taken = await world.run(['account', 'update', '--current-email', 'second@example.com', '--email', 'ops@example.com']);
    assert.equal(taken.code, 2);
    assert.match(taken.stderr, /there is another account of ops@example\.com/);
  });

  test('ends the account, says so, and makes another one for the next certificate', async () => {
    const { url } = await account('show', '--email', 'ops@example.com');
    const { code, stdout } = await world.run(['account', 'deactivate', '--email', 'ops@example.com']);
    assert.equal(code, 0);
    assert.match(stdout, /deactivated, and forgotten here/);
    assert.ok(stdout.includes(String(url)));
    const gone = await world.run(['account', 'show', '--email', 'ops@example.com']);
    assert.equal(gone.code, 1);
    const { code: again } = await world.run(['issue', '-d', 'c.example.com', '--dns', 'route53'], { TSCERT_EMAIL: 'ops@example.com' });
    assert.equal(again, 0);
    assert.notEqual((await account('show', '--email', 'ops@example.com')).url, url);
  });

  test('is told where none was made', async () => {
    const { code, stderr } = await world.run(['account', 'show', '--server', 'letsencrypt']);
    assert.equal(code, 1);
    assert.match(stderr, /cannot find an account at https:\/\/acme-v02.*: none was made here/);
  });
});
