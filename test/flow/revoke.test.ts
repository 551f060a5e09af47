/** Who signs a revocation, in which order, and what is remembered of it, whatever the authority says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RevocationReason } from '../../src/acme/revocation.js';
import { type ErrorData, TscertError } from '../../src/base/errors.js';
import type { Event } from '../../src/base/events.js';
import { type Attempt, findCertificate, findStoredCertificate, revokeCertificate } from '../../src/flow/revoke.js';
import type { Issuer } from '../../src/issuer/issuer.js';
import { readCertificate } from '../../src/pki/certificate.js';
import { isCompromised } from '../../src/store/compromised.js';
import { openJournal } from '../../src/store/journal.js';
import { readLedger } from '../../src/store/ledger.js';
import { createMemoryStore } from '../../src/store/memory.js';
import { readRevoked } from '../../src/store/revoked.js';
import { createVirtualClock } from '../support/clock.js';
import { bundleOf, DAY, newKey } from './generations.js';

const never = new AbortController().signal;

/** `www` with two generations, and `twin` whose certificate is for the key of the current one. */
async function createWorld() {
  const clock = createVirtualClock();
  const store = createMemoryStore({ clock });
  const events: Event[] = [];
  const calls: string[] = [];
  const life = { from: clock.now() - DAY, to: clock.now() + 89 * DAY };
  const key = newKey();
  const [old, current, twin] = [bundleOf(life), bundleOf(life, key), bundleOf(life, key)];
  await store.save('www', old);
  await store.save('www', current);
  await store.save('twin', twin);
  /** One that answers, or fails like this. */
  const attempt = (title: string, answer: 'revoked' | 'already-revoked' | TscertError = 'revoked'): Attempt => {
    const issuer = {
      key: 'acme:https://ca.test/directory',
      revoke: async () => {
        calls.push(title);
        if (answer instanceof TscertError) throw answer;
        return answer;
      },
    } as unknown as Issuer;
    return { issuer, by: 'account', title };
  };
  const revoke = async (reason: RevocationReason, attempts: readonly Attempt[]) => {
    const target = (await findStoredCertificate('www', store)) ?? assert.fail();
    return await revokeCertificate(target, reason, attempts, { store, clock, emit: (event) => events.push(event), signal: never });
  };
  return { clock, store, events, calls, old, current, twin, key, attempt, revoke };
}

const problem = (type: string, status: number, data: ErrorData = {}): TscertError =>
  new TscertError('acme-problem', `Cannot revoke: ${type}`, {
    data: { status, problem: { type: `urn:ietf:params:acme:error:${type}`, detail: type }, ...data },
  });

test('who is turned away is followed by the next, and anything else ends it', async () => {
  const world = await createWorld();
  const { attempt } = world;
  const done = await world.revoke('superseded', [
    attempt('one', problem('unauthorized', 403)),
    attempt('two', problem('badPublicKey', 400)),
    attempt('three', new TscertError('account-unknown', 'Cannot find it')),
    attempt('four', new TscertError('key-kind-refused', 'Cannot sign')),
    attempt('five'),
    attempt('six'),
  ]);
  assert.deepEqual([done.state, done.signedBy, world.calls], ['revoked', 'five', ['one', 'two', 'three', 'four', 'five']]);
  assert.equal(world.events.filter(({ type }) => type === 'warning').length, 4);
  for (const error of [problem('serverInternal', 500), problem('malformed', 400), new TscertError('network', 'Cannot connect')]) {
    const other = await createWorld();
    await assert.rejects(other.revoke('superseded', [other.attempt('one', error), other.attempt('two')]), (thrown) => thrown === error);
    assert.deepEqual(other.calls, ['one']);
    assert.equal((await readLedger('www', other.store)).revocation, undefined);
    assert.deepEqual(await readRevoked('www', other.store), []);
  }
  const last = problem('unauthorized', 403);
  await assert.rejects(world.revoke('superseded', [attempt('one', problem('unauthorized', 401)), attempt('two', last)]), (e) => e === last);
  await assert.rejects(world.revoke('superseded', []), { code: 'request-invalid' });
});

