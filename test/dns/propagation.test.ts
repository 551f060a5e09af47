import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../src/base/clock.js';
import { isTscertError, TscertError } from '../../src/base/errors.js';
import type { Event, ServerAnswer } from '../../src/base/events.js';
import { createPropagation, type Propagation } from '../../src/dns/propagation.js';
import { createDnsClient, type DnsClient } from '../../src/net/dns.js';
import { parseServer } from '../../src/net/dns-address.js';
import type { RecordOf } from '../../src/net/dns-message.js';
import { createResolver, type Resolver } from '../../src/net/resolver.js';
import type { DnsOptions } from '../../src/request/request.js';
import { createVirtualClock, realClock } from '../support/clock.js';
import { type Behaviour, type DnsServer, type ServedZone, startDnsServer, zone } from '../support/dns-server.js';

const never = new AbortController().signal;
const fqdn = '_acme-challenge.example.com';
const wanted = { fqdn, value: 'value', zone: 'example.com' };
const authoritative: DnsOptions = { resolvers: [], nameservers: [], check: 'authoritative', timeout: 120_000 };

interface World {
  readonly propagation: Propagation;
  readonly events: Event[];
  readonly rounds: () => ServerAnswer[][];
}

/** Real servers on loopback: `dns` are the authoritative ones, `resolver` knows them. */
function look(dns: DnsServer, resolver: Resolver, options: Partial<DnsOptions> = {}, clock: Clock = realClock): World {
  const events: Event[] = [];
  const propagation = createPropagation({
    dnsOptions: { ...authoritative, ...options },
    resolver,
    client: createDnsClient({ udpTimeout: 300, tcpTimeout: 300 }),
    clock,
    emit: (event) => void events.push(event),
    port: dns.port,
  });
  return { propagation, events, rounds: () => events.flatMap((event) => (event.type === 'propagation' ? [[...event.servers]] : [])) };
}

async function resolverFor(zones: readonly ServedZone[]): Promise<{ resolver: Resolver; dns: DnsServer }> {
  const dns = await startDnsServer({ zones, recursive: true });
  return { dns, resolver: createResolver({ client: createDnsClient(), servers: [parseServer(dns.address)] }) };
}

test('every address of every name server is asked directly, and twice', async () => {
  const addresses = ['127.0.0.1', '127.0.0.2', '::1'];
  const zones = [zone('example.com', addresses)];
  await using dns = await startDnsServer({ addresses, zones });
  const { resolver, dns: recursive } = await resolverFor(zones);
  dns.addTxt(fqdn, 'other');
  dns.addTxt(fqdn, 'value');
  const { propagation, rounds } = look(dns, resolver);
  await propagation.wait(wanted, never);
  await recursive.close();
  for (const address of dns.addresses) assert.equal(dns.queries.filter((query) => query.address === address).length, 2, address);
  assert.ok(dns.queries.every(({ recursionDesired, name, type }) => !recursionDesired && name === fqdn && type === 'TXT'));
  assert.equal(
    recursive.queries.some(({ name }) => name === fqdn),
    false,
    'the resolver is never asked for the value',
  );
  assert.deepEqual(rounds(), [
    addresses.map((_, at) => ({ server: `ns${at + 1}.example.com`, address: dns.addresses[at], holds: true, answer: 'has the value' })),
  ]);
});

test('a server that lags is waited for, and its answers are told as they change', async () => {
  const addresses = ['127.0.0.1', '127.0.0.2'];
  const zones = [zone('example.com', addresses)];
  await using dns = await startDnsServer({ addresses, zones });
  const { resolver, dns: recursive } = await resolverFor(zones);
  dns.addTxt(fqdn, 'value', [dns.addresses[0] ?? '']);
  let asked = 0;
  dns.behave(({ address }): Behaviour => {
    if (address !== dns.addresses[1]) return 'answer';
    if (++asked === 2) dns.addTxt(fqdn, 'stale', [address]);
    if (asked === 3) dns.addTxt(fqdn, 'value', [address]);
    return asked === 1 ? 'servfail' : 'answer';
  });
  const { propagation, rounds } = look(dns, resolver);
  await propagation.wait(wanted, never);
  await recursive.close();
  assert.deepEqual(
    rounds().map(([, second]) => second?.answer),
    ['SERVFAIL', 'NXDOMAIN', '1 other value', 'has the value'],
  );
});

