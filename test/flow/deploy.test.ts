import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import tls from 'node:tls';
import { isTscertError } from '../../src/base/errors.js';
import type { Event } from '../../src/base/events.js';
import { createGathering } from '../../src/base/gathering.js';
import { createDeployer } from '../../src/flow/deploy.js';
import type { Kept } from '../../src/flow/outcome.js';
import { createCertificate } from '../../src/pki/certificate.js';
import type { CertificateRequest } from '../../src/request/request.js';
import { createMemoryStore } from '../../src/store/memory.js';
import { withFolder } from '../store/support.js';
import { createVirtualClock, realClock } from '../support/clock.js';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

function certificate(): string {
  const notBefore = new Date(Date.now() - 60_000);
  const spec = {
    names: [{ type: 'dns', value: 'a.test' } as const],
    serialNumber: randomBytes(16),
    notBefore,
    notAfter: new Date(Date.now() + 86_400_000),
  };
  return createCertificate(spec, privateKey).pem;
}

function keptFor(pem: string): Kept {
  const at = (file: string): string => `/data/live/a.test/${file}`;
  const locations = { privateKey: at('privkey.pem'), certificate: at('cert.pem'), chain: at('chain.pem'), fullchain: at('fullchain.pem') };
  const stored = { name: 'a.test', generation: '0001', privateKey: key, certificate: pem, chain: '', meta: {}, locations };
  return { stored, notBefore: 0, notAfter: Date.UTC(2027, 0, 1), renewAt: 0 };
}

function wants(changes: Partial<CertificateRequest>): CertificateRequest {
  return {
    name: 'a.test',
    spec: {
      names: [
        { type: 'dns', value: 'a.test' },
        { type: 'dns', value: '*.a.test' },
      ],
    },
    key: { type: 'ec256', reuse: false },
    issuer: { kind: 'acme', directory: 'https://ca.test/directory', agreeTos: true },
    solvers: [],
    ...changes,
  };
}

function createWorld(clock = realClock) {
  const records = createMemoryStore({ clock });
  const environment = { PATH: process.env.PATH, AWS_SECRET_ACCESS_KEY: 'planted' };
  const deployer = createDeployer({ records, clock, environment });
  const events: Event[] = [];
  const line = { emit: (event: Event) => void events.push(event), member: createGathering().join(), signal: new AbortController().signal };
  return { events, deploy: (wanted: CertificateRequest, kept: Kept) => deployer.deploy(wanted, kept, line) };
}

test('a hook runs once for a certificate, and again for the next one or when it is another hook', () =>
  withFolder(async (folder) => {
    const { deploy } = createWorld();
    const log = path.join(folder, 'log');
    const wanted = wants({ deployHook: `echo ran >> ${log}` });
    const first = keptFor(certificate());
    await deploy(wanted, first);
    await deploy(wanted, first);
    assert.equal(await readFile(log, 'utf8'), 'ran\n');
    await deploy(wanted, keptFor(certificate()));
    await deploy(wants({ deployHook: `echo other >> ${log}` }), first);
    assert.equal(await readFile(log, 'utf8'), 'ran\nran\nother\n');
  }));

test('a hook sees what it needs of the certificate, and nothing secret', () =>
  withFolder(async (folder) => {
    const log = path.join(folder, 'log');
    await createWorld().deploy(wants({ deployHook: `env > ${log}` }), keptFor(certificate()));
    const seen = Object.fromEntries((await readFile(log, 'utf8')).split('\n').map((one) => one.split(/=(.*)/).slice(0, 2)));
    const { PATH: _, PWD: _1, SHLVL: _2, _: _3, '': _4, ...rest } = seen;
    assert.deepEqual(rest, {
      RENEWED_DOMAINS: 'a.test *.a.test',
      RENEWED_LINEAGE: '/data/live/a.test',
      TSCERT_CERT: '/data/live/a.test/cert.pem',
      TSCERT_CHAIN: '/data/live/a.test/chain.pem',
      TSCERT_DOMAINS: 'a.test *.a.test',
      TSCERT_FULLCHAIN: '/data/live/a.test/fullchain.pem',
      TSCERT_KEY: '/data/live/a.test/privkey.pem',
      TSCERT_NAME: 'a.test',
      TSCERT_NOT_AFTER: '2027-01-01T00:00:00.000Z',
    });
  }));

test('a hook that failed is run again by the next run', () =>
  withFolder(async (folder) => {
    const { deploy } = createWorld();
    const flag = path.join(folder, 'flag');
    const wanted = wants({ deployHook: `test -e ${flag} || { touch ${flag}; echo not yet >&2; exit 3; }` });
    const kept = keptFor(certificate());
    await assert.rejects(deploy(wanted, kept), (error) => {
      assert.ok(isTscertError(error, 'hook-failed'));
      assert.match(error.message, /^Cannot deploy "a\.test" by its hook ".*": it ended with exit code 3, saying "not yet"$/);
      return true;
    });
    await deploy(wanted, kept);
  }));

/** A TLS server that serves the first of these certificates, then the next one at each connection. */
async function serve(pems: readonly string[]): Promise<{ target: string; close(): void }> {
  let at = 0;
  const server = tls.createServer({
    SNICallback: (_, done) => done(null, tls.createSecureContext({ key, cert: pems[Math.min(at++, pems.length - 1)] })),
    key,
    cert: pems[0],
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { target: `localhost:${(server.address() as AddressInfo).port}`, close: () => void server.close() };
}

test('a probe waits until the new certificate is served', async () => {
  const [old, fresh] = [certificate(), certificate()];
  const server = await serve([old, old, fresh]);
  try {
    const { events, deploy } = createWorld();
    await deploy(wants({ probe: server.target }), keptFor(fresh));
    assert.deepEqual(
      events.map((event) => event.type === 'stage' && `${event.stage} ${event.state}`),
      ['deploy begin', 'deploy end'],
    );
  } finally {
    server.close();
  }
});

test('a probe that sees another certificate for half a minute fails, and says what is served', async () => {
  const [old, fresh] = [certificate(), certificate()];
  const server = await serve([old]);
  // Its time passes as soon as somebody waits.
  const virtual = createVirtualClock();
  const clock = { now: virtual.now, sleep: async (ms: number) => virtual.advance(ms) };
  try {
    await assert.rejects(createWorld(clock).deploy(wants({ probe: server.target }), keptFor(fresh)), (error) => {
      assert.ok(isTscertError(error, 'hook-failed'));
      assert.match(error.message, /^Cannot see the new certificate of "a\.test" at "localhost:\d+": it serves the certificate [0-9A-F]+$/);
      return true;
    });
  } finally {
    server.close();
  }
});
