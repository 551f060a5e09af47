import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { isTscertError, TscertError } from '../../src/base/errors.js';
import { guardedAddresses, guardedUrl } from '../../src/net/guard.js';
import { createGuardedHttp, type GuardedHttp, type GuardedOptions, type GuardedRequest } from '../../src/net/guarded.js';
import { type LookUp, resolverLookUp, systemLookUp } from '../../src/net/look-up.js';
import type { Resolver } from '../../src/net/resolver.js';
import { createOpensslCa, type OpensslCa } from '../support/openssl-ca.js';
import { startProxy } from '../support/proxy.js';
import { skipUnless } from '../support/servers.js';
import { type Incoming, startWebServer, type WebServer } from '../support/web-server.js';

const skip = skipUnless('openssl');
const { signal } = new AbortController();
const cleanUps: (() => void | Promise<void>)[] = [];
let ca: OpensslCa;

before(() => {
  if (skip === false) ca = createOpensslCa();
});
after(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
  ca?.remove();
});

function client(options: Partial<GuardedOptions> = {}): GuardedHttp {
  const http = createGuardedHttp({ proxy: {}, userAgent: 'tscert-test', allowPrivate: true, ...options });
  cleanUps.push(() => http.close());
  return http;
}

async function web(handle: (incoming: Incoming) => void): Promise<WebServer> {
  const server = await startWebServer('plain', undefined, handle);
  cleanUps.push(() => server.close());
  return server;
}

