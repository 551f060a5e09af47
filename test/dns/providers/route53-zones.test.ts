/** Which hosted zone holds a name, found with few calls; and how many calls a whole run costs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isTscertError } from '../../../src/base/errors.js';
import type { Zone } from '../../../src/dns/provider.js';
import type { ZoneOptions } from '../../emulators/route53/zones.js';
import { createVirtualClock } from '../../support/clock.js';
import { txtSet } from '../../support/route53-client.js';
import { adding, manyRecords, removing, startRoute53World, ZONE } from '../../support/route53-world.js';

const { signal } = new AbortController();

/** The zones found for names, and the calls that it took. */
async function find(
  zones: readonly ZoneOptions[],
  names: readonly string[],
): Promise<{ readonly zones: readonly Zone[]; readonly calls: number }> {
  const world = await startRoute53World({ zones });
  try {
    const provider = await world.provider();
    const found = (await provider.zones?.(names, signal)) ?? [];
    return { zones: [...found].sort((a, b) => (a.name < b.name ? -1 : 1)), calls: world.emulator.calls().total };
  } finally {
    await world.close();
  }
}

describe('route53 finds zones', () => {
  test('of 300 names in one zone with one call', async () => {
    const names = Array.from({ length: 300 }, (_, nth) => `_acme-challenge.host-${nth}.example.com`);
    assert.deepEqual(await find([ZONE, { name: 'example.org' }], names), { zones: [ZONE], calls: 1 });
  });

  test('below and above each other, public ones only', async () => {
    const zones = [
      ZONE,
      { ...ZONE, id: 'ZPRIVATE', private: true },
      { name: 'deep.sub.example.com', id: 'ZDEEP' },
      { name: 'inside.example.com', id: 'ZINSIDE', private: true },
      { name: 'other.example.com', id: 'ZOTHER' },
    ];
    assert.deepEqual(await find(zones, ['_acme-challenge.a.deep.sub.example.com', '*.inside.example.com']), {
      zones: [{ name: 'deep.sub.example.com', id: 'ZDEEP' }, ZONE],
      calls: 1,
    });
  });

  test('on a label boundary: evilexample.com and example2.com are others', async () => {
    const zones = [
      { name: 'evilexample.com', id: 'ZEVIL' },
      { name: 'example2.com', id: 'Z2' },
      { name: 'example.com.test', id: 'Z3' },
    ];
    assert.deepEqual((await find(zones, ['www.example.com'])).zones, []);
  });

  test('of many domains with one call where a page shows them all', async () => {
    const zones = Array.from({ length: 80 }, (_, nth) => ({ name: `domain-${nth}.com`, id: `Z${nth}` }));
    const { zones: found, calls } = await find(
      [...zones, { name: 'zzz.com', id: 'ZLAST' }],
      zones.map(({ name }) => `www.${name}`),
    );
    assert.equal(found.length, 80);
    assert.ok(calls <= 3, `${calls} calls`);
  });

  test('beyond a page of 100, and no further than the suffix reaches', async () => {
    const within = Array.from({ length: 250 }, (_, nth) => ({ name: `n${String(nth).padStart(3, '0')}.example.com`, id: `Z${nth}` }));
    const beyond = Array.from({ length: 250 }, (_, nth) => ({ name: `n${String(nth).padStart(3, '0')}.example2.com`, id: `Y${nth}` }));
    assert.deepEqual(await find([...within, ...beyond], ['www.n249.example.com']), {
      zones: [{ name: 'n249.example.com', id: 'Z249' }],
      calls: 3,
    });
  });

  test('of one label only when there is no other', async () => {
    const zones = [{ name: 'internal', id: 'ZINTERNAL' }, { name: 'com', id: 'ZCOM' }, ZONE];
    assert.deepEqual(await find(zones, ['www.example.com']), { zones: [ZONE], calls: 1 });
    assert.deepEqual((await find(zones, ['host.internal'])).zones, [{ name: 'internal', id: 'ZINTERNAL' }]);
  });

  test('with a suffix of several labels, in reverse, and none at all', async () => {
    const zones = [
      { name: 'example.co.uk', id: 'ZUK' },
      { name: '2.0.192.in-addr.arpa', id: 'ZARPA' },
    ];
    assert.deepEqual((await find(zones, ['www.example.co.uk', '1.2.0.192.in-addr.arpa'])).zones, [
      { name: '2.0.192.in-addr.arpa', id: 'ZARPA' },
      { name: 'example.co.uk', id: 'ZUK' },
    ]);
    assert.deepEqual((await find(zones, ['www.example.net'])).zones, []);
  });

  test('and does not guess between two public ones of one name', async () => {
    await assert.rejects(find([ZONE, { ...ZONE, id: 'ZTWIN' }], ['www.example.com']), (error) => {
      assert.ok(isTscertError(error, 'provider-failed'));
      assert.deepEqual(error.data.ids, ['ZEXAMPLE', 'ZTWIN']);
      return true;
    });
    const zones = [ZONE, { ...ZONE, id: 'ZTWIN' }, { name: 'sub.example.com', id: 'ZSUB' }];
    assert.equal((await find(zones, ['www.sub.example.com'])).zones.length, 3, 'the better zone is clear');
  });

  test('by an id that was given, with its name, without listing zones', async () => {
    const world = await startRoute53World({ zones: [ZONE, { ...ZONE, id: 'ZTWIN' }] });
    const provider = await world.provider({ hostedZoneId: '/hostedzone/ZTWIN' });
    assert.deepEqual(await provider.zones?.(['www.example.com'], signal), [{ name: 'example.com', id: 'ZTWIN' }]);
    await provider.change({ name: 'example.com' }, adding({ name: '_acme-challenge.example.com', value: 'v' }), signal);
    assert.deepEqual(world.values('_acme-challenge.example.com', 'ZTWIN'), ['v']);
    assert.equal(world.emulator.calls().ListHostedZonesByName, 0);
    const wrong = await world.provider({ hostedZoneId: 'ZWRONG' });
    await assert.rejects(wrong.zones?.(['www.example.com'], signal) ?? Promise.resolve(), (error) => isTscertError(error, 'zone-unknown'));
    await world.close();
  });
});

