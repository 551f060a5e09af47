/** http-01 (RFC 8555 §8.3) by a small web server of our own, which answers for its tokens and nothing else. */
import http from 'node:http';
import type { Challenge, Solver, SolverContext } from '../../acme/solver.js';
import { messageOf, TscertError } from '../../base/errors.js';
import { listen } from '../../net/listen.js';
import { type Lookup, warnIfElsewhere } from '../reach.js';
import { createSharedListener } from '../shared-listener.js';
import { checkToken } from '../token.js';

export interface StandaloneOptions {
  /** The CA comes to port 80; another one is for machines where 80 is forwarded to it. */
  readonly port: number;
  /** Looks up the addresses of the name, for a warning when they lie elsewhere. */
  readonly lookup?: Lookup;
}

const PREFIX = '/.well-known/acme-challenge/';

/** A solver whose listener is open while any of its challenges stands. */
export function createStandalone({ port, lookup }: StandaloneOptions): Solver {
  const answers = new Map<string, string>();
  let loopbacks: Awaited<ReturnType<typeof listen>> = [];
  const listener = createSharedListener(async () => {
    const server = createServer(answers);
    loopbacks = await listen(server, port);
    return () => closeServer(server);
  });
  return {
    type: 'http-01',
    preflight: () => listener.test(),
    async present(challenge, context) {
      checkToken(challenge);
      await context.remember(challenge, { kind: 'standalone', port });
      answers.set(challenge.token, challenge.keyAuthorization);
      try {
        await listener.hold(challenge.token);
      } catch (error) {
        answers.delete(challenge.token);
        throw error;
      }
    },
    async check(challenge, context) {
      context.signal.throwIfAborted();
      for (const loopback of loopbacks) await checkAt(loopback, challenge, context);
      if (lookup !== undefined) await warnIfElsewhere(challenge, lookup, context);
    },
    async cleanUp(challenge) {
      answers.delete(challenge.token);
      await listener.release(challenge.token);
    },
    async close() {
      answers.clear();
      await listener.close();
    },
  };
}

function createServer(answers: ReadonlyMap<string, string>): http.Server {
  const limits = { maxHeaderSize: 16_384, headersTimeout: 10_000, requestTimeout: 10_000, keepAliveTimeout: 1_000 };
  return http.createServer({ ...limits, connectionsCheckingInterval: 1_000 }, (request, response) => {
    const path = request.url ?? '';
    const answer = path.startsWith(PREFIX) ? answers.get(path.slice(PREFIX.length)) : undefined;
    response.setHeader('connection', 'close');
    if (request.method !== 'GET' && request.method !== 'HEAD') response.writeHead(405, { allow: 'GET, HEAD' }).end();
    else if (answer === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': answer.length }).end(answer);
  });
}

function closeServer(server: http.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Asks ourselves as the CA will, through the kernel and whatever stands between. */
async function checkAt({ host, port }: { host: string; port: number }, challenge: Challenge, { signal }: SolverContext): Promise<void> {
  const { identifier, token, keyAuthorization } = challenge;
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  let answer: string;
  try {
    answer = await get({ host, port, path: PREFIX + token, headers: { host: identifier.value }, signal, timeout: 10_000, agent: false });
  } catch (error) {
    signal.throwIfAborted();
    answer = messageOf(error);
  }
  if (answer === `200 ${keyAuthorization}`) return;
  const why = answer.startsWith('200 ') ? 'another program answered' : `it answered: ${answer.slice(0, 100)}`;
  throw new TscertError('self-check-failed', `Cannot see the http-01 answer for "${identifier.value}" at ${address}: ${why}`, {
    data: { identifier: identifier.value, address, challenge: 'http-01' },
  });
}

function get(options: http.RequestOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        if (text.length < 4_096) text += chunk;
      });
      response.once('end', () => resolve(`${response.statusCode} ${text}`));
      response.once('error', reject);
    });
    request.once('timeout', () => request.destroy(new Error('no answer within 10 seconds')));
    request.once('error', reject);
  });
}
