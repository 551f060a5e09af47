import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateIdOf } from '../../src/acme/renewal-info.js';
import { TscertError } from '../../src/base/errors.js';
import type { Json } from '../../src/base/json.js';
import { conditionsOf, stepsOf } from '../../src/flow/condition.js';
import { fingerprintOf } from '../../src/flow/fingerprint.js';
import { requestDigest } from '../../src/flow/memory.js';
import { type CertificateOverview, readOverview, readOverviews } from '../../src/flow/overview.js';
import type { CertificateRequest } from '../../src/request/request.js';
import { deployKey } from '../../src/store/deployments.js';
import { writeHold } from '../../src/store/hold.js';
import { openJournal } from '../../src/store/journal.js';
import { emptyLedger, type FailureRecord, ledgerKey, writeLedger } from '../../src/store/ledger.js';
import { DAY, NOW } from '../pki/support.js';
import { createLookingWorld, DIRECTORY, type LookingWorld, request } from './looking-kit.js';

const text = (at: number): string => new Date(at).toISOString();

function failure(wanted: CertificateRequest, changes: Partial<FailureRecord> = {}): FailureRecord {
  return {
    ...{ count: 2, since: text(NOW - DAY), at: text(NOW - 60_000), nextAt: text(NOW + 60_000), kind: 'validation', code: 'order-invalid' },
    message: 'Cannot prove "www.test"',
    request: requestDigest(wanted, fingerprintOf(wanted, `acme:${DIRECTORY}`, undefined)),
    ...changes,
  } as FailureRecord;
}

async function fail(world: LookingWorld, name: string, changes: Partial<FailureRecord> = {}): Promise<void> {
  await writeLedger(name, { ...emptyLedger(), failure: failure(request(name), changes) }, world.store);
}

/** A certificate that is past a third of its life. */
const OLD = { notBefore: new Date(NOW - 70 * DAY), notAfter: new Date(NOW + 20 * DAY) };

test('a good certificate is ready, with its facts, its issuer and when it is renewed', async () => {
  const world = createLookingWorld();
  const stored = await world.put('www');
  const overview = await readOverview(request('www'), world);
  assert.equal(overview.state, 'ready');
  assert.deepEqual(overview.issuer, { kind: 'acme', name: DIRECTORY });
  assert.deepEqual(overview.certificate?.names, [{ type: 'dns', value: 'www.test' }]);
  assert.equal(overview.certificate?.signedBy, 'Test Intermediate');
  assert.equal(overview.certificate?.keyType, 'ec256');
  assert.equal(overview.certificate?.generation, stored.generation);
  assert.deepEqual(overview.renewal, { at: NOW + 90 * DAY - (91 * DAY) / 3, by: 'lifetime' });
  assert.deepEqual([overview.due, overview.trouble, overview.deferral, overview.underWay], [undefined, undefined, undefined, undefined]);
  assert.deepEqual(
    conditionsOf(overview).map(({ type, status, reason }) => [type, status, reason]),
    [['Ready', 'True', 'Ready']],
  );
});

test("what the CA advised decides when it renews, as long as it is about the stored certificate; people's renewBefore is earlier", async () => {
  const world = createLookingWorld();
  const { certificate } = await world.put('www');
  const window = { start: text(NOW + DAY), end: text(NOW + 2 * DAY) };
  const renewalInfo = { window, pick: text(NOW + 1.5 * DAY), explanationUrl: 'https://ca.test/why', checkAt: text(NOW + DAY) };
  const id = certificateIdOf(certificate) ?? '';
  await writeLedger('www', { ...emptyLedger(), renewalInfo: { certificate: id, ...renewalInfo } }, world.store);
  const { renewal } = await readOverview(request('www'), world);
  assert.deepEqual(renewal, {
    ...{ at: NOW + 1.5 * DAY, by: 'ari', explanationUrl: 'https://ca.test/why' },
    window: { start: NOW + DAY, end: NOW + 2 * DAY },
  });
  const early = await readOverview(request('www', { renewBefore: { milliseconds: 89.5 * DAY } }), world);
  assert.equal(early.renewal?.by, 'renewBefore');
  await writeLedger('www', { ...emptyLedger(), renewalInfo: { certificate: 'AAAA.BBBB', ...renewalInfo } }, world.store);
  assert.equal((await readOverview(request('www'), world)).renewal?.by, 'lifetime');
});

test('each state has its word', async () => {
  const world = createLookingWorld();
  const stateOf = async (name: string, wanted = request(name)): Promise<CertificateOverview['state']> =>
    (await readOverview(wanted, world)).state;
  assert.equal(await stateOf('missing'), 'missing');
  await world.put('due', OLD);
  assert.equal(await stateOf('due'), 'due');
  await world.put('failing', OLD);
  await fail(world, 'failing');
  assert.equal(await stateOf('failing'), 'failing');
  await world.put('limited', OLD);
  await fail(world, 'limited', { kind: 'rate-limited', code: 'rate-limited' });
  assert.equal(await stateOf('limited'), 'waiting');
  await fail(world, 'limited', { kind: 'rate-limited', code: 'rate-limited', nextAt: text(NOW - 1) });
  assert.equal(await stateOf('limited'), 'failing', 'the time of waiting is over');
  await world.put('expired', { notBefore: new Date(NOW - 90 * DAY), notAfter: new Date(NOW - DAY) });
  await fail(world, 'expired');
  assert.equal(await stateOf('expired'), 'expired');
  await world.put('deployed');
  await world.store.put('ledger', deployKey('deployed'), {
    version: 2,
    targets: [{ id: 'a', title: 'nginx', state: 'failed', certificate: 'ff', at: text(NOW), message: 'nginx -t says no' }],
  });
  assert.equal(await stateOf('deployed'), 'deploy-failed');
  await world.put('changed');
  assert.equal(await stateOf('changed', request('changed', { key: { type: 'rsa2048', reuse: false } })), 'due');
});

