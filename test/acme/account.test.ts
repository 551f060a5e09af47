/** The account with an ACME server: made once, found again, re-keyed without a moment at which it could be lost. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { listAccounts } from '../../src/acme/account-record.js';
import { createMemoryStore } from '../../src/store/memory.js';
import type { Records, Store } from '../../src/store/store.js';
import { realClock } from '../support/clock.js';
import { type FaultyAcme, type Seen, startFaultyAcme } from '../support/faulty-acme.js';
import { type Pebble, startPebble, whyNoPebble } from '../support/pebble.js';
import { code, type Run, type RunOptions, startRun } from './kit.js';

interface Kept {
  readonly key: string;
  readonly url?: string;
  readonly candidate?: string;
}

const namesIn = (records: Records): Promise<string[]> => records.list('accounts');

describe('the ACME account', { skip: await whyNoPebble() }, () => {
  let pebble: Pebble;
  let acme: FaultyAcme;
  let runs: Run[];
  before(async () => {
    pebble = await startPebble();
  });
  after(() => pebble?.stop());
  beforeEach(async () => {
    acme = await startFaultyAcme(pebble);
    runs = [];
  });
  afterEach(async () => {
    for (const run of runs) await run.close();
    await acme.stop();
  });
  const start = async (more: Partial<RunOptions> = {}): Promise<Run> => {
    const run = await startRun({ ...acme, picker: () => undefined, speed: 20, ...more });
    runs.push(run);
    return run;
  };
  const signal = AbortSignal.timeout(120_000);
  const made = (): Seen[] => acme.seen.filter(({ path, payload }) => path === '/sign-me-up' && payload.onlyReturnExisting !== true);
  const kept = async (store: Store): Promise<Kept> => {
    const [name = ''] = await namesIn(store);
    return (await store.get('accounts', name)) as unknown as Kept;
  };
  const patch = async (store: Store, change: (record: Kept) => Kept): Promise<void> => {
    const [name = ''] = await namesIn(store);
    await store.put('accounts', name, { ...change(await kept(store)) } as never);
  };
  const newKey = (): string =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

  it('is made once by two runs at once, and by many lines of one', async () => {
    const store = createMemoryStore({ clock: realClock });
    const [one, two] = [await start({ store }), await start({ store })];
    const signers = await Promise.all([one, two, one, two].map((run) => run.account.open(signal)));
    assert.equal(new Set(signers.map(({ accountUrl }) => accountUrl)).size, 1);
    assert.equal(made().length, 1);
  });

  it('has its key on stable storage before the server hears of it, and is found again by it after a kill', async () => {
    const run = await start();
    acme.rule = ({ path }) => (path === '/sign-me-up' ? { kind: 'lose' } : undefined);
    await assert.rejects(run.account.open(signal));
    const { key, url } = await kept(run.store);
    assert.match(key, /PRIVATE KEY/);
    assert.equal(url, undefined);
    acme.rule = () => undefined;
    const before = made().length;
    const next = await start({ store: run.store });
    assert.match((await next.account.open(signal)).accountUrl ?? '', /my-account/);
    assert.equal(made().length, before);
  });

  it('is another one for another e-mail, and the same one for the same e-mail in other letters', async () => {
    const store = createMemoryStore({ clock: realClock });
    const url = async (email: string): Promise<string | undefined> =>
      (await (await start({ store, email })).account.open(signal)).accountUrl;
    const first = await url('a@example.com');
    assert.equal(await url('A@Example.com'), first);
    assert.notEqual(await url('b@example.com'), first);
    assert.deepEqual(
      (await listAccounts(store, acme.directory)).map(({ email }) => email),
      ['a@example.com', 'b@example.com'],
    );
    assert.deepEqual(await listAccounts(store, 'https://other.example/dir'), []);
  });

  it('is not made without a yes to the terms, nor managed where there is none', async () => {
    const run = await start({ agreeTos: false });
    await assert.rejects(run.account.open(signal), code('terms-not-agreed'));
    assert.deepEqual(await namesIn(run.store), []);
    for (const act of [run.account.show, run.account.rollover, run.account.deactivate])
      await assert.rejects(act(signal), code('account-unknown'));
    assert.equal(made().length, 0);
  });

  it('gets a new key, and the old one is of no use any more', async () => {
    const run = await start();
    await run.account.open(signal);
    const old = await kept(run.store);
    const before = await run.account.show(signal);
    const after = await run.account.rollover(signal);
    assert.equal(after.url, before.url);
    assert.notEqual(after.thumbprint, before.thumbprint);
    const now = await kept(run.store);
    assert.equal(now.candidate, undefined);
    assert.notEqual(now.key, old.key);
    const stale = await run.session.signer(old.key, old.url);
    await assert.rejects(stale.post(old.url ?? '', null, { doing: 'look', signal }));
    assert.equal((await run.account.open(signal)).accountUrl, before.url);
  });

  it('keeps the new key beside the old one before the change is asked for', async () => {
    const run = await start();
    await run.account.open(signal);
    let seen: Kept | undefined;
    const { put } = run.store;
    const watched: Store = {
      ...run.store,
      put: async (kind, key, value) => {
        await put(kind, key, value);
        if (acme.seen.every(({ path }) => path !== '/rollover-account-key')) seen = value as unknown as Kept;
      },
    };
    const next = await start({ store: watched });
    await next.account.rollover(signal);
    assert.match(seen?.candidate ?? '', /PRIVATE KEY/);
    assert.equal(seen?.candidate, (await kept(run.store)).key);
  });

  it('is found by whichever key the server has after a kill in the middle of a key change', async () => {
    const run = await start();
    const url = (await run.account.open(signal)).accountUrl;
    // Killed before the server heard of the change.
    await patch(run.store, (record) => ({ ...record, candidate: newKey() }));
    const { candidate: _, ...before } = await kept(run.store);
    assert.equal((await (await start({ store: run.store })).account.open(signal)).accountUrl, url);
    assert.deepEqual(await kept(run.store), before);
  });

  it('is not lost when the answer to a key change is', async () => {
    const run = await start();
    const url = (await run.account.open(signal)).accountUrl;
    acme.rule = ({ path }) => (path === '/rollover-account-key' ? { kind: 'lose' } : undefined);
    const before = await kept(run.store);
    await run.account.rollover(signal).catch(() => undefined);
    acme.rule = () => undefined;
    const next = await start({ store: run.store });
    assert.equal((await next.account.show(signal)).url, url);
    assert.equal((await next.account.open(signal)).accountUrl, url);
    const now = await kept(run.store);
    assert.deepEqual([now.candidate, now.key === before.key], [undefined, false]);
  });

  it('keeps its key when the server refuses the change', async () => {
    const run = await start();
    await run.account.open(signal);
    const before = await kept(run.store);
    const body = JSON.stringify({ type: 'urn:ietf:params:acme:error:badPublicKey', detail: 'no', status: 400 });
    acme.rule = ({ path }) =>
      path === '/rollover-account-key'
        ? { kind: 'answer', answer: { status: 400, headers: { 'content-type': 'application/problem+json' }, body } }
        : undefined;
    await assert.rejects(run.account.rollover(signal), code('acme-problem'));
    assert.deepEqual(await kept(run.store), before);
  });

  it('moves to its new e-mail, also when a run was cut off in between', async () => {
    const run = await start({ email: 'old@example.com' });
    const url = (await run.account.open(signal)).accountUrl;
    const cut: Store = { ...run.store, delete: () => Promise.reject(new Error('killed')) };
    await assert.rejects((await start({ store: cut, email: 'old@example.com' })).account.updateEmail('new@example.com', signal), /killed/);
    assert.equal((await listAccounts(run.store, acme.directory)).length, 1);
    const { contact } = await (await start({ store: run.store, email: 'old@example.com' })).account.updateEmail('new@example.com', signal);
    assert.deepEqual(contact, ['mailto:new@example.com']);
    assert.equal((await (await start({ store: run.store, email: 'new@example.com' })).account.open(signal)).accountUrl, url);
    assert.equal((await namesIn(run.store)).length, 1);
  });

  it('is ended and forgotten, also when the answer is lost', async () => {
    const run = await start();
    await run.account.open(signal);
    acme.rule = ({ path, payload }, earlier) =>
      path.startsWith('/my-account/') && payload.status === 'deactivated' && earlier === 0 ? { kind: 'lose' } : undefined;
    assert.equal((await run.account.deactivate(signal)).status, 'deactivated');
    assert.deepEqual(await namesIn(run.store), []);
  });

  it('shows what it is bound to', async () => {
    const hmac = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W';
    const bound = await startPebble({ eab: { 'kid-1': hmac } });
    const run = await start({ ...bound, eab: { kid: 'kid-1', hmac } });
    await run.account.open(signal);
    assert.equal((await run.account.show(signal)).eab, 'kid-1');
    await run.close();
    await bound.stop();
  });
});
