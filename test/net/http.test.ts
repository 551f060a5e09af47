import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import http2 from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { isTscertError, type TscertError } from '../../src/base/errors.js';
import { createHttp, type Http, type HttpOptions } from '../../src/net/http.js';
import { createVirtualClock, realClock } from '../support/clock.js';
import { createOpensslCa, type OpensslCa, type ServerCertificate } from '../support/openssl-ca.js';
import { skipUnless } from '../support/servers.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { type Incoming, startWebServer, type WebServer } from '../support/web-server.js';

const skip = skipUnless('openssl');
const signal = new AbortController().signal;
const cleanUps: (() => void | Promise<void>)[] = [];
let ca: OpensslCa;
let certificate: ServerCertificate;

before(() => {
  if (skip !== false) return;
  ca = createOpensslCa();
  certificate = ca.issue(['DNS:localhost', 'IP:127.0.0.1']);
});
after(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
  ca?.remove();
});

function client(options: Partial<HttpOptions> = {}): Http {
  const http = createHttp({ clock: realClock, roots: [ca.root], proxy: {}, userAgent: 'tscert-test', ...options });
  cleanUps.push(() => http.close());
  return http;
}

async function server(kind: 'h2' | 'h1' | 'plain', handle: (incoming: Incoming) => void, shown = certificate): Promise<WebServer> {
  const started = await startWebServer(kind, shown, handle);
  cleanUps.push(() => started.close());
  return started;
}

const echo = ({ method, path, body, reply }: Incoming): void => reply(200, {}, `${method} ${path} ${body}`);

async function failure(promise: Promise<unknown>): Promise<TscertError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isTscertError(error), String(error));
    return error;
  }
  assert.fail('it did not fail');
}

for (const kind of ['h2', 'h1', 'plain'] as const) {
  test(`${kind}: carries method, path, headers and body there and back`, { skip }, async () => {
    const { port, seen } = await server(kind, ({ method, reply, body }) =>
      reply(
        method === 'POST' ? 201 : 302,
        { 'X-Reply': 'yes', link: ['<a>;rel="up"', '<b>;rel="alternate"'], location: '/elsewhere' },
        body,
      ),
    );
    const url = `${kind === 'plain' ? 'http' : 'https'}://127.0.0.1:${port}/some/path?q=1`;
    const http = client();
    const answer = await http.request({
      method: 'POST',
      url,
      headers: { 'Content-Type': 'application/jose+json' },
      body: 'gr\u00fcezi',
      signal,
    });
    assert.equal(answer.status, 201);
    assert.equal(answer.url, url);
    assert.equal(answer.headers['x-reply'], 'yes');
    assert.equal(answer.headers.link, '<a>;rel="up", <b>;rel="alternate"');
    assert.equal(answer.body.toString(), 'gr\u00fcezi');
    assert.equal(seen[0]?.path, '/some/path?q=1');
    assert.equal(seen[0]?.headers['content-type'], 'application/jose+json');
    assert.equal(seen[0]?.headers['user-agent'], 'tscert-test');
    assert.equal(seen[0]?.headers['content-length'], '7');
    const head = await http.request({ method: 'HEAD', url, signal });
    assert.deepEqual([head.status, head.headers.location, head.body.length], [302, '/elsewhere', 0], 'redirects are not followed');
  });

  test(`${kind}: refuses an answer that is too large`, { skip }, async () => {
    const { port } = await server(kind, ({ path, reply }) => reply(200, {}, Buffer.alloc(path === '/fits' ? 1_000 : 1_001)));
    const origin = `${kind === 'plain' ? 'http' : 'https'}://127.0.0.1:${port}`;
    const http = client();
    const error = await failure(http.request({ method: 'GET', url: `${origin}/large`, signal, maxBytes: 1_000 }));
    assert.equal(error.code, 'response-invalid');
    assert.equal(error.data.reason, 'too-large');
    assert.equal((await http.request({ method: 'GET', url: `${origin}/fits`, signal, maxBytes: 1_000 })).body.length, 1_000);
  });

  test(`${kind}: a POST whose connection breaks is reported as sent and not repeated`, { skip }, async () => {
    const { port, seen } = await server(kind, ({ cut }) => cut());
    const url = `${kind === 'plain' ? 'http' : 'https'}://127.0.0.1:${port}/`;
    const error = await failure(client().request({ method: 'POST', url, body: '{}', signal }));
    assert.equal(error.code, 'network');
    assert.deepEqual([error.data.host, error.data.phase, error.data.sent], [`127.0.0.1:${port}`, 'read', true]);
    assert.equal(seen.length, 1);
  });

  test(`${kind}: a GET whose connection breaks is repeated once`, { skip }, async () => {
    const { port, seen } = await server(kind, (incoming) => (incoming.index === 0 ? incoming.cut() : echo(incoming)));
    const url = `${kind === 'plain' ? 'http' : 'https'}://127.0.0.1:${port}/again`;
    assert.equal((await client().request({ method: 'GET', url, signal })).body.toString(), 'GET /again ');
    assert.equal(seen.length, 2);
  });

  test(`${kind}: an answer that does not come is a timeout, and the next request does not wait behind it`, { skip }, async () => {
    const { port } = await server(kind, (incoming) => (incoming.path === '/silent' ? undefined : echo(incoming)));
    const origin = `${kind === 'plain' ? 'http' : 'https'}://127.0.0.1:${port}`;
    const http = client();
    const error = await failure(http.request({ method: 'POST', url: `${origin}/silent`, body: '', signal, timeout: 300 }));
    assert.equal(error.code, 'timeout');
    assert.deepEqual([error.data.phase, error.data.sent, error.data.milliseconds], ['read', true, 300]);
    assert.equal((await http.request({ method: 'GET', url: `${origin}/next`, signal })).status, 200);
  });

  test(`${kind}: an aborted request rejects with the reason`, { skip }, async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const { port } = await server(kind, () => controller.abort(reason));
    const url = `${kind === 'plain' ? 'http' : 'https'}://127.0.0.1:${port}/`;
    const http = client();
    await assert.rejects(http.request({ method: 'GET', url, signal: controller.signal }), reason);
    await assert.rejects(http.request({ method: 'GET', url, signal: controller.signal }), reason, 'before it begins');
  });

  test(`${kind}: requests under way fail when the client is closed, later ones are refused`, { skip }, async () => {
    const http = client();
    const { port } = await server(kind, () => void http.close());
    const url = `${kind === 'plain' ? 'http' : 'https'}://127.0.0.1:${port}/`;
    assert.equal((await failure(http.request({ method: 'POST', url, body: '', signal }))).code, 'network');
    assert.equal((await failure(http.request({ method: 'GET', url, signal }))).code, 'internal');
  });
}

