/** Going back to an older generation: which, whether it may be used, and what the next run makes of it. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import type { Event } from '../../src/base/events.js';
import { createGathering } from '../../src/base/gathering.js';
import { fingerprintOfDer } from '../../src/flow/history.js';
import { planCertificate } from '../../src/flow/plan.js';
import { type RollbackOptions, type RolledBack, rollBack } from '../../src/flow/rollback.js';
import { readCertificate } from '../../src/pki/certificate.js';
import { markCompromised } from '../../src/store/compromised.js';
import { openJournal } from '../../src/store/journal.js';
import { emptyLedger, readLedger, writeLedger } from '../../src/store/ledger.js';
import { createMemoryStore } from '../../src/store/memory.js';
import { writeRevoked } from '../../src/store/revoked.js';
import type { Store } from '../../src/store/store.js';
import { openStore, withFolder } from '../store/support.js';
import { createVirtualClock } from '../support/clock.js';
import { bundleOf, DAY, newKey, requestFor } from './generations.js';

const never = new AbortController().signal;

/** A store with generations whose lives begin and end so many days from now. */
async function createWorld(lives: readonly (readonly [number, number])[], make?: () => Store) {
  const clock = createVirtualClock();
  const store = make?.() ?? createMemoryStore({ clock });
  const [events, deployed]: [Event[], string[]] = [[], []];
  const bundles = lives.map(([from, to]) => bundleOf({ from: clock.now() + from * DAY, to: clock.now() + to * DAY }));
  for (const bundle of bundles) await store.save('www', bundle);
  let failing: Error | undefined;
  const deployer = {
    deploy: async (_: unknown, { stored }: { readonly stored: { readonly generation: string } }): Promise<void> => {
      if (failing !== undefined) throw failing;
      deployed.push(stored.generation);
    },
  };
  const parts = { store, clock, deployer, request: requestFor() };
  return {
    ...{ clock, store, events, deployed, bundles, parts },
    failDeploy(error: Error) {
      failing = error;
    },
    back: (options: Partial<RollbackOptions> = {}, more: Partial<typeof parts> | { request: undefined } = {}): Promise<RolledBack> =>
      rollBack(
        'www',
        { to: undefined, force: false, ...options },
        { ...parts, ...more },
        { emit: (event) => events.push(event), member: createGathering().join(), signal: never },
      ),
    current: async () => (await store.load('www'))?.generation,
    plan: async () => planCertificate(requestFor(), { store, clock }),
  };
}

