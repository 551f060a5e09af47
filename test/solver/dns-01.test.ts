import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Challenge, Solver, SolverContext } from '../../src/acme/solver.js';
import { TscertError } from '../../src/base/errors.js';
import type { Event } from '../../src/base/events.js';
import { createGathering } from '../../src/base/gathering.js';
import type { Json } from '../../src/base/json.js';
import { createBatch } from '../../src/dns/batch.js';
import { createPropagation } from '../../src/dns/propagation.js';
import type { Change, DnsProvider, TxtRecord } from '../../src/dns/provider.js';
import { createZones } from '../../src/dns/zones.js';
import { createDnsClient } from '../../src/net/dns.js';
import { parseServer } from '../../src/net/dns-address.js';
import { createResolver } from '../../src/net/resolver.js';
import { createDns01Solver } from '../../src/solver/dns-01.js';
import { realClock } from '../support/clock.js';
import { type DnsServer, type ServedRecord, startDnsServer, zone } from '../support/dns-server.js';

const apex: Challenge = {
  type: 'dns-01',
  identifier: { type: 'dns', value: 'example.com' },
  wildcard: false,
  token: 'token-apex',
  keyAuthorization: 'token-apex.thumb',
  digest: 'digest-apex',
};
const wildcard: Challenge = { ...apex, wildcard: true, token: 'token-wild', keyAuthorization: 'token-wild.thumb', digest: 'digest-wild' };
const fqdn = '_acme-challenge.example.com';

interface World extends AsyncDisposable {
  readonly dns: DnsServer;
  readonly changes: Change[];
  /** What happened, in its order. */
  readonly story: string[];
  readonly notes: Map<Challenge, Json>;
  readonly context: SolverContext;
  solver(more?: Partial<DnsProvider>, timeout?: number): Solver;
}

/** Real DNS on loopback, and a provider that changes what it serves. */
async function world(records: readonly ServedRecord[] = []): Promise<World> {
  const zones = [zone('example.com', ['127.0.0.1'], records), zone('validation.net')];
  const dns = await startDnsServer({ zones });
  const recursive = await startDnsServer({ zones, recursive: true });
  const changes: Change[] = [];
  const story: string[] = [];
  const notes = new Map<Challenge, Json>();
  const events: Event[] = [];
  const emit = (event: Event): void => void events.push(event);
  const provider: DnsProvider = {
    name: 'memory',
    zones: async () => [
      { name: 'example.com', id: 'Z1' },
      { name: 'validation.net', id: 'Z2' },
    ],
    async change(where, change) {
      story.push(`change ${where.id} +${change.add.map(({ value }) => value).join()} -${change.remove.map(({ value }) => value).join()}`);
      changes.push(change);
      for (const { name, value } of change.add) dns.addTxt(name, value);
      for (const { name, value } of change.remove) dns.removeTxt(name, value);
      return change.add.map((record) => ({ ...record, id: `id-${record.value}` }));
    },
  };
  const client = createDnsClient();
  const resolver = createResolver({ client, servers: [parseServer(recursive.address)] });
  return {
    dns,
    changes,
    story,
    notes,
    context: {
      signal: new AbortController().signal,
      emit,
      remember: async (challenge, note) => {
        story.push(`remember ${challenge.digest}`);
        notes.set(challenge, structuredClone(JSON.parse(JSON.stringify(note))));
      },
    },
    solver(more = {}, timeout = 60_000) {
      const batch = createBatch({
        provider: { ...provider, ...more },
        clock: realClock,
        random: () => 0.5,
        gathering: createGathering(),
        emit,
      });
      const propagation = createPropagation({
        dnsOptions: { resolvers: [], nameservers: [], check: 'authoritative', timeout },
        resolver,
        client,
        clock: realClock,
        emit,
        port: dns.port,
      });
      return createDns01Solver({ batch, zones: createZones({ resolver }), propagation });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([dns.close(), recursive.close()]);
    },
  };
}

test('wildcard and apex of one name stand together in one change, are seen, and go together', async () => {
  await using here = await world();
  const { context, notes, dns, changes } = here;
  dns.addTxt(fqdn, 'of somebody else');
  const solver = here.solver();
  const both = [apex, wildcard];
  await Promise.all(both.map((challenge) => solver.present(challenge, context)));
  await Promise.all(both.map((challenge) => solver.check?.(challenge, context)));
  assert.deepEqual(
    dns.txt(),
    ['digest-apex', 'digest-wild', 'of somebody else'].map((value) => `${fqdn} ${value}`),
  );
  await Promise.all(both.map((challenge) => solver.cleanUp(challenge, notes.get(challenge), context)));
  assert.deepEqual(dns.txt(), [`${fqdn} of somebody else`]);
  assert.deepEqual(
    changes.map(({ add, remove }) => [add.length, remove.length]),
    [
      [2, 0],
      [0, 2],
    ],
  );
});

