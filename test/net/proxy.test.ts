import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { isTscertError, type TscertError } from '../../src/base/errors.js';
import { createHttp, type Http } from '../../src/net/http.js';
import { type ProxySettings, proxyFor } from '../../src/net/proxy.js';
import { realClock } from '../support/clock.js';
import { createOpensslCa, type OpensslCa } from '../support/openssl-ca.js';
import { startProxy, type TestProxy } from '../support/proxy.js';
import { skipUnless } from '../support/servers.js';
import { startWebServer, type WebServer } from '../support/web-server.js';

const numRuns = Number(process.env.TSCERT_TEST_FUZZ ?? 2000);
const skip = skipUnless('openssl');
const signal = new AbortController().signal;
const cleanUps: (() => void | Promise<void>)[] = [];
let ca: OpensslCa;
let origin: WebServer;

before(async () => {
  if (skip !== false) return;
  ca = createOpensslCa();
  origin = await startWebServer('h2', ca.issue(['DNS:acme.test']), ({ path, reply }) => reply(200, {}, path));
});
after(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
  await origin?.close();
  ca?.remove();
});

function client(proxy: ProxySettings): Http {
  const http = createHttp({ clock: realClock, roots: [ca.root], proxy, userAgent: 'tscert-test' });
  cleanUps.push(() => http.close());
  return http;
}

async function proxy(options: Parameters<typeof startProxy>[0]): Promise<TestProxy> {
  const started = await startProxy(options);
  cleanUps.push(() => started.close());
  return started;
}

async function failure(promise: Promise<unknown>): Promise<TscertError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isTscertError(error), String(error));
    return error;
  }
  assert.fail('it did not fail');
}

test('https goes through a tunnel, whose far end alone looks the name up, with TLS to the origin inside', { skip }, async () => {
  const routes = { 'acme.test:443': origin.port };
  const certificate = ca.issue(['IP:127.0.0.1']);
  for (const [scheme, through] of [
    ['http', await proxy({ routes, credentials: 'me:p@ss word%' })],
    ['https', await proxy({ routes, credentials: 'me:p@ss word%', certificate })],
  ] as const) {
    const http = client({ https: `${scheme}://me:p%40ss%20word%25@${through.address}` });
    const answers = await Promise.all(['/a', '/b'].map((path) => http.request({ method: 'GET', url: `https://acme.test${path}`, signal })));
    assert.deepEqual(
      answers.map(({ body }) => body.toString()),
      ['/a', '/b'],
    );
    assert.deepEqual(through.tunnels, ['acme.test:443']);
  }
});

test('a proxy that wants other credentials is named, and no secret with it', { skip }, async () => {
  const through = await proxy({ credentials: 'me:right' });
  const http = client({ https: `http://me:hunter2@${through.address}` });
  const error = await failure(http.request({ method: 'GET', url: 'https://acme.test/', signal }));
  assert.deepEqual([error.code, error.data.phase, error.data.status, error.data.proxy], ['network', 'connect', 407, through.address]);
  assert.doesNotMatch(JSON.stringify([error.message, error.data]), /hunter2/);
});

test('plain http is asked of the proxy in absolute form', { skip }, async () => {
  const plain = await startWebServer('plain', undefined, ({ path, reply }) => reply(200, {}, path));
  cleanUps.push(() => plain.close());
  const through = await proxy({ credentials: 'me:right', routes: { 'acme.test': plain.port } });
  const http = client({ http: `me:right@${through.address}` });
  assert.equal((await http.request({ method: 'GET', url: 'http://acme.test/dir', signal })).body.toString(), '/dir');
  assert.deepEqual(through.requests, ['http://acme.test/dir']);
  assert.equal(plain.seen[0]?.headers['proxy-authorization'], undefined);
});

