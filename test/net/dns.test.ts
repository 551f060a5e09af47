import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { isTscertError } from '../../src/base/errors.js';
import { createDnsClient } from '../../src/net/dns.js';
import { formatServer, parseServer } from '../../src/net/dns-address.js';
import type { RecordType } from '../../src/net/dns-message.js';
import { settle } from '../support/clock.js';
import { type Behaviour, startDnsServer, zone } from '../support/dns-server.js';

const client = createDnsClient({ udpTimeout: 300, tcpTimeout: 1_000 });
const signal = new AbortController().signal;
const txt = { name: '_acme-challenge.example.com', type: 'TXT' } as const;

const records = [
  { name: 'www.example.com', type: 'CNAME', data: 'host.example.com' },
  { name: 'host.example.com', type: 'A', data: '192.0.2.7' },
  { name: 'host.example.com', type: 'AAAA', data: '2001:db8::7' },
  { name: 'example.com', type: 'CAA', data: { flags: 128, tag: 'issue', value: 'ca.example.org' } },
  { name: 'child.example.com', type: 'NS', data: 'ns.elsewhere.org' },
] as const;

test('addresses are read with and without port, IPv4, IPv6 and names', () => {
  for (const [text, shown] of [
    ['192.0.2.53', '192.0.2.53:53'],
    ['192.0.2.53:5353', '192.0.2.53:5353'],
    ['2001:db8::53', '[2001:db8::53]:53'],
    ['[2001:db8::53]', '[2001:db8::53]:53'],
    ['[2001:db8::53]:5353', '[2001:db8::53]:5353'],
    ['ns1.example.com:53', 'ns1.example.com:53'],
  ] as const) {
    assert.equal(formatServer(parseServer(text)), shown);
  }
  for (const text of ['', ':53', '192.0.2.53:0', '192.0.2.53:65536', '[192.0.2.53]:53', '192.0.2.53:x', 'a b', '[::1', '::1]:53']) {
    assert.throws(() => parseServer(text), { code: 'request-invalid' }, text);
  }
});

test('an answer over UDP says who speaks for the zone, and asks with EDNS and without recursion', async () => {
  await using dns = await startDnsServer({ zones: [zone('example.com')] });
  dns.addTxt(txt.name, 'one');
  dns.addTxt(txt.name, `two${'x'.repeat(300)}`);
  const answer = await client.ask(parseServer(dns.address), txt, signal);
  assert.equal(answer.rcode, 'NOERROR');
  assert.equal(answer.authoritative, true);
  assert.deepEqual(
    answer.answers.map((record) => record.type === 'TXT' && record.value),
    ['one', `two${'x'.repeat(300)}`],
  );
  assert.deepEqual(
    dns.queries.map(({ transport, edns, recursionDesired }) => ({ transport, edns, recursionDesired })),
    [{ transport: 'udp', edns: 1232, recursionDesired: false }],
  );
});

test('names that do not exist and types that a name lacks come with the SOA of the zone', async () => {
  await using dns = await startDnsServer({ zones: [zone('example.com', ['127.0.0.1'], records)] });
  const server = parseServer(dns.address);
  const missing = await client.ask(server, { name: 'nope.example.com', type: 'TXT' }, signal);
  assert.deepEqual([missing.rcode, missing.authorities.map(({ type, name }) => [type, name])], ['NXDOMAIN', [['SOA', 'example.com']]]);
  const empty = await client.ask(server, { name: 'host.example.com', type: 'TXT' }, signal);
  assert.deepEqual([empty.rcode, empty.answers.length, empty.authorities[0]?.name], ['NOERROR', 0, 'example.com']);
  const refused = await client.ask(server, { name: 'other.org', type: 'TXT' }, signal);
  assert.equal(refused.rcode, 'REFUSED');
  const referral = await client.ask(server, { name: 'x.child.example.com', type: 'TXT' }, signal);
  assert.deepEqual([referral.authoritative, referral.authorities[0]?.name], [false, 'child.example.com']);
});