test('HTTP/2 carries any number of requests on one connection, also when they are the first', { skip }, async () => {
  const { port } = await server('h2', echo);
  const way = await startTcpProxy({ port }, 10);
  cleanUps.push(() => way.close());
  const http = client();
  const url = `https://localhost:${way.port}`;
  const ask = (n: number): Promise<string> =>
    http.request({ method: 'POST', url: `${url}/${n}`, body: `body ${n}`, signal }).then(({ body }) => body.toString());
  const first = await Promise.all(Array.from({ length: 150 }, (_, n) => ask(n)));
  assert.deepEqual(
    first,
    first.map((_, n) => `POST /${n} body ${n}`),
  );
  assert.equal(await ask(150), 'POST /150 body 150');
  assert.equal(way.connections(), 1);
});

test('HTTP/1.1 keeps at most four connections and uses one for requests in a row', { skip }, async () => {
  const { port } = await server('h1', echo);
  const way = await startTcpProxy({ port }, 10);
  cleanUps.push(() => way.close());
  const http = client();
  const ask = (n: number): Promise<unknown> =>
    http.request({ method: 'POST', url: `https://localhost:${way.port}/${n}`, body: 'x', signal });
  for (let n = 0; n < 3; n++) await ask(n);
  assert.equal(way.connections(), 1);
  await Promise.all(Array.from({ length: 12 }, (_, n) => ask(n)));
  assert.equal(way.connections(), 4);
});

test('HTTP/2: what GOAWAY or REFUSED_STREAM left undone is sent again on a new connection', { skip }, async () => {
  for (const refuse of [
    ({ session }: Incoming) => session?.goaway(http2.constants.NGHTTP2_NO_ERROR, 1),
    ({ session }: Incoming) => session?.goaway(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM, 1),
    ({ stream }: Incoming) => stream?.close(http2.constants.NGHTTP2_REFUSED_STREAM),
  ]) {
    const started = await server('h2', (incoming) => (incoming.index === 1 ? refuse(incoming) : echo(incoming)));
    const http = client();
    const ask = (path: string): Promise<string> =>
      http
        .request({ method: 'POST', url: `https://127.0.0.1:${started.port}${path}`, body: '1', signal })
        .then(({ body }) => body.toString());
    assert.equal(await ask('/first'), 'POST /first 1');
    assert.equal(await ask('/order'), 'POST /order 1');
    assert.deepEqual([started.seen.length, started.connections()], [3, 2]);
  }
});

