/** The small web server: whom it answers, and what it does not put up with. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import { parseListenAddress, type Service, serve } from '../../src/net/serve.js';

interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

interface Question {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

function ask(url: string, { body, ...options }: Question = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { agent: false, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    request.once('error', reject);
    request.end(body);
  });
}

describe('the web server', () => {
  let service: Service;
  const asked: string[] = [];
  before(async () => {
    service = await serve({ host: '127.0.0.1', port: 0 }, async (path, query) => {
      asked.push(`${path}?${query}`);
      if (path === '/broken') throw new Error('the password is hunter2');
      return path === '/' ? { status: 200, type: 'text/plain', body: 'grüezi' } : undefined;
    });
  });
  after(() => service.close());

  test('answers GET, and HEAD without the body; nothing is kept, framed or sniffed', async () => {
    const got = await ask(`${service.url}/?a=1`);
    assert.deepEqual([got.status, got.body, got.headers['content-length']], [200, 'grüezi', '7']);
    assert.equal(got.headers['cache-control'], 'no-store');
    assert.equal(got.headers['x-content-type-options'], 'nosniff');
    assert.equal(got.headers['x-frame-options'], 'DENY');
    assert.match(String(got.headers['content-security-policy']), /default-src 'none'/);
    assert.equal(got.headers['access-control-allow-origin'], undefined);
    const head = await ask(service.url, { method: 'HEAD' });
    assert.deepEqual([head.status, head.body, head.headers['content-length']], [200, '', '7']);
  });

  test('takes no other method and no body', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const { status, headers } = await ask(service.url, { method });
      assert.deepEqual([status, headers.allow], [405, 'GET, HEAD'], method);
    }
    assert.equal((await ask(service.url, { headers: { 'content-length': '3' }, body: 'abc' })).status, 400);
    assert.equal((await ask(service.url, { headers: { 'transfer-encoding': 'chunked' }, body: 'abc' })).status, 400);
  });

  test('answers under the names of this machine alone', async () => {
    const { port } = new URL(service.url);
    for (const host of ['localhost', `LOCALHOST:${port}`, '127.0.0.1', '127.9.9.9:1', '[::1]:9402'])
      assert.equal((await ask(service.url, { headers: { host } })).status, 200, host);
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      '10.0.0.1',
      'localhost@evil',
    ])
      assert.equal((await ask(service.url, { headers: { host } })).status, 421, host);
    assert.ok(!asked.some((path) => path.includes('evil')));
  });

  test('says nothing of what went wrong inside', async () => {
    const { status, body } = await ask(`${service.url}/broken`);
    assert.equal(status, 500);
    assert.doesNotMatch(body, /hunter2/);
    assert.equal((await ask(`${service.url}/nothing`)).status, 404);
    assert.equal((await ask(service.url, { path: '//evil.example/x' })).status, 404);
    assert.equal((await ask(service.url, { path: 'http://evil.example/' })).status, 404);
  });

  test('has a limit for headers', async () => {
    assert.equal((await ask(service.url, { headers: { 'x-long': 'a'.repeat(7_000) } })).status, 200);
    assert.equal((await ask(service.url, { headers: { 'x-long': 'a'.repeat(9_000) } })).status, 431);
  });

  test('goes on after garbage and connections that are dropped', async () => {
    const { port } = new URL(service.url);
    for (const bytes of ['\u0000\u0001\u0002\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 'GET']) {
      const socket = net.connect(Number(port), '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.end(bytes);
      socket.resume();
      await once(socket, 'close');
    }
    assert.equal((await ask(service.url)).status, 200);
  });

  test('ends at once, with everybody who is connected', async () => {
    const other = await serve({ host: '', port: 0 }, async () => ({ status: 200, type: 'text/plain', body: 'a' }));
    const { port } = new URL(other.url);
    // For everybody who can reach it, under any name.
    assert.equal((await ask(`http://127.0.0.1:${port}/`, { headers: { host: 'metrics.example.com' } })).status, 200);
    const socket = net.connect(Number(port), '127.0.0.1');
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    await other.close();
    await closed;
  });

  test('a port that is taken is told', async () => {
    const { port } = new URL(service.url);
    await assert.rejects(
      serve({ host: '127.0.0.1', port: Number(port) }, async () => undefined),
      (error) => isTscertError(error, 'port-in-use'),
    );
  });
});

test('an address is read strictly', () => {
  assert.deepEqual(parseListenAddress('127.0.0.1:9402'), { host: '127.0.0.1', port: 9402 });
  assert.deepEqual(parseListenAddress('[::1]:0'), { host: '::1', port: 0 });
  assert.deepEqual(parseListenAddress(':80'), { host: '', port: 80 });
  assert.deepEqual(parseListenAddress('localhost:80'), { host: 'localhost', port: 80 });
  for (const bad of ['', '9402', '127.0.0.1', '::1:80', '[::1]', '[a]:1', '1.2.3.4:65536', '1.2.3.4:-1', 'a b:1', 'http://a:1', ':'])
    assert.throws(
      () => parseListenAddress(bad),
      (error) => isTscertError(error, 'usage'),
      bad,
    );
});