const refused =
  (code: string, words: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(isTscertError(error), String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
    return true;
  };

test('it goes to the generation before the current one, deploys it, and says both', async () => {
  const world = await createWorld([
    [-40, 50],
    [-20, 70],
    [-1, 89],
  ]);
  const result = await world.back();
  assert.deepEqual([result.state, result.from?.id, result.to.id], ['rolled-back', '0003', '0002']);
  assert.equal(result.kept?.stored.certificate, world.bundles[1]?.certificate);
  assert.equal(await world.current(), '0002');
  assert.deepEqual(world.deployed, ['0002']);
  assert.equal((await world.back()).to.id, '0001');
  await assert.rejects(
    world.back(),
    refused('request-invalid', /^Cannot go back with "www": the generation "0001", which is current, is the oldest$/),
  );
  assert.deepEqual([(await world.back({ to: '3' })).state, await world.current()], ['rolled-back', '0003']);
  assert.deepEqual([(await world.back({ to: '0003' })).state, world.deployed.length], ['kept', 4]);
  await assert.rejects(world.back({ to: '9' }), refused('usage', /there are 0001, 0002, 0003$/));
  const { events } = await readLedger('www', world.store);
  assert.deepEqual(
    events.map(({ reason, message }) => `${reason}: ${message}`),
    [
      'RolledBack: Went from the generation 0003 to 0002',
      'RolledBack: Went from the generation 0002 to 0001',
      'RolledBack: Went from the generation 0001 to 0003',
    ],
  );
});

test('what was gone back to is due by its dates, and by nothing else', async () => {
  const world = await createWorld([
    [-50, 40],
    [-1, 89],
  ]);
  // What the CA advised is about the one that is left.
  const [start, end] = [-2, -1].map((days) => new Date(world.clock.now() + days * DAY).toISOString()) as [string, string];
  const renewalInfo = { certificate: 'aki.serial', window: { start, end }, pick: start, checkAt: end };
  await writeLedger('www', { ...emptyLedger(), renewalInfo }, world.store);
  assert.equal((await world.plan()).state, 'due');
  await world.back();
  const plan = await world.plan();
  assert.equal(plan.state, 'kept');
  await world.clock.advance(11 * DAY);
  const later = await world.plan();
  assert.deepEqual(later.state === 'due' && later.due.reason, 'Renewing');
  // One that is due already is due at once.
  const late = await createWorld([
    [-80, 10],
    [-1, 89],
  ]);
  assert.ok(((await late.back()).kept?.renewAt ?? 0) < late.clock.now());
  const due = await late.plan();
  assert.deepEqual(due.state === 'due' && due.due.reason, 'Renewing');
});

test('one that has expired, was revoked, or whose key others know is refused unless it is forced', async () => {
  const world = await createWorld([
    [-100, -10],
    [-40, 50],
    [-20, 70],
    [-1, 89],
  ]);
  const [, revoked, exposed] = world.bundles.map(({ certificate }) => readCertificate(certificate));
  const fingerprint = fingerprintOfDer(revoked?.der ?? Buffer.alloc(0));
  await writeRevoked('www', [{ fingerprint, at: '2026-01-01T00:00:00.000Z', reason: 'superseded' }], world.store);
  await markCompromised(exposed?.raw.spki ?? Buffer.alloc(0), '2026-01-01T00:00:00.000Z', world.store);
  for (const [to, words] of [
    ['0001', /^Cannot go back to the generation "0001" of "www": it has expired at \d{4}-.*; --force takes it all the same$/],
    ['0002', /: it was revoked at 2026-01-01T00:00:00\.000Z \(superseded\); --force/],
    ['0003', /: its key was revoked as compromised; --force/],
  ] as const) {
    await assert.rejects(world.back({ to }), refused('request-invalid', words));
    assert.equal(await world.current(), '0004');
    assert.equal((await world.back({ to, force: true })).state, 'rolled-back');
    assert.equal(await world.current(), to);
    const plan = await world.plan();
    const reason = to === '0001' ? 'Expired' : 'Revoked';
    assert.equal(plan.state === 'due' && plan.due.reason, reason);
    await world.back({ to: '0004' });
    assert.equal((await world.plan()).state, 'kept');
  }
});

test('a damaged generation is refused; forced, it is current and not deployed, and due', async () => {
  await withFolder(async (folder) => {
    const world = await createWorld(
      [
        [-20, 70],
        [-1, 89],
      ],
      () => openStore(folder),
    );
    rmSync(path.join(folder, 'archive/www/0001/chain.pem'));
    await assert.rejects(
      world.back(),
      refused('store-damaged', /it is damaged \(.*chain\.pem is missing; .*\); --force takes it all the same$/),
    );
    const { kept, to } = await world.back({ force: true });
    assert.deepEqual([kept, to.id, world.deployed], [undefined, '0001', []]);
    const plan = await world.plan();
    assert.deepEqual(plan.state === 'due' && plan.due.reason, 'MissingData');
    // From a damaged one there is a way back.
    assert.equal((await world.back({ to: '0002' })).kept?.stored.generation, '0002');
  });
});

test('damaged records hinder nobody: they are told', async () => {
  await withFolder(async (folder) => {
    const world = await createWorld(
      [
        [-20, 70],
        [-1, 89],
      ],
      () => openStore(folder),
    );
    for (const [kind, key] of [
      ['ledger', 'certificate:www'],
      ['ledger', 'revoked:www'],
      ['journal', 'www'],
    ] as const) {
      await world.store.put(kind, key, 1);
      writeFileSync(path.join(folder, 'state', kind, `${encodeURIComponent(key)}.json`), '{"key":');
    }
    assert.equal((await world.back()).state, 'rolled-back');
    const warnings = world.events.flatMap((event) => (event.type === 'warning' ? event.message : []));
    assert.equal(warnings.length, 3, warnings.join('\n'));
    for (const word of ['journal/www', 'revoked%3Awww', 'certificate%3Awww']) {
      assert.ok(
        warnings.some((warning) => warning.includes(word)),
        word,
      );
    }
    assert.equal((await readLedger('www', world.store)).events.length, 1);
  });
});

test('an order that brought what is left is forgotten, so that the next run does not bring it back; another one is not', async () => {
  const order = { url: 'https://ca.test/order/1', account: 'https://ca.test/acct/1' };
  const challenge = {
    type: 'dns-01' as const,
    identifier: { type: 'dns' as const, value: 'www.test' },
    wildcard: false,
    token: 't',
    keyAuthorization: 't.k',
    digest: 'd',
  };
  for (const [which, isKept] of [
    ['its own', false],
    ['its own, of a CSR', false],
    ['another', true],
    ['pending', true],
  ] as const) {
    const world = await createWorld([
      [-20, 70],
      [-1, 89],
    ]);
    const journal = await openJournal(world.store, 'www');
    const key = which === 'another' ? bundleOf({ from: 0, to: 1 }, newKey()).privateKey : world.bundles[1]?.privateKey;
    await journal.begin('fingerprint', which.endsWith('CSR') ? undefined : key);
    await journal.setOrder(order);
    await journal.add([challenge]);
    if (which !== 'pending') await journal.setFinalizing();
    await world.back();
    const after = await openJournal(world.store, 'www');
    assert.equal(after.order !== undefined, isKept, which);
    assert.equal((await after.privateKey()) !== undefined, isKept, which);
    // What stands in the world stays listed, and is taken back by the next run.
    assert.equal(after.challenges.length, 1);
  }
});

test('a deployment that fails is told, and the generation stays; without a request nothing is deployed', async () => {
  const world = await createWorld([
    [-20, 70],
    [-1, 89],
  ]);
  world.failDeploy(new Error('the hook failed'));
  const { deployError, state } = await world.back();
  assert.deepEqual([state, deployError instanceof Error && deployError.message], ['rolled-back', 'the hook failed']);
  assert.equal(await world.current(), '0001');
  const other = await createWorld([
    [-20, 70],
    [-1, 89],
  ]);
  assert.equal((await other.back({}, { request: undefined })).kept?.stored.generation, '0001');
  assert.deepEqual(other.deployed, []);
});

test('while another run holds the certificate nobody goes back', async () => {
  const world = await createWorld([
    [-20, 70],
    [-1, 89],
  ]);
  const lock = await world.store.lock('certificate:www', { wait: 0, signal: never });
  await assert.rejects(world.clock.until(world.back()), refused('locked', /^Cannot lock "certificate:www"/));
  await lock.release();
  assert.equal(await world.current(), '0002');
});