test('what was revoked is due, and remembered for those who go back; so is what had been revoked before', async () => {
  for (const answer of ['revoked', 'already-revoked'] as const) {
    const world = await createWorld();
    const done = await world.revoke('superseded', [world.attempt('one', answer)]);
    assert.deepEqual([done.state, done.due], [answer, ['www']]);
    const { serialNumber } = readCertificate(world.current.certificate);
    const { revocation, events } = await readLedger('www', world.store);
    assert.deepEqual(revocation, { serialNumber, at: new Date(world.clock.now()).toISOString(), reason: 'superseded', by: 'revoke' });
    assert.deepEqual(
      events.map(({ reason }) => reason),
      ['Revoked'],
    );
    assert.equal((await readRevoked('www', world.store)).length, 1);
    assert.equal((await readLedger('twin', world.store)).revocation, undefined);
    assert.equal(await isCompromised(readCertificate(world.current.certificate).raw.spki, world.store), false);
    // The second time nothing is listed twice.
    await world.revoke('superseded', [world.attempt('one', 'already-revoked')]);
    assert.equal((await readRevoked('www', world.store)).length, 1);
  }
});

test('a compromised key is marked, and all that is for it is due, also when the authority refuses or cannot be reached', async () => {
  const world = await createWorld();
  const { spki } = readCertificate(world.current.certificate).raw;
  const error = new TscertError('network', 'Cannot connect');
  await assert.rejects(world.revoke('keyCompromise', [world.attempt('one', error)]), (thrown) => thrown === error);
  assert.equal(await isCompromised(spki, world.store), true);
  for (const [name, bundle] of [
    ['www', world.current],
    ['twin', world.twin],
  ] as const) {
    const { revocation } = await readLedger(name, world.store);
    assert.deepEqual([revocation?.serialNumber, revocation?.reason], [readCertificate(bundle.certificate).serialNumber, 'keyCompromise']);
  }
  assert.deepEqual(await readRevoked('www', world.store), []);
  assert.deepEqual((await world.revoke('keyCompromise', [world.attempt('one')])).due, ['twin', 'www']);
  assert.equal((await readRevoked('www', world.store)).length, 1);
  assert.deepEqual(await readRevoked('twin', world.store), []);
});

test('an order under way for the same key is not gone on with; one for another key is', async () => {
  for (const [isSame, key] of [
    [true, undefined],
    [false, newKey()],
  ] as const) {
    const world = await createWorld();
    const journal = await openJournal(world.store, 'www');
    const privateKey = key === undefined ? world.current.privateKey : bundleOf({ from: 0, to: 1 }, key).privateKey;
    await journal.begin('fingerprint', privateKey);
    await journal.setOrder({ url: 'https://ca.test/order/1', account: 'https://ca.test/acct/1' });
    await world.revoke('superseded', [world.attempt('one')]);
    assert.equal((await openJournal(world.store, 'www')).order === undefined, isSame);
  }
});

test('a certificate from elsewhere is found in every generation that holds it, octet for octet', async () => {
  const world = await createWorld();
  const find = async (pem: string) => (await findCertificate(readCertificate(pem), world.store)).places;
  assert.deepEqual(await find(world.old.certificate), [{ name: 'www', generation: '0001' }]);
  await world.store.save('copy', world.old);
  assert.deepEqual(await find(world.old.certificate), [
    { name: 'copy', generation: '0001' },
    { name: 'www', generation: '0001' },
  ]);
  assert.deepEqual(await find(bundleOf({ from: 0, to: 1 }).certificate), []);
  const { issuerKey, privateKey } = await findCertificate(readCertificate(world.old.certificate), world.store);
  assert.equal(issuerKey, 'acme:https://ca.test/directory');
  assert.equal(privateKey?.type, 'private');
  assert.equal(await findStoredCertificate('nobody', world.store), undefined);
});

test('while another run holds one of the names nothing is asked', async () => {
  const world = await createWorld();
  const lock = await world.store.lock('certificate:twin', { wait: 0, signal: never });
  await assert.rejects(world.clock.until(world.revoke('keyCompromise', [world.attempt('one')])), { code: 'locked' });
  assert.deepEqual(world.calls, []);
  await lock.release();
  // And the other lock was let go.
  await (await world.store.lock('certificate:www', { wait: 0, signal: never })).release();
});
