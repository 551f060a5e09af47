import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import tls from 'node:tls';
import { isTscertError, type TscertError } from '../../src/base/errors.js';
import type { Event } from '../../src/base/events.js';
import { createGathering } from '../../src/base/gathering.js';
import { decodePem } from '../../src/base/pem.js';
import { createDeployer } from '../../src/flow/deploy.js';
import type { Kept } from '../../src/flow/outcome.js';
import { createCertificate } from '../../src/pki/certificate.js';
import type { CertificateRequest, TargetRequest } from '../../src/request/request.js';
import { readTargets } from '../../src/store/deployments.js';
import { createMemoryStore } from '../../src/store/memory.js';
import type { Records } from '../../src/store/store.js';
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

function wants(...deploy: readonly TargetRequest[]): CertificateRequest {
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
    deploy,
  };
}

const hook = (command: string): TargetRequest => ({ kind: 'command', command, timeout: 60_000 });
const file = (where: string): TargetRequest => ({ kind: 'file', path: where, content: ['fullchain', 'key'], mode: 0o600 });

const digestOf = (pem: string): string =>
  createHash('sha256')
    .update(decodePem(pem)[0]?.der ?? '')
    .digest('hex');

function createWorld({ clock = realClock, records = createMemoryStore({ clock }) as Records } = {}) {
  const environment = { PATH: process.env.PATH, AWS_SECRET_ACCESS_KEY: 'planted' };
  const deployer = createDeployer({ records, clock, environment });
  const events: Event[] = [];
  const line = (signal: AbortSignal) => ({ emit: (event: Event) => void events.push(event), member: createGathering().join(), signal });
  return {
    ...{ events, records },
    deploy: (wanted: CertificateRequest, kept: Kept, signal = new AbortController().signal) => deployer.deploy(wanted, kept, line(signal)),
    isDone: (wanted: CertificateRequest, { stored }: Kept) => deployer.isDone(wanted, digestOf(stored.certificate)),
    /** The states that are kept: title and state. */
    states: async () => (await readTargets('a.test', records)).map(({ title, state }) => `${title}: ${state}`),
  };
}

async function failure(running: Promise<unknown>): Promise<TscertError> {
  const error = await running.then(
    () => assert.fail('it succeeded'),
    (reason: unknown) => reason,
  );
  assert.ok(isTscertError(error, 'hook-failed'), String(error));
  return error;
}

test('a hook runs once for a certificate, and again for the next one or when it is another hook', () =>
  withFolder(async (folder) => {
    const { deploy } = createWorld();
    const log = path.join(folder, 'log');
    const wanted = wants(hook(`echo ran >> ${log}`));
    const first = keptFor(certificate());
    await deploy(wanted, first);
    await deploy(wanted, first);
    assert.equal(await readFile(log, 'utf8'), 'ran\n');
    await deploy(wanted, keptFor(certificate()));
    await deploy(wants(hook(`echo other >> ${log}`)), first);
    assert.equal(await readFile(log, 'utf8'), 'ran\nran\nother\n');
  }));

test('a hook sees what it needs of the certificate, and nothing secret', () =>
  withFolder(async (folder) => {
    const log = path.join(folder, 'log');
    await createWorld().deploy(wants(hook(`env > ${log}`)), keptFor(certificate()));
    const seen = Object.fromEntries((await readFile(log, 'utf8')).split('\n').map((one) => one.split(/=(.*)/).slice(0, 2)));
    const { PATH: _, PWD: _1, SHLVL: _2, _: _3, '': _4, ...rest } = seen;
    assert.deepEqual(rest, {
      RENEWED_DOMAINS: 'a.test *.a.test',
      RENEWED_LINEAGE: '/data/live/a.test',
      TSCERT_CERT: '/data/live/a.test/cert.pem',
      TSCERT_CHAIN: '/data/live/a.test/chain.pem',
      TSCERT_DOMAINS: 'a.test *.a.test',
      TSCERT_EVENT: 'deploy',
      TSCERT_FULLCHAIN: '/data/live/a.test/fullchain.pem',
      TSCERT_KEY: '/data/live/a.test/privkey.pem',
      TSCERT_NAME: 'a.test',
      TSCERT_NOT_AFTER: '2027-01-01T00:00:00.000Z',
    });
  }));

