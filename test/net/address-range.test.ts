import assert from 'node:assert/strict';
import { isIPv4 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressRangeOf } from '../../src/net/address-range.js';
import { RUNS } from '../support/property.js';

test('first and last addresses of every range, and their neighbours', () => {
  for (const [address, range] of [
    ['0.0.0.0', 'unspecified'],
    ['0.255.255.255', 'unspecified'],
    ['1.0.0.0', undefined],
    ['9.255.255.255', undefined],
    ['10.0.0.0', 'private'],
    ['10.255.255.255', 'private'],
    ['11.0.0.0', undefined],
    ['100.63.255.255', undefined],
    ['100.64.0.0', 'shared (CGNAT)'],
    ['100.127.255.255', 'shared (CGNAT)'],
    ['100.128.0.0', undefined],
    ['126.255.255.255', undefined],
    ['127.0.0.0', 'loopback'],
    ['127.255.255.255', 'loopback'],
    ['128.0.0.0', undefined],
    ['169.253.255.255', undefined],
    ['169.254.0.0', 'link-local'],
    ['169.254.169.254', 'link-local'],
    ['169.255.0.0', undefined],
    ['172.15.255.255', undefined],
    ['172.16.0.0', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.0', undefined],
    ['192.0.0.0', 'reserved'],
    ['192.0.0.170', 'reserved'],
    ['192.0.1.0', undefined],
    ['192.0.2.1', 'documentation'],
    ['192.0.3.0', undefined],
    ['192.88.99.1', 'translated'],
    ['192.167.255.255', undefined],
    ['192.168.0.0', 'private'],
    ['192.169.0.0', undefined],
    ['198.17.255.255', undefined],
    ['198.18.0.0', 'benchmarking'],
    ['198.19.255.255', 'benchmarking'],
    ['198.20.0.0', undefined],
    ['198.51.100.1', 'documentation'],
    ['203.0.113.1', 'documentation'],
    ['223.255.255.255', undefined],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['240.0.0.0', 'reserved'],
    ['255.255.255.255', 'reserved'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['0:0:0:0:0:0:0:1', 'loopback'],
    ['::2', 'translated'],
    ['::7f00:1', 'translated'],
    ['::ffff:127.0.0.1', 'translated'],
    ['::ffff:8.8.8.8', 'translated'],
    ['::FFFF:808:808', 'translated'],
    ['::1:0:0:0', 'reserved'],
    ['64:ff9b::127.0.0.1', 'loopback'],
    ['64:ff9b::7f00:1', 'loopback'],
    ['64:ff9b::a9fe:a9fe', 'link-local'],
    ['64:ff9b::', 'unspecified'],
    ['64:ff9b:0:0:0:0:a00:1', 'private'],
    ['64:ff9b::808:808', undefined],
    ['64:ff9b::8.8.8.8', undefined],
    ['64:ff9b:1::808:808', 'translated'],
    ['64:ff9b::1:0:0', 'reserved'],
    ['100::1', 'reserved'],
    ['1fff:ffff::', 'reserved'],
    ['2000::', undefined],
    ['2001::1', 'translated'],
    ['2001:2::1', 'benchmarking'],
    ['2001:20::1', 'reserved'],
    ['2001:1ff:ffff::', 'reserved'],
    ['2001:200::', undefined],
    ['2001:db8::1', 'documentation'],
    ['2001:db9::1', undefined],
    ['2002:7f00:1::', 'translated'],
    ['2606:4700:4700::1111', undefined],
    ['3ffe::1', undefined],
    ['3fff::1', 'documentation'],
    ['3fff:fff:ffff::', 'documentation'],
    ['3fff:1000::', undefined],
    ['4000::', 'reserved'],
    ['5f00::1', 'reserved'],
    ['fc00::1', 'private'],
    ['fdff::1', 'private'],
    ['fe80::1', 'link-local'],
    ['febf::1', 'link-local'],
    ['fec0::1', 'private'],
    ['ff02::1', 'multicast'],
    ['fe80::1%eth0', 'reserved'],
    ['2606:4700::1%eth0', 'reserved'],
    ['localhost', 'reserved'],
    ['', 'reserved'],
    ['127.1', 'reserved'],
  ] as const) {
    assert.equal(addressRangeOf(address), range, address);
  }
});

test('an address within NAT64 is what the IPv4 address in it is', () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      const { hostname } = new URL(`http://[64:ff9b::${address}]/`);
      assert.equal(addressRangeOf(hostname.slice(1, -1)), addressRangeOf(address));
      assert.equal(addressRangeOf(`64:ff9b::${address}`), addressRangeOf(address));
      assert.notEqual(addressRangeOf(`::ffff:${address}`), undefined);
    }),
    { numRuns: RUNS },
  );
});

test('whatever stands there, it has an answer', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.ipV6()), (text) => {
      const range = addressRangeOf(text);
      assert.ok(range === undefined ? isIPv4(text) || /^[23]/.test(text) || text.toLowerCase().includes('ff9b') : range.length > 0, text);
    }),
    { numRuns: RUNS },
  );
});
