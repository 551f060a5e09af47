/** tls-alpn-01 (RFC 8737; RFC 8738 §6 for addresses): a TLS listener that shows one certificate a name, to `acme-tls/1` alone. */
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import tls from 'node:tls';
import type { Challenge, Solver, SolverContext } from '../acme/solver.js';
import type { Clock } from '../base/clock.js';
import { messageOf, TscertError } from '../base/errors.js';
import { listen } from '../net/listen.js';
import { createAcmeIdentifierCertificate } from '../pki/acme-identifier.js';
import { readCertificate } from '../pki/certificate.js';
import { EXTENSION } from '../pki/extension.js';
import { type Lookup, warnIfElsewhere } from './reach.js';
import { reverseName } from './reverse-name.js';
import { createSharedListener } from './shared-listener.js';

export interface TlsAlpn01Options {
  /** The CA comes to port 443; another one is for machines where 443 is forwarded to it. */
  readonly port: number;
  /** The dates of the certificates. */
  readonly clock: Clock;
  /** Looks up the addresses of the name, for a warning when they lie elsewhere. */
  readonly lookup?: Lookup;
}

interface Answer {
  readonly token: string;
  readonly secureContext: tls.SecureContext;
}

const PROTOCOL = 'acme-tls/1';

/** A solver whose listener is open while any of its challenges stands. */
export function createTlsAlpn01({ port, clock, lookup }: TlsAlpn01Options): Solver {
  const answers = new Map<string, Answer>();
  let loopbacks: Awaited<ReturnType<typeof listen>> = [];
  const listener = createSharedListener(async () => {
    const { server, close } = createServer(answers);
    loopbacks = await listen(server, port);
    return close;
  });
  const withdraw = (challenge: Challenge): void => {
    const name = serverNameOf(challenge);
    if (answers.get(name)?.token === challenge.token) answers.delete(name);
  };
  return {
    type: 'tls-alpn-01',
    preflight: () => listener.test(),
    async present(challenge, context) {
      await context.remember(challenge, { kind: 'tls-alpn-01', port });
      answers.set(serverNameOf(challenge), answerOf(challenge, clock.now()));
      try {
        await listener.hold(challenge.token);
      } catch (error) {
        withdraw(challenge);
        throw error;
      }
    },
    async check(challenge, context) {
      context.signal.throwIfAborted();
      for (const loopback of loopbacks) await checkAt(loopback, challenge, context);
      if (lookup !== undefined) await warnIfElsewhere(challenge, lookup, context);
    },
    async cleanUp(challenge) {
      withdraw(challenge);
      await listener.release(challenge.token);
    },
    async close() {
      answers.clear();
      await listener.close();
    },
  };
}

/** What a validator asks for in its ClientHello. */
function serverNameOf({ identifier: { type, value } }: Challenge): string {
  return type === 'ip' ? reverseName(value) : value.toLowerCase();
}

function digestOf({ keyAuthorization }: Challenge): Buffer {
  return createHash('sha256').update(keyAuthorization).digest();
}

function answerOf(challenge: Challenge, now: number): Answer {
  const { key, certificate } = createAcmeIdentifierCertificate({ identifier: challenge.identifier, digest: digestOf(challenge) }, now);
  return { token: challenge.token, secureContext: tls.createSecureContext({ key, cert: certificate, minVersion: 'TLSv1.2' }) };
}

function createServer(answers: ReadonlyMap<string, Answer>): { server: tls.Server; close: () => Promise<void> } {
  const sockets = new Set<Socket>();
  const server = tls.createServer({
    ALPNProtocols: [PROTOCOL],
    handshakeTimeout: 10_000,
    minVersion: 'TLSv1.2',
    SNICallback: (name, done) => {
      const answer = answers.get(name.toLowerCase());
      if (answer === undefined) done(new Error(`no challenge stands for ${JSON.stringify(name)}`));
      else done(null, answer.secureContext);
    },
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  });
  // Both sides have seen all they wanted (RFC 8737 §3).
  server.on('secureConnection', (socket) => {
    socket.on('error', () => socket.destroy());
    socket.end();
  });
  // Scanners come too; whoever fails has his answer by the alert.
  server.on('tlsClientError', (_, socket) => socket.destroy());
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { server, close };
}

/** Asks ourselves as the CA will, through the kernel and whatever stands between. */
async function checkAt({ host, port }: { host: string; port: number }, challenge: Challenge, { signal }: SolverContext): Promise<void> {
  const { identifier } = challenge;
  let why: string | undefined;
  try {
    const shown = await handshake({ host, port, servername: serverNameOf(challenge) }, signal);
    if (!isAnswer(shown, challenge)) why = 'another certificate is shown';
  } catch (error) {
    signal.throwIfAborted();
    why = messageOf(error);
  }
  if (why === undefined) return;
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  throw new TscertError('self-check-failed', `Cannot see the tls-alpn-01 answer for "${identifier.value}" at ${address}: ${why}`, {
    data: { identifier: identifier.value, address, challenge: 'tls-alpn-01' },
  });
}

function isAnswer(certificate: Buffer, challenge: Challenge): boolean {
  const raw = readCertificate(certificate).extensions.all.find(({ oid }) => oid === EXTENSION.acmeIdentifier);
  return raw?.critical === true && raw.value.equals(Buffer.concat([Buffer.of(0x04, 0x20), digestOf(challenge)]));
}

/** The certificate that is shown. */
function handshake(where: { host: string; port: number; servername: string }, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ ...where, ALPNProtocols: [PROTOCOL], rejectUnauthorized: false, timeout: 10_000 });
    const abort = (): void => void socket.destroy(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    socket.once('timeout', () => socket.destroy(new Error('no answer within 10 seconds')));
    socket.once('secureConnect', () => {
      const { raw } = socket.getPeerCertificate();
      if (socket.alpnProtocol === PROTOCOL && raw !== undefined) resolve(raw);
      else reject(new Error(`the server there does not speak ${PROTOCOL}`));
      socket.destroy();
    });
    socket.on('error', reject);
    socket.once('close', () => {
      signal.removeEventListener('abort', abort);
      reject(new Error('the connection was closed'));
    });
  });
}
