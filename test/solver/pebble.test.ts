/** The solvers against a real CA: what they present is what Pebble's validation wants to see. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import acme from 'acme-client';
import type { Challenge, ChallengeType, Solver } from '../../src/acme/solver.js';
import { createStandalone } from '../../src/solver/http-01/standalone.js';
import { createWebroot } from '../../src/solver/http-01/webroot.js';
import { createTlsAlpn01 } from '../../src/solver/tls-alpn-01.js';
import { recordedContext } from '../contract/solver.js';
import { realClock } from '../support/clock.js';
import { type ChallengeServer, type Pebble, startChallengeServer, startPebble } from '../support/pebble.js';
import { skipUnless } from '../support/servers.js';

const skip = skipUnless('pebble');
let pebble: Pebble;
let dns: ChallengeServer;

before(async () => {
  if (skip !== false) return;
  dns = await startChallengeServer();
  pebble = await startPebble({ dnsServer: dns.dns, retryAfter: { authz: 1, order: 1 } });
  acme.axios.defaults.httpsAgent = new https.Agent({ ca: await readFile(pebble.caBundle, 'utf8') });
});
after(async () => {
  await pebble?.stop();
  await dns?.stop();
});

/** A client with an account of its own: Pebble uses an authorization of the same account again now and then, also when told never to. */
async function createClient(): Promise<acme.Client> {
  const options = { directoryUrl: pebble.directory, accountKey: await acme.crypto.createPrivateEcdsaKey() };
  const client = new acme.Client({ ...options, backoffMin: 100, backoffMax: 500, backoffAttempts: 50 });
  await client.createAccount({ termsOfServiceAgreed: true });
  return client;
}

/** Orders the names, proves each with the solver, and gives back what became of the authorizations. */
async function prove(solver: Solver, identifiers: readonly Challenge['identifier'][]): Promise<string[]> {
  const client = await createClient();
  const order = await client.createOrder({ identifiers: [...identifiers] });
  const context = recordedContext();
  const challenges = await Promise.all(
    (await client.getAuthorizations(order)).map(async ({ identifier, challenges: offered }) => {
      const offer = offered.find(({ type }) => type === solver.type);
      assert.ok(offer, `${solver.type} is offered`);
      const type: ChallengeType = solver.type;
      const keyAuthorization = await client.getChallengeKeyAuthorization(offer);
      const { type: kind, value } = identifier as Challenge['identifier'];
      return {
        offer,
        challenge: { type, identifier: { type: kind, value }, wildcard: false, token: offer.token, keyAuthorization, digest: '' },
      };
    }),
  );
  try {
    await Promise.all(challenges.map(({ challenge }) => solver.present(challenge, context)));
    await Promise.all(challenges.map(({ challenge }) => solver.check?.(challenge, context)));
    return await Promise.all(
      challenges.map(async ({ offer }) => {
        await client.completeChallenge(offer);
        return client.waitForValidStatus(offer).then(
          ({ status }) => status,
          (error) => String(error),
        );
      }),
    );
  } finally {
    for (const { challenge } of challenges) await solver.cleanUp(challenge, context.notes.get(challenge.token), context);
    await solver.close?.();
  }
}

const NAMES: readonly Challenge['identifier'][] = [
  { type: 'dns', value: 'one.example.com' },
  { type: 'dns', value: 'two.example.com' },
  { type: 'ip', value: '127.0.0.1' },
  { type: 'ip', value: '::1' },
];

test('http-01 standalone proves names and addresses to Pebble', { skip }, async () => {
  assert.deepEqual(await prove(createStandalone({ port: pebble.httpPort }), NAMES), ['valid', 'valid', 'valid', 'valid']);
});

test('tls-alpn-01 proves names and addresses to Pebble', { skip }, async () => {
  assert.deepEqual(await prove(createTlsAlpn01({ port: pebble.tlsPort, clock: realClock }), NAMES), ['valid', 'valid', 'valid', 'valid']);
});

test('http-01 by a webroot proves names to Pebble, and leaves the webroot empty', { skip }, async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'tscert-webroot-'));
  const server = http.createServer((request, response) => {
    readFile(path.join(directory, path.normalize(request.url ?? '/'))).then(
      (file) => response.end(file),
      () => response.writeHead(404).end(),
    );
  });
  server.listen(pebble.httpPort);
  try {
    assert.deepEqual(await prove(createWebroot({ directory }), NAMES), ['valid', 'valid', 'valid', 'valid']);
    assert.deepEqual(await readdir(directory), []);
  } finally {
    server.closeAllConnections();
    server.close();
    await rm(directory, { recursive: true, force: true });
  }
});
