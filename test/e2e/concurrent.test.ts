/** Several runs at once. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { skipUnless } from '../support/servers.js';
import { verifyFiles } from '../support/verify.js';

describe('runs at once', { skip: skipUnless('pebble') }, () => {
  let world: AcmeWorld;
  let roots: string;
  before(async () => {
    world = await startAcmeWorld({ route53: { dns: { servers: [{ address: '127.0.0.1', lag: 400 }] } } });
    roots = await world.rootFile();
  });
  after(() => world.close());

  const live = (name: string): string => path.join(world.folder, 'live', name);
  const count = (log: string, words: RegExp): number => log.match(words)?.length ?? 0;

  test('of the same certificate, by a new account: one order; the others wait or say who is at it', async () => {
    const from = world.pebble.log().length;
    const args = ['issue', '-d', 'same.example.com', '-d', '*.same.example.com', ...world.flags];
    const runs = await Promise.all([1, 2, 3].map(() => world.run(args)));
    for (const { code, stderr } of runs) {
      assert.ok(code === 0 || code === 5, stderr);
      if (code === 5) assert.match(stderr, /process \d+ on \S+ has held it since .*tscert issue/);
    }
    assert.ok(runs.some(({ code }) => code === 0));
    const log = world.pebble.log().slice(from);
    assert.equal(count(log, /Added order "/g), 1);
    assert.equal(count(log, /Issued certificate serial/g), 1);
    assert.deepEqual(await readdir(path.join(world.folder, 'archive/same.example.com')), ['0001']);
    await verifyFiles(live('same.example.com'), ['same.example.com', '*.same.example.com'], roots);
    assert.deepEqual(world.txtSets(), []);
  });

  test('of certificates that share names: both are issued, one account is made, no value is lost', async () => {
    const folder = path.join(world.folder, '..', 'sharing');
    const from = world.pebble.log().length;
    const runs = await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        world.run(['issue', '-d', 'shared.example.com', '-d', `${name}.example.com`, '--name', name, '--dir', folder, ...world.flags]),
      ),
    );
    for (const { code, stderr } of runs) assert.equal(code, 0, stderr);
    for (const name of ['a', 'b', 'c']) {
      await verifyFiles(path.join(folder, 'live', name), ['shared.example.com', `${name}.example.com`], roots);
    }
    assert.equal(count(world.pebble.log().slice(from), /There are now \d+ accounts in memory/g), 1);
    assert.deepEqual(world.txtSets(), []);
  });

  test('runs with folders of their own change one zone at once, and no value is lost', async () => {
    const runs = await Promise.all(
      ['x', 'y', 'z'].map((label) =>
        world.run(['issue', '-d', 'far.example.com', '--dir', path.join(world.folder, '..', `far-${label}`), ...world.flags]),
      ),
    );
    for (const { code, stderr } of runs) assert.equal(code, 0, stderr);
    assert.deepEqual(world.txtSets(), []);
  });

  test('the locks of a dead process are taken over at once', async () => {
    const args = ['issue', '-d', 'dead.example.com', ...world.flags];
    const run = world.start([...args, '--json']);
    await run.said(/"stage":"check","state":"begin"/);
    const locks = path.join(world.folder, 'state/locks');
    assert.notDeepEqual(await readdir(locks), []);
    run.kill('SIGKILL');
    await run.finished;
    assert.notDeepEqual(await readdir(locks), []);
    const { code, stderr } = await world.run(args);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /going on with the order of an earlier run/);
    assert.deepEqual(await readdir(locks), []);
    assert.deepEqual(world.txtSets(), []);
  });
});