test('one clean round is not enough when the next is not', async () => {
  const zones = [zone('example.com')];
  await using dns = await startDnsServer({ zones });
  const { resolver, dns: recursive } = await resolverFor(zones);
  dns.addTxt(fqdn, 'value');
  let asked = 0;
  dns.behave((): Behaviour => (++asked === 2 ? 'refuse' : 'answer'));
  const { propagation } = look(dns, resolver);
  await propagation.wait(wanted, never);
  await recursive.close();
  assert.equal(asked, 4);
});

test('two values at one name share their questions', async () => {
  const zones = [zone('example.com')];
  await using dns = await startDnsServer({ zones });
  const { resolver, dns: recursive } = await resolverFor(zones);
  dns.addTxt(fqdn, 'apex');
  dns.addTxt(fqdn, 'wildcard');
  const { propagation } = look(dns, resolver);
  await Promise.all(['apex', 'wildcard'].map((value) => propagation.wait({ ...wanted, value }, never)));
  await recursive.close();
  assert.equal(dns.queries.length, 2);
});

test('a hundred names are looked at side by side', async () => {
  let active = 0;
  let most = 0;
  const client: DnsClient = {
    async ask(_, { name }) {
      most = Math.max(most, ++active);
      await new Promise((resolve) => setImmediate(resolve));
      active--;
      return {
        rcode: 'NOERROR',
        authoritative: true,
        truncated: false,
        authorities: [],
        answers: [{ type: 'TXT', name, ttl: 1, value: 'value' }],
      };
    },
  };
  const clock = createVirtualClock();
  const nameservers = [{ address: '192.0.2.1' }, { address: '192.0.2.2' }];
  const propagation = createPropagation({
    dnsOptions: { ...authoritative, nameservers },
    resolver: createResolver({ client, servers: [] }),
    client,
    clock,
    emit: () => undefined,
  });
  const names = Array.from({ length: 100 }, (_, at) => ({ ...wanted, fqdn: `_acme-challenge.h${at}.example.com` }));
  await clock.until(Promise.all(names.map((name) => propagation.wait(name, never))));
  assert.equal(most, 200);
  assert.equal(clock.sleepers(), 0);
});

test('servers given instead of the NS records are asked, those of the longest zone that fits', async () => {
  await using one = await startDnsServer({ zones: [zone('example.com')] });
  await using two = await startDnsServer({ zones: [zone('example.com')] });
  two.addTxt('_acme-challenge.sub.example.com', 'value');
  const nameservers = [{ address: one.address }, { address: two.address, zone: 'sub.example.com' }];
  const { propagation } = look(one, createResolver({ client: createDnsClient(), servers: [] }), { nameservers });
  await propagation.wait({ ...wanted, fqdn: '_acme-challenge.sub.example.com' }, never);
  assert.deepEqual([one.queries.length, two.queries.length], [0, 2]);
  assert.equal(await propagation.sees(wanted, never), false);
  assert.equal(one.queries.length, 1);
});

test('an IPv6 address that cannot be reached from here is noted and not required', async () => {
  const unreachable = '2001:db8::53';
  const zones = [zone('example.com', ['127.0.0.1'], [{ name: 'ns1.example.com', type: 'AAAA', data: unreachable }])];
  await using dns = await startDnsServer({ zones });
  const { resolver, dns: recursive } = await resolverFor(zones);
  dns.addTxt(fqdn, 'value');
  const { propagation, rounds } = look(dns, resolver);
  await propagation.wait(wanted, never);
  await recursive.close();
  const six = rounds()
    .at(-1)
    ?.find(({ address }) => address.includes(unreachable));
  assert.equal(six?.holds, false);
  assert.match(six?.answer ?? '', /^(unreachable from this host|timed out), not required$/);
});