/** A server that says what it wants to whoever connects. */
async function raw(serve: (socket: Socket) => void, host = '127.0.0.1'): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.resume();
    serve(socket);
  });
  server.listen(0, host);
  await once(server, 'listening');
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function get(url: string, more: Partial<GuardedRequest> = {}): GuardedRequest {
  return { method: 'GET', url, signal, maxBytes: 1000, ...more };
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

const to =
  (...addresses: readonly string[]): LookUp =>
  async () =>
    addresses;

describe('where it goes', () => {
  test('http and https alone, without credentials', async () => {
    const http = client();
    for (const url of [
      'ftp://ocsp.test/',
      'file:///etc/passwd',
      'ldap://ldap.test/cn=CA?certificateRevocationList',
      'data:text/plain,x',
      'gopher://ocsp.test/',
      'javascript:1',
      '//ocsp.test/',
      '/crl',
      'http://',
      'http://[::1',
      'http://ocsp test/',
      '',
      `http://ocsp.test/${'x'.repeat(2048)}`,
      'http://me:hunter2@ocsp.test/',
      'http://me@ocsp.test/',
    ]) {
      const error = await failure(http.request(get(url)));
      assert.equal(error.code, 'url-refused', url);
      assert.doesNotMatch(JSON.stringify([error.message, error.data]), /hunter2/);
    }
    assert.equal(guardedUrl('HTTP://OCSP.test:8080/a b').href, 'http://ocsp.test:8080/a%20b');
    assert.equal((await failure(http.request(get('x\u001b[2J')))).message.includes('\u001b'), false);
  });

  test('no inner address, in whatever form it is written, and no name that leads to one', async () => {
    const server = await web(({ reply }) => reply(200, {}, 'inside'));
    const http = client({ allowPrivate: false });
    const names = client({ allowPrivate: false, lookUp: to('127.0.0.1', '::1', '10.0.0.1', '169.254.169.254') });
    for (const host of [
      '127.0.0.1',
      '127.1',
      '2130706433',
      '0x7f000001',
      '0177.0.0.1',
      '0x7f.1',
      '127.0.0.1.',
      '0.0.0.0',
      '0',
      '%31%32%37.0.0.1',
      '１２７.0.0.1',
      '[::1]',
      '[::]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[64:ff9b::127.0.0.1]',
      '[0:0:0:0:0:0:0:1]',
      '[fe80::1]',
      '169.254.169.254',
      '10.0.0.1',
      '192.168.1.1',
      '100.64.0.1',
      'localhost',
      'LOCALHOST',
      'localhost.',
      'a.localhost',
    ]) {
      const error = await failure(http.request(get(`http://${host}:${server.port}/`)));
      assert.equal(error.code, 'url-refused', host);
      assert.match(error.message, /^Cannot fetch "http:/);
    }
    const error = await failure(names.request(get(`http://ocsp.test:${server.port}/`)));
    assert.deepEqual([error.code, error.data.addresses], ['url-refused', ['127.0.0.1', '::1', '10.0.0.1', '169.254.169.254']]);
    assert.match(error.message, /127\.0\.0\.1 \(loopback\), ::1 \(loopback\), 10\.0\.0\.1 \(private\)/);
    assert.equal((await failure(names.stream(get(`http://ocsp.test:${server.port}/`)))).code, 'url-refused');
    assert.equal(server.connections(), 0);
  });

  test('of several addresses only those that may be reached, and of one version where that is wanted', async () => {
    const found = ['10.0.0.1', '2606:4700::1', '::1', '1.1.1.1', '64:ff9b::101:101'];
    const guard = { allowPrivate: false, lookUp: to(...found) };
    const url = new URL('http://ocsp.test/');
    assert.deepEqual(await guardedAddresses(url, undefined, guard, signal), ['2606:4700::1', '1.1.1.1', '64:ff9b::101:101']);
    assert.deepEqual(await guardedAddresses(url, 4, guard, signal), ['1.1.1.1']);
    assert.deepEqual(await guardedAddresses(url, 6, { ...guard, allowPrivate: true }, signal), ['2606:4700::1', '::1', '64:ff9b::101:101']);
    assert.deepEqual(await guardedAddresses(new URL('http://[2606:4700::1]/'), undefined, guard, signal), ['2606:4700::1']);
    const error = await failure(guardedAddresses(url, 6, { ...guard, lookUp: to('1.1.1.1') }, signal));
    assert.deepEqual([error.code, error.data.phase], ['network', 'dns']);
  });

  test('a name is looked up once, and what was looked at is connected to, with the name in Host and SNI', { skip }, async () => {
    const seen: (string | undefined)[] = [];
    const server = await startWebServer('h1', ca.issue(['DNS:ocsp.invalid']), ({ headers, reply }) => {
      seen.push(headers.host?.toString());
      reply(200, {}, 'answer');
    });
    cleanUps.push(() => server.close());
    const asked: string[] = [];
    const lookUp: LookUp = async (name) => {
      asked.push(name);
      // The second answer is the attack: nobody may hear it.
      return asked.length === 1 ? ['127.0.0.1'] : ['127.0.0.99'];
    };
    // A root that does not suffice makes the connection twice.
    const http = client({ lookUp, roots: [ca.selfSigned(['DNS:x']).cert, ca.root] });
    const answer = await http.request(get(`https://ocsp.invalid:${server.port}/`));
    assert.deepEqual([answer.status, answer.body.toString(), answer.address], [200, 'answer', '127.0.0.1']);
    assert.deepEqual([asked, seen], [['ocsp.invalid'], [`ocsp.invalid:${server.port}`]]);
    const again = await http.request(get(`https://ocsp.invalid:${server.port}/`));
    assert.equal(again.timing.connect, undefined, 'on the connection that stands');
    assert.equal(asked.length, 1);
    const other = client({ lookUp: to('127.0.0.1'), roots: [ca.root] });
    assert.equal((await failure(other.request(get(`https://other.invalid:${server.port}/`)))).code, 'tls-untrusted');
  });

  test('when the first address does not answer the next one is tried', async () => {
    const port = await raw((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'), '127.0.0.1');
    const http = client({ lookUp: to('127.0.0.2', '::1', '127.0.0.1') });
    assert.equal((await http.request(get(`http://ocsp.invalid:${port}/`))).address, '127.0.0.1');
  });

  test('IPv4 and IPv6 by themselves, each on a connection of its own', async () => {
    const port = await raw((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nv6'), '::1');
    const http = client({ lookUp: to('127.0.0.1', '::1') });
    const six = await http.request(get(`http://ocsp.invalid:${port}/`, { family: 6, isFresh: true }));
    assert.deepEqual([six.body.toString(), six.address], ['v6', '::1']);
    assert.ok(six.timing.connect !== undefined && six.timing.lookUp !== undefined && six.timing.answer >= six.timing.connect);
    const four = await failure(http.request(get(`http://ocsp.invalid:${port}/`, { family: 4, isFresh: true })));
    assert.deepEqual([four.code, four.data.code], ['network', 'ECONNREFUSED']);
    const literal = await failure(http.request(get(`http://[::1]:${port}/`, { family: 4 })));
    assert.deepEqual([literal.code, literal.data.phase], ['network', 'dns']);
  });

  test('names that nobody knows', async () => {
    const http = client({ lookUp: systemLookUp });
    const error = await failure(http.request(get('http://ocsp.invalid/')));
    assert.deepEqual([error.code, error.data.phase], ['network', 'dns']);
  });

  test('a resolver may be asked instead of the system', async () => {
    const resolver = (records: Record<string, string[] | Error>): Resolver => ({
      servers: [],
      async lookUp(_name, type) {
        const found = records[type] ?? [];
        if (found instanceof Error) throw found;
        const made = found.map((value) => ({ name: 'ocsp.test', type, ttl: 1, value }));
        return { status: made.length > 0 ? 'found' : 'nodata', records: made as never, aliased: false };
      },
    });
    const broken = new TscertError('dns-failed', 'Cannot look up');
    assert.deepEqual(await resolverLookUp(resolver({ A: ['1.1.1.1'], AAAA: ['2606::1'] }))('ocsp.test', signal), ['2606::1', '1.1.1.1']);
    assert.deepEqual(await resolverLookUp(resolver({ A: ['1.1.1.1'], AAAA: broken }))('ocsp.test', signal), ['1.1.1.1']);
    assert.equal((await failure(resolverLookUp(resolver({ AAAA: broken }))('ocsp.test', signal) as Promise<unknown>)).code, 'dns-failed');
    assert.equal((await failure(resolverLookUp(resolver({}))('ocsp.test', signal) as Promise<unknown>)).data.phase, 'dns');
  });
});

describe('what it takes', () => {
  test('a question by POST and its answer; redirects are handed out, not followed', async () => {
    const server = await web(({ path, method, headers, body, reply }) => {
      if (path === '/redirect') reply(302, { location: 'http://127.0.0.1:1/' });
      else
        reply(
          200,
          { 'content-type': 'application/ocsp-response' },
          `${method} ${headers['content-type']} ${headers['user-agent']} ${body}`,
        );
    });
    const http = client();
    const url = `http://127.0.0.1:${server.port}`;
    const headers = { 'content-type': 'application/ocsp-request' };
    const answer = await http.request({ method: 'POST', url, headers, body: Buffer.from('question'), signal, maxBytes: 1000 });
    assert.equal(answer.body.toString(), 'POST application/ocsp-request tscert-test question');
    assert.equal(answer.headers['content-type'], 'application/ocsp-response');
    const redirect = await http.request(get(`${url}/redirect`));
    assert.deepEqual([redirect.status, redirect.headers.location], [302, 'http://127.0.0.1:1/']);
    assert.equal(server.connections(), 1);
    assert.equal((await http.request(get(url, { isFresh: true }))).status, 200);
    assert.equal(server.connections(), 2);
  });

  test('no more bytes than it was told, whatever the server says of their number', async () => {
    const server = await web(({ path, reply }) => {
      const body = Buffer.alloc(Number(path.slice(2)), 0x61);
      reply(200, path.startsWith('/c') ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(body.length) }, body);
    });
    const http = client();
    for (const kind of ['c', 'l']) {
      const url = `http://127.0.0.1:${server.port}/${kind}`;
      assert.equal((await http.request(get(`${url}1000`))).body.length, 1000);
      for (const error of [
        await failure(http.request(get(`${url}1001`))),
        await failure(http.stream(get(`${url}200000`)).then(async ({ body }) => collect(body))),
      ]) {
        assert.deepEqual([error.code, error.data.reason], ['response-invalid', 'too-large']);
      }
      assert.equal((await collect((await http.stream(get(`${url}1000`))).body)).length, 1000);
    }
  });

  test('a large body in pieces, at the pace of the reader', async () => {
    const MEBIBYTES = 24;
    let written = 0;
    const port = await raw((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${MEBIBYTES * 2 ** 20}\r\n\r\n`);
      const more = (): void => {
        while (written < MEBIBYTES * 2 ** 20) {
          written += 2 ** 16;
          if (!socket.write(Buffer.alloc(2 ** 16))) {
            socket.once('drain', more);
            return;
          }
        }
        socket.end();
      };
      more();
    });
    const { body, status } = await client().stream(get(`http://127.0.0.1:${port}/`, { maxBytes: 2 ** 27 }));
    assert.equal(status, 200);
    let size = 0;
    for await (const piece of body) {
      if (size === 0) {
        for (let last = -1; last !== written; await new Promise((resolve) => setTimeout(resolve, 100))) last = written;
        assert.ok(written < (MEBIBYTES - 4) * 2 ** 20, `${written} bytes were taken while nobody read`);
      }
      size += piece.length;
    }
    assert.equal(size, MEBIBYTES * 2 ** 20);
  });

  test('leaving a stream early ends the connection', async () => {
    let closed: Promise<unknown> | undefined;
    const port = await raw((socket) => {
      closed = once(socket, 'close');
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx');
    });
    const { body } = await client().stream(get(`http://127.0.0.1:${port}/`));
    for await (const _ of body) break;
    await closed;
  });

  test('silence at every place ends in time, and so does dripping', async () => {
    const silent = await raw(() => {});
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n';
    const stuck = await raw((socket) => void socket.write(`${head}x`));
    const dripping = await raw((socket) => {
      socket.write(head);
      const timer = setInterval(() => socket.write('x'), 20);
      socket.once('close', () => clearInterval(timer));
    });
    const http = client();
    for (const port of [silent, stuck, dripping]) {
      const error = await failure(http.request(get(`http://127.0.0.1:${port}/`, { timeout: 300 })));
      assert.deepEqual([error.code, error.data.phase], ['timeout', 'read']);
    }
    assert.equal((await failure(http.stream(get(`http://127.0.0.1:${silent}/`, { timeout: 300 })))).code, 'timeout');
    const pieces = async (port: number, limits: { idle: number; total: number }): Promise<Buffer> =>
      collect((await http.stream(get(`http://127.0.0.1:${port}/`), limits)).body);
    assert.deepEqual(await failure(pieces(stuck, { idle: 200, total: 60_000 })).then(({ code, data }) => [code, data.milliseconds]), [
      'timeout',
      200,
    ]);
    assert.deepEqual(await failure(pieces(dripping, { idle: 60_000, total: 300 })).then(({ code, data }) => [code, data.milliseconds]), [
      'timeout',
      300,
    ]);
    const slow = client({ lookUp: () => new Promise(() => {}) });
    assert.deepEqual(await failure(slow.request(get('http://ocsp.test/', { timeout: 200 }))).then(({ code }) => code), 'timeout');
  });

  test('a body that breaks off, and an answer that is no HTTP', async () => {
    const http = client();
    const cut = await raw((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nabc'));
    assert.equal((await failure(http.request(get(`http://127.0.0.1:${cut}/`)))).code, 'network');
    const { body } = await http.stream(get(`http://127.0.0.1:${cut}/`));
    assert.equal((await failure(collect(body))).code, 'network');
    const chunks = await raw((socket) => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'));
    assert.equal((await failure(http.request(get(`http://127.0.0.1:${chunks}/`)))).code, 'network');
    const other = await raw((socket) => socket.end('220 mail.test ESMTP\r\n'));
    assert.deepEqual(await failure(http.request(get(`http://127.0.0.1:${other}/`))).then(({ code, data }) => [code, data.reason]), [
      'response-invalid',
      'malformed',
    ]);
  });

  test('a connection that was closed meanwhile is made anew', async () => {
    let connections = 0;
    const port = await raw((socket) => {
      const mine = ++connections;
      let asked = 0;
      socket.on('data', () => {
        if (mine === 1 && asked++ > 0) socket.destroy();
        else socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${mine}`);
      });
    });
    const http = client();
    const ask = async (): Promise<string> => (await http.request(get(`http://127.0.0.1:${port}/`))).body.toString();
    assert.deepEqual([await ask(), await ask(), connections], ['1', '2', 2]);
  });

  test('an abort ends it at once, with its reason', async () => {
    const silent = await raw(() => {});
    const controller = new AbortController();
    const asked = client().request(get(`http://127.0.0.1:${silent}/`, { signal: controller.signal }));
    setTimeout(() => controller.abort(new Error('enough')), 50);
    await assert.rejects(asked, /enough/);
    await assert.rejects(client().request(get('http://127.0.0.1:1/', { signal: controller.signal })), /enough/);
  });
});

describe('behind a proxy', () => {
  test('the proxy connects and looks up; what can be seen to lead inside is refused before', async () => {
    const server = await web(({ path, reply }) => reply(200, {}, path));
    const through = await startProxy({ routes: { 'ocsp.test': server.port } });
    cleanUps.push(() => through.close());
    const proxy = { http: `http://${through.address}`, https: `http://${through.address}` };
    const unknown: LookUp = async () => {
      throw new TscertError('network', 'Cannot find the host');
    };
    const http = client({ proxy, allowPrivate: false, lookUp: unknown });
    assert.equal((await http.request(get('http://ocsp.test/a'))).body.toString(), '/a');
    assert.equal((await failure(http.request(get('http://169.254.169.254/')))).code, 'url-refused');
    assert.equal((await failure(http.request(get('https://[::1]/')))).code, 'url-refused');
    assert.equal((await failure(http.request(get('http://localhost/')))).code, 'url-refused');
    const inside = client({ proxy, allowPrivate: false, lookUp: to('10.0.0.1') });
    assert.equal((await failure(inside.request(get('http://ocsp.test/b')))).code, 'url-refused');
    assert.deepEqual([through.requests, through.tunnels], [['http://ocsp.test/a'], []]);
  });
});

async function collect(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}
