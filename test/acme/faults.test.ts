/** A CA behind a bad line: every answer lost, doubled, delayed, refused for the moment or garbled, and the certificate comes all the same. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import { openJournal } from '../../src/store/journal.js';
import { type Fault, type FaultyAcme, problem, type Seen, startFaultyAcme } from '../support/faulty-acme.js';
import { type ChallengeServer, type Pebble, startChallengeServer, startPebble, whyNoPebble } from '../support/pebble.js';
import { code, createTestSolver, issue, makeCsr, type Run, type RunOptions, startRun, wantedFor } from './kit.js';

const ROUTES = {
  directory: '/dir',
  'new nonce': '/nonce-plz',
  'new account': '/sign-me-up',
  'new order': '/order-plz',
  authorization: '/authZ/',
  challenge: '/chalZ/',
  order: '/my-order/',
  finalize: '/finalize-order/',
  certificate: '/certZ/',
} as const;

const FAULTS: Readonly<Record<string, Fault>> = {
  'is lost': { kind: 'lose' },
  'is cut off before it is heard': { kind: 'reset' },
  'is doubled': { kind: 'double' },
  'is late': { kind: 'delay', milliseconds: 300 },
  'is a 429 with Retry-After': problem(429, 'rateLimited', 'slow down', { 'retry-after': '1' }),
  'is a 503 with Retry-After': { kind: 'answer', answer: { status: 503, headers: { 'retry-after': '1' }, body: '' } },
  'is a 500': problem(500, 'serverInternal', 'oops'),
  'is a 502 in HTML': { kind: 'answer', answer: { status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>Bad Gateway</h1>' } },
};

const GARBLED: Readonly<Record<string, Fault>> = {
  'cut off JSON': { kind: 'change', change: (answer) => ({ ...answer, body: answer.body.slice(0, answer.body.length / 2) }) },
  'an empty body': { kind: 'change', change: (answer) => ({ ...answer, body: '' }) },
  HTML: { kind: 'answer', answer: { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>Welcome to the hotel</html>' } },
  'JSON of another kind': { kind: 'change', change: (answer) => ({ ...answer, body: '[{"status":"valid"}]' }) },
};

describe('ACME over a bad line', { skip: await whyNoPebble() }, () => {
  let server: ChallengeServer;
  let pebble: Pebble;
  let acme: FaultyAcme;
  before(async () => {
    server = await startChallengeServer();
    pebble = await startPebble({ dnsServer: server.dns });
  });
  after(async () => {
    await pebble?.stop();
    await server?.stop();
  });
  beforeEach(async () => {
    acme = await startFaultyAcme(pebble);
  });
  afterEach(() => acme.stop());
  const solver = (): ReturnType<typeof createTestSolver> => createTestSolver(server);
  const start = (more: Partial<RunOptions> = {}): Promise<Run> => startRun({ ...acme, picker: solver, validationLimit: 20_000, ...more });
  /** The fault happens to the first request to a route. */
  const once = (prefix: string, fault: Fault): void => {
    let isDone = false;
    acme.rule = ({ path }) => {
      if (isDone || !path.startsWith(prefix)) return undefined;
      isDone = true;
      return fault;
    };
  };
  const count = (prefix: string): number => acme.seen.filter(({ path }) => path.startsWith(prefix)).length;
  let serial = 0;
  const fresh = (): string => `n${++serial}.faults.example`;

  for (const [what, prefix] of Object.entries(ROUTES)) {
    for (const [how, fault] of Object.entries(FAULTS)) {
      it(`issues when the answer for the ${what} ${how}`, async () => {
        once(prefix, fault);
        const mine = solver();
        const run = await start({ speed: 20, picker: () => mine });
        const name = fresh();
        assert.equal(new X509Certificate(await issue(run, [name, `*.${name}`])).subjectAltName?.split(', ').length, 2);
        assert.deepEqual([mine.standing.size, count('/sign-me-up') <= 3], [0, true]);
        const nonces = acme.seen.flatMap(({ header }) => (typeof header.nonce === 'string' ? header.nonce : []));
        assert.equal(new Set(nonces).size, nonces.length, 'a nonce was sent twice');
        await run.close();
      });
    }
    for (const [how, fault] of Object.entries(GARBLED)) {
      if (what === 'new nonce' || (what === 'certificate' && how === 'JSON of another kind')) continue;
      it(`says what came for the ${what} when it is ${how}, and goes on in the next run`, async () => {
        once(prefix, fault);
        const mine = solver();
        const run = await start({ speed: 20, picker: () => mine });
        const names = [fresh()];
        const wanted = wantedFor(acme, names);
        const csr = await makeCsr(names);
        const first = await run.issuer.sign(csr, wanted, run.line()).catch((error: unknown) => error);
        if (first instanceof Error) {
          assert.ok(isTscertError(first, 'response-invalid'), String(first));
          assert.match(first.message, /^Cannot .*: (https:\/\/localhost|it holds no certificate|.*chain)/);
        } else assert.ok(['new account', 'challenge', 'certificate'].includes(what), 'nothing was noticed');
        assert.equal(mine.standing.size, 0);
        await run.close();
        const next = await start({ store: run.store, picker: () => mine });
        assert.equal((await next.issuer.sign(csr, wanted, next.line())).state, 'issued');
        await next.issuer.abandon(wanted.name, next.line());
        assert.deepEqual([mine.standing.size, await next.store.get('journal', wanted.name)], [0, undefined]);
        await next.close();
      });
    }
  }

  it('gives every retry a fresh nonce, and takes the one that a refusal brings', async () => {
    acme.rule = ({ path }, earlier) =>
      path === '/order-plz' && earlier < 3 ? problem(429, 'rateLimited', 'wait', { 'retry-after': '0' }) : undefined;
    const run = await start({ speed: 20 });
    await issue(run, [fresh()]);
    const tries = acme.seen.filter(({ path }) => path === '/order-plz').map(({ header }) => header.nonce);
    assert.equal(new Set(tries).size, 4);
    await run.close();
  });

  it('does not wait for a Retry-After of a day, but says when', async () => {
    acme.rule = ({ path }) =>
      path === '/order-plz' ? problem(429, 'rateLimited', 'too many certificates', { 'retry-after': '86400' }) : undefined;
    const run = await start();
    await assert.rejects(issue(run, [fresh()]), (error) => {
      assert.ok(isTscertError(error, 'rate-limited'));
      assert.match(error.message, /too many certificates/);
      const at = Date.parse(String(error.data.retryAt));
      assert.ok(at > Date.now() + 86_000_000 && at < Date.now() + 87_000_000);
      return true;
    });
    assert.equal(count('/order-plz'), 1);
    await run.close();
  });

  it('gives up after five tries', async () => {
    acme.rule = ({ path }) => (path === '/order-plz' ? problem(500, 'serverInternal', 'down') : undefined);
    const run = await start({ speed: 50 });
    await assert.rejects(issue(run, [fresh()]), code('acme-problem'));
    assert.equal(count('/order-plz'), 5);
    await run.close();
  });

  it('tells subproblems with their names', async () => {
    const sub = {
      type: 'urn:ietf:params:acme:error:rejectedIdentifier',
      detail: 'forbidden',
      identifier: { type: 'dns', value: 'bad.example' },
    };
    const body = JSON.stringify({ type: 'urn:ietf:params:acme:error:compound', detail: 'some names', status: 403, subproblems: [sub] });
    acme.rule = ({ path }) =>
      path === '/order-plz'
        ? { kind: 'answer', answer: { status: 403, headers: { 'content-type': 'application/problem+json' }, body } }
        : undefined;
    const run = await start();
    await assert.rejects(issue(run, [fresh()]), (error) => {
      assert.ok(isTscertError(error, 'acme-problem'));
      assert.match(error.message, /bad\.example: forbidden \(rejectedIdentifier\)/);
      assert.deepEqual((error.data.problem as { subproblems: unknown }).subproblems, [sub]);
      return true;
    });
    await run.close();
  });

  const changed = (prefix: string, change: (body: Record<string, unknown>, seen: Seen) => Record<string, unknown>): void => {
    acme.rule = (seen) =>
      seen.path.startsWith(prefix)
        ? { kind: 'change', change: (answer) => ({ ...answer, body: JSON.stringify(change(JSON.parse(answer.body), seen)) }) }
        : undefined;
  };

  it('stops before an order for other names', async () => {
    changed('/order-plz', (body) => ({ ...body, identifiers: [{ type: 'dns', value: 'other.example' }] }));
    const mine = solver();
    const run = await start({ picker: () => mine });
    await assert.rejects(issue(run, [fresh()]), code('identifiers-differ'));
    assert.deepEqual(mine.calls, []);
    await run.close();
  });

  it('proves no name that it was not asked for', async () => {
    changed('/authZ/', (body) => ({ ...body, identifier: { type: 'dns', value: 'other.example' } }));
    const mine = solver();
    const run = await start({ picker: () => mine });
    await assert.rejects(issue(run, [fresh()]), code('identifiers-differ'));
    assert.deepEqual(mine.calls, []);
    await run.close();
  });

  it('takes names in another case for the same, and relative URLs', async () => {
    const path = (url: unknown): string => new URL(String(url)).pathname;
    changed('/order-plz', (body) => ({
      ...body,
      identifiers: (body.identifiers as { type: string; value: string }[]).map(({ type, value }) => ({ type, value: value.toUpperCase() })),
      authorizations: (body.authorizations as string[]).map(path),
      finalize: path(body.finalize),
    }));
    const run = await start();
    await issue(run, [fresh()]);
    await run.close();
  });

  it('follows alternate chains whose links are relative', async () => {
    const two = await startPebble({ dnsServer: server.dns, alternateRoots: 1 });
    const proxy = await startFaultyAcme(two);
    proxy.rule = ({ path }) =>
      path.startsWith('/certZ/')
        ? {
            kind: 'change',
            change: (answer) => ({
              ...answer,
              headers: { ...answer.headers, link: answer.headers.link?.replaceAll(/<https:\/\/[^/>]+/g, '<') ?? '' },
            }),
          }
        : undefined;
    const run = await startRun({ ...proxy, picker: solver });
    const preferredChain = /CN=(.*)/.exec(new X509Certificate(await two.root(1)).subject)?.[1] ?? '';
    await issue(run, [fresh()], { preferredChain });
    assert.deepEqual(
      run.events.filter(({ type }) => type === 'warning'),
      [],
    );
    await run.close();
    await proxy.stop();
    await two.stop();
  });

  it('waits for a slow finalize, with pauses that grow from a quarter of a second to five', async () => {
    let asked = 0;
    acme.rule = ({ path }) => {
      const isOrder = path.startsWith('/my-order/') || path.startsWith('/finalize-order/');
      if (!isOrder) return undefined;
      return {
        kind: 'change',
        change: (answer) => {
          const body = JSON.parse(answer.body);
          const isHeld = body.status === 'valid' && ++asked < 15;
          const { 'retry-after': _, ...headers } = answer.headers;
          return isHeld
            ? { ...answer, headers, body: JSON.stringify({ ...body, status: 'processing', certificate: undefined }) }
            : { ...answer, headers };
        },
      };
    };
    const run = await start({ speed: 40 });
    await issue(run, [fresh()]);
    const pauses = run.events.flatMap((event) =>
      event.type === 'waiting' && event.what === 'the certificate' ? Math.round(event.milliseconds) : [],
    );
    assert.deepEqual(pauses.slice(0, 4), [250, 325, 423, 549]);
    assert.equal(Math.max(...pauses), 5_000);
    await run.close();
  });

  for (const [state, cut] of [
    ['ready', '/finalize-order/'],
    ['valid', '/certZ/'],
  ] as const) {
    it(`goes on with the same order after a kill when it is ${state}`, async () => {
      acme.rule = ({ path }) => (path.startsWith(cut) ? problem(500, 'serverInternal', 'down') : undefined);
      const run = await start({ speed: 50 });
      const names = [fresh()];
      const [csr, wanted] = [await makeCsr(names), wantedFor(acme, names)];
      await assert.rejects(run.issuer.sign(csr, wanted, run.line()), code('acme-problem'));
      await run.close();
      acme.rule = () => undefined;
      acme.seen.length = 0;
      const next = await start({ store: run.store });
      assert.equal((await next.issuer.sign(csr, wanted, next.line())).state, 'issued');
      assert.deepEqual([count('/order-plz'), count('/chalZ/'), count('/finalize-order/')], [0, 0, state === 'ready' ? 1 : 0]);
      await next.close();
    });
  }

  for (const [how, fault] of [
    ['is not there any more', problem(404, 'malformed', 'no such order')],
    [
      'is expired',
      { kind: 'change', change: (answer) => ({ ...answer, body: JSON.stringify({ ...JSON.parse(answer.body), status: 'invalid' }) }) },
    ],
  ] as const satisfies readonly (readonly [string, Fault])[]) {
    it(`starts anew when the order of a killed run ${how}, and cleans up after it`, async () => {
      const mine = solver();
      const killed = new Error('killed');
      const controller = new AbortController();
      const stuck = {
        ...mine,
        check: async () => {
          controller.abort(killed);
          throw killed;
        },
        cleanUp: () => Promise.reject(new Error('nobody is there to clean up')),
      };
      const run = await start({ picker: () => stuck });
      const names = [fresh()];
      const [csr, wanted] = [await makeCsr(names), wantedFor(acme, names)];
      await assert.rejects(run.issuer.sign(csr, wanted, run.line(controller.signal)), killed);
      await run.close();
      assert.equal(mine.standing.size, 1);
      const old = (await openJournal(run.store, wanted.name)).order?.url;
      acme.rule = ({ path }) => (old?.endsWith(path) === true ? fault : undefined);
      const next = await start({ store: run.store, picker: () => mine });
      assert.equal((await next.issuer.sign(csr, wanted, next.line())).state, 'issued');
      await next.issuer.abandon(wanted.name, next.line());
      assert.deepEqual([mine.standing.size, await next.store.get('journal', wanted.name)], [0, undefined]);
      assert.equal(count('/order-plz'), 2);
      await next.close();
    });
  }
});
