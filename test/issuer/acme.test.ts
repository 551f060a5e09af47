import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import type { Issued } from '../../src/issuer/issuer.js';
import { openJournal } from '../../src/store/journal.js';
import {
  code,
  createHttpSolver,
  createTestSolver,
  issue,
  makeCsr,
  type Run,
  type RunOptions,
  startRun,
  verifyChain,
  wantedFor,
} from '../acme/kit.js';
import { type ChallengeServer, type Pebble, startChallengeServer, startPebble, whyNoPebble } from '../support/pebble.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

const missing = await whyNoPebble();
const namesOf = (chain: string): string[] => (new X509Certificate(chain).subjectAltName ?? '').split(', ').sort();

describe('the ACME issuer with a Pebble that refuses a fifth of all nonces and validates slowly', { skip: missing }, () => {
  let server: ChallengeServer;
  let pebble: Pebble;
  before(async () => {
    server = await startChallengeServer();
    pebble = await startPebble({
      dnsServer: server.dns,
      nonceReject: 20,
      sleep: 2,
      alternateRoots: 2,
      chainLength: 2,
      retryAfter: { authz: 1, order: 1 },
      profiles: { default: { description: 'all', validityPeriod: 7_776_000 }, short: { description: 'short', validityPeriod: 518_400 } },
    });
  });
  after(async () => {
    await pebble?.stop();
    await server?.stop();
  });
  const start = (more: Partial<RunOptions> = {}): Promise<Run> => startRun({ ...pebble, picker: () => createTestSolver(server), ...more });

  it('makes an account and issues a certificate whose chain OpenSSL verifies', async () => {
    const solver = createTestSolver(server);
    const run = await start({ picker: () => solver });
    const chain = await issue(run, ['new.example']);
    assert.equal(await verifyChain(chain, await pebble.root()), 'leaf.pem: OK');
    assert.deepEqual(namesOf(chain), ['DNS:new.example']);
    assert.equal(solver.standing.size, 0);
    assert.equal(await run.store.get('journal', 'new.example'), undefined);
    const stages = run.events.flatMap((event) => (event.type === 'stage' && event.state === 'end' ? event.stage : []));
    assert.deepEqual(
      stages.filter((stage) => stage !== 'clean-up'),
      ['account', 'order', 'present', 'check', 'validate', 'finalize', 'download'],
    );
    const states = run.events.flatMap((event) => (event.type === 'challenge' ? event.state : []));
    assert.deepEqual(states, ['queued', 'scheduled', 'presented', 'checked', 'accepted', 'valid']);
    await run.close();
  });

  it('proves a wildcard and its apex together, two values at one name', async () => {
    const solver = createTestSolver(server);
    const run = await start({ picker: () => solver });
    const chain = await issue(run, ['*.both.example', 'both.example']);
    assert.deepEqual(namesOf(chain), ['DNS:*.both.example', 'DNS:both.example']);
    assert.equal(solver.peak(), 2);
    assert.equal(solver.standing.size, 0);
    await run.close();
  });

  it('issues 50 names in one certificate, with at most 7 challenges at the CA', async () => {
    const solver = createTestSolver(server);
    const run = await start({ picker: () => solver, limit: 7 });
    const names = Array.from({ length: 50 }, (_, at) => `n${at}.fifty.example`);
    const chain = await issue(run, names);
    assert.deepEqual(namesOf(chain), names.map((name) => `DNS:${name}`).sort());
    assert.equal(solver.standing.size, 0);
    await run.close();
  });

  it('takes the preferred chain by its root, and the CA’s own with a warning when there is none such', async () => {
    const run = await start();
    const second = new X509Certificate(await pebble.root(2));
    const preferredChain = /CN=(.*)/.exec(second.subject)?.[1] ?? '';
    const chain = await issue(run, ['alternate.example'], { preferredChain });
    assert.equal(await verifyChain(chain, await pebble.root(2)), 'leaf.pem: OK');
    const other = await issue(run, ['default.example'], { preferredChain: 'No Such Root' });
    assert.equal(await verifyChain(other, await pebble.root(0)), 'leaf.pem: OK');
    assert.ok(run.events.some((event) => event.type === 'warning' && event.message.includes('No Such Root')));
    await run.close();
  });

  it('orders under a profile, and refuses one that is not there with those that are', async () => {
    const run = await start();
    const chain = await issue(run, ['profile.example'], { profile: 'short' });
    const certificate = new X509Certificate(chain);
    assert.equal(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom), 518_400_000 - 1_000);
    const wanted = wantedFor(pebble, ['profile.example'], { profile: 'long' });
    await assert.rejects(run.issuer.preflight(wanted, AbortSignal.timeout(30_000)), (error) => {
      assert.ok(isTscertError(error, 'profile-unknown'));
      assert.deepEqual(error.data.known, ['default', 'short']);
      return true;
    });
    await run.close();
  });

  it('tells of every name that failed in the CA’s own words, and leaves nothing behind', async () => {
    const solver = createTestSolver(server);
    const wrong = { ...solver, present: async () => undefined };
    const run = await start({ picker: ({ value }) => (value.startsWith('wrong') ? wrong : solver) });
    const names = ['right.example', 'wrong1.example', 'wrong2.example'];
    const line = run.line();
    await assert.rejects(run.issuer.sign(await makeCsr(names), wantedFor(pebble, names), line), (error) => {
      assert.ok(isTscertError(error, 'order-invalid'), String(error));
      const failures = error.data.failures as { identifier: string; type: string; problem: { type: string } }[];
      assert.ok(failures.length >= 1);
      for (const { identifier, type, problem } of failures) {
        assert.match(identifier, /^wrong[12]\.example$/);
        assert.deepEqual([type, problem.type], ['dns-01', 'urn:ietf:params:acme:error:unauthorized']);
      }
      return true;
    });
    assert.equal(solver.standing.size, 0);
    assert.equal(run.gathering.expected('clean-up'), 0);
    const journal = await openJournal(run.store, 'right.example');
    assert.deepEqual([journal.order, journal.challenges], [undefined, []]);
    await run.close();
  });

  it('cleans up when it is aborted in the middle, and goes on with the same order in the next run', async () => {
    const interrupted = new Error('Ctrl-C');
    const controller = new AbortController();
    const solver = createTestSolver(server, {
      check: async (_, { signal }) => {
        controller.abort(interrupted);
        signal.throwIfAborted();
      },
    });
    const run = await start({ picker: () => solver });
    const names = ['abort.example', '*.abort.example'];
    const csr = await makeCsr(names);
    const wanted = wantedFor(pebble, names);
    await assert.rejects(run.issuer.sign(csr, wanted, run.line(controller.signal)), interrupted);
    assert.equal(solver.standing.size, 0);
    assert.deepEqual([run.gathering.expected('present'), run.gathering.expected('clean-up')], [0, 0]);
    const order = (await openJournal(run.store, wanted.name)).order?.url;
    await run.close();

    await pebble.settled();
    pebble.requests(true);
    const next = await start({ store: run.store });
    const result = await next.issuer.sign(csr, wanted, next.line());
    assert.equal(result.state, 'issued');
    await pebble.settled();
    assert.equal(pebble.requests().order, 0);
    assert.equal((await openJournal(next.store, wanted.name)).order?.url, order);
    await next.close();
  });

  it('comes back as pending when a person has to act, and goes on with the same order later', async () => {
    const { TscertError } = await import('../../src/base/errors.js');
    const pending = new TscertError('manual-pending', 'Cannot go on before the records are there');
    const manual = createTestSolver(server, { check: () => Promise.reject(pending) });
    const run = await start({ picker: () => manual });
    const names = ['manual.example', 'manual2.example'];
    const csr = await makeCsr(names);
    const wanted = wantedFor(pebble, names);
    assert.deepEqual(await run.issuer.sign(csr, wanted, run.line()), { state: 'pending', reason: pending.message });
    assert.equal(manual.standing.size, 2);
    await run.close();

    await pebble.settled();
    pebble.requests(true);
    const solver = createTestSolver(server);
    const next = await start({ store: run.store, picker: () => solver });
    assert.equal((await next.issuer.sign(csr, wanted, next.line())).state, 'issued');
    await pebble.settled();
    assert.equal(pebble.requests().order, 0);
    await next.issuer.abandon(wanted.name, next.line());
    assert.equal(await next.store.get('journal', wanted.name), undefined);
    await next.close();
  });

  it('gives back what is pending when an order is abandoned', async () => {
    const controller = new AbortController();
    const solver = createTestSolver(server, { check: async () => controller.abort(new Error('stop')) });
    const run = await start({ picker: () => solver });
    const wanted = wantedFor(pebble, ['abandon.example']);
    await assert.rejects(run.issuer.sign(await makeCsr(['abandon.example']), wanted, run.line(controller.signal)));
    const url = (await openJournal(run.store, wanted.name)).order?.url ?? '';
    await run.issuer.abandon(wanted.name, run.line());
    const signer = await run.account.open(AbortSignal.timeout(30_000));
    const answer = await signer.post(url, null, { doing: 'look', signal: AbortSignal.timeout(30_000) });
    assert.equal(JSON.parse(answer.body.toString()).status, 'invalid');
    assert.equal(await run.store.get('journal', wanted.name), undefined);
    await run.close();
  });

  it('makes a new order when an authorization of the old one was deactivated', async () => {
    const controller = new AbortController();
    const solver = createTestSolver(server, { check: async () => controller.abort(new Error('stop')) });
    const run = await start({ picker: () => solver });
    const names = ['deactivated.example'];
    const wanted = wantedFor(pebble, names);
    const csr = await makeCsr(names);
    await assert.rejects(run.issuer.sign(csr, wanted, run.line(controller.signal)));
    const signal = AbortSignal.timeout(30_000);
    const url = (await openJournal(run.store, wanted.name)).order?.url ?? '';
    const signer = await run.account.open(signal);
    const order = JSON.parse((await signer.post(url, null, { doing: 'look', signal })).body.toString());
    await signer.post(order.authorizations[0], { status: 'deactivated' }, { doing: 'deactivate', signal });
    await run.close();

    const next = await start({ store: run.store });
    assert.equal((await next.issuer.sign(csr, wanted, next.line())).state, 'issued');
    assert.notEqual((await openJournal(next.store, wanted.name)).order?.url, url);
    await next.close();
  });

  it('never runs two challenges of one name at once, and does not keep the batch waiting meanwhile', async () => {
    let running = 0;
    let most = 0;
    const solver = createTestSolver(server, {
      present: async () => {
        most = Math.max(most, ++running);
      },
    });
    const run = await start({ picker: () => ({ ...solver, check: async () => void running-- }) });
    const lines = ['a', 'b', 'c'].map(async (at) => {
      const names = ['shared.example', `${at}.shared.example`];
      const line = run.line();
      const wanted = { ...wantedFor(pebble, names), name: at };
      const result = await run.issuer.sign(await makeCsr(names), wanted, line);
      await run.issuer.abandon(at, line);
      return result.state;
    });
    const complete = run.gathering.complete('present');
    assert.deepEqual(await Promise.all(lines), ['issued', 'issued', 'issued']);
    await complete;
    assert.ok(most <= 2, `${most} challenges at once`);
    assert.equal(solver.standing.size, 0);
    await run.close();
  });
});

