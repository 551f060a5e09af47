import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../../src/base/clock.js';
import { TscertError } from '../../../src/base/errors.js';
import type { DnsProvider, TxtRecord, Zone } from '../../../src/dns/provider.js';
import { type AlidnsOptions, alidnsPolicy, createAlidns } from '../../../src/dns/providers/alidns.js';
import { dnsProviderContract } from '../../contract/dns-provider.js';
import { type AlidnsEmulator, type AlidnsEmulatorOptions, startAlidnsEmulator } from '../../emulators/alidns/index.js';
import { servers, skipUnless } from '../../support/servers.js';

const KEY = { accessKeyId: 'LTAI5tPlantedKeyId', accessKeySecret: 'planted-access-key-secret' };
const ZONE: Zone = { name: 'example.com', id: 'example.com' };
const signal = new AbortController().signal;

/** A clock on which a sleep costs no time but is counted. */
function createFastClock(): Clock & { slept(): number } {
  let time = 1_000_000;
  const start = time;
  return {
    now: () => time,
    async sleep(ms, stop) {
      stop?.throwIfAborted();
      const end = time + ms;
      await turn();
      stop?.throwIfAborted();
      time = Math.max(time, end);
    },
    slept: () => time - start,
  };
}

interface World {
  readonly emulator: AlidnsEmulator;
  readonly provider: DnsProvider;
  readonly clock: ReturnType<typeof createFastClock>;
  another(options: Partial<AlidnsOptions>): Promise<DnsProvider>;
}

async function withWorld(options: Partial<AlidnsEmulatorOptions>, body: (world: World) => Promise<void>): Promise<void> {
  const clock = createFastClock();
  const emulator = await startAlidnsEmulator({
    domains: [{ name: 'example.com' }],
    credentials: [KEY],
    ...options,
    ...(options.throttle === undefined ? {} : { throttle: { ...options.throttle, now: clock.now } }),
  });
  try {
    const another = (more: Partial<AlidnsOptions>): Promise<DnsProvider> =>
      createAlidns({ ...KEY, endpoint: emulator.endpoint, clock, random: () => 0.5, ...more });
    await body({ emulator, provider: await another({}), clock, another });
  } finally {
    await emulator.stop();
  }
}

const digest = (): string => randomBytes(32).toString('base64url');
const challenge = (value = digest(), label = '_acme-challenge'): TxtRecord => ({ name: `${label}.example.com`, value });
const values = (emulator: AlidnsEmulator): string[] => emulator.records('example.com').map(({ Value }) => Value);

