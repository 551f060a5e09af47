import assert from 'node:assert/strict';
import { once } from 'node:events';
import https from 'node:https';
import { after, before, test } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import { createAgent } from '../../src/net/agent.js';
import type { ProxySettings } from '../../src/net/proxy.js';
import { createOpensslCa, type OpensslCa } from '../support/openssl-ca.js';
import { startProxy, type TestProxy } from '../support/proxy.js';
import { skipUnless } from '../support/servers.js';
import { startWebServer, type WebServer } from '../support/web-server.js';

const skip = skipUnless('openssl');
let ca: OpensslCa;
let server: WebServer;
let proxy: TestProxy;

before(async () => {
  if (skip !== false) return;
  ca = createOpensslCa();
  server = await startWebServer('h1', ca.issue(['DNS:localhost', 'DNS:service.test']), ({ path, reply }) => reply(200, {}, `saw ${path}`));
  proxy = await startProxy({ routes: { 'service.test:443': server.port } });
});
after(async () => {
  await proxy?.close();
  await server?.close();
  ca?.remove();
});

/** What a library gets that sends its own request through such an agent. */
async function get(url: string, settings: ProxySettings, roots: readonly string[]): Promise<string> {
  const agent = createAgent({ proxy: settings, roots });
  try {
    const [response] = await once(https.get(url, { agent }), 'response');
    let text = '';
    for await (const chunk of response) text += chunk;
    return text;
  } finally {
    agent.destroy();
  }
}

test('a library reaches a server that only the extra roots trust', { skip }, async () => {
  assert.equal(await get(`https://localhost:${server.port}/one`, {}, [ca.root]), 'saw /one');
});

test('a library goes through the proxy of the run, except where NO_PROXY says', { skip }, async () => {
  assert.equal(await get('https://service.test/two', { https: `http://${proxy.address}` }, [ca.root]), 'saw /two');
  assert.deepEqual(proxy.tunnels, ['service.test:443']);
  assert.equal(
    await get(`https://localhost:${server.port}/three`, { https: `http://${proxy.address}`, no: 'localhost' }, [ca.root]),
    'saw /three',
  );
  assert.equal(proxy.tunnels.length, 1);
});

test('a server that no root trusts is refused, in the words of every other connection', { skip }, async () => {
  await assert.rejects(get(`https://localhost:${server.port}/`, {}, []), (error) => isTscertError(error, 'tls-untrusted'));
});