test('HTTP/2: what a server refuses again is reported as not sent', { skip }, async () => {
  const { port, seen } = await server('h2', ({ stream }) => stream?.close(http2.constants.NGHTTP2_REFUSED_STREAM));
  const error = await failure(client().request({ method: 'POST', url: `https://127.0.0.1:${port}/`, body: '1', signal }));
  assert.deepEqual([error.code, error.data.sent, seen.length], ['network', false, 2]);
});

test('HTTP/2: a GOAWAY that covers the request leaves it with the server', { skip }, async () => {
  const { port, seen } = await server('h2', ({ session }) => session?.goaway(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM));
  const error = await failure(client().request({ method: 'POST', url: `https://127.0.0.1:${port}/`, body: '1', signal }));
  assert.deepEqual([error.code, error.data.sent, seen.length], ['network', true, 1]);
});

test('HTTP/2: a GOAWAY while idle, a cut connection, and a long rest each lead to a new connection', { skip }, async () => {
  const { port, seen } = await server('h2', echo);
  const way = await startTcpProxy({ port });
  cleanUps.push(() => way.close());
  const clock = createVirtualClock();
  const http = client({ clock });
  const ask = (): Promise<unknown> => http.request({ method: 'GET', url: `https://localhost:${way.port}/`, signal });
  await ask();
  await clock.advance(100_000);
  await ask();
  assert.equal(way.connections(), 1);
  const session = seen[0]?.session;
  assert.ok(session);
  session.close();
  await once(session, 'close');
  await ask();
  assert.equal(way.connections(), 2);
  way.cut();
  await ask();
  assert.equal(way.connections(), 3);
  await clock.advance(200_000);
  await ask();
  assert.equal(way.connections(), 4);
});

test('an untrusted server is told apart by what is wrong with its certificate', { skip }, async () => {
  const reasonOf = async (shown: ServerCertificate, host = '127.0.0.1', roots = [ca.root]): Promise<readonly unknown[]> => {
    const { port, seen } = await server('h2', echo, shown);
    const error = await failure(client({ roots }).request({ method: 'POST', url: `https://${host}:${port}/`, body: 'secret', signal }));
    assert.equal(seen.length, 0);
    return [error.code, error.data.reason, error.data.hint];
  };
  assert.deepEqual(await reasonOf(ca.selfSigned(['IP:127.0.0.1'])), ['tls-untrusted', 'self-signed', 'ca-bundle']);
  assert.deepEqual(await reasonOf(certificate, '127.0.0.1', []), ['tls-untrusted', 'unknown-authority', 'ca-bundle']);
  assert.deepEqual(await reasonOf(ca.issue(['DNS:other.test'])), ['tls-untrusted', 'wrong-host', 'server']);
  assert.deepEqual(await reasonOf(ca.issue(['DNS:other.test']), 'localhost'), ['tls-untrusted', 'wrong-host', 'server']);
  assert.deepEqual(await reasonOf(ca.issue(['IP:127.0.0.1'], -1)), ['tls-untrusted', 'expired', 'server']);
});

test('a host without address, a closed port and a port without TLS are told apart', { skip }, async () => {
  const http = client();
  const ask = (url: string): Promise<TscertError> => failure(http.request({ method: 'POST', url, body: '', signal }));
  const nowhere = await ask('https://no-such-host.invalid/');
  assert.deepEqual([nowhere.code, nowhere.data.phase, nowhere.data.host], ['network', 'dns', 'no-such-host.invalid']);
  const gone = await startWebServer('plain', undefined, echo);
  await gone.close();
  const closed = await ask(`https://127.0.0.1:${gone.port}/`);
  assert.deepEqual([closed.code, closed.data.phase, closed.data.code], ['network', 'connect', 'ECONNREFUSED']);
  const plain = await server('plain', echo);
  const noTls = await ask(`https://127.0.0.1:${plain.port}/`);
  assert.deepEqual([noTls.code, noTls.data.phase], ['network', 'connect']);
  assert.match(noTls.message, /does not speak TLS/);
});

