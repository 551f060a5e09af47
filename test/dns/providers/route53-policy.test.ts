/** The policy that is printed is enough for everything, and nothing in it is too much. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isTscertError } from '../../../src/base/errors.js';
import type { DnsProvider } from '../../../src/dns/provider.js';
import { type PolicyDocument, route53Policy } from '../../../src/dns/providers/route53/policy.js';
import { realClock } from '../../support/clock.js';
import { txtSet } from '../../support/route53-client.js';
import { adding, KEY, type Route53World, removing, startRoute53World, ZONE } from '../../support/route53-world.js';

const { signal } = new AbortController();
const NAMES = ['example.com', '*.example.com', 'www.example.com', '*.a.b.example.com'];
const RECORDS = ['example.com', 'www.example.com', 'a.b.example.com'].map((name) => ({ name: `_acme-challenge.${name}`, value: 'mine' }));
const ADMIN = { ...KEY, accessKeyId: 'AKIAADMIN' };

/** Everything that a run does, merging with the values of others included. */
async function runAll(policy: PolicyDocument): Promise<void> {
  const world = await startRoute53World({ credentials: [{ ...KEY, policy }, ADMIN] });
  try {
    await plantForeign(world);
    const provider = await world.provider({ clock: { ...realClock, sleep: async () => undefined } });
    const [zone = ZONE] =
      (await provider.zones?.(
        RECORDS.map(({ name }) => name),
        signal,
      )) ?? [];
    await provider.change(zone, adding(...RECORDS), signal);
    await provider.settled?.(zone, signal);
    await provider.change(zone, removing(...RECORDS), signal);
    assert.equal(world.txtSets(), 2, 'those of others');
  } finally {
    await world.close();
  }
}

async function plantForeign(world: Route53World): Promise<void> {
  const admin = await world.provider({ credentials: ADMIN });
  await admin.change(ZONE, adding({ name: '_acme-challenge.www.example.com', value: 'theirs' }), signal);
  await admin.change(ZONE, adding({ name: '_acme-challenge.a.b.example.com', value: 'theirs' }), signal);
}

async function withPolicy(policy: PolicyDocument, work: (provider: DnsProvider, world: Route53World) => Promise<void>): Promise<void> {
  const world = await startRoute53World({ credentials: [{ ...KEY, policy }, ADMIN] });
  try {
    await work(await world.provider(), world);
  } finally {
    await world.close();
  }
}

const denied = (error: unknown): boolean => isTscertError(error, 'provider-denied');

describe('the policy for Route53', () => {
  for (const [what, policy] of [
    ['of the zone', route53Policy(ZONE)],
    ['of the names', route53Policy(ZONE, NAMES)],
    ['without the id of the zone', route53Policy({ name: ZONE.name })],
  ] as const) {
    test(`${what} is enough for a whole run`, () => runAll(policy));

    for (const [at, statement] of policy.Statement.entries()) {
      test(`${what} is not enough without the statement ${statement.Sid}`, async () => {
        await assert.rejects(runAll({ ...policy, Statement: policy.Statement.toSpliced(at, 1) }), denied);
      });
    }
  }

  test('asks for the four permissions and no other', () => {
    const actions = route53Policy(ZONE).Statement.map(({ Action }) => Action);
    assert.deepEqual(actions.sort(), [
      'route53:ChangeResourceRecordSets',
      'route53:GetChange',
      'route53:ListHostedZonesByName',
      'route53:ListResourceRecordSets',
    ]);
  });

  test('allows no other name, zone or kind of record', async () => {
    for (const policy of [route53Policy(ZONE), route53Policy(ZONE, NAMES)]) {
      await withPolicy(policy, async (provider, world) => {
        const change = (name: string): Promise<unknown> => provider.change(ZONE, adding({ name, value: 'x' }), signal);
        for (const name of ['www.example.com', 'example.com', 'x_acme-challenge.example.com', '_acme-challenge.evilexample.com']) {
          await assert.rejects(change(name), denied, name);
        }
        await assert.rejects(provider.change({ name: 'example.net', id: 'ZOTHER' }, adding(...RECORDS), signal), denied);
        const Name = RECORDS[0]?.name ?? '';
        for (const [Action, set] of [
          ['UPSERT', txtSet(Name, ['"x"'])],
          ['CREATE', { ...txtSet(Name, ['192.0.2.1']), Type: 'A' as const }],
        ] as const) {
          await assert.rejects(world.plain.send(ZONE.id, { Action, ResourceRecordSet: set }), { name: 'AccessDenied' });
        }
      });
    }
  });

  test('of the names allows theirs alone', async () => {
    await withPolicy(route53Policy(ZONE, ['*.www.example.com']), async (provider) => {
      await provider.change(ZONE, adding({ name: '_acme-challenge.www.example.com', value: 'x' }), signal);
      await assert.rejects(provider.change(ZONE, adding({ name: '_acme-challenge.example.com', value: 'x' }), signal), denied);
    });
  });
});
