import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TscertError } from '../../../src/base/errors.js';
import type { DnsProvider } from '../../../src/dns/provider.js';
import { dnsProviderContract } from '../../contract/dns-provider.js';
import { createMemoryDns } from '../../support/memory-dns.js';

dnsProviderContract('memory', async () => {
  const dns = createMemoryDns({ zones: ['example.com', 'example.org'] });
  return {
    provider: dns.provider,
    zone: { name: 'example.com', id: 'Z-example.com' },
    unknownZone: { name: 'example.net' },
    values: async (name) => dns.values(name),
    plant: async (name, value) => dns.plant(name, value),
    close: async () =>
      assert.deepEqual(
        dns.all().filter((line) => !line.includes('v=spf1')),
        [],
        'the contract leaves nothing behind',
      ),
  };
});

test('the memory service fails on demand and tells how many changes ran side by side', async (t) => {
  const gate = deferred();
  const dns = createMemoryDns({ zones: ['example.com'], lists: false, delay: () => gate.promise.then(() => undefined) });
  assert.equal(dns.provider.zones, undefined);
  dns.failNext(new TscertError('provider-failed', 'Cannot change it: not today', { data: { transient: true } }));
  const add = (value: string): ReturnType<DnsProvider['change']> =>
    dns.provider.change({ name: 'example.com' }, { add: [{ name: 'a.example.com', value }], remove: [] }, t.signal);
  const both = Promise.allSettled([add('1'), add('2')]);
  gate.resolve(undefined);
  assert.deepEqual(
    (await both).map(({ status }) => status),
    ['rejected', 'fulfilled'],
  );
  assert.equal(dns.mostAtOnce(), 2);
  assert.deepEqual(dns.values('a.example.com'), ['2']);
});

function deferred(): { promise: Promise<unknown>; resolve: (value: unknown) => void } {
  let resolve: (value: unknown) => void = () => undefined;
  const promise = new Promise((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