test('where IPv6 leads nowhere its servers are asked once, and not required', async () => {
  const { propagation, clock, asked } = dualStack((host, times) => (host.includes(':') ? 'silent' : times > 3 ? 'value' : 'other'));
  await clock.until(propagation.wait(wanted, never));
  assert.deepEqual(
    [...asked],
    [
      ['192.0.2.1', 5],
      ['2001:db8::1', 1],
    ],
  );
});

test('where IPv6 is all that there is a silent server is asked again', async () => {
  const { propagation, clock, asked } = dualStack((host, times) => (host.includes(':') && times > 2 ? 'value' : 'silent'), ['AAAA']);
  await clock.until(propagation.wait(wanted, never));
  assert.deepEqual([...asked], [['2001:db8::1', 4]]);
});

/** One name server with an address of each kind, and how often each has been asked; `answer` says what an address does the next time. */
function dualStack(
  answer: (host: string, times: number) => 'silent' | 'value' | 'other',
  kinds: readonly string[] = ['A', 'AAAA'],
): { propagation: Propagation; clock: ReturnType<typeof createVirtualClock>; asked: ReadonlyMap<string, number> } {
  const asked = new Map<string, number>();
  const client: DnsClient = {
    async ask({ host }, { name }) {
      const times = (asked.get(host) ?? 0) + 1;
      asked.set(host, times);
      const value = answer(host, times);
      if (value === 'silent') throw new TscertError('dns-failed', 'Cannot ask', { data: { failure: 'timed out' } });
      return { rcode: 'NOERROR', authoritative: true, truncated: false, authorities: [], answers: [{ type: 'TXT', name, ttl: 1, value }] };
    },
  };
  const resolver: Resolver = {
    servers: [],
    lookUp: async (name, type) => {
      if (type !== 'NS' && !kinds.includes(type)) return { status: 'nodata', aliased: false, records: [] };
      const value = type === 'NS' ? 'ns1.example.com' : type === 'A' ? '192.0.2.1' : '2001:db8::1';
      return { status: 'found', aliased: false, records: [{ type, name, ttl: 1, value } as RecordOf<typeof type>] };
    },
  };
  const clock = createVirtualClock();
  const propagation = createPropagation({ dnsOptions: authoritative, resolver, client, clock, emit: () => undefined });
  return { propagation, clock, asked };
}

test('recursive: the resolvers have to hold the value, through aliases too', async () => {
  const alias = { name: fqdn, type: 'CNAME', data: 'x.example.org' } as const;
  const zones = [zone('example.com', ['127.0.0.1'], [alias]), zone('example.org')];
  await using dns = await startDnsServer({ zones, recursive: true });
  dns.addTxt('x.example.org', 'value');
  const resolver = createResolver({ client: createDnsClient(), servers: [parseServer(dns.address)] });
  const { propagation } = look(dns, resolver, { check: 'recursive' });
  await propagation.wait(wanted, never);
  assert.deepEqual(
    dns.queries.map(({ type, recursionDesired }) => [type, recursionDesired]),
    [
      ['TXT', true],
      ['TXT', true],
    ],
  );
});

test('none: nothing is asked', async () => {
  await using dns = await startDnsServer({ zones: [] });
  const resolver = createResolver({ client: createDnsClient(), servers: [parseServer(dns.address)] });
  await look(dns, resolver, { check: 'none' }).propagation.wait(
    { ...wanted, settled: () => Promise.reject(new Error('not asked')) },
    never,
  );
  assert.equal(dns.queries.length, 0);
});