test('a target that failed is tried again by the next run, and what was done is not', () =>
  withFolder(async (folder) => {
    const { deploy, states, records } = createWorld();
    const [flag, log] = [path.join(folder, 'flag'), path.join(folder, 'log')];
    const wanted = wants(
      hook(`echo first >> ${log}`),
      hook(`test -e ${flag} || { touch ${flag}; echo not yet >&2; exit 3; }`),
      hook(`echo third >> ${log}`),
    );
    const kept = keptFor(certificate());
    const error = await failure(deploy(wanted, kept));
    assert.match(error.message, /^Cannot deploy "a\.test" by its hook ".*": it ended with exit code 3, saying "not yet"$/);
    assert.deepEqual(error.data.targets, [{ title: 'hook test', reason: 'it ended with exit code 3, saying "not yet"' }]);
    assert.deepEqual(await states(), ['hook echo: done', 'hook test: failed', 'hook echo: done']);
    const [, failed] = await readTargets('a.test', records);
    assert.equal(failed?.message, 'it ended with exit code 3, saying "not yet"');
    assert.equal(failed.certificate, new X509Certificate(kept.stored.certificate).fingerprint256.replaceAll(':', '').toLowerCase());
    await deploy(wanted, kept);
    assert.deepEqual(await states(), ['hook echo: done', 'hook test: done', 'hook echo: done']);
    assert.equal(await readFile(log, 'utf8'), 'first\nthird\n');
  }));

test('all that failed is one error that names each', () =>
  withFolder(async (folder) => {
    const { deploy } = createWorld();
    const wanted = wants(hook('exit 1'), hook('true'), file(path.join(folder, 'none/www.pem')), hook('TOKEN=abc false'));
    const { message, data } = await failure(deploy(wanted, keptFor(certificate())));
    assert.equal(
      message,
      `Cannot deploy "a.test" to 3 of its 4 targets: hook exit: it ended with exit code 1; ` +
        `file ${folder}/none/www.pem: there is no such file or folder; hook: it ended with exit code 1`,
    );
    assert.equal((data.targets as unknown[]).length, 3);
  }));

