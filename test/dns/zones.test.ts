import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import type { Zone } from '../../src/dns/provider.js';
import { createZones } from '../../src/dns/zones.js';
import { createDnsClient } from '../../src/net/dns.js';
import { parseServer } from '../../src/net/dns-address.js';
import { createResolver, type Resolver } from '../../src/net/resolver.js';
import { settle } from '../support/clock.js';
import { type DnsServer, type ServedRecord, type ServedZone, startDnsServer, zone } from '../support/dns-server.js';

const signal = new AbortController().signal;

function resolverOf(dns: DnsServer): Resolver {
  return createResolver({ client: createDnsClient({ udpTimeout: 300, tcpTimeout: 300 }), servers: [parseServer(dns.address)] });
}

const world = (...records: ServedRecord[]): readonly ServedZone[] => [
  zone('example.com', ['127.0.0.1'], [...records, { name: 'sub.example.com', type: 'NS', data: 'ns1.sub.example.com' }]),
  zone('sub.example.com'),
  zone('example.co.uk'),
  zone('xn--bcher-kva.example'),
  zone('validation.net'),
];
const alias = (name: string, data: string): ServedRecord => ({ name, type: 'CNAME', data });

function account(...names: string[]) {
  const calls: string[][] = [];
  const zones = names.map((name): Zone => ({ name, id: `Z-${name}` }));
  return {
    calls,
    source: {
      name: 'memory',
      zones: async (asked: readonly string[]) => {
        calls.push([...asked].sort());
        return zones;
      },
    },
  };
}

test('the longest zone of the provider wins, and names end at dots', async () => {
  await using dns = await startDnsServer({ zones: world(), recursive: true });
  const zones = createZones({ resolver: resolverOf(dns) });
  const { source } = account('com', 'example.com', 'ample.com', 'sub.example.com', 'example.co.uk');
  for (const [name, expected] of [
    ['_acme-challenge.example.com', 'example.com'],
    ['_acme-challenge.www.sub.example.com', 'sub.example.com'],
    ['_acme-challenge.xsub.example.com', 'example.com'],
    ['_acme-challenge.www.example.co.uk', 'example.co.uk'],
  ] as const) {
    assert.deepEqual(await zones.locate(name, source, signal), { name, zone: { name: expected, id: `Z-${expected}` } });
  }
});

test('a provider is asked once for all names that the run expects', async () => {
  await using dns = await startDnsServer({ zones: world(), recursive: true });
  const names = Array.from({ length: 50 }, (_, at) => `_acme-challenge.h${at}.example.com`);
  const zones = createZones({ resolver: resolverOf(dns), expected: (provider) => (provider === 'memory' ? names : []) });
  const { source, calls } = account('example.com');
  await Promise.all(names.map((name) => zones.locate(name, source, signal)));
  await zones.locate('_acme-challenge.h7.example.com', source, signal);
  assert.deepEqual(calls, [[...names].sort()]);
});

test('names that nobody expected wait for the call that is under way and share the next', async () => {
  await using dns = await startDnsServer({ zones: world(), recursive: true });
  const zones = createZones({ resolver: resolverOf(dns) });
  const { source, calls } = account('example.com');
  const slow = {
    name: 'memory',
    zones: async (names: readonly string[]) => {
      const found = await source.zones(names);
      while (dns.queries.length < 50) await settle();
      await settle();
      return found;
    },
  };
  await Promise.all(Array.from({ length: 50 }, (_, at) => zones.locate(`_acme-challenge.h${at}.example.com`, slow, signal)));
  assert.ok(calls.length <= 5, `${calls.length} calls`);
  assert.equal(new Set(calls.flat()).size, 50);
  assert.equal(calls.flat().length, 50, 'no name twice');
});

test('a provider that failed once is asked again by the next line', async () => {
  await using dns = await startDnsServer({ zones: world(), recursive: true });
  const zones = createZones({ resolver: resolverOf(dns) });
  let failures = 1;
  const source = {
    name: 'memory',
    zones: async () => {
      if (failures-- > 0) throw new Error('down');
      return [{ name: 'example.com' }];
    },
  };
  await assert.rejects(zones.locate('_acme-challenge.example.com', source, signal), /down/);
  assert.equal((await zones.locate('_acme-challenge.example.com', source, signal)).zone.name, 'example.com');
});

test('a name outside all zones of the provider is told with those there are', async () => {
  await using dns = await startDnsServer({ zones: world(), recursive: true });
  const zones = createZones({ resolver: resolverOf(dns) });
  await assert.rejects(zones.locate('_acme-challenge.example.com', account('b.test', 'a.test').source, signal), (error: unknown) => {
    assert.ok(isTscertError(error, 'zone-unknown'));
    assert.match(error.message, /Cannot find the zone of "_acme-challenge\.example\.com" at memory: its zones are a\.test, b\.test/);
    return true;
  });
  await assert.rejects(zones.locate('_acme-challenge.example.com', account().source, signal), /it has no zone that fits/);
});