/** Runs into the deadline in virtual time, with a client that answers as told. */
async function timeOut(
  answers: Readonly<Record<string, string>>,
  more: { settled?: (signal: AbortSignal) => Promise<void>; resolver?: Resolver; timeout?: number } = {},
): Promise<{ error: TscertError; took: number; sleepers: number; rounds: number }> {
  const clock = createVirtualClock(0);
  let rounds = 0;
  const client: DnsClient = {
    async ask({ host }, { name }) {
      rounds++;
      const says = answers[host] ?? 'timed out';
      const base = { rcode: 'NOERROR', authoritative: true, truncated: false, authorities: [], answers: [] } as const;
      if (says === 'timed out' || says === 'unreachable from this host') {
        throw new TscertError('dns-failed', 'Cannot ask', { data: { failure: says } });
      }
      if (says === 'value' || says === 'other') return { ...base, answers: [{ type: 'TXT', name, ttl: 1, value: says }] };
      if (says === 'lame') return { ...base, authoritative: false };
      if (says === 'referral') {
        return { ...base, authoritative: false, authorities: [{ type: 'NS', name: 'sub.example.com', ttl: 1, value: 'ns' }] };
      }
      if (says === 'alias') return { ...base, answers: [{ type: 'CNAME', name, ttl: 1, value: 'x.example.org' }] };
      return { ...base, rcode: says === 'nodata' ? 'NOERROR' : says };
    },
  };
  const propagation = createPropagation({
    dnsOptions: { ...authoritative, nameservers: more.resolver === undefined ? Object.keys(answers).map((address) => ({ address })) : [] },
    resolver: more.resolver ?? createResolver({ client, servers: [] }),
    client,
    clock,
    emit: () => undefined,
  });
  const result = propagation.wait({ ...wanted, settled: more.settled, timeout: more.timeout }, never).then(
    () => assert.fail('it became visible'),
    (error: unknown) => error,
  );
  const error = await clock.until(result);
  assert.ok(isTscertError(error), String(error));
  return { error, took: clock.now(), sleepers: clock.sleepers(), rounds: rounds / Object.keys(answers).length };
}

for (const [says, words] of [
  ['NXDOMAIN', 'NXDOMAIN'],
  ['nodata', 'no TXT record'],
  ['other', '1 other value'],
  ['REFUSED', 'REFUSED'],
  ['SERVFAIL', 'SERVFAIL'],
  ['lame', 'not authoritative'],
  ['referral', 'refers to the name servers of "sub.example.com"'],
  ['alias', 'an alias to "x.example.org"'],
  ['timed out', 'timed out'],
] as const) {
  test(`at the deadline the first bad server and its answer are named: ${words}`, async () => {
    const { error, took, sleepers } = await timeOut({ '192.0.2.1': 'value', '192.0.2.2': says });
    assert.equal(error.code, 'propagation-timeout');
    assert.equal(
      error.message,
      `Cannot see the TXT value at "${fqdn}" within 2m: 192.0.2.2:53 says ${words}; the name servers disagree, 1 of 2 have the value`,
    );
    assert.deepEqual(error.data.diagnosis, [
      { server: '192.0.2.1:53', address: '192.0.2.1:53', holds: true, answer: 'has the value' },
      { server: '192.0.2.2:53', address: '192.0.2.2:53', holds: false, answer: words },
    ]);
    assert.deepEqual([took, sleepers], [120_000, 0]);
  });
}

test('rounds come quickly at first, and at most every ten seconds later', async () => {
  const { rounds } = await timeOut({ '192.0.2.1': 'NXDOMAIN' });
  assert.ok(rounds >= 15 && rounds <= 25, `${rounds} rounds in two minutes`);
});

test('when no server has it the diagnosis says so', async () => {
  assert.match((await timeOut({ '192.0.2.1': 'NXDOMAIN', '192.0.2.2': 'NXDOMAIN' })).error.message, /none of 2 name server addresses has/);
  assert.match((await timeOut({ '192.0.2.1': 'NXDOMAIN' })).error.message, /says NXDOMAIN; it is the only name server$/);
});