test('each state is on record before the next target runs', () =>
  withFolder(async (folder) => {
    const seen: unknown[] = [];
    const store = createMemoryStore({ clock: realClock });
    const log = path.join(folder, 'log');
    const put: Records['put'] = async (kind, name, value) => {
      const ran = (await readFile(log, 'utf8').catch(() => '')).length;
      seen.push([ran, (value as unknown as { targets: unknown[] }).targets.length]);
      await store.put(kind, name, value);
    };
    const { deploy } = createWorld({ records: { ...store, put } as Records });
    await deploy(wants(hook(`printf x >> ${log}`), hook(`printf x >> '${log}'`), hook(`printf x >> "${log}"`)), keptFor(certificate()));
    assert.deepEqual(seen, [
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
  }));

test('what runs behind a file that came late is run again, for it may read the file', () =>
  withFolder(async (folder) => {
    const { deploy, states } = createWorld();
    const [place, log] = [path.join(folder, 'late'), path.join(folder, 'log')];
    const wanted = wants(hook(`echo before >> ${log}`), file(path.join(place, 'www.pem')), hook(`echo behind >> ${log}`));
    const kept = keptFor(certificate());
    await failure(deploy(wanted, kept));
    assert.deepEqual(await states(), ['hook echo: done', `file ${place}/www.pem: failed`, 'hook echo: done']);
    await mkdir(place);
    await deploy(wanted, kept);
    await deploy(wanted, kept);
    assert.equal(await readFile(log, 'utf8'), 'before\nbehind\nbehind\n');
    assert.equal(await readFile(path.join(place, 'www.pem'), 'utf8'), kept.stored.certificate + key);
    assert.deepEqual(await readdir(place), ['www.pem']);
  }));

test('a run that ends between a late file and what reads it leaves the reader to the next one', () =>
  withFolder(async (folder) => {
    const stop = new AbortController();
    const store = createMemoryStore({ clock: realClock });
    const put: Records['put'] = async (kind, name, value) => {
      await store.put(kind, name, value);
      if (/late\/www\.pem","certificate":"\w+","state":"done"/.test(JSON.stringify(value))) stop.abort(new Error('stopped'));
    };
    const { deploy, states } = createWorld({ records: { ...store, put } as Records });
    const [place, log] = [path.join(folder, 'late'), path.join(folder, 'log')];
    const wanted = wants(file(path.join(place, 'www.pem')), hook(`echo behind >> ${log}`));
    const kept = keptFor(certificate());
    await failure(deploy(wanted, kept));
    await mkdir(place);
    await assert.rejects(deploy(wanted, kept, stop.signal), /stopped/);
    assert.deepEqual(await states(), [`file ${place}/www.pem: done`]);
    assert.equal(await readFile(log, 'utf8'), 'behind\n');
    await deploy(wanted, kept);
    assert.equal(await readFile(log, 'utf8'), 'behind\nbehind\n');
  }));

test('targets that are not wanted any more are dropped from the record, and the same one twice is one', () =>
  withFolder(async (folder) => {
    const { deploy, states, records } = createWorld();
    const log = path.join(folder, 'log');
    const kept = keptFor(certificate());
    const [first, second] = [hook(`echo one >> ${log}`), hook(`printf two >> ${log}`)];
    await deploy(wants(first, second, first), kept);
    assert.deepEqual(await states(), ['hook echo: done', 'hook printf: done']);
    await deploy(wants(second), kept);
    assert.deepEqual(await states(), ['hook printf: done']);
    await deploy(wants(), kept);
    assert.deepEqual(await states(), []);
    assert.equal(await readFile(log, 'utf8'), 'one\ntwo');
    const before = await records.list('ledger');
    await createWorld().deploy(wants(), kept);
    assert.deepEqual(await records.list('ledger'), before);
  }));

test('whether there is something to do is told without doing it', () =>
  withFolder(async (folder) => {
    const { deploy, isDone, records } = createWorld();
    const log = path.join(folder, 'log');
    const kept = keptFor(certificate());
    const [one, failing] = [hook(`echo one >> ${log}`), hook('exit 1')];
    assert.equal(await isDone(wants(), kept), true);
    assert.equal(await isDone(wants(one), kept), false);
    await deploy(wants(one), kept);
    assert.equal(await isDone(wants(one), kept), true);
    assert.equal(await isDone(wants(one), keptFor(certificate())), false);
    assert.equal(await isDone(wants(), kept), false, 'its record is to be tidied');
    await failure(deploy(wants(one, failing), kept));
    assert.equal(await isDone(wants(one, failing), kept), false);
    for (const damage of [7, { version: 3, targets: [] }]) {
      await records.put('ledger', 'deploy:a.test', damage);
      assert.equal(await isDone(wants(one), kept), false);
    }
    assert.equal(await readFile(log, 'utf8'), 'one\n');
  }));

test('a certificate that goes nowhere has no record', async () => {
  const { deploy, records } = createWorld();
  await deploy(wants(), keptFor(certificate()));
  assert.deepEqual(await records.list('ledger'), []);
});

test('a damaged record is told and healed by deploying everything; that of a later version is left alone', () =>
  withFolder(async (folder) => {
    const log = path.join(folder, 'log');
    const wanted = wants(hook(`echo ran >> ${log}`));
    const kept = keptFor(certificate());
    for (const damage of [7, {}, { version: 2 }, { version: 2, targets: [{ id: 'x' }] }]) {
      const { deploy, records, events, states } = createWorld();
      await records.put('ledger', 'deploy:a.test', damage);
      await deploy(wanted, kept);
      assert.match(
        JSON.stringify(events.filter(({ type }) => type === 'warning')),
        /Cannot tell what was deployed of \\"a\.test\\": .*; it is deployed everywhere once more/,
      );
      assert.deepEqual(await states(), ['hook echo: done']);
    }
    const { deploy, records, events } = createWorld();
    await records.put('ledger', 'deploy:a.test', { version: 1, certificate: 'x', targets: 'y' });
    await deploy(wanted, kept);
    assert.ok(!events.some(({ type }) => type === 'warning'));
    await records.put('ledger', 'deploy:a.test', { version: 3, targets: [] });
    await assert.rejects(deploy(wanted, kept), (error) => isTscertError(error, 'store-damaged') && /later tscert/.test(error.message));
    assert.deepEqual(await records.get('ledger', 'deploy:a.test'), { version: 3, targets: [] });
    assert.equal((await readFile(log, 'utf8')).split('\n').length - 1, 5);
  }));

test('when the record cannot be written the other targets get the certificate all the same, and it is told', () =>
  withFolder(async (folder) => {
    const log = path.join(folder, 'log');
    const store = createMemoryStore({ clock: realClock });
    const records = { ...store, put: () => Promise.reject(new Error('the disk is full')) } as unknown as Records;
    const { message } = await failure(
      createWorld({ records }).deploy(wants(hook(`echo 1 >> ${log}`), hook(`echo 2 >> ${log}`)), keptFor(certificate())),
    );
    assert.match(message, /its record: the disk is full; its record: the disk is full$/);
    assert.equal(await readFile(log, 'utf8'), '1\n2\n');
  }));

test('a run that is interrupted keeps nothing of the target that was under way', () =>
  withFolder(async (folder) => {
    const { deploy, states } = createWorld();
    const started = path.join(folder, 'started');
    const script = path.join(folder, 'hook');
    await writeFile(script, `#!/bin/sh\ntouch ${started}\nexec sleep 60\n`);
    await chmod(script, 0o755);
    const stop = new AbortController();
    const running = deploy(wants(hook('true'), hook(script)), keptFor(certificate()), stop.signal);
    while (!(await readdir(folder)).includes('started')) await realClock.sleep(20);
    stop.abort(new Error('stopped'));
    await assert.rejects(running, /stopped/);
    assert.deepEqual(await states(), ['hook true: done']);
  }));

/** A TLS server that serves the first of these certificates, then the next one at each connection. */
async function serve(pems: readonly string[]): Promise<{ target: TargetRequest; close(): void }> {
  let at = 0;
  const server = tls.createServer({
    SNICallback: (_, done) => done(null, tls.createSecureContext({ key, cert: pems[Math.min(at++, pems.length - 1)] })),
    key,
    cert: pems[0],
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    target: { kind: 'probe', address: `localhost:${(server.address() as AddressInfo).port}` },
    close: () => void server.close(),
  };
}

test('a probe waits until the new certificate is served', async () => {
  const [old, fresh] = [certificate(), certificate()];
  const server = await serve([old, old, fresh]);
  try {
    const { events, deploy } = createWorld();
    await deploy(wants(server.target), keptFor(fresh));
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
    const { deploy, states } = createWorld({ clock });
    const { message } = await failure(deploy(wants(server.target), keptFor(fresh)));
    assert.match(message, /^Cannot see the new certificate of "a\.test" at "localhost:\d+": it serves the certificate [0-9A-F]+$/);
    assert.match((await states()).join(), /^probe localhost:\d+: failed$/);
  } finally {
    server.close();
  }
});