async function refusal(promise: Promise<unknown>): Promise<TscertError> {
  const error: unknown = await promise.then(
    () => assert.fail('it was not refused'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof TscertError, String(error));
  return error;
}

dnsProviderContract('alidns', async () => {
  const domains = [{ name: 'example.com.cn' }, { name: 'sub.example.com.cn' }, { name: 'bücher.example' }];
  const emulator = await startAlidnsEmulator({ domains, credentials: [KEY] });
  const name = 'sub.example.com.cn';
  return {
    provider: await createAlidns({ ...KEY, endpoint: emulator.endpoint, clock: createFastClock(), random: Math.random }),
    zone: { name, id: name },
    unknownZone: { name: 'nowhere.example' },
    async values(at) {
      const RR = at.slice(0, -name.length - 1);
      return emulator.records(name).flatMap((record) => (record.RR === RR && record.Type === 'TXT' ? [record.Value] : []));
    },
    async plant(at, value) {
      emulator.plant(name, { RR: at.slice(0, -name.length - 1), Type: 'TXT', Value: value });
    },
    close: () => emulator.stop(),
  };
});

test('a record is deleted by the id that its making gave, with one call', async () => {
  await withWorld({}, async ({ emulator, provider }) => {
    const added = await provider.change(ZONE, { add: [challenge()], remove: [] }, signal);
    assert.equal(added[0]?.id, emulator.records('example.com')[0]?.RecordId);
    await provider.change(ZONE, { add: [], remove: added }, signal);
    assert.deepEqual(emulator.calls(), { AddDomainRecord: 1, DeleteDomainRecord: 1 });
    assert.deepEqual(values(emulator), []);
  });
});

test('a value that stands already is found, over all pages, and its id is given back', async () => {
  await withWorld({}, async ({ emulator, provider }) => {
    for (const Line of ['default', 'telecom']) {
      for (let at = 0; at < 60; at++) emulator.plant('example.com', { RR: '_acme-challenge', Type: 'TXT', Value: `foreign ${at}`, Line });
    }
    emulator.plant('example.com', { RR: '_acme-challenge.www', Type: 'TXT', Value: 'mine' });
    const mine = emulator.plant('example.com', { RR: '_acme-challenge', Type: 'TXT', Value: 'mine' });
    const added = await provider.change(ZONE, { add: [challenge('mine')], remove: [] }, signal);
    assert.deepEqual(added, [{ ...challenge('mine'), id: mine }]);
    await provider.change(ZONE, { add: [], remove: [challenge('mine')] }, signal);
    assert.equal(values(emulator).length, 121);
    assert.equal(emulator.calls().DescribeSubDomainRecords, 4);
    assert.equal(emulator.calls().DeleteSubDomainRecords, undefined);
  });
});

test('a value that stands already but is disabled is an error, because nobody would see it', async () => {
  const domains = [{ name: 'example.com', records: [{ RR: '_acme-challenge', Type: 'TXT', Value: 'mine', Status: 'DISABLE' }] }];
  await withWorld({ domains }, async ({ provider }) => {
    const error = await refusal(provider.change(ZONE, { add: [challenge('mine')], remove: [] }, signal));
    assert.equal(error.code, 'provider-failed');
    assert.match(error.message, /disabled/);
  });
});

test('a stale id does not leave the value behind, and a key of another account is not taken for success', async () => {
  const other = { accessKeyId: 'LTAI5tOther', accessKeySecret: 'other-secret', account: '2' };
  await withWorld({ credentials: [KEY, other] }, async ({ emulator, provider, another }) => {
    await provider.change(ZONE, { add: [challenge('mine')], remove: [] }, signal);
    const record = { ...challenge('mine'), id: emulator.records('example.com')[0]?.RecordId ?? '' };
    const stranger = await another({ accessKeyId: other.accessKeyId, accessKeySecret: other.accessKeySecret });
    assert.equal((await refusal(stranger.change(ZONE, { add: [], remove: [record] }, signal))).code, 'zone-unknown');
    assert.deepEqual(values(emulator), ['mine']);
    await provider.change(ZONE, { add: [], remove: [{ ...record, id: '1' }] }, signal);
    assert.deepEqual(values(emulator), []);
  });
});

test('the longest domain wins, and the record is written into it and served', async () => {
  const domains = [{ name: 'example.com.cn' }, { name: 'sub.example.com.cn' }, { name: 'other.com.cn' }, { name: 'example.org' }];
  await withWorld({ domains }, async ({ emulator, provider }) => {
    const name = '_acme-challenge.www.sub.example.com.cn';
    const zones = (await provider.zones?.([name, '_acme-challenge.example.com.cn'], signal)) ?? [];
    assert.deepEqual(zones.map((zone) => zone.name).sort(), ['example.com.cn', 'other.com.cn', 'sub.example.com.cn']);
    const zone = zones.find((candidate) => candidate.name === 'sub.example.com.cn') ?? assert.fail();
    await provider.change(zone, { add: [{ name, value: 'v' }], remove: [] }, signal);
    assert.equal(emulator.records('sub.example.com.cn')[0]?.RR, '_acme-challenge.www');
    await provider.change(zone, { add: [], remove: [{ name, value: 'v' }] }, signal);
    assert.deepEqual(emulator.records('sub.example.com.cn'), []);
    assert.equal(emulator.calls().DescribeDomains, 1);
  });
});

test('an internationalized domain is found by its A-labels, with the listed name or without', async () => {
  await withWorld({ domains: [{ name: 'bücher.example' }, { name: 'example.com' }] }, async ({ emulator, provider }) => {
    const name = '_acme-challenge.xn--bcher-kva.example';
    const zones = (await provider.zones?.([name], signal)) ?? [];
    const zone = zones.find((candidate) => candidate.name === 'xn--bcher-kva.example') ?? assert.fail();
    await provider.change(zone, { add: [{ name, value: 'one' }], remove: [] }, signal);
    assert.equal(emulator.records('bücher.example')[0]?.RR, '_acme-challenge');
    await provider.change({ name: zone.name }, { add: [], remove: [{ name, value: 'one' }] }, signal);
    assert.deepEqual(emulator.records('bücher.example'), []);
    await provider.change(zone, { add: [{ name: zone.name, value: 'apex' }], remove: [] }, signal);
    assert.equal(emulator.records('bücher.example')[0]?.RR, '@');
    await provider.change(zone, { add: [], remove: [{ name: zone.name, value: 'apex' }] }, signal);
    assert.deepEqual(emulator.records('bücher.example'), []);
  });
});

test('the domains of a large account are read over all pages, and asked for once a minute', async () => {
  const domains = Array.from({ length: 250 }, (_, at) => ({ name: `zone-${at}.example` }));
  await withWorld({ domains }, async ({ emulator, provider, clock }) => {
    const names = domains.map(({ name }) => `_acme-challenge.${name}`);
    assert.equal((await provider.zones?.(names, signal))?.length, 250);
    assert.equal(emulator.calls().DescribeDomains, 3);
    await provider.zones?.(names.slice(0, 1), signal);
    assert.equal(emulator.calls().DescribeDomains, 3);
    await clock.sleep(61_000);
    assert.deepEqual(
      (await provider.zones?.(['_acme-challenge.zone-7.example'], signal))?.map(({ name }) => name),
      ['zone-7.example'],
    );
    assert.equal(emulator.calls().DescribeDomains, 4);
  });
});

test('a TTL below what the edition allows falls back to 600, once for the domain', async () => {
  const domains = [{ name: 'example.com' }, { name: 'paid.example', minimumTtl: 60 }];
  await withWorld({ domains }, async ({ emulator, another }) => {
    const provider = await another({ ttl: 120 });
    for (const value of ['one', 'two', 'three']) await provider.change(ZONE, { add: [challenge(value)], remove: [] }, signal);
    assert.deepEqual(
      emulator.records('example.com').map(({ TTL }) => TTL),
      [600, 600, 600],
    );
    assert.equal(emulator.calls().AddDomainRecord, 4);
    await provider.change({ name: 'paid.example' }, { add: [{ name: 'a.paid.example', value: 'v' }], remove: [] }, signal);
    assert.equal(emulator.records('paid.example')[0]?.TTL, 120);
  });
});

test('throttled changes go on record by record: 120 values, none lost, none written twice', async () => {
  await withWorld({ throttle: { perSecond: 5, burst: 10 } }, async ({ emulator, provider, clock }) => {
    const add = Array.from({ length: 120 }, (_, at) => challenge(digest(), `_acme-challenge.host-${at}`));
    const added = await provider.change(ZONE, { add, remove: [] }, signal);
    assert.deepEqual(values(emulator).sort(), add.map(({ value }) => value).sort());
    assert.deepEqual(
      added.map(({ name, value }) => ({ name, value })),
      add,
    );
    const results = emulator.seen().map(({ result }) => result);
    assert.equal(results.filter((result) => result === 'OK').length, 120);
    assert.ok(results.includes('Throttling.User'), 'the service did throttle');
    assert.ok(!results.includes('DomainRecordDuplicate'), 'nothing was begun anew');
    assert.ok(clock.slept() >= 22_000, `five a second after the first ten: ${clock.slept()} ms`);
    await provider.change(ZONE, { add: [], remove: added }, signal);
    assert.deepEqual(values(emulator), []);
  });
});

test('calls stay below the documented rate of the service', async () => {
  await withWorld({ throttle: { perSecond: 60, burst: 8 } }, async ({ emulator, provider }) => {
    const add = Array.from({ length: 100 }, () => digest()).map((value, at) => challenge(value, `h${at}`));
    await provider.change(ZONE, { add, remove: [] }, signal);
    assert.equal(emulator.calls().AddDomainRecord, 100, 'not one call was throttled');
  });
});

for (const answer of ['Throttling', 'Throttling.Api', 'ServiceUnavailable', 'LastOperationNotFinished', 'html', 'cut'] as const) {
  test(`an add and a delete that meet ${answer} come again and end well, whether or not they were carried out`, async () => {
    await withWorld({}, async ({ emulator, provider }) => {
      for (const carriedOut of [false, true]) {
        emulator.inject({ action: 'AddDomainRecord', answer, times: 2, carriedOut });
        const added = await provider.change(ZONE, { add: [challenge('mine')], remove: [] }, signal);
        assert.deepEqual(values(emulator), ['mine']);
        assert.equal(added[0]?.id, emulator.records('example.com')[0]?.RecordId);
        emulator.inject({ action: 'DeleteDomainRecord', answer, times: 2, carriedOut });
        await provider.change(ZONE, { add: [], remove: added }, signal);
        assert.deepEqual(values(emulator), []);
      }
    });
  });
}

test('a service that stays busy is a transient failure, and says when it throttles', async () => {
  await withWorld({}, async ({ emulator, provider }) => {
    emulator.inject({ action: 'AddDomainRecord', answer: 'Throttling.User', times: 9 });
    const throttled = await refusal(provider.change(ZONE, { add: [challenge()], remove: [] }, signal));
    assert.equal(throttled.code, 'provider-failed');
    assert.deepEqual([throttled.data.transient, throttled.data.throttled, throttled.data.serviceCode], [true, true, 'Throttling.User']);
    assert.equal(emulator.calls().AddDomainRecord, 9);
    emulator.inject({ action: 'AddDomainRecord', answer: 'ServiceUnavailable', times: 9 });
    const unavailable = await refusal(provider.change(ZONE, { add: [challenge()], remove: [] }, signal));
    assert.deepEqual([unavailable.data.transient, unavailable.data.throttled], [true, undefined]);
  });
  const nobody = await createAlidns({ ...KEY, endpoint: 'http://127.0.0.1:1', clock: createFastClock(), random: () => 0 });
  const unreachable = await refusal(nobody.change(ZONE, { add: [challenge()], remove: [] }, signal));
  assert.deepEqual([unreachable.code, unreachable.data.transient, unreachable.data.serviceCode], ['provider-failed', true, 'ECONNREFUSED']);
  assert.match(
    unreachable.message,
    /^Cannot carry out AddDomainRecord for "example\.com" at AliDNS: ECONNREFUSED: connect ECONNREFUSED 127\.0\.0\.1:1$/,
  );
});

test('the service is waited for as long as it asks', async () => {
  await withWorld({}, async ({ emulator, provider, clock }) => {
    emulator.inject({ action: 'AddDomainRecord', answer: 'Throttling.User', retryAfter: 40_000 });
    await provider.change(ZONE, { add: [challenge()], remove: [] }, signal);
    assert.ok(clock.slept() >= 40_000 && clock.slept() < 41_000, String(clock.slept()));
  });
});

test('HTTPS wants a certificate that is vouched for, by the roots that were given', { skip: skipUnless('openssl') }, async () => {
  const { openssl = '' } = servers('openssl');
  const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=test -addext subjectAltName=IP:127.0.0.1';
  const made = execFileSync(openssl, [...request.split(' '), '-keyout', '-', '-out', '-'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await withWorld({ tls: { key: made, cert: made } }, async ({ emulator, provider, another }) => {
    const error = await refusal(provider.change(ZONE, { add: [challenge()], remove: [] }, signal));
    assert.deepEqual([error.code, error.data.transient], ['tls-untrusted', undefined]);
    await (await another({ ca: made })).change(ZONE, { add: [challenge('mine')], remove: [] }, signal);
    assert.deepEqual(values(emulator), ['mine']);
  });
});

test('one refusal for good stops a change of many values, and is what is thrown', async () => {
  await withWorld({ domains: [{ name: 'example.com', account: '2' }] }, async ({ emulator, provider }) => {
    const add = Array.from({ length: 50 }, (_, at) => challenge(digest(), `h${at}`));
    assert.equal((await refusal(provider.change(ZONE, { add, remove: [] }, signal))).code, 'zone-unknown');
    assert.ok((emulator.calls().AddDomainRecord ?? 0) <= 8);
  });
});

test('the printed policy is enough, and for its own domain alone', async () => {
  const domains = [{ name: 'example.com' }, { name: 'other.example' }, { name: 'bücher.example' }];
  for (const zone of [ZONE, { name: 'xn--bcher-kva.example' }]) {
    await withWorld({ domains, credentials: [{ ...KEY, policy: alidnsPolicy(zone) }] }, async ({ emulator, provider }) => {
      const record = { name: `_acme-challenge.${zone.name}`, value: 'v' };
      assert.ok((await provider.zones?.([record.name], signal))?.some(({ name }) => name === zone.name));
      for (let time = 0; time < 2; time++) await provider.change(zone, { add: [record], remove: [] }, signal);
      await provider.change(zone, { add: [], remove: [record] }, signal);
      assert.deepEqual(emulator.records(zone.name), []);
      const change = { add: [{ name: '_acme-challenge.other.example', value: 'v' }], remove: [] };
      const error = await refusal(provider.change({ name: 'other.example' }, change, signal));
      assert.equal(error.code, 'provider-denied');
      assert.deepEqual(
        [error.data.ramAction, error.data.resource, error.data.serviceCode],
        ['alidns:AddDomainRecord', 'acs:alidns:*:*:domain/other.example', 'Forbidden.RAM'],
      );
      assert.match(error.message, /alidns:AddDomainRecord.*domain\/other\.example/);
    });
  }
});

test('keys that are refused are named by code, and no secret is in the error', async () => {
  const token = { accessKeyId: 'STS.PlantedKeyId', accessKeySecret: 'planted-sts-secret', securityToken: 'planted-security-token' };
  await withWorld({ credentials: [KEY, token] }, async ({ another }) => {
    const cases = [
      [{ accessKeySecret: 'planted-wrong-secret' }, 'SignatureDoesNotMatch'],
      [{ accessKeyId: 'LTAI5tNobody' }, 'InvalidAccessKeyId.NotFound'],
      [{ ...token, securityToken: 'planted-forged-token' }, 'InvalidSecurityToken.Malformed'],
      [{ ...token, accessKeySecret: 'planted-wrong-secret' }, 'SignatureDoesNotMatch'],
    ] as const;
    for (const [key, serviceCode] of cases) {
      const provider = await another(key);
      const error = await refusal(provider.change(ZONE, { add: [challenge()], remove: [] }, signal));
      assert.deepEqual([error.code, error.data.serviceCode, error.data.transient], ['provider-denied', serviceCode, undefined]);
      assert.doesNotMatch(everythingIn(error), /planted|string to sign|x-acs-/i);
    }
    await (await another(token)).change(ZONE, { add: [challenge()], remove: [] }, signal);
  });
});

test('half a key, an endpoint that is none and a TTL that is none are refused before anything is sent', async () => {
  await withWorld({}, async ({ emulator, another }) => {
    assert.equal((await refusal(another({ accessKeySecret: '' }))).code, 'credentials-missing');
    assert.equal((await refusal(another({ endpoint: 'ftp://example.com' }))).code, 'config-invalid');
    assert.equal((await refusal(another({ endpoint: 'http://host/path' }))).code, 'config-invalid');
    assert.equal((await refusal(another({ ttl: 0.5 }))).code, 'config-invalid');
    assert.deepEqual(emulator.calls(), {});
  });
});

test('an aborted wait between two tries rejects with the reason at once', async () => {
  await withWorld({}, async ({ emulator, another }) => {
    const stop = new AbortController();
    const reason = new TscertError('interrupted', 'Cannot go on: the test stopped it');
    emulator.inject({ action: 'AddDomainRecord', answer: 'Throttling.User', times: 99 });
    const clock: Clock = {
      now: () => 0,
      sleep: (ms, given) =>
        ms < 100
          ? Promise.resolve()
          : new Promise((_, reject) => {
              given?.addEventListener('abort', () => reject(given.reason));
              stop.abort(reason);
            }),
    };
    const provider = await another({ clock });
    await assert.rejects(provider.change(ZONE, { add: [challenge()], remove: [] }, stop.signal), (error) => error === reason);
  });
});

/** Everything that a careless writer could put into a log. */
function everythingIn(error: Error): string {
  const parts: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) parts.push(String(at), at.stack ?? '', JSON.stringify({ ...at }));
  return parts.join('\n');
}