test('an IPv6 server that no other vouches for is required', async () => {
  const { error } = await timeOut({ '2001:db8::1': 'unreachable from this host', '192.0.2.1': 'NXDOMAIN' });
  assert.match(error.message, /\[2001:db8::1\]:53 says unreachable from this host; none of 2/);
});

test('a provider can lengthen the deadline, not shorten it', async () => {
  assert.equal((await timeOut({ '192.0.2.1': 'NXDOMAIN' }, { timeout: 600_000 })).took, 600_000);
  assert.equal((await timeOut({ '192.0.2.1': 'NXDOMAIN' }, { timeout: 1_000 })).took, 120_000);
});

test('a zone that is not delegated, and name servers without addresses, are told', async () => {
  const none: Resolver = {
    servers: [],
    lookUp: async () => ({ status: 'nxdomain', records: [], aliased: false }),
  };
  assert.match((await timeOut({ x: '' }, { resolver: none })).error.message, /: the zone "example\.com" is not delegated: NXDOMAIN$/);
  const failing: Resolver = {
    servers: [],
    lookUp: () => Promise.reject(new TscertError('dns-failed', 'Cannot look up NS of "example.com": down')),
  };
  assert.match((await timeOut({ x: '' }, { resolver: failing })).error.message, /: Cannot look up NS of "example\.com": down$/);
  await using dns = await startDnsServer({
    zones: [{ name: 'example.com', records: [{ name: 'example.com', type: 'NS', data: 'ns.nowhere.test' }] }],
  });
  dns.behave(({ name }): Behaviour => (name === 'example.com' ? 'answer' : 'refuse'));
  const client = createDnsClient();
  const resolver = createResolver({ client, servers: [parseServer(dns.address)] });
  await assert.rejects(look(dns, resolver).propagation.sees(wanted, never), { code: 'dns-failed' });
});

test('the provider’s word is waited for too: a denial fails at once, silence runs into the deadline, another failure is told', async () => {
  const denied = new TscertError('provider-denied', 'Cannot ask: not allowed');
  const first = await timeOut({ '192.0.2.1': 'value' }, { settled: () => Promise.reject(denied) });
  assert.deepEqual([first.error, first.took, first.sleepers], [denied, 0, 0]);
  const silent = (signal: AbortSignal): Promise<void> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const second = await timeOut({ '192.0.2.1': 'value' }, { settled: silent });
  assert.match(second.error.message, /all name servers have it, but the provider does not say that the change is done/);
  const zones = [zone('example.com')];
  await using dns = await startDnsServer({ zones });
  const { resolver, dns: recursive } = await resolverFor(zones);
  dns.addTxt(fqdn, 'value');
  const { propagation, events } = look(dns, resolver);
  await propagation.wait({ ...wanted, settled: () => Promise.reject(new Error('down')) }, never);
  await recursive.close();
  assert.match(String(events.map((event) => (event.type === 'warning' ? event.message : ''))), /cannot say whether .*: down/);
});

test('an aborted wait rejects with the reason at once; another wait for the same name goes on', async () => {
  const zones = [zone('example.com')];
  await using dns = await startDnsServer({ zones });
  const { resolver, dns: recursive } = await resolverFor(zones);
  const { propagation } = look(dns, resolver);
  const abort = new AbortController();
  let asked = 0;
  dns.behave((): Behaviour => {
    if (++asked === 2) abort.abort(new Error('enough'));
    if (asked === 3) dns.addTxt(fqdn, 'value');
    return 'answer';
  });
  const leaving = propagation.wait({ ...wanted, value: 'never' }, abort.signal);
  const staying = propagation.wait(wanted, never);
  await assert.rejects(leaving, /enough/);
  await staying;
  await recursive.close();
  await assert.rejects(propagation.wait(wanted, AbortSignal.abort(new Error('before'))), /before/);
});