test('more than a UDP answer holds comes over TCP', async () => {
  await using dns = await startDnsServer({ zones: [zone('example.com')] });
  for (let i = 0; i < 100; i++) dns.addTxt(txt.name, `${i}`.padStart(43, 'x'));
  const answer = await client.ask(parseServer(dns.address), txt, signal);
  assert.equal(answer.answers.length, 100);
  assert.equal(answer.truncated, false);
  assert.deepEqual(
    dns.queries.map(({ transport }) => transport),
    ['udp', 'tcp'],
  );
});

test('IPv6 servers are asked over UDP and TCP', async (t) => {
  const dns = await startDnsServer({ addresses: ['::1'], zones: [zone('example.com')] }).catch(() => undefined);
  if (dns === undefined) return t.skip('this machine has no IPv6 loopback');
  dns.addTxt(txt.name, 'v'.repeat(1500));
  const answer = await client.ask(parseServer(dns.address), txt, signal);
  await dns.close();
  assert.equal(answer.answers.length, 1);
  assert.match(dns.address, /^\[::1\]:/);
});

for (const behaviour of ['drop', 'garbage', 'broken', 'wrong-id', 'wrong-question', 'truncate'] as const) {
  test(`a UDP answer that is no good (${behaviour}) sends the question over TCP`, async () => {
    await using dns = await startDnsServer({
      zones: [zone('example.com')],
      behave: ({ transport }): Behaviour => (transport === 'udp' ? behaviour : 'answer'),
    });
    dns.addTxt(txt.name, 'value');
    const answer = await client.ask(parseServer(dns.address), txt, signal);
    assert.equal(answer.answers.length, 1);
    assert.equal(dns.queries.at(-1)?.transport, 'tcp');
  });
}

for (const [behaviour, failure] of [
  ['drop', 'timed out'],
  ['garbage', 'malformed answer'],
  ['broken', 'malformed answer'],
  ['wrong-id', 'malformed answer'],
  ['wrong-question', 'malformed answer'],
  ['close', 'connection failed'],
] as const) {
  test(`a server that never answers well (${behaviour}) is a failure in words: ${failure}`, async () => {
    await using dns = await startDnsServer({ zones: [zone('example.com')], behave: () => behaviour });
    await assert.rejects(client.ask(parseServer(dns.address), txt, signal), (error: unknown) => {
      assert.ok(isTscertError(error, 'dns-failed'));
      assert.equal(error.data.failure, failure);
      assert.match(error.message, /^Cannot ask 127\.0\.0\.1:\d+ for TXT "_acme-challenge\.example\.com": /);
      return true;
    });
  });
}

test('nobody listening is a refused connection, told at once', async () => {
  const dns = await startDnsServer({ zones: [] });
  await dns.close();
  const patient = createDnsClient({ udpTimeout: 600_000, tcpTimeout: 600_000 });
  await assert.rejects(
    patient.ask(parseServer(dns.address), txt, signal),
    (error: unknown) => isTscertError(error) && error.data.failure === 'connection refused',
  );
});

test('a server that knows no EDNS is asked without it', async () => {
  await using dns = await startDnsServer({
    zones: [zone('example.com')],
    behave: ({ edns }): Behaviour => (edns === undefined ? 'answer' : 'formerr'),
  });
  const answer = await client.ask(parseServer(dns.address), { name: 'example.com', type: 'SOA' }, signal);
  assert.equal(answer.rcode, 'NOERROR');
  assert.deepEqual(
    dns.queries.map(({ edns }) => edns),
    [1232, undefined],
  );
});

test('an aborted question rejects with the reason, over UDP and over TCP', async () => {
  for (const transport of ['udp', 'tcp'] as const) {
    const abort = new AbortController();
    const reason = new Error('enough');
    await using dns = await startDnsServer({
      zones: [zone('example.com')],
      behave: (query): Behaviour => {
        if (query.transport !== transport) return 'truncate';
        setImmediate(() => abort.abort(reason));
        return 'drop';
      },
    });
    const patient = createDnsClient({ udpTimeout: 600_000, tcpTimeout: 600_000 });
    await assert.rejects(patient.ask(parseServer(dns.address), txt, abort.signal), reason);
  }
  await assert.rejects(client.ask(parseServer('127.0.0.1:9'), txt, AbortSignal.abort(new Error('before'))), /before/);
});