describe('the ACME issuer with a quick Pebble', { skip: missing }, () => {
  let server: ChallengeServer;
  let pebble: Pebble;
  before(async () => {
    server = await startChallengeServer();
    pebble = await startPebble({ dnsServer: server.dns });
  });
  after(async () => {
    await pebble?.stop();
    await server?.stop();
  });

  for (const count of [1, 10, 50]) {
    it(`spends at most 2n + 7 requests and the polls on one connection for ${count} names with a known account`, async () => {
      const proxy = await startTcpProxy({ port: Number(new URL(pebble.directory).port) });
      const directory = `https://localhost:${proxy.port}/dir`;
      const first = await startRun({ directory, caBundle: pebble.caBundle, picker: () => createTestSolver(server) });
      await first.account.open(AbortSignal.timeout(30_000));
      await first.close();
      const account = await first.store.list();
      assert.deepEqual(account, []);

      for (const cached of [true, false]) {
        if (!cached)
          for (const key of await (first.store as { list(kind: string): Promise<string[]> }).list('cache'))
            await first.store.delete('cache', key);
        const before = proxy.connections();
        await pebble.settled();
        pebble.requests(true);
        const run = await startRun({ directory, caBundle: pebble.caBundle, picker: () => createTestSolver(server), store: first.store });
        await issue(
          run,
          Array.from({ length: count }, (_, at) => `n${at}.count${count}-${cached}.example`),
        );
        await pebble.settled();
        const { total, poll, ...kinds } = pebble.requests();
        assert.ok(total - poll <= 2 * count + 7, JSON.stringify({ total, poll, ...kinds }));
        assert.equal(kinds.directory, cached ? 0 : 1);
        assert.deepEqual([kinds.account, kinds.order, kinds.authorization, kinds.challenge], [0, 1, count, count]);
        assert.deepEqual([kinds.finalize, kinds.certificate, kinds.other], [1, 1, 0]);
        assert.equal(proxy.connections() - before, 1);
        await run.close();
      }
      await proxy.close();
    });
  }

  it('certifies an IP address over HTTP', async () => {
    const http = await startChallengeServer({ httpPort: pebble.httpPort });
    const run = await startRun({ ...pebble, picker: () => createHttpSolver(http) });
    const chain = await issue(run, ['127.0.0.1']);
    assert.deepEqual(namesOf(chain), ['IP Address:127.0.0.1']);
    await run.close();
    await http.stop();
  });

  it('does nothing but order, finalize and download when all names are proven already', async () => {
    const again = await startPebble({ dnsServer: server.dns, authzReuse: 100 });
    const solver = createTestSolver(server);
    const run = await startRun({ ...again, picker: () => solver });
    await issue(run, ['reuse.example', '*.reuse.example']);
    const calls = solver.calls.length;
    await again.settled();
    again.requests(true);
    await issue(run, ['reuse.example', '*.reuse.example']);
    await again.settled();
    const { total, poll, order, finalize, certificate } = again.requests();
    assert.deepEqual([total - poll, order, finalize, certificate], [3, 1, 1, 1]);
    assert.equal(solver.calls.length, calls);
    await run.close();
    await again.stop();
  });

  it('binds the account with a base64url key, padded or not', async () => {
    const hmac = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W';
    const bound = await startPebble({
      dnsServer: server.dns,
      eab: { 'kid-1': hmac, 'kid-2': 'b10lLJs8l1GPIzsLP0s6pMt8O0XVGnfTaCeROxQM0BIt2XrJMDHJZBM5NuQmQJ' },
    });
    const picker = (): ReturnType<typeof createTestSolver> => createTestSolver(server);
    for (const eab of [
      { kid: 'kid-1', hmac },
      { kid: 'kid-2', hmac: 'b10lLJs8l1GPIzsLP0s6pMt8O0XVGnfTaCeROxQM0BIt2XrJMDHJZBM5NuQmQJ==\n' },
    ]) {
      const run = await startRun({ ...bound, picker, eab });
      assert.match((await run.account.open(AbortSignal.timeout(30_000))).accountUrl ?? '', /my-account/);
      await run.close();
    }
    const bare = await startRun({ ...bound, picker });
    const wanted = wantedFor(bound, ['eab.example']);
    await assert.rejects(bare.issuer.preflight(wanted, AbortSignal.timeout(30_000)), code('eab-required'));
    await assert.rejects(bare.account.open(AbortSignal.timeout(30_000)), code('eab-required'));
    await bare.close();
    const wrong = await startRun({ ...bound, picker, eab: { kid: 'kid-1', hmac: 'AAAA' } });
    await assert.rejects(wrong.account.open(AbortSignal.timeout(30_000)), code('acme-problem'));
    await wrong.close();
    const garbled = await startRun({ ...bound, picker, eab: { kid: 'kid-1', hmac: 'secret key!' } });
    await assert.rejects(garbled.account.open(AbortSignal.timeout(30_000)), (error) => {
      assert.ok(isTscertError(error, 'request-invalid'));
      assert.ok(!JSON.stringify([error.message, error.data]).includes('secret'));
      return true;
    });
    await garbled.close();
    await bound.stop();
  });

  it('makes the order without "replaces" when the server says that the certificate is replaced already', async () => {
    const run = await startRun({ ...pebble, picker: () => createTestSolver(server) });
    const chain = await issue(run, ['ari.example']);
    await run.close();
    const certificate = new X509Certificate(chain);
    const { ariId } = await import('../acme/kit.js');
    const replaces = await ariId(certificate);
    for (const expected of [1, 2]) {
      const next = await startRun({ ...pebble, store: run.store, picker: () => createTestSolver(server), replaces });
      await pebble.settled();
      pebble.requests(true);
      const result = (await issue(next, ['ari.example'])) satisfies Issued['chain'];
      assert.match(result, /BEGIN CERTIFICATE/);
      await pebble.settled();
      assert.equal(pebble.requests().order, expected);
      await next.close();
    }
    assert.match(pebble.log(), /is a replacement of/);
  });

  it('issues for a known account that the server has forgotten by making it again with its key', async () => {
    const run = await startRun({ ...pebble, picker: () => createTestSolver(server) });
    await issue(run, ['before.example']);
    await run.close();
    const fresh = await startPebble({ dnsServer: server.dns });
    const [key = ''] = await (run.store as { list(kind: string): Promise<string[]> }).list('accounts');
    const record = (await run.store.get('accounts', key)) as { url: string };
    const next = await startRun({ ...fresh, store: run.store, picker: () => createTestSolver(server) });
    await next.account.open(AbortSignal.timeout(30_000));
    const keys = await (run.store as { list(kind: string): Promise<string[]> }).list('accounts');
    const other = keys.find((one) => one !== key) ?? '';
    const known = (await run.store.get('accounts', other)) as { url: string };
    await run.store.put('accounts', other, { ...known, url: `${new URL(fresh.directory).origin}${new URL(record.url).pathname}-gone` });
    await next.close();
    const third = await startRun({ ...fresh, store: run.store, picker: () => createTestSolver(server) });
    assert.match(await issue(third, ['after.example']), /BEGIN CERTIFICATE/);
    await third.close();
    await fresh.stop();
  });
});
