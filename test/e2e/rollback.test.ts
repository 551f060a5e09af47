/** `rollback` as people use it: the history, the way back, what is deployed, and what the next `renew` does. */
import assert from 'node:assert/strict';
import { readFile, readlink, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openStore } from '../store/support.js';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { KILLER } from '../support/command.js';
import { skipUnless } from '../support/servers.js';

const NAME = 'www.example.com';

describe('tscert rollback', { skip: skipUnless('pebble') }, () => {
  let world: AcmeWorld;
  let hooks: string;
  before(async () => {
    world = await startAcmeWorld({ pebble: { alwaysValid: true } });
    hooks = path.join(world.folder, '..', 'hooks');
    const flags = [
      ...world.flags,
      '--dns-check',
      'none',
      '--deploy-hook',
      `readlink "$RENEWED_LINEAGE" >> ${hooks}; ! test -e ${hooks}.fail`,
    ];
    for (const more of [[], ['--force'], ['--force']]) {
      const { code, stderr } = await world.run(['issue', '-d', NAME, ...flags, ...more]);
      assert.equal(code, 0, stderr);
    }
  });
  after(() => world.close());

  const current = async (): Promise<string> => path.basename(await readlink(path.join(world.folder, 'live', NAME)));
  const deployed = async (): Promise<string[]> =>
    (await readFile(hooks, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => path.basename(line));
  const orders = (): number => world.pebble.log().match(/Added order "/g)?.length ?? 0;

  test('the history is told, and nothing is changed', async () => {
    const { code, stdout } = await world.run(['rollback', NAME, '--list']);
    assert.equal(code, 0);
    const [head, ...lines] = stdout.trimEnd().split('\n');
    assert.equal(head, NAME);
    const line = (id: string, end: string): RegExp =>
      new RegExp(
        `^ {2}${id} {2}www\\.example\\.com, stored \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC, expires .* UTC \\(in .*\\), serial [0-9a-f]+${end}$`,
      );
    for (const [at, id] of ['0003', '0002', '0001'].entries()) assert.match(lines[at] ?? '', line(id, at === 0 ? ', current' : ''));
    const { kind, generations } = JSON.parse((await world.run(['rollback', NAME, '--list', '--json'])).stdout);
    assert.deepEqual(
      [kind, generations.map(({ generation }: { generation: string }) => generation)],
      ['history', ['0001', '0002', '0003']],
    );
    assert.equal(await current(), '0003');
  });

  test('to the generation before, which is deployed; renew leaves it alone, and force counts on from the newest', async () => {
    const { code, stdout, stderr } = await world.run(['rollback', NAME]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^✔ www\.example\.com is at the generation 0002 now$/m);
    assert.match(stdout, /^ {2}from {9}0003, www\.example\.com, stored .*, expires .*, serial [0-9a-f]+$/m);
    assert.match(stdout, /^ {2}to {11}0002, www\.example\.com, stored .*, expires .*, serial [0-9a-f]+$/m);
    assert.match(stdout, /^ {2}renews {7}.* UTC \(in /m);
    assert.equal(await current(), '0002');
    assert.deepEqual(await deployed(), ['0001', '0002', '0003', '0002']);
    const before = orders();
    const renewed = await world.run(['renew']);
    assert.equal(renewed.code, 0, renewed.stderr);
    assert.match(renewed.stderr, /1 certificate: 1 not due\n$/);
    assert.equal(orders(), before);
    assert.equal((await deployed()).length, 4);
    assert.equal((await world.run(['renew', NAME, '--force'])).code, 0);
    assert.equal(await current(), '0004');
  });

  test('to a chosen one, older or newer, and to the current one, which is nothing to do', async () => {
    const back = JSON.parse((await world.run(['rollback', NAME, '--to', '1', '--json'])).stdout);
    assert.deepEqual([back.kind, back.state, back.from.generation, back.to.generation], ['rollback', 'rolled-back', '0004', '0001']);
    assert.deepEqual([back.from.current, back.to.current], [false, true]);
    const oldest = await world.run(['rollback', NAME]);
    assert.equal(oldest.code, 2, oldest.stderr);
    assert.match(oldest.stderr, /the generation "0001", which is current, is the oldest/);
    assert.equal((await world.run(['rollback', NAME, '--to', '0004', '--quiet'])).stdout, '');
    const there = await world.run(['rollback', NAME, '--to', '0004']);
    assert.match(there.stdout, /is at the generation 0004 already; nothing to do/);
    const strange = await world.run(['rollback', NAME, '--to', '0009']);
    assert.equal(strange.code, 2);
    assert.match(strange.stderr, /cannot go back to the generation "0009" of "www\.example\.com": there are 0001, 0002, 0003, 0004/);
    const nobody = await world.run(['rollback', 'www.exampel.com']);
    assert.equal(nobody.code, 2);
    assert.match(nobody.stderr, /none is stored under this name \(did you mean www\.example\.com\?\)/);
    assert.equal(await current(), '0004');
  });

  test('a hook that fails ends with 4; what was gone back to stays, and the next renew deploys it', async () => {
    const { code, stderr } = await world.run(['rollback', NAME, '--to', '0003']);
    assert.equal(code, 0, stderr);
    await writeFile(`${hooks}.fail`, '');
    const failed = await world.run(['rollback', NAME]);
    assert.equal(failed.code, 4, failed.stderr);
    assert.match(failed.stderr, /error: www\.example\.com: cannot deploy/);
    assert.equal(await current(), '0002');
    await rm(`${hooks}.fail`);
    const before = (await deployed()).length;
    assert.equal((await world.run(['renew', '--quiet'])).code, 0);
    assert.equal((await deployed()).length, before + 1);
    assert.equal((await deployed()).at(-1), '0002');
  });

  test('while another run holds the certificate nobody goes back, and the code says to try later', async () => {
    const lock = await openStore(world.folder).lock(`certificate:${NAME}`, { wait: 0, signal: new AbortController().signal });
    try {
      const { code, stderr } = await world.run(['rollback', NAME]);
      assert.equal(code, 5, stderr);
      assert.match(stderr, /cannot lock "certificate:www\.example\.com"/);
    } finally {
      await lock.release();
    }
    assert.equal(await current(), '0002');
  });

  test('a damaged current one is left for a whole one; a damaged old one is refused, and taken by force', async () => {
    await rm(path.join(world.folder, 'archive', NAME, '0002', 'chain.pem'));
    const from = await world.run(['rollback', NAME]);
    assert.equal(from.code, 0, from.stderr);
    assert.match(from.stdout, /^ {2}from {9}0002, stored .*, DAMAGED: .*chain\.pem is missing/m);
    const refused = await world.run(['rollback', NAME, '--to', '0002']);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /cannot go back to the generation "0002" of .*: it is damaged .*; --force takes it all the same/);
    const forced = await world.run(['rollback', NAME, '--to', '0002', '--force']);
    assert.equal(forced.code, 0, forced.stderr);
    assert.match(forced.stderr, /warning: nothing is deployed: the generation 0002 is damaged/);
    const plan = await world.run(['plan', NAME]);
    assert.match(plan.stdout, /due: MissingData/);
    assert.equal((await world.run(['renew', NAME])).code, 0);
    assert.equal(await current(), '0005');
  });

  test('killed at any step it leaves a whole certificate, and the next renew ends what it began', async () => {
    const trace = path.join(world.folder, '..', 'trace');
    for (const to of ['0004', '0005']) assert.equal((await world.run(['rollback', NAME, '--to', to])).code, 0);
    assert.equal((await world.run(['rollback', NAME, '--to', '0004'], { ...KILLER, KILL_TRACE: trace })).code, 0);
    const steps = (await readFile(trace, 'utf8')).trimEnd().split('\n');
    const link = steps.findIndex((step) => /before rename .* .*live\//.test(step));
    assert.ok(link > 0, steps.join('\n'));
    // Before and after the switch, the records and the hook.
    for (const at of [link, link + 1, link + 2, steps.length - 3]) {
      const begin = await current();
      const to = begin === '0004' ? '0005' : '0004';
      const { code } = await world.run(['rollback', NAME, '--to', to], { ...KILLER, KILL_AT: String(at + 1) });
      assert.equal(code, -1, `step ${at}`);
      assert.ok([begin, to].includes(await current()));
      const renewed = await world.run(['renew', '--quiet']);
      assert.equal(renewed.code, 0, renewed.stderr);
      assert.equal((await deployed()).at(-1), await current());
    }
  });
});