describe('a run over Route53', () => {
  for (const [what, plant] of [
    ['where nothing stands', 0],
    ['where others have a value at every name', 1],
    ['where others have values at every second name, and a thousand names between', 2],
  ] as const) {
    test(`costs at most 20 calls for 300 names of one zone, ${what}`, async () => {
      const clock = createVirtualClock(Date.now());
      const world = await startRoute53World({ insyncAfter: 60_000, now: clock.now });
      const records = manyRecords(300);
      const foreign = [
        ...records.filter((_, nth) => plant > 0 && nth % plant === 0).map(({ name }) => name),
        ...Array.from({ length: plant === 2 ? 1_000 : 0 }, (_, nth) => `other-${nth}.example.com`),
      ];
      for (let at = 0; at < foreign.length; at += 500) {
        const sets = foreign.slice(at, at + 500).map((name) => txtSet(name, ['"theirs"']));
        await world.plain.send(ZONE.id, ...sets.map((set) => ({ Action: 'CREATE' as const, ResourceRecordSet: set })));
      }
      const before = world.emulator.records(ZONE.id);
      world.emulator.resetCalls();

      const provider = await world.provider({ clock: { now: clock.now, sleep: (ms) => clock.advance(ms) } });
      const [zone = ZONE] =
        (await provider.zones?.(
          records.map(({ name }) => name),
          signal,
        )) ?? [];
      await provider.change(zone, adding(...records), signal);
      for (const { name, value } of records) assert.ok(world.values(name).includes(value));
      await provider.settled?.(zone, signal);
      assert.ok(world.emulator.calls().GetChange <= 9);
      await provider.change(zone, removing(...records), signal);
      const calls = world.emulator.calls();
      assert.ok(calls.total <= 20, JSON.stringify(calls));
      assert.deepEqual(world.emulator.records(ZONE.id), before);
      await world.close();
    });
  }
});