test('without a list the zone is found by SOA records, the deepest one, internationalized and multi-label ones too', async () => {
  await using dns = await startDnsServer({ zones: world(), recursive: true });
  const zones = createZones({ resolver: resolverOf(dns) });
  for (const [name, expected] of [
    ['_acme-challenge.example.com', 'example.com'],
    ['_acme-challenge.a.b.sub.example.com', 'sub.example.com'],
    ['_acme-challenge.www.example.co.uk', 'example.co.uk'],
    ['_acme-challenge.xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ] as const) {
    assert.deepEqual(await zones.locate(name, { name: 'rfc2136' }, signal), { name, zone: { name: expected } });
  }
  const asked = dns.queries.length;
  await zones.locate('_acme-challenge.example.com', { name: 'rfc2136' }, signal);
  assert.deepEqual(
    dns.queries.slice(asked).map(({ type }) => type),
    ['CNAME'],
    'the SOA is known',
  );
});

test('the walk goes up when negative answers do not name their zone', async () => {
  await using dns = await startDnsServer({ zones: [zone('example.com')], recursive: true });
  const real = resolverOf(dns);
  const terse: Resolver = {
    servers: real.servers,
    async lookUp(name, type, own) {
      const { status, records, aliased } = await real.lookUp(name, type, own);
      return { status, records, aliased };
    },
  };
  const place = await createZones({ resolver: terse }).locate('_acme-challenge.a.b.example.com', { name: 'rfc2136' }, signal);
  assert.equal(place.zone.name, 'example.com');
  await assert.rejects(createZones({ resolver: terse }).locate('_acme-challenge.a.test', { name: 'rfc2136' }, signal), (error: unknown) => {
    assert.ok(isTscertError(error, 'zone-unknown'));
    assert.deepEqual(error.data.tried, ['_acme-challenge.a.test', 'a.test', 'test']);
    return true;
  });
});

test('the SOA behind an alias is not taken for the zone of the name', async () => {
  const records = [alias('www.example.com', 'host.validation.net')];
  await using dns = await startDnsServer({ zones: world(...records), recursive: true });
  const zones = createZones({ resolver: resolverOf(dns) });
  const place = await zones.locate('_acme-challenge.www.example.com', { name: 'rfc2136' }, signal);
  assert.equal(place.zone.name, 'example.com');
});

test('aliases of the name are followed before the zone is looked for', async () => {
  const records = [alias('_acme-challenge.example.com', 'a.sub.example.com')];
  const more = zone('sub.example.com', ['127.0.0.1'], [alias('a.sub.example.com', 'b.validation.net')]);
  await using dns = await startDnsServer({
    zones: [...world(...records).filter(({ name }) => name !== 'sub.example.com'), more],
    recursive: true,
  });
  const zones = createZones({ resolver: resolverOf(dns) });
  const place = await zones.locate('_acme-challenge.example.com', account('example.com', 'validation.net').source, signal);
  assert.deepEqual(place, { name: 'b.validation.net', zone: { name: 'validation.net', id: 'Z-validation.net' } });
  await assert.rejects(
    zones.locate('_acme-challenge.example.com', account('example.com').source, signal),
    /alias: _acme-challenge\.example\.com -> a\.sub\.example\.com -> b\.validation\.net/,
  );
});

test('a circle of aliases is refused with its chain, and so are more than 50', async () => {
  const hops = Array.from({ length: 60 }, (_, at) => alias(`h${at}.example.com`, `h${at + 1}.example.com`));
  const circle = [alias('_acme-challenge.example.com', 'one.example.com'), alias('one.example.com', '_acme-challenge.example.com')];
  await using dns = await startDnsServer({ zones: world(...hops, ...circle), recursive: true });
  const zones = createZones({ resolver: resolverOf(dns) });
  const { source } = account('example.com');
  await assert.rejects(zones.locate('_acme-challenge.example.com', source, signal), (error: unknown) => {
    assert.ok(isTscertError(error, 'dns-failed'));
    assert.deepEqual(error.data.chain, ['_acme-challenge.example.com', 'one.example.com', '_acme-challenge.example.com']);
    return true;
  });
  await assert.rejects(zones.locate('h0.example.com', source, signal), /more than 50 aliases/);
  assert.equal((await zones.locate('h10.example.com', source, signal)).name, 'h60.example.com', '50 are fine');
});

test('an aborted search rejects with the reason, and the others go on', async () => {
  await using dns = await startDnsServer({ zones: world(), recursive: true });
  const zones = createZones({ resolver: resolverOf(dns) });
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const abort = new AbortController();
  const source = {
    name: 'memory',
    zones: async () => {
      abort.abort(new Error('enough'));
      await gate;
      return [{ name: 'example.com' }];
    },
  };
  const first = zones.locate('_acme-challenge.example.com', source, abort.signal);
  const second = zones.locate('_acme-challenge.example.com', source, signal);
  await assert.rejects(first, /enough/);
  release();
  assert.equal((await second).zone.name, 'example.com');
});
