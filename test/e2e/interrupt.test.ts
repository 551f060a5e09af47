/** Ctrl-C, SIGTERM, the time limit, and readers of the output that go away. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { skipUnless } from '../support/servers.js';
import { verifyFiles } from '../support/verify.js';

/** How long a change is hidden from the name servers: the run waits in its self check meanwhile. Milliseconds. */
const LAG = 500;

const ordersIn = (log: string): number => log.match(/Added order "/g)?.length ?? 0;
const issuedIn = (log: string): number => log.match(/Issued certificate serial/g)?.length ?? 0;

describe('an interrupted run', { skip: skipUnless('pebble') }, () => {
  let world: AcmeWorld;
  let roots: string;
  let count = 0;
  before(async () => {
    world = await startAcmeWorld({
      pebble: { sleep: 2, retryAfter: { authz: 1, order: 1 } },
      route53: { dns: { servers: [{ address: '127.0.0.1', lag: LAG }] } },
    });
    roots = await world.rootFile();
  });
  after(() => world.close());

  const place = () => {
    const name = `i${++count}.example.com`;
    return { name, args: ['issue', '-d', name, '-d', `*.${name}`, ...world.flags] };
  };
  const isGood = async (name: string): Promise<void> => {
    await verifyFiles(`${world.folder}/live/${name}`, [name, `*.${name}`], roots);
    assert.deepEqual(world.txtSets(), []);
  };

  test('what the CA refuses because the run was interrupted while it looked does not fail the next run', async () => {
    const { name, args } = place();
    const run = world.start([...args, '--json']);
    await run.said(/"state":"accepted"/);
    run.kill('SIGINT');
    await run.finished;
    assert.deepEqual(world.txtSets(), []);
    const again = await world.run(args);
    assert.equal(again.code, 0, again.stderr);
    await isGood(name);
  });

  for (const [signal, exitCode, stages] of [
    ['SIGINT', 130, ['account', 'order', 'present', 'check', 'validate', 'finalize']],
    ['SIGTERM', 143, ['check', 'finalize']],
  ] as const) {
    for (const stage of stages) {
      test(`${signal} in the stage "${stage}" cleans up and ends with ${exitCode}; the next run goes on`, async () => {
        const { name, args } = place();
        const from = world.pebble.log().length;
        const run = world.start([...args, '--json']);
        await run.said(new RegExp(`"stage":"${stage}","state":"begin"`));
        run.kill(signal);
        const { code, stderr } = await run.finished;
        assert.equal(code, exitCode, stderr);
        assert.match(stderr, new RegExp(`interrupted by ${signal}`));
        assert.deepEqual(world.txtSets(), []);
        const again = await world.run(args);
        assert.equal(again.code, 0, again.stderr);
        await isGood(name);
        const log = world.pebble.log().slice(from);
        assert.equal(issuedIn(log), 1);
        // What the CA looks at when the records go becomes invalid with its order; every other order is gone on with. A request
        // for an order that was cut off may have made one that nobody knows; it begins as soon as the account is there.
        const most = ['account', 'order', 'validate'].includes(stage) ? 2 : 1;
        assert.ok(ordersIn(log) <= most, `${ordersIn(log)} orders`);
      });
    }
  }

  test('a second Ctrl-C ends at once, and the next run cleans up', async () => {
    const { name, args } = place();
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const run = world.start([...args, '--json']);
    await run.said(/"stage":"check","state":"begin"/);
    world.route53.onCall(() => gate);
    run.kill('SIGINT');
    await run.said(/stopping and cleaning up/);
    run.kill('SIGINT');
    const { code, stderr } = await run.finished;
    world.route53.onCall(() => undefined);
    open();
    assert.equal(code, 130, stderr);
    assert.match(stderr, /stopped at once/);
    const again = await world.run(args);
    assert.equal(again.code, 0, again.stderr);
    await isGood(name);
  });

  test('--timeout ends the run, which cleans up', async () => {
    const { name, args } = place();
    const { code, stderr } = await world.run([...args, '--timeout', '800ms']);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /cannot finish within 800ms/i);
    assert.deepEqual(world.txtSets(), []);
    const again = await world.run([...args, '--timeout', '5m']);
    assert.equal(again.code, 0, again.stderr);
    await isGood(name);
  });

  test('a reader of the output that goes away does no harm', async () => {
    for (const more of [[], ['--json']]) {
      const { name, args } = place();
      const run = world.start([...args, ...more]);
      await run.said(/order/);
      run.hangUp();
      const { code } = await run.finished;
      assert.equal(code, 0);
      await isGood(name);
    }
  });
});
