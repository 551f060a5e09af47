import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChallengeType, Solver } from '../../src/acme/solver.js';
import { createPicker } from '../../src/solver/pick.js';

const solver = (type: ChallengeType): Solver => ({ type, present: async () => {}, cleanUp: async () => {} });
const ALL = ['dns-01', 'http-01', 'tls-alpn-01', 'dns-account-01'];
const dns = (value: string) => ({ type: 'dns', value }) as const;
const ip = (value: string) => ({ type: 'ip', value }) as const;

test('the longest zone that holds the name wins, wherever it stands in the list', () => {
  const [any, example, sub] = [solver('dns-01'), solver('dns-01'), solver('http-01')];
  const entries = [{ solver: any }, { solver: example, zone: 'example.com' }, { solver: sub, zone: 'sub.example.com' }];
  for (const list of [entries, entries.toReversed()]) {
    const pick = createPicker(list);
    assert.equal(pick(dns('example.com'), false, ALL), example);
    assert.equal(pick(dns('www.example.com'), false, ALL), example);
    assert.equal(pick(dns('www.sub.example.com'), false, ALL), sub);
    assert.equal(pick(dns('badexample.com'), false, ALL), any);
    assert.equal(pick(dns('com'), false, ALL), any);
  }
});

test('of the same zone, or of none, the first in the list wins', () => {
  const [first, second] = [solver('http-01'), solver('dns-01')];
  assert.equal(createPicker([{ solver: first }, { solver: second }])(dns('example.com'), false, ALL), first);
  const zoned = createPicker([
    { solver: first, zone: 'example.com' },
    { solver: second, zone: 'example.com' },
  ]);
  assert.equal(zoned(dns('example.com'), false, ALL), first);
});

test('a wildcard is proven by dns-01 alone, even against a longer zone', () => {
  const [http, alpn, txt] = [solver('http-01'), solver('tls-alpn-01'), solver('dns-01')];
  const pick = createPicker([{ solver: http, zone: 'example.com' }, { solver: alpn }, { solver: txt }]);
  assert.equal(pick(dns('example.com'), true, ALL), txt);
  assert.equal(pick(dns('example.com'), false, ALL), http);
  assert.equal(createPicker([{ solver: http }, { solver: alpn }])(dns('example.com'), true, ALL), undefined);
});

test('an address is proven by http-01 or tls-alpn-01, never by dns-01 nor by a solver of a zone', () => {
  const [zoned, http, alpn, txt] = [solver('http-01'), solver('http-01'), solver('tls-alpn-01'), solver('dns-01')];
  const pick = createPicker([{ solver: txt }, { solver: zoned, zone: '2.0.192' }, { solver: alpn }, { solver: http }]);
  assert.equal(pick(ip('192.0.2.1'), false, ALL), alpn);
  assert.equal(pick(ip('2001:db8::1'), false, ['http-01']), http);
  assert.equal(createPicker([{ solver: txt }])(ip('192.0.2.1'), false, ALL), undefined);
});

test('only what the authorization offers is taken', () => {
  const [http, txt] = [solver('http-01'), solver('dns-01')];
  const pick = createPicker([{ solver: http }, { solver: txt }]);
  assert.equal(pick(dns('example.com'), false, ['dns-01']), txt);
  assert.equal(pick(dns('example.com'), false, ['dns-persist-01']), undefined);
  assert.equal(createPicker([])(dns('example.com'), false, ALL), undefined);
});
