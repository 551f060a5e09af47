/** Values come and go exactly, whatever else stands at their names and whoever else writes there. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { ResourceRecordSet } from '@aws-sdk/client-route-53';
import { isTscertError } from '../../../src/base/errors.js';
import type { DnsProvider } from '../../../src/dns/provider.js';
import { quoteTxt } from '../../../src/dns/providers/route53/txt.js';
import { dnsProviderContract } from '../../contract/dns-provider.js';
import { realClock } from '../../support/clock.js';
import { txtSet } from '../../support/route53-client.js';
import { adding, manyRecords, type Route53World, removing, startRoute53World, ZONE } from '../../support/route53-world.js';

dnsProviderContract('route53', async () => {
  const { provider, plain, values, close } = await startRoute53World({
    zones: [{ name: 'example.net' }, ZONE, { ...ZONE, id: 'ZP', private: true }],
  });
  return {
    provider: await provider(),
    zone: ZONE,
    unknownZone: { name: 'unknown.net', id: 'ZUNKNOWN' },
    values: async (name) => values(name),
    plant: (name, value) => plain.merge(ZONE.id, name, quoteTxt(value)),
    close,
  };
});

describe('route53', () => {
  let world: Route53World;
  let provider: DnsProvider;
  let name = '';
  let serial = 0;
  const { signal } = new AbortController();
  before(async () => {
    world = await startRoute53World();
  });
  after(() => world.close());
  beforeEach(async () => {
    provider = await world.provider();
    name = `_acme-challenge.t${++serial}.${ZONE.name}`;
    world.emulator.resetCalls();
    world.emulator.onCall(() => undefined);
  });

  const create = (...sets: readonly ResourceRecordSet[]): Promise<string> =>
    world.plain.send(ZONE.id, ...sets.map((set) => ({ Action: 'CREATE' as const, ResourceRecordSet: set })));
  const setsAt = (at: string) => world.emulator.records(ZONE.id).filter((set) => set.name === `${at}.`);
  const mine = () => ({ name, value: 'mine' });

  test('makes one call for all names where nothing stands, and one to take everything back', async () => {
    const records = manyRecords(50);
    await provider.change(ZONE, adding(...records), signal);
    assert.equal(world.emulator.calls().total, 1);
    await provider.change(ZONE, removing(...records), signal);
    assert.equal(world.emulator.calls().total, 2);
    assert.equal(world.txtSets(), 0);
  });

  test('takes back in one call what an earlier process left', async () => {
    const records = manyRecords(50);
    await provider.change(ZONE, adding(...records), signal);
    world.emulator.resetCalls();
    const later = await world.provider();
    await later.change(ZONE, removing(...records), signal);
    assert.equal(world.emulator.calls().total, 1);
    assert.equal(world.txtSets(), 0);
  });

  test('writes its own sets with a TTL of 60 s and keeps the TTL of others', async () => {
    await provider.change(ZONE, adding(mine()), signal);
    assert.equal(setsAt(name)[0]?.ttl, 60);
    await provider.change(ZONE, removing(mine()), signal);
    await create(txtSet(name, ['"theirs"'], { TTL: 3_600 }));
    await provider.change(ZONE, adding(mine()), signal);
    assert.deepEqual(setsAt(name), [{ name: `${name}.`, type: 'TXT', ttl: 3_600, values: ['"theirs"', '"mine"'] }]);
    await provider.change(ZONE, removing(mine()), signal);
    assert.deepEqual(setsAt(name), [{ name: `${name}.`, type: 'TXT', ttl: 3_600, values: ['"theirs"'] }]);
  });

  test('reads only the names that stand otherwise than thought', async () => {
    await create(txtSet(name, ['"theirs"']));
    world.emulator.resetCalls();
    const others = manyRecords(40, 'sub.example.com');
    await provider.change(ZONE, adding(mine(), ...others), signal);
    assert.deepEqual(world.values(name), ['mine', 'theirs']);
    const { ListResourceRecordSets, ChangeResourceRecordSets } = world.emulator.calls();
    assert.deepEqual([ListResourceRecordSets, ChangeResourceRecordSets], [1, 2]);
    await provider.change(ZONE, removing(mine(), ...others), signal);
    assert.deepEqual(world.values(name), ['theirs']);
    assert.equal(world.emulator.calls().total, 4, 'what our own change left is known');
  });

  test('keeps foreign values to the letter, whatever their escapes', async () => {
    const foreign = [
      '"v=spf1 -all"',
      `"${'x'.repeat(255)}" "${'y'.repeat(90)}"`,
      '"a\\"b\\\\c" "\\303\\244"',
      '"" "empty first"',
      '"\\101\\102"',
    ];
    await create(txtSet(name, foreign, { TTL: 77 }));
    await provider.change(ZONE, adding(mine()), signal);
    assert.deepEqual(setsAt(name)[0]?.values, [...foreign, '"mine"']);
    await provider.change(ZONE, removing(mine(), { name, value: 'AB' }), signal);
    assert.deepEqual(setsAt(name)[0]?.values, foreign.slice(0, -1), 'a value is compared by its octets');
  });

  test('values of any octets and length are written and taken back', async () => {
    const values = ['with "quotes" and \\ backslash', 'ümläut ☃', 'x'.repeat(600), ' ', 'tab\tand\nline'];
    const records = values.map((value) => ({ name, value }));
    await provider.change(ZONE, adding(...records), signal);
    assert.deepEqual(world.values(name), [...values].sort());
    const later = await world.provider();
    await later.change(ZONE, removing(...records), signal);
    assert.deepEqual(setsAt(name), []);
  });

  test("beside cert-manager's multivalue sets a value becomes one of its own, and goes alone", async () => {
    const theirs = txtSet(name, ['"theirs"'], { TTL: 10, SetIdentifier: '"theirs"', MultiValueAnswer: true });
    await create(theirs);
    const before = setsAt(name);
    await provider.change(ZONE, adding(mine(), { name, value: 'second' }), signal);
    assert.deepEqual(
      setsAt(name).map((set) => [set.setIdentifier, set.multiValueAnswer, set.values]),
      [
        ['"mine"', true, ['"mine"']],
        ['"second"', true, ['"second"']],
        ['"theirs"', true, ['"theirs"']],
      ],
    );
    const later = await world.provider();
    await later.change(ZONE, removing(mine(), { name, value: 'second' }), signal);
    assert.deepEqual(setsAt(name), before);
    await later.change(ZONE, removing({ name, value: 'theirs' }), signal);
    assert.deepEqual(setsAt(name), [], 'a multivalue set whose only value goes is deleted');
  });

  test('under weighted routing the value goes into every set, and out of it', async () => {
    const sets = [10, 20].map((Weight) => txtSet(name, [`"w${Weight}"`], { SetIdentifier: `w${Weight}`, Weight }));
    await create(...sets);
    const before = setsAt(name);
    await provider.change(ZONE, adding(mine()), signal);
    assert.deepEqual(
      setsAt(name).map((set) => [set.weight, set.values]),
      [
        [10, ['"w10"', '"mine"']],
        [20, ['"w20"', '"mine"']],
      ],
    );
    const later = await world.provider();
    await later.change(ZONE, removing(mine()), signal);
    assert.deepEqual(setsAt(name), before);
  });

  test('an alias is left as it is, with a word', async () => {
    const AliasTarget = { HostedZoneId: ZONE.id, DNSName: `other.${ZONE.name}`, EvaluateTargetHealth: false };
    await create({ Name: name, Type: 'TXT', AliasTarget });
    await assert.rejects(
      provider.change(ZONE, adding(mine()), signal),
      /Cannot add a TXT value at "_acme-challenge\.t\d+\.example\.com": the name is an alias/,
    );
    assert.equal(setsAt(name).length, 1);
  });

  test('a CNAME at the name is refused for good, in the words of Route53', async () => {
    await create({ Name: name, Type: 'CNAME', TTL: 60, ResourceRecords: [{ Value: 'elsewhere.test' }] });
    await assert.rejects(provider.change(ZONE, adding(mine()), signal), (error) => {
      assert.ok(isTscertError(error, 'provider-failed'));
      assert.notEqual(error.data.transient, true);
      assert.match(error.message, /conflicting RRSet of type CNAME/);
      return true;
    });
    assert.ok(world.emulator.calls().total <= 4);
  });

  /** Another tool adds a value of its own each time before a change of ours is carried out, as often as told. */
  const stepIn = (times: number): (() => number) => {
    let busy = false;
    let rounds = 0;
    world.emulator.onCall(async (action) => {
      if (busy || action !== 'ChangeResourceRecordSets' || rounds === times) return;
      busy = true;
      await world.plain.merge(ZONE.id, name, `"meanwhile-${++rounds}"`);
      busy = false;
    });
    return () => rounds;
  };

  test('another writer between reading and writing loses nothing', async () => {
    await create(txtSet(name, ['"theirs"']));
    const rounds = stepIn(3);
    await provider.change(ZONE, adding(mine()), signal);
    assert.equal(rounds(), 3);
    assert.deepEqual(world.values(name), ['meanwhile-1', 'meanwhile-2', 'meanwhile-3', 'mine', 'theirs']);
    stepIn(2);
    await provider.change(ZONE, removing(mine()), signal);
    assert.deepEqual(world.values(name), ['meanwhile-1', 'meanwhile-2', 'meanwhile-3', 'theirs']);
  });

  test('a name that another keeps changing is given up for now, after ten tries, with nothing lost', async () => {
    const rounds = stepIn(100);
    const patient = await world.provider({ clock: { ...realClock, sleep: async () => undefined } });
    await assert.rejects(patient.change(ZONE, adding(mine()), signal), (error) => {
      assert.ok(isTscertError(error, 'provider-failed'));
      assert.equal(error.data.transient, true);
      return true;
    });
    assert.equal(rounds(), 10);
    assert.equal(world.values(name).length, 10);
  });

  test('two providers that write to the same names at the same time both keep all their values', async () => {
    const writers = await Promise.all(Array.from({ length: 4 }, () => world.provider()));
    const names = Array.from({ length: 5 }, (_, nth) => `_acme-challenge.r${nth}.${name}`);
    const records = (writer: number) => names.map((at) => ({ name: at, value: `writer-${writer}` }));
    await Promise.all(writers.map((writer, nth) => writer.change(ZONE, adding(...records(nth)), signal)));
    for (const at of names) assert.deepEqual(world.values(at), ['writer-0', 'writer-1', 'writer-2', 'writer-3']);
    await Promise.all(writers.map((writer, nth) => writer.change(ZONE, removing(...records(nth)), signal)));
    for (const at of names) assert.deepEqual(world.values(at), []);
  });

  test('more than a batch holds goes in as few batches as the limits allow, no name split', async () => {
    const before = world.txtSets();
    const records = manyRecords(1_500, `big.${ZONE.name}`);
    await provider.change(ZONE, adding(...records), signal);
    assert.equal(world.emulator.calls().total, 3, '67,500 characters');
    assert.equal(world.txtSets(), before + 1_500);
    await provider.change(ZONE, removing(...records), signal);
    assert.equal(world.emulator.calls().total, 6);
    assert.equal(world.txtSets(), before);
  });

  test('a value that stood already counts as added, and what we know is not believed where nothing would be sent', async () => {
    await provider.change(ZONE, adding(mine()), signal);
    await world.plain.send(ZONE.id, { Action: 'DELETE', ResourceRecordSet: txtSet(name, ['"mine"']) });
    assert.deepEqual(await provider.change(ZONE, adding(mine()), signal), [mine()]);
    assert.deepEqual(world.values(name), ['mine'], 'it was gone, and is back');
    await provider.change(ZONE, removing(mine()), signal);
  });

  test('a zone without an id is found by its name', async () => {
    await provider.change({ name: ZONE.name }, adding(mine()), signal);
    assert.deepEqual(world.values(name), ['mine']);
    await assert.rejects(provider.change({ name: 'absent.test' }, adding({ name: 'a.absent.test', value: 'x' }), signal), (error) =>
      isTscertError(error, 'zone-unknown'),
    );
  });
});