test('a host of NO_PROXY is reached directly', { skip }, async () => {
  const direct = await startWebServer('h2', ca.issue(['DNS:localhost']), ({ reply }) => reply(204, {}));
  cleanUps.push(() => direct.close());
  const through = await proxy({});
  const http = client({ https: `http://${through.address}`, no: 'localhost' });
  assert.equal((await http.request({ method: 'GET', url: `https://localhost:${direct.port}/`, signal })).status, 204);
  assert.deepEqual(through.tunnels, []);
});

test('NO_PROXY knows names with all below them, ports, addresses, blocks and the asterisk', () => {
  const cases: readonly [no: string, url: string, direct: boolean][] = [
    ['example.com', 'https://example.com/', true],
    ['example.com', 'https://www.example.com/', true],
    ['example.com', 'https://EXAMPLE.com./', true],
    ['example.com', 'https://badexample.com/', false],
    ['.example.com', 'https://www.example.com/', true],
    ['*.example.com', 'https://www.example.com/', true],
    ['.example.com', 'https://badexample.com/', false],
    ['a.test, example.com', 'https://example.com/', true],
    ['a.test example.com', 'https://example.com/', true],
    ['example.com:8443', 'https://example.com:8443/', true],
    ['example.com:8443', 'https://example.com/', false],
    ['example.com:443', 'https://example.com/', true],
    ['example.com:80', 'http://example.com/', true],
    ['*', 'https://example.com/', true],
    ['', 'https://example.com/', false],
    ['.', 'https://example.com/', false],
    [',,', 'https://example.com/', false],
    ['192.0.2.7', 'https://192.0.2.7/', true],
    ['192.0.2.7:8443', 'https://192.0.2.7/', false],
    ['192.0.2.0/24', 'https://192.0.2.7/', true],
    ['192.0.2.0/24', 'https://192.0.3.7/', false],
    ['192.0.2.0/24', 'https://192.0.2.7.example.com/', false],
    ['0.2.7', 'https://192.0.2.7/', false],
    ['2001:db8::1', 'https://[2001:db8::1]/', true],
    ['[2001:db8::1]', 'https://[2001:db8:0::1]/', true],
    ['[2001:db8::1]:443', 'https://[2001:db8::1]/', true],
    ['[2001:db8::1]:8443', 'https://[2001:db8::1]/', false],
    ['2001:db8::/32', 'https://[2001:db8:1::1]/', true],
    ['2001:db8::/32', 'https://[2001:db9::1]/', false],
    ['::/129', 'https://[2001:db9::1]/', false],
  ];
  for (const [no, url, direct] of cases) {
    const found = proxyFor(new URL(url), { https: 'http://proxy:3128', http: 'http://proxy:3128', no });
    assert.equal(found === undefined, direct, `NO_PROXY=${no} for ${url}`);
  }
});

test('a proxy is a http or https URL, or host and port; anything else is refused without showing it', () => {
  const url = new URL('https://example.com/');
  assert.equal(proxyFor(url, { https: 'proxy:3128' })?.url.href, 'http://proxy:3128/');
  assert.equal(proxyFor(url, { http: 'proxy:3128' }), undefined);
  assert.equal(proxyFor(url, { https: '' }), undefined);
  for (const https of ['socks5://me:hunter2@proxy:1080', 'http://', 'http://me:hunter2@bad host/']) {
    assert.throws(
      () => proxyFor(url, { https }),
      (error) => isTscertError(error, 'config-invalid') && !JSON.stringify([error.message, error.data]).includes('hunter2'),
    );
  }
});

test('whatever stands in NO_PROXY is read without an exception', () => {
  const piece = fc.oneof(fc.string(), fc.constantFrom('[', ']', '/', ':', '.', '*', ',', '192.0.2.0', '2001:db8::', '/33', ':443', '%'));
  fc.assert(
    fc.property(fc.array(piece), fc.webUrl({ validSchemes: ['https'] }), (pieces, text) => {
      proxyFor(new URL(text), { https: 'http://proxy:3128', no: pieces.join('') });
    }),
    { numRuns },
  );
});