test('a CA that holds off everybody makes what is due wait, and what is not due does not hear of it', async () => {
  const world = createLookingWorld();
  await world.put('due', OLD);
  await world.put('good');
  await writeHold({ issuer: `acme:${DIRECTORY}` }, { until: NOW + 3_600_000, message: 'too many new orders' }, world.store);
  const due = await readOverview(request('due'), world);
  assert.equal(due.state, 'waiting');
  assert.deepEqual(due.deferral, { until: NOW + 3_600_000, reason: 'too many new orders' });
  assert.equal((await readOverview(request('good'), world)).state, 'ready');
});

test('what failed before something else was asked for does not count as a failure of this', async () => {
  const world = createLookingWorld();
  await world.put('www', OLD);
  await fail(world, 'www', { request: 'another' });
  assert.equal((await readOverview(request('www'), world)).state, 'due');
});

test('a certificate of which nobody knows how it is wanted is told with its dates, and why', async () => {
  const world = createLookingWorld();
  await world.put('www');
  await world.put('old', OLD);
  const error = new TscertError('config-invalid', 'Cannot tell how "www" is to be renewed');
  const overview = await readOverview({ name: 'www', error }, world);
  assert.deepEqual([overview.state, overview.trouble, overview.issuer?.name], ['ready', error.message, DIRECTORY]);
  assert.equal((await readOverview({ name: 'old' }, world)).state, 'due');
  assert.equal((await readOverview({ name: '../x' }, world)).state, 'damaged', 'no name at all');
});

test('damaged records are told, each in its words, and hide nothing else', async () => {
  const world = createLookingWorld();
  await world.put('www');
  await world.store.put('ledger', ledgerKey('www'), { version: 9 });
  await world.store.put('ledger', deployKey('www'), 'x');
  await world.store.put('journal', 'www', [] as Json);
  const { state, trouble, certificate } = await readOverview(request('www'), world);
  assert.equal(state, 'ready');
  assert.match(trouble ?? '', /unknown version 9.*; .*what was deployed of "www".*; .*the journal of "www"/);
  assert.ok(certificate !== undefined);
});

test('a store that fails is told for each certificate, and none is thrown', async () => {
  const world = createLookingWorld();
  await world.put('a');
  const broken = async (): Promise<never> => Promise.reject(new TscertError('file-unreadable', 'Cannot read "live/a": permission denied'));
  const all: CertificateOverview[] = [];
  for await (const one of readOverviews([request('a'), { name: 'b' }], { clock: world.clock, store: { load: broken, get: broken } }))
    all.push(one);
  assert.deepEqual(
    all.map(({ name, state, due }) => [name, state, due]),
    [
      ['a', 'damaged', undefined],
      ['b', 'damaged', undefined],
    ],
  );
  assert.match(all[0]?.trouble ?? '', /permission denied/);
  assert.equal(conditionsOf(all[0] as CertificateOverview)[0]?.status, 'Unknown');
});

test('an order that an earlier run left is told with its challenges, each once', async () => {
  const world = createLookingWorld();
  const journal = await openJournal(world.store, 'www');
  await journal.begin('print', undefined);
  await journal.setOrder({ url: 'https://ca.test/order/1', account: 'https://ca.test/acct/1' });
  const challenge = (token: string, wildcard: boolean) =>
    ({
      ...{ type: 'dns-01', identifier: { type: 'dns', value: 'www.test' }, wildcard, token, keyAuthorization: 'k', digest: 'd' },
    }) as never;
  await journal.add([challenge('1', false), challenge('2', false), challenge('3', true)]);
  const overview = await readOverview(request('www'), world);
  assert.deepEqual(overview.underWay, {
    order: 'https://ca.test/order/1',
    isFinalizing: false,
    challenges: [
      { type: 'dns-01', domain: 'www.test' },
      { type: 'dns-01', domain: '*.www.test' },
    ],
  });
  assert.deepEqual(
    conditionsOf(overview).map(({ type, status, reason }) => [type, status, reason]),
    [
      ['Ready', 'False', 'DoesNotExist'],
      ['Issuing', 'True', 'DoesNotExist'],
    ],
  );
});

test('the steps of the last issuance are read from its events', () => {
  const event = (reason: string, at = text(NOW)) => ({ at, type: 'Normal' as const, reason, message: '' });
  const words = (...reasons: readonly string[]): string[] => stepsOf(reasons.map((reason) => event(reason))).map(({ state }) => state);
  assert.deepEqual(words(), []);
  assert.deepEqual(words('Issued'), [], 'the beginning is forgotten');
  assert.deepEqual(words('Issuing', 'Generated', 'Requested', 'Issued'), ['done', 'done', 'done', 'done']);
  assert.deepEqual(words('Issuing', 'Requested'), ['done', 'done', 'done', 'open'], 'a key that is kept is not generated');
  assert.deepEqual(words('Issuing', 'Issued', 'Issuing', 'Generated', 'Failed'), ['done', 'done', 'failed', 'open']);
  assert.deepEqual(stepsOf([event('Issuing')])[0], { step: 'Issuing', state: 'done', at: text(NOW) });
});
