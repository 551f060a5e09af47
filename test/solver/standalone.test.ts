import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { after, test } from 'node:test';
import type { Challenge } from '../../src/acme/solver.js';
import { isTscertError } from '../../src/base/errors.js';
import { createStandalone } from '../../src/solver/http-01/standalone.js';
import { exampleChallenge, recordedContext, solverContract } from '../contract/solver.js';
import { freePort } from '../support/free-port.js';

const PATH = '/.well-known/acme-challenge/';
const cleanUps: (() => void | Promise<void>)[] = [];
after(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** What stands at a path, or undefined when nobody listens. */
async function ask(port: number, path: string, { method = 'GET', host = '127.0.0.1' } = {}): Promise<Answer | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ host, port, path, method, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.once('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
    });
    asked.once('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNREFUSED' ? resolve(undefined) : reject(error)));
    asked.end();
  });
}

const challengeOf = (n: number): Challenge => exampleChallenge('http-01', `n${n}.example.com`, String(n));

solverContract(
  'http-01 standalone',
  async () => {
    const port = await freePort();
    const solvers: ReturnType<typeof createStandalone>[] = [];
    return {
      create() {
        const solver = createStandalone({ port });
        solvers.push(solver);
        return solver;
      },
      challenge: challengeOf,
      isTrue: async ({ token, keyAuthorization }) => (await ask(port, PATH + token))?.body === keyAuthorization,
      rest: () => ask(port, '/'),
      async end() {
        for (const solver of solvers) await solver.close?.();
      },
    };
  },
  { outlives: false },
);

async function presented(): Promise<{ port: number; challenge: Challenge }> {
  const port = await freePort();
  const solver = createStandalone({ port });
  cleanUps.push(() => solver.close?.());
  const challenge = challengeOf(0);
  await solver.present(challenge, recordedContext());
  return { port, challenge };
}

test('answers GET and HEAD for its own token with the exact bytes, on IPv4 and IPv6', async () => {
  const { port, challenge } = await presented();
  for (const host of ['127.0.0.1', '::1']) {
    const answer = await ask(port, PATH + challenge.token, { host });
    assert.deepEqual([answer?.status, answer?.body], [200, challenge.keyAuthorization]);
    assert.equal(answer?.headers['content-type'], 'application/octet-stream');
    assert.equal(answer?.headers['content-length'], String(challenge.keyAuthorization.length));
  }
  const head = await ask(port, PATH + challenge.token, { method: 'HEAD' });
  assert.deepEqual([head?.status, head?.body], [200, '']);
});

test('answers nothing else', async () => {
  const { port, challenge } = await presented();
  const { token } = challenge;
  for (const path of [
    '/',
    PATH,
    `${PATH}other`,
    `${PATH}${token}/`,
    `${PATH}${token}x`,
    `/${PATH}${token}`,
    `${PATH}../acme-challenge/${token}`,
  ]) {
    const answer = await ask(port, path);
    assert.deepEqual([answer?.status, answer?.body], [404, ''], path);
  }
  const posted = await ask(port, PATH + token, { method: 'POST' });
  assert.deepEqual([posted?.status, posted?.body, posted?.headers.allow], [405, '', 'GET, HEAD']);
});

test('a head that is too long is refused', async () => {
  const { port } = await presented();
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`);
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    answer += chunk;
  });
  await once(socket, 'close');
  assert.match(answer, /^HTTP\/1\.1 431 /);
});

test('a port in use is named together with the process that has it', async () => {
  for (const host of ['0.0.0.0', '127.0.0.1', '::']) {
    const other = createServer();
    other.listen(0, host);
    await once(other, 'listening');
    const address = other.address();
    assert.ok(typeof address === 'object' && address !== null);
    const { port } = address;
    const solver = createStandalone({ port });
    const context = recordedContext();
    await assert.rejects(solver.present(challengeOf(0), context), (error) => {
      assert.ok(isTscertError(error, 'port-in-use'));
      assert.equal(error.data.port, port);
      if (process.platform === 'linux') {
        assert.equal((error.data.process as { pid: number }).pid, process.pid);
        assert.match(error.message, new RegExp(`port ${port}: .+ \\(process ${process.pid}\\) has it`));
      }
      return true;
    });
    other.close();
    await once(other, 'close');
    await solver.present(challengeOf(0), context);
    await solver.close?.();
  }
});

test('the self check sees an answer that is not ours', async () => {
  const { port } = await presented();
  const solver = createStandalone({ port: await freePort() });
  cleanUps.push(() => solver.close?.());
  const challenge = challengeOf(1);
  const context = recordedContext();
  await solver.present(challenge, context);
  await assert.rejects(solver.check?.({ ...challenge, keyAuthorization: 'other' }, context) ?? Promise.resolve(), (error) => {
    assert.ok(isTscertError(error, 'self-check-failed'));
    assert.deepEqual([error.data.identifier, error.data.challenge], ['n1.example.com', 'http-01']);
    return true;
  });
  assert.notEqual(port, 0);
});

test('a name that points elsewhere is a warning, not a failure', async () => {
  const warningsFor = async (lookup: () => Promise<readonly string[]>): Promise<string[]> => {
    const solver = createStandalone({ port: await freePort(), lookup });
    const context = recordedContext();
    await solver.present(challengeOf(0), context);
    await solver.check?.(challengeOf(0), context);
    await solver.close?.();
    return context.events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  };
  assert.deepEqual(await warningsFor(async () => ['127.0.0.1']), []);
  assert.match(
    (await warningsFor(async () => ['192.0.2.7']))[0] ?? '',
    /n0\.example\.com points to 192\.0\.2\.7, which is no address of this/,
  );
  assert.match((await warningsFor(async () => ['127.0.0.1', '2001:db8::7']))[0] ?? '', /2001:db8::7 too, .*IPv6 first/);
  assert.match((await warningsFor(async () => []))[0] ?? '', /no address/);
  const failed = await warningsFor(() => Promise.reject(new Error('SERVFAIL')));
  assert.match(failed[0] ?? '', /could not be looked up here: SERVFAIL/);
});

test('a token that would be more than a file name is refused before anything happens', async () => {
  const solver = createStandalone({ port: await freePort() });
  for (const token of ['', '../x', 'a/b', 'a?b', 'a b', 'a\n', 'ü']) {
    const context = recordedContext();
    await assert.rejects(solver.present({ ...challengeOf(0), token }, context), (error) => isTscertError(error, 'response-invalid'));
    assert.equal(context.notes.size, 0);
  }
});
