import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { after, test } from 'node:test';
import tls from 'node:tls';
import type { Challenge } from '../../src/acme/solver.js';
import { isTscertError } from '../../src/base/errors.js';
import { createTlsAlpn01 } from '../../src/solver/tls-alpn-01.js';
import { exampleChallenge, recordedContext, solverContract } from '../contract/solver.js';
import { realClock } from '../support/clock.js';
import { freePort } from '../support/free-port.js';

const cleanUps: (() => void | Promise<void>)[] = [];
after(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});

const challengeOf = (n: number): Challenge => exampleChallenge('tls-alpn-01', `n${n}.example.com`, String(n));

interface Shown {
  readonly certificate: X509Certificate;
  readonly protocol: string | false | null;
  /** What the server said after the handshake. */
  readonly said: string;
}

/** What a client of TLS sees, or the code of its failure. */
function look(
  port: number,
  servername: string | undefined,
  { host = '127.0.0.1', protocols = ['acme-tls/1'] } = {},
): Promise<Shown | string> {
  return new Promise((resolve) => {
    const options = { host, port, rejectUnauthorized: false, ...(servername !== undefined && { servername }) };
    const socket = tls.connect({ ...options, ...(protocols.length > 0 && { ALPNProtocols: protocols }) });
    let shown: Omit<Shown, 'said'> | undefined;
    let said = '';
    socket.on('data', (chunk) => {
      said += chunk.toString();
    });
    socket.once('secureConnect', () => {
      shown = { certificate: new X509Certificate(socket.getPeerCertificate().raw), protocol: socket.alpnProtocol };
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once('close', () => resolve(shown === undefined ? 'closed' : { ...shown, said }));
  });
}

/** RFC 8737 §3 as a validator reads it: id-pe-acmeIdentifier, critical, an OCTET STRING of 32 octets; one subjectAltName. */
function isAnswer({ certificate, protocol, said }: Shown, { identifier, keyAuthorization }: Challenge): boolean {
  const digest = createHash('sha256').update(keyAuthorization).digest('hex');
  const name = identifier.type === 'ip' ? `IP Address:${identifier.value.toUpperCase()}` : `DNS:${identifier.value}`;
  return (
    certificate.raw.toString('hex').includes(`06082b0601050507011f0101ff04220420${digest}`) &&
    certificate.subjectAltName === name &&
    certificate.verify(certificate.publicKey) &&
    protocol === 'acme-tls/1' &&
    said === ''
  );
}

solverContract(
  'tls-alpn-01',
  async () => {
    const port = await freePort();
    const solvers: ReturnType<typeof createTlsAlpn01>[] = [];
    return {
      create() {
        const solver = createTlsAlpn01({ port, clock: realClock });
        solvers.push(solver);
        return solver;
      },
      challenge: challengeOf,
      async isTrue(challenge) {
        const shown = await look(port, challenge.identifier.value);
        return typeof shown !== 'string' && isAnswer(shown, challenge);
      },
      rest: () => look(port, undefined),
      async end() {
        for (const solver of solvers) await solver.close?.();
      },
    };
  },
  { outlives: false },
);

async function presented(challenge: Challenge): Promise<number> {
  const port = await freePort();
  const solver = createTlsAlpn01({ port, clock: realClock });
  cleanUps.push(() => solver.close?.());
  const context = recordedContext();
  await solver.present(challenge, context);
  await solver.check?.(challenge, context);
  return port;
}

test('answers its own name on IPv4 and IPv6, in any case, and ends the connection without a word', async () => {
  const challenge = challengeOf(0);
  const port = await presented(challenge);
  for (const host of ['127.0.0.1', '::1']) {
    for (const name of ['n0.example.com', 'N0.Example.COM']) {
      const shown = await look(port, name, { host });
      assert.ok(typeof shown !== 'string' && isAnswer(shown, challenge), `${host} ${name}`);
    }
  }
});

test('an address is asked for by its reverse name', async () => {
  for (const [value, name] of [
    ['192.0.2.7', '7.2.0.192.in-addr.arpa'],
    ['2001:db8::7', `7.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`],
  ] as const) {
    const challenge: Challenge = { ...challengeOf(0), identifier: { type: 'ip', value } };
    const shown = await look(await presented(challenge), name);
    assert.ok(typeof shown !== 'string', String(shown));
    assert.ok(shown.certificate.raw.includes(createHash('sha256').update(challenge.keyAuthorization).digest()));
    assert.ok(shown.certificate.checkIP(value), shown.certificate.subjectAltName);
  }
});

test('answers no other name, no client without name, and no other protocol', async () => {
  const port = await presented(challengeOf(0));
  assert.equal(typeof (await look(port, 'n1.example.com')), 'string');
  assert.equal(typeof (await look(port, undefined)), 'string');
  assert.match(String(await look(port, 'n0.example.com', { protocols: ['h2', 'http/1.1'] })), /NO_APPLICATION_PROTOCOL/);
  const silent = await look(port, 'n0.example.com', { protocols: [] });
  assert.ok(typeof silent === 'string' || silent.said === '');
});

test('a port in use is an error of its own', async () => {
  const other = createServer();
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  assert.ok(typeof address === 'object' && address !== null);
  const solver = createTlsAlpn01({ port: address.port, clock: realClock });
  await assert.rejects(solver.present(challengeOf(0), recordedContext()), (error) => {
    assert.ok(isTscertError(error, 'port-in-use'));
    assert.equal(error.data.port, address.port);
    return true;
  });
  await solver.close?.();
  other.close();
});

test('the self check sees when another certificate is shown', async () => {
  const port = await freePort();
  const solver = createTlsAlpn01({ port, clock: realClock });
  cleanUps.push(() => solver.close?.());
  const context = recordedContext();
  await solver.present(challengeOf(0), context);
  const check = solver.check?.(challengeOf(1), context) ?? Promise.resolve();
  await assert.rejects(check, (error) => isTscertError(error, 'self-check-failed') && error.data.challenge === 'tls-alpn-01');
});

test('the self check sees when the certificate is for another key authorization', async () => {
  const port = await freePort();
  const solver = createTlsAlpn01({ port, clock: realClock });
  cleanUps.push(() => solver.close?.());
  const context = recordedContext();
  await solver.present(challengeOf(0), context);
  const check = solver.check?.({ ...challengeOf(0), keyAuthorization: 'another' }, context) ?? Promise.resolve();
  await assert.rejects(check, (error) => isTscertError(error, 'self-check-failed') && /another certificate is shown$/.test(error.message));
});

test('an old challenge of a name that is cleaned up late leaves the new one of that name standing', async () => {
  const port = await freePort();
  const solver = createTlsAlpn01({ port, clock: realClock });
  cleanUps.push(() => solver.close?.());
  const context = recordedContext();
  const [old, now] = [challengeOf(0), { ...challengeOf(0), token: 'newer', keyAuthorization: 'newer.thumbprint' }];
  await solver.present(old, context);
  await solver.present(now, context);
  await solver.cleanUp(old, context.notes.get(old.token), context);
  await solver.check?.(now, context);
  const shown = await look(port, 'n0.example.com');
  assert.ok(typeof shown !== 'string' && isAnswer(shown, now));
});

test('a client that connects and says nothing does not hold the listener open', async () => {
  const port = await freePort();
  const solver = createTlsAlpn01({ port, clock: realClock });
  const context = recordedContext();
  await solver.present(challengeOf(0), context);
  const idle = connect(port, '127.0.0.1');
  await once(idle, 'connect');
  idle.on('error', () => {});
  const closed = once(idle, 'close');
  await solver.cleanUp(challengeOf(0), undefined, context);
  await closed;
});

test('warns when the name points elsewhere, and looks up no address', async () => {
  const port = await freePort();
  const asked: string[] = [];
  const lookup = async (name: string): Promise<string[]> => {
    asked.push(name);
    return ['192.0.2.99'];
  };
  const solver = createTlsAlpn01({ port, clock: realClock, lookup });
  cleanUps.push(() => solver.close?.());
  const context = recordedContext();
  for (const challenge of [challengeOf(0), { ...challengeOf(1), identifier: { type: 'ip', value: '127.0.0.1' } as const }]) {
    await solver.present(challenge, context);
    await solver.check?.(challenge, context);
  }
  assert.deepEqual(asked, ['n0.example.com']);
  assert.deepEqual(
    context.events.map((event) => (event.type === 'warning' ? event.message : event.type)),
    ['n0.example.com points to 192.0.2.99, which is no address of this machine (fine behind NAT or a load balancer)'],
  );
});