test('a host that takes no connection is a timeout that says nothing was sent', { skip }, async () => {
  const silent = createServer(() => {});
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const sockets: { destroy(): void }[] = [];
  silent.on('connection', (socket) => sockets.push(socket));
  cleanUps.push(() => {
    silent.close();
    for (const socket of sockets) socket.destroy();
  });
  const url = `https://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
  const error = await failure(client().request({ method: 'POST', url, body: '', signal, timeout: 200 }));
  assert.deepEqual([error.code, error.data.phase, error.data.sent], ['timeout', 'connect', false]);
});

test('an answer that is no HTTP, or ends too early, is a failure of its own', { skip }, async () => {
  const answering = async (text: string): Promise<string> => {
    const raw = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(text));
    });
    raw.listen(0, '127.0.0.1');
    await once(raw, 'listening');
    cleanUps.push(() => void raw.close());
    return `http://127.0.0.1:${(raw.address() as AddressInfo).port}/`;
  };
  const ask = async (text: string): Promise<readonly unknown[]> => {
    const error = await failure(client().request({ method: 'POST', url: await answering(text), body: '', signal }));
    return [error.code, error.data.reason ?? error.data.phase, error.data.sent];
  };
  assert.deepEqual(await ask('220 mail.example.com ESMTP\r\n'), ['response-invalid', 'malformed', true]);
  assert.deepEqual(await ask('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345'), ['network', 'read', true]);
  assert.deepEqual(await ask(`HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(100_000)}\r\n\r\n`), ['response-invalid', 'malformed', true]);
  assert.deepEqual(await ask(''), ['network', 'read', true]);
});

test('a URL that is no plain http or https URL is refused, and its password is not shown', async () => {
  const http = createHttp({ clock: realClock, proxy: {}, userAgent: 'tscert-test' });
  for (const url of ['ftp://example.com/', 'nonsense', 'https://user:hunter2@example.com/']) {
    const error = await failure(http.request({ method: 'GET', url, signal }));
    assert.equal(error.code, 'request-invalid');
    assert.doesNotMatch(JSON.stringify([error.message, error.data]), /hunter2/);
  }
});

test("Node's own roots and NODE_EXTRA_CA_CERTS hold without roots, and an idle connection lets the process end", { skip }, async () => {
  const { port } = await server('h2', echo);
  const program = `
    import { createHttp } from ${JSON.stringify(new URL('../../src/net/http.js', import.meta.url).href)};
    const http = createHttp({ clock: { now: Date.now }, proxy: {}, userAgent: 'x' });
    const { status } = await http.request({ method: 'GET', url: 'https://localhost:${port}/', signal: new AbortController().signal });
    console.log(status);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: ca.rootFile },
    timeout: 20_000,
  });
  assert.equal(stdout, '200\n');
});

test('whatever a server answers is an answer within the limits or a failure in words', async () => {
  let answer: Uint8Array = new Uint8Array();
  const raw = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(answer));
  });
  raw.listen(0, '127.0.0.1');
  await once(raw, 'listening');
  const url = `http://127.0.0.1:${(raw.address() as AddressInfo).port}/`;
  const http = createHttp({ clock: realClock, proxy: {}, userAgent: 'tscert-test' });
  const piece = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      'HTTP/1.1 200 OK\r\n',
      'HTTP/1.0 500\r\n',
      'Content-Length: 5\r\n',
      'Content-Length: -1\r\n',
      'Transfer-Encoding: chunked\r\n',
    ),
    fc.constantFrom(
      '\r\n',
      '\r\n\r\n',
      '5\r\nhello\r\n',
      '0\r\n\r\n',
      'hello',
      'HTTP/1.1 100 Continue\r\n\r\n',
      'Connection: upgrade\r\nUpgrade: x\r\n',
    ),
  );
  const whole = fc.oneof(
    fc.array(piece, { maxLength: 8 }).map((parts) => Buffer.from(parts.join(''), 'latin1')),
    fc.array(piece, { maxLength: 8 }).map((parts) => Buffer.from(`HTTP/1.1 200 OK\r\n${parts.join('')}`, 'latin1')),
  );
  try {
    await fc.assert(
      fc.asyncProperty(whole, async (bytes) => {
        answer = bytes;
        try {
          const { status, body } = await http.request({ method: 'POST', url, body: '', signal, maxBytes: 100, timeout: 5_000 });
          assert.ok(status >= 100 && status <= 999 && body.length <= 100);
        } catch (error) {
          assert.ok(isTscertError(error, 'network') || isTscertError(error, 'response-invalid'), String(error));
          assert.equal(error.data.sent, true);
        }
      }),
      { numRuns: Math.ceil(Number(process.env.TSCERT_TEST_FUZZ ?? 2000) / 2) },
    );
  } finally {
    await http.close();
    raw.close();
  }
});
