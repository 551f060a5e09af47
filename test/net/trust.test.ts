import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import { connect } from '../../src/net/connect.js';
import { createTrust } from '../../src/net/trust.js';
import { createOpensslCa, type OpensslCa } from '../support/openssl-ca.js';
import { skipUnless } from '../support/servers.js';
import { startWebServer, type WebServer } from '../support/web-server.js';

const skip = skipUnless('openssl');
const signal = new AbortController().signal;
const cas: OpensslCa[] = [];
const servers: WebServer[] = [];

before(async () => {
  if (skip !== false) return;
  for (let count = 0; count < 3; count++) {
    const ca = createOpensslCa();
    cas.push(ca);
    servers.push(await startWebServer('h1', ca.issue(['DNS:localhost']), ({ reply }) => reply(200, {})));
  }
});
after(async () => {
  for (const server of servers) await server.close();
  for (const ca of cas) ca.remove();
});

const roots = (...which: readonly number[]): string[] => which.map((at) => cas[at]?.root ?? '');

/** Connects to the server of the CA at this place; gives how many attempts that took. */
async function attempts(trust: ReturnType<typeof createTrust>, at: number): Promise<number> {
  const url = new URL(`https://localhost:${servers[at]?.port}/`);
  let count = 0;
  const socket = await trust.connect(url.origin, (secureContext) => {
    count++;
    return connect(url, { secureContext, alpn: ['http/1.1'], proxy: undefined, signal });
  });
  socket.destroy();
  return count;
}

test('the extra roots are tried alone, and all together where they do not suffice, which is remembered', { skip }, async () => {
  const trust = createTrust(roots(0), roots(1));
  assert.equal(await attempts(trust, 0), 1);
  assert.equal(await attempts(trust, 1), 2);
  assert.equal(await attempts(trust, 1), 1);
  assert.equal(await attempts(trust, 0), 1);
});

test('a server that no root trusts is refused with its own reason', { skip }, async () => {
  const trust = createTrust(roots(0), roots(1));
  await assert.rejects(attempts(trust, 2), (error) => isTscertError(error, 'tls-untrusted') && error.data.reason === 'unknown-authority');
});
