import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TscertError } from '../../../src/base/errors.js';
import type { Link } from '../../../src/flow/diagnose/link.js';
import { judgeStored } from '../../../src/flow/diagnose/stored.js';
import type { Subject } from '../../../src/flow/overview.js';
import { readOverview } from '../../../src/flow/overview.js';
import { type VerifyParts, verifyStored } from '../../../src/flow/verify.js';
import { FAILURE_KINDS, type FailureKind } from '../../../src/policy/failure.js';
import { type TargetState, writeTargets } from '../../../src/store/deployments.js';
import { emptyLedger, type FailureRecord, writeLedger } from '../../../src/store/ledger.js';
import { DAY, NOW } from '../../pki/support.js';
import { createLookingWorld, type LookingWorld, request } from '../looking-kit.js';
import { allHold, brokenAt, stateOf } from './world.js';

const time = (at: number): string => new Date(at).toISOString();

async function diagnosed(
  world: LookingWorld,
  subject: Subject | undefined,
  changes: Partial<VerifyParts> = {},
  probes: readonly string[] = [],
): Promise<readonly Link[]> {
  const parts: VerifyParts = {
    ...{ store: world.store, clock: world.clock, areRootsNamed: false },
    roots: () => [world.root.certificate],
    shake: async () => Promise.reject(new TscertError('network', 'Cannot connect to "www.test:443": nobody is asked in this test')),
    ...changes,
  };
  return judgeStored({
    ...{ name: subject?.name ?? 'wwww', now: NOW, known: ['www', 'mail'] },
    overview: subject && (await readOverview(subject, parts)),
    checks: subject === undefined ? [] : await verifyStored(subject, probes, parts),
    unclear: subject !== undefined && 'error' in subject && subject.error instanceof Error ? subject.error.message : undefined,
  });
}

const failure = (kind: FailureKind, more: Partial<FailureRecord> = {}): FailureRecord => ({
  ...{ count: 3, since: time(NOW - DAY), at: time(NOW - 60_000), nextAt: time(NOW + 60_000), kind, code: 'internal', request: 'x' },
  message: 'Cannot do it: for a reason',
  ...more,
});

test('a good certificate holds in every link', async () => {
  const world = createLookingWorld();
  await world.put('www');
  const links = await diagnosed(world, request('www'));
  allHold(links);
  assert.deepEqual(
    links.map(({ link }) => link),
    ['object', 'signing', 'files', 'key', 'dates', 'chain', 'root', 'wanted', 'renewal', 'deploy'],
  );
});

test('object and request: the nearest name, and what cannot be told any more', async () => {
  const world = createLookingWorld();
  brokenAt(await diagnosed(world, undefined), 'object', /no certificate "wwww" is stored or configured here; there is "www"/, /try "www"/);
  await world.put('www');
  brokenAt(
    await diagnosed(world, { name: 'www', error: new Error('no flags are kept') }),
    'request',
    /it cannot be told how it is wanted: no flags are kept/,
    /tscert issue --name www/,
  );
});

test('an attempt that failed breaks the link where it failed, whatever is stored', async () => {
  const links: Readonly<Record<FailureKind, string>> = {
    ...{ request: 'request', local: 'machine', 'rate-limited': 'authority', paused: 'authority', unavailable: 'authority' },
    ...{ provider: 'dns', validation: 'challenge', refused: 'signing' },
  };
  for (const kind of FAILURE_KINDS) {
    for (const isStored of [true, false]) {
      const world = createLookingWorld();
      if (isStored) await world.put('www');
      await writeLedger('www', { ...emptyLedger(), failure: failure(kind) }, world.store);
      brokenAt(
        await diagnosed(world, request('www')),
        links[kind],
        /^3 attempts since .* failed, the last at .*: cannot do it: for a reason; it is tried again at/,
      );
    }
  }
  const world = createLookingWorld();
  await writeLedger(
    'www',
    { ...emptyLedger(), failure: failure('validation', { code: 'propagation-timeout', count: 1, nextAt: time(NOW - 1) }) },
    world.store,
  );
  brokenAt(await diagnosed(world, request('www')), 'dns', /^the attempt at .* failed: cannot do it: for a reason$/, /tscert dns test/);
  await writeLedger('www', { ...emptyLedger(), failure: failure('paused', { unpauseUrl: 'https://ca.example/unpause' }) }, world.store);
  brokenAt(await diagnosed(world, request('www')), 'authority', /reason/, /lift the pause of the account at https:\/\/ca.example\/unpause/);
});

test('what was never issued, what expired, and what nobody renews', async () => {
  const world = createLookingWorld();
  brokenAt(await diagnosed(world, request('www')), 'files', /DoesNotExist: No certificate is stored/, /tscert renew www/);
  await world.put('www', { notBefore: new Date(NOW - 90 * DAY), notAfter: new Date(NOW - DAY) });
  brokenAt(await diagnosed(world, request('www')), 'dates', /Expired: the certificate expired at/);
  await world.put('late', { notBefore: new Date(NOW - 80 * DAY), notAfter: new Date(NOW + 10 * DAY) });
  brokenAt(await diagnosed(world, request('late')), 'renewal', /due since .*, and nothing has tried it/, /tscert schedule/);
  await world.put('changed');
  brokenAt(await diagnosed(world, request('changed', { key: { type: 'rsa2048', reuse: false } })), 'wanted', /SecretMismatch/);
});

test('where it was to be brought, and what is served', async () => {
  const world = createLookingWorld();
  await world.put('www');
  const { certificate } = await readOverview(request('www'), world);
  const target = (more: Partial<TargetState>): TargetState => ({
    ...{ id: 'x', title: 'nginx', state: 'done', certificate: certificate?.fingerprint ?? '', at: time(NOW) },
    ...more,
  });
  await writeTargets(
    'www',
    [target({}), target({ id: 'y', title: 'hook', state: 'failed', message: 'Cannot run it: it ended with 1' })],
    world.store,
  );
  brokenAt(await diagnosed(world, request('www')), 'deploy', /^hook: cannot run it: it ended with 1$/);
  await writeTargets('www', [target({ certificate: '00' })], world.store);
  brokenAt(await diagnosed(world, request('www')), 'deploy', /"nginx" still has an older certificate/);
  await writeTargets('www', [target({})], world.store);
  const links = await diagnosed(world, request('www'));
  allHold(links);
  assert.equal(stateOf(links, 'deploy')?.message, '"nginx" has it');
  brokenAt(await diagnosed(world, request('www'), {}, ['www.test:443']), 'served', /Unreachable: /, /read its files anew/);
});
