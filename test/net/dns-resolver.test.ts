import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import { createDnsClient } from '../../src/net/dns.js';
import { parseServer } from '../../src/net/dns-address.js';
import { createResolver } from '../../src/net/resolver.js';
import { startDnsServer, zone } from '../support/dns-server.js';

const client = createDnsClient({ udpTimeout: 300, tcpTimeout: 300 });
const signal = new AbortController().signal;
const zones = [
  zone(
    'example.com',
    ['127.0.0.1', '::1'],
    [
      { name: '_acme-challenge.example.com', type: 'CNAME', data: 'x.validation.example.org' },
      { name: 'example.com', type: 'CAA', data: { flags: 0, tag: 'issue', value: 'ca.test' } },
    ],
  ),
  zone('example.org', ['127.0.0.1'], [{ name: 'x.validation.example.org', type: 'TXT', data: 'value' }]),
];

test('all the types that tscert needs are looked up, through aliases too', async () => {
  await using dns = await startDnsServer({ zones, recursive: true });
  const resolver = createResolver({ client, servers: [parseServer(dns.address)] });
  const txt = await resolver.lookUp('_acme-challenge.example.com', 'TXT', signal);
  assert.deepEqual([txt.status, txt.aliased, txt.records.map(({ value }) => value)], ['found', true, ['value']]);
  const ns = await resolver.lookUp('example.com', 'NS', signal);
  assert.deepEqual(
    ns.records.map(({ value }) => value),
    ['ns1.example.com', 'ns2.example.com'],
  );
  assert.equal((await resolver.lookUp('ns1.example.com', 'A', signal)).records[0]?.value, '127.0.0.1');
  assert.equal((await resolver.lookUp('ns2.example.com', 'AAAA', signal)).records[0]?.value, '::1');
  assert.equal((await resolver.lookUp('example.com', 'SOA', signal)).records[0]?.primary, 'ns1.example.com');
  assert.equal((await resolver.lookUp('example.com', 'CAA', signal)).records[0]?.value, 'ca.test');
  assert.equal((await resolver.lookUp('_acme-challenge.example.com', 'CNAME', signal)).records[0]?.value, 'x.validation.example.org');
  assert.ok(dns.queries.every(({ recursionDesired }) => recursionDesired));
});

test('absent names and absent types are told apart, with the zone that says so', async () => {
  await using dns = await startDnsServer({ zones, recursive: true });
  const resolver = createResolver({ client, servers: [parseServer(dns.address)] });
  const absent = await resolver.lookUp('nope.example.com', 'A', signal);
  assert.deepEqual([absent.status, absent.authority, absent.records], ['nxdomain', 'example.com', []]);
  const empty = await resolver.lookUp('ns1.example.com', 'TXT', signal);
  assert.deepEqual([empty.status, empty.authority], ['nodata', 'example.com']);
});

test('the next resolver is asked when one fails, and stays the first choice', async () => {
  await using silent = await startDnsServer({ zones, recursive: true, behave: () => 'drop' });
  await using failing = await startDnsServer({ zones, recursive: true, behave: () => 'servfail' });
  await using good = await startDnsServer({ zones, recursive: true });
  const resolver = createResolver({ client, servers: [silent, failing, good].map(({ address }) => parseServer(address)) });
  assert.equal((await resolver.lookUp('ns1.example.com', 'A', signal)).status, 'found');
  assert.deepEqual([silent.queries.length, failing.queries.length, good.queries.length], [2, 1, 1]);
  await resolver.lookUp('ns1.example.com', 'A', signal);
  assert.deepEqual([silent.queries.length, failing.queries.length, good.queries.length], [2, 1, 2]);
});

test('when no resolver has an answer the error says what each said', async () => {
  await using failing = await startDnsServer({ zones, recursive: true, behave: () => 'servfail' });
  await using refusing = await startDnsServer({ zones, recursive: true, behave: () => 'refuse' });
  const resolver = createResolver({ client, servers: [failing, refusing].map(({ address }) => parseServer(address)) });
  await assert.rejects(resolver.lookUp('example.com', 'NS', signal), (error: unknown) => {
    assert.ok(isTscertError(error, 'dns-failed'));
    const once = [
      { server: failing.address, answer: 'SERVFAIL' },
      { server: refusing.address, answer: 'REFUSED' },
    ];
    assert.deepEqual(error.data.tried, [...once, ...once]);
    return true;
  });
  await assert.rejects(createResolver({ client, servers: [] }).lookUp('example.com', 'NS', signal), /there is no resolver/);
});
