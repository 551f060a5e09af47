/** The crossing points of renewal with a real CA: it moves a window, and what failed is tried with its staging directory first. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { type FaultyAcme, problem, startFaultyAcme } from '../support/faulty-acme.js';
import { type Pebble, startPebble, whyNoPebble } from '../support/pebble.js';

const NAME = 'a.example.com';
const HOUR = 3_600_000;

describe('renewal at a real CA', { skip: await whyNoPebble() }, () => {
  let world: AcmeWorld;
  let ca: FaultyAcme;
  let second: Pebble;
  let staging: FaultyAcme;
  let env: Readonly<Record<string, string>>;
  before(async () => {
    world = await startAcmeWorld();
    second = await startPebble({ dnsServer: world.dns });
    [ca, staging] = await Promise.all([startFaultyAcme(world.pebble), startFaultyAcme(second)]);
    // One bundle for both: each Pebble has a root of its own for its HTTPS.
    const bundle = path.join(path.dirname(world.folder), 'both.pem');
    await writeFile(bundle, (await readFile(ca.caBundle, 'utf8')) + (await readFile(staging.caBundle, 'utf8')));
    env = { TSCERT_SERVER: ca.directory, TSCERT_STAGING_SERVER: staging.directory, TSCERT_CA_BUNDLE: bundle };
    const issued = await world.run(['issue', '-d', NAME, ...world.flags], env);
    assert.equal(issued.code, 0, issued.stderr);
  });
  beforeEach(() => {
    ca.rule = () => undefined;
    ca.seen.length = 0;
  });
  after(async () => {
    await Promise.all([ca.stop(), staging.stop(), second.stop()]);
    await world.close();
  });

  const renew = () => world.run(['renew'], env);
  const orders = () => ca.seen.filter((one) => Array.isArray(one.payload.identifiers));

  /** Rewrites what is remembered of the certificate, as if time had passed. */
  async function remember(change: (ledger: Record<string, Record<string, unknown>>) => void): Promise<void> {
    const file = path.join(world.folder, 'state/ledger', `certificate%3A${NAME}.json`);
    const record = JSON.parse(await readFile(file, 'utf8'));
    change(record.value);
    await writeFile(file, JSON.stringify(record));
  }

  test('a window that the CA moves to now is followed, once, with what is replaced and why', async () => {
    assert.match((await renew()).stderr, /1 certificate: 1 not due\n$/);
    const old = await world.live(NAME, 'cert.pem');
    const [start, end] = [-2 * HOUR, -HOUR].map((from) => new Date(Date.now() + from).toISOString());
    await world.pebble.setRenewalInfo(old, { suggestedWindow: { start, end }, explanationURL: 'https://ca.example/incident' });
    assert.match((await renew()).stderr, /1 certificate: 1 not due\n$/, 'the CA is asked when it said, and not before');
    let id: unknown;
    await remember(({ renewalInfo }) => {
      assert.ok(renewalInfo);
      id = renewalInfo.certificate;
      renewalInfo.checkAt = new Date(Date.now() - 1_000).toISOString();
    });
    const renewed = await renew();
    assert.equal(renewed.code, 0, renewed.stderr);
    assert.match(renewed.stdout + renewed.stderr, /https:\/\/ca\.example\/incident/);
    assert.notEqual(await world.live(NAME, 'cert.pem'), old);
    assert.deepEqual(
      orders().map(({ payload }) => payload.replaces),
      [id],
    );
    assert.match((await renew()).stderr, /1 certificate: 1 not due\n$/);
    assert.equal(orders().length, 1);
  });

  test('after a failure the staging directory is tried first, and the real one only when that went well', async () => {
    await remember((ledger) => {
      // Its end is near, so the last word of the CA does not matter.
      const [start, end] = [-2 * HOUR, -HOUR].map((from) => new Date(Date.now() + from).toISOString());
      Object.assign(ledger.renewalInfo ?? assert.fail(), { window: { start, end }, pick: end });
    });
    const refuse: FaultyAcme['rule'] = ({ payload }) =>
      Array.isArray(payload.identifiers) ? problem(403, 'rejectedIdentifier', 'not today') : undefined;
    ca.rule = refuse;
    staging.rule = refuse;
    const failed = await renew();
    assert.equal(failed.code, 1, failed.stderr);
    const early = await renew();
    assert.equal(early.code, 5, 'the next attempt is in a minute');
    assert.equal(orders().length, 1);
    const due = (ledger: Record<string, Record<string, unknown>>): void => {
      Object.assign(ledger.failure ?? assert.fail(), { nextAt: new Date(Date.now() - 1_000).toISOString() });
    };

    await remember(due);
    const rehearsed = await renew();
    assert.equal(rehearsed.code, 1, rehearsed.stderr);
    assert.match(rehearsed.stderr, /trying the staging directory/);
    assert.equal(orders().length, 1, 'the real one was not asked');

    await remember(due);
    staging.rule = () => undefined;
    ca.rule = () => undefined;
    const renewed = await renew();
    assert.equal(renewed.code, 0, renewed.stderr);
    assert.match(renewed.stderr, /trying the staging directory/);
    assert.equal(orders().length, 2);
    assert.deepEqual(world.txtSets(), []);
    assert.match((await renew()).stderr, /1 certificate: 1 not due\n$/);
  });
});
