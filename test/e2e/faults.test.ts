/** Folders that take nothing, and disks that fill up: noticed before an order is spent, or without a loss. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { KILLER } from '../support/command.js';
import { skipUnless } from '../support/servers.js';
import { verifyFiles } from '../support/verify.js';

describe('a disk that takes nothing', { skip: skipUnless('pebble') }, () => {
  let world: AcmeWorld;
  let roots: string;
  before(async () => {
    world = await startAcmeWorld();
    roots = await world.rootFile();
  });
  after(() => world.close());

  const argsFor = (name: string, folder: string): string[] => ['issue', '-d', name, ...world.flags, '--dir', folder];
  /** Orders made and certificates issued since the log had this length. */
  const spent = (from: number): number =>
    world.pebble
      .log()
      .slice(from)
      .match(/Added order "|Issued certificate serial/g)?.length ?? 0;

  test('a folder that cannot be made costs no order', async () => {
    const { log } = world.pebble;
    const file = path.join(world.folder, '..', 'file');
    await writeFile(file, '');
    // Not even root makes folders below a file or in /proc.
    for (const folder of [path.join(file, 'data'), '/proc/tscert']) {
      const from = log().length;
      const { code, stderr } = await world.run(argsFor('no.example.com', folder));
      assert.equal(code, 1, stderr);
      assert.match(stderr, new RegExp(`cannot .*"${folder}`, 'i'));
      assert.equal(spent(from), 0);
    }
  });

  for (const below of ['live', 'archive', 'accounts', 'state', 'state/journal', 'state/ledger']) {
    test(`a file in the place of ${below} costs no order`, async () => {
      const folder = path.join(world.folder, '..', `blocked-${below.replace('/', '-')}`);
      await mkdir(path.dirname(path.join(folder, below)), { recursive: true });
      await writeFile(path.join(folder, below), '');
      const from = world.pebble.log().length;
      const { code, stderr } = await world.run(argsFor('no.example.com', folder));
      assert.equal(code, 1, stderr);
      assert.match(stderr, /cannot .*a part of the path is a file, not a folder/i);
      assert.equal(spent(from), 0);
    });
  }

  test('a disk where no byte fits costs no order', async () => {
    const from = world.pebble.log().length;
    const folder = path.join(world.folder, '..', 'full');
    const { code, stderr } = await world.run(argsFor('no.example.com', folder), {}, { fileLimit: 0 });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /cannot .*a file may not become that large here/i);
    assert.equal(spent(from), 0);
  });

  test('a disk that fills up in the middle of the run loses nothing: the next run ends it with one certificate', async () => {
    const trace = path.join(world.folder, '..', 'full.trace');
    const { code } = await world.run(argsFor('whole.example.com', path.join(world.folder, '..', 'whole')), {
      ...KILLER,
      KILL_TRACE: trace,
    });
    assert.equal(code, 0);
    const total = (await readFile(trace, 'utf8')).trimEnd().split('\n').length;
    const points = 14;
    for (let point = 1; point <= points; point++) {
      const name = `f${point}.example.com`;
      const folder = path.join(world.folder, '..', `f${point}`);
      const from = world.pebble.log().length;
      const full = await world.run(argsFor(name, folder), { ...KILLER, FULL_AT: String(Math.round((point * total) / (points + 1))) });
      const issued =
        world.pebble
          .log()
          .slice(from)
          .match(/Issued certificate serial/g)?.length ?? 0;
      if (full.code !== 0) {
        assert.equal(full.code, 1, full.stderr);
        assert.match(full.stderr, /the disk is full/);
      }
      assert.ok(issued <= 1);
      const again = await world.run(argsFor(name, folder));
      assert.equal(again.code, 0, again.stderr);
      await verifyFiles(path.join(folder, 'live', name), [name], roots);
      assert.equal(
        world.pebble
          .log()
          .slice(from)
          .match(/Issued certificate serial/g)?.length,
        1,
        `the disk was full from ${point}/${points + 1} of the run on`,
      );
      assert.deepEqual(world.txtSets(), []);
    }
  });
});