test('the note is on stable storage before the change, and once more with the id that the provider gave', async () => {
  await using here = await world();
  await here.solver().present(apex, here.context);
  assert.deepEqual(here.story, ['remember digest-apex', 'change Z1 +digest-apex -', 'remember digest-apex']);
  assert.deepEqual(here.notes.get(apex), {
    provider: 'memory',
    zone: { name: 'example.com', id: 'Z1' },
    name: fqdn,
    value: 'digest-apex',
    id: 'id-digest-apex',
  });
});

test('when the note cannot be kept nothing is changed', async () => {
  await using here = await world();
  const full = new Error('disk full');
  await assert.rejects(here.solver().present(apex, { ...here.context, remember: () => Promise.reject(full) }), full);
  assert.deepEqual(here.changes, []);
});

test('a later process cleans up from the note alone: exact value and id, no look-up', async () => {
  await using here = await world();
  await here.solver().present(apex, here.context);
  const note = here.notes.get(apex);
  const asked = here.dns.queries.length;
  await here.solver({ zones: () => Promise.reject(new Error('not asked')) }).cleanUp(apex, note, here.context);
  assert.deepEqual(here.changes.at(-1), {
    add: [],
    remove: [{ name: fqdn, value: 'digest-apex', id: 'id-digest-apex' }] satisfies TxtRecord[],
  });
  assert.equal(here.dns.queries.length, asked);
  await here.solver().cleanUp(apex, note, here.context);
  await here.solver().cleanUp(apex, undefined, here.context);
  assert.deepEqual(here.dns.txt(), []);
});

test('the value goes where the alias of the name points', async () => {
  await using here = await world([{ name: fqdn, type: 'CNAME', data: 'x.validation.net' }]);
  const solver = here.solver();
  await solver.present(apex, here.context);
  await solver.check?.(apex, here.context);
  assert.deepEqual(here.dns.txt(), ['x.validation.net digest-apex']);
  assert.equal(here.story[1], 'change Z2 +digest-apex -');
});

test('presenting twice is fine', async () => {
  await using here = await world();
  const solver = here.solver();
  await solver.present(apex, here.context);
  await solver.present(apex, here.context);
  await solver.cleanUp(apex, here.notes.get(apex), here.context);
  assert.deepEqual(here.dns.txt(), []);
});

test('a value that does not become visible ends at the deadline; with a person at work it is pending', async () => {
  await using here = await world();
  const change = async (): Promise<readonly TxtRecord[]> => [];
  await assert.rejects(here.solver({ change }, 400).check?.(apex, here.context) ?? Promise.resolve(), { code: 'propagation-timeout' });
  const manual = here.solver({ change, manual: true }, 400);
  await assert.rejects(manual.check?.(apex, here.context) ?? Promise.resolve(), (error: unknown) => {
    assert.ok(error instanceof TscertError);
    assert.equal(error.code, 'manual-pending');
    assert.deepEqual(error.data.records, [{ name: fqdn, value: 'digest-apex' }]);
    return true;
  });
});

test('the provider’s own word is asked once for all values of a change', async () => {
  await using here = await world();
  let asked = 0;
  const solver = here.solver({
    settled: async (where) => {
      assert.equal(where.id, 'Z1');
      asked++;
    },
  });
  await Promise.all([apex, wildcard].map((challenge) => solver.present(challenge, here.context)));
  await Promise.all([apex, wildcard].map((challenge) => solver.check?.(challenge, here.context)));
  assert.equal(asked, 1);
});

test('notes of another provider and notes that are not whole are refused', async () => {
  await using here = await world();
  const solver = here.solver();
  const note = { provider: 'other', zone: { name: 'example.com' }, name: fqdn, value: 'x' };
  await assert.rejects(solver.cleanUp(apex, note, here.context), { code: 'solver-missing' });
  for (const broken of [null, 7, 'x', [], {}, { ...note, provider: 'memory', zone: 'example.com' }, { ...note, value: 1 }]) {
    await assert.rejects(solver.cleanUp(apex, broken, here.context), { code: 'store-damaged' }, JSON.stringify(broken));
  }
  assert.deepEqual(here.changes, []);
});

test('an aborted line rejects with the reason, and its clean-up works', async () => {
  await using here = await world();
  const abort = new AbortController();
  const solver = here.solver({
    zones: async () => {
      abort.abort(new Error('enough'));
      return [{ name: 'example.com', id: 'Z1' }];
    },
  });
  await assert.rejects(solver.present(apex, { ...here.context, signal: abort.signal }), /enough/);
  assert.deepEqual(here.changes, []);
  await solver.cleanUp(apex, here.notes.get(apex), here.context);
  assert.deepEqual(here.dns.txt(), []);
});
