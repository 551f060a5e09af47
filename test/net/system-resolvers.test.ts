import assert from 'node:assert/strict';
import dns from 'node:dns';
import { afterEach, test } from 'node:test';
import { parseServer } from '../../src/net/dns-address.js';
import { systemResolvers } from '../../src/net/system-resolvers.js';

const before = dns.getServers();
afterEach(() => dns.setServers(before));

test('the resolvers of the host come in their order, each with its port and IPv6 in brackets', () => {
  dns.setServers(['192.0.2.53', '192.0.2.54:5353', '2001:db8::53', '[2001:db8::54]:5353']);
  assert.deepEqual(systemResolvers(), ['192.0.2.53:53', '192.0.2.54:5353', '[2001:db8::53]:53', '[2001:db8::54]:5353']);
});

test('what it gives can be read again, on this host too', () => {
  for (const server of systemResolvers()) assert.ok(parseServer(server).port > 0);
});

test('a link-local resolver, and none at all, are no failure', () => {
  dns.setServers(['fe80::1%lo']);
  assert.match(systemResolvers().join(), /^\[fe80::1(%lo)?\]:53$/);
  dns.setServers([]);
  assert.deepEqual(systemResolvers(), []);
});