test('a question aborted at once, or to a host that has no address, leaves nothing behind', async () => {
  await using dns = await startDnsServer({ zones: [zone('example.com')] });
  const asked = Array.from({ length: 50 }, () => {
    const abort = new AbortController();
    const answer = client.ask(parseServer(dns.address), txt, abort.signal);
    abort.abort(new Error('enough'));
    return answer;
  });
  for (const answer of asked) await assert.rejects(answer, /enough/);
  await assert.rejects(client.ask({ host: 'no-such-host.invalid', port: 53 }, txt, signal), { code: 'dns-failed' });
});

test('at most 64 questions are under way at a time', async () => {
  await using dns = await startDnsServer({ zones: [zone('example.com')], behave: () => 'drop' });
  const patient = createDnsClient({ udpTimeout: 600_000 });
  const abort = new AbortController();
  const asked = Array.from({ length: 100 }, () => patient.ask(parseServer(dns.address), txt, abort.signal));
  const outcomes = Promise.allSettled(asked);
  while (dns.queries.length < 64) await settle();
  for (let turn = 0; turn < 20; turn++) await settle();
  assert.equal(dns.queries.length, 64);
  abort.abort(new Error('enough'));
  assert.ok((await outcomes).every(({ status }) => status === 'rejected'));
});

test('dig sees in the test server what the client sees', async (t) => {
  const dig = promisify(execFile);
  const has = await dig('dig', ['-v']).catch(() => undefined);
  if (has === undefined) return t.skip('dig is not installed (Debian: bind9-dnsutils)');
  await using dns = await startDnsServer({ zones: [zone('example.com', ['127.0.0.1'], records)] });
  dns.addTxt(txt.name, 'one');
  dns.addTxt(txt.name, 'with "quotes" and \\');
  dns.addTxt('long.example.com', 'y'.repeat(1300));
  const questions: [string, RecordType][] = [
    [txt.name, 'TXT'],
    ['long.example.com', 'TXT'],
    ['example.com', 'SOA'],
    ['example.com', 'NS'],
    ['example.com', 'CAA'],
    ['www.example.com', 'AAAA'],
    ['host.example.com', 'A'],
    ['nope.example.com', 'A'],
    ['other.org', 'A'],
  ];
  for (const [name, type] of questions) {
    const { stdout } = await dig('dig', [`@127.0.0.1`, '-p', String(dns.port), '+norecurse', '+nocookie', name, type]);
    const answer = await client.ask(parseServer(dns.address), { name, type }, signal);
    assert.equal(/status: (\w+)/.exec(stdout)?.[1], answer.rcode, name);
    assert.equal(/flags: [a-z ]*\baa\b/.test(stdout), answer.authoritative, name);
    const section = /ANSWER SECTION:\n([\s\S]*?)\n\n/.exec(stdout)?.[1]?.split('\n') ?? [];
    const seen = section.map((line) => line.split(/\s+/));
    assert.deepEqual(
      seen.map(([owner, , , kind]) => [owner, kind]),
      answer.answers.map((record) => [`${record.name}.`, record.type]),
      name,
    );
    const values = section.map((line) => line.split(/\s+/).slice(4).join(' '));
    const own = answer.answers.map((record) => {
      if (record.type === 'SOA') return `${record.primary}. hostmaster.example.com. ${record.serial} 3600 600 86400 60`;
      if (record.type === 'CAA') return `${record.critical ? 128 : 0} ${record.tag} "${record.value}"`;
      if (record.type === 'NS' || record.type === 'CNAME') return `${record.value}.`;
      if (record.type !== 'TXT') return record.value;
      return (record.value.match(/.{1,255}/gs) ?? []).map((part) => `"${part.replaceAll(/["\\]/g, '\\$&')}"`).join(' ');
    });
    assert.deepEqual(values, own, name);
  }
});
