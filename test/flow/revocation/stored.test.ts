/** What `renew` finds out about stored certificates: asked when it is time, remembered, due when revoked; staples kept fresh. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import type { Event } from '../../../src/base/events.js';
import { parseName } from '../../../src/base/names.js';
import { checksDue } from '../../../src/flow/glance.js';
import { knownOf, withKnown } from '../../../src/flow/known.js';
import { isStapleThere } from '../../../src/flow/revocation/staple.js';
import { checkStored, stapleNew } from '../../../src/flow/revocation/stored.js';
import { dueOf, findStored, revocationOf } from '../../../src/flow/stored.js';
import { createGuardedHttp } from '../../../src/net/guarded.js';
import { encodePrivateKey } from '../../../src/pki/key.js';
import { checkOcspResponse } from '../../../src/pki/ocsp-verdict.js';
import { metaOf } from '../../../src/policy/meta.js';
import type { CertificateRequest, RevocationRequest } from '../../../src/request/request.js';
import { isCompromised } from '../../../src/store/compromised.js';
import { nodeFileSystem } from '../../../src/store/files.js';
import { readLedger } from '../../../src/store/ledger.js';
import { createMemoryStore } from '../../../src/store/memory.js';
import { readRevoked } from '../../../src/store/revoked.js';
import { createCrl } from '../../pki/crl-builder.js';
import { HOUR, TODAY } from '../../pki/ocsp-world.js';
import { keyOf, type Party, type PartySpec } from '../../pki/support.js';
import { requestFor } from '../generations.js';
import { errorReply, respondingCa, startRevocationServer } from './world.js';

const DAY = 24 * HOUR;
const ISSUER = 'acme:https://ca.test/directory';
const server = await startRevocationServer();
const http = createGuardedHttp({ proxy: {}, userAgent: 'tscert-test', allowPrivate: true });
const folder = mkdtempSync(path.join(tmpdir(), 'tscert-stored-'));
after(async () => {
  http.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => server.asked.splice(0));

let made = 0;

/** A store with certificates of a CA that answers, and a clock that is set by hand. */
function createWorld() {
  const time = { now: TODAY };
  const clock = { now: () => time.now, sleep: async () => undefined };
  const store = createMemoryStore({ clock });
  const own = respondingCa(server, `stored-${++made}`, TODAY, { key: keyOf('ec256') });
  const events: { name: string; event: Event }[] = [];
  const notes: string[] = [];
  const revocation = { isThere: (file: string) => isStapleThere(file, nodeFileSystem) };
  const put = async (name: string, spec: PartySpec = {}, wanted: Partial<RevocationRequest> = {}) => {
    const asked = { names: [parseName('www.test')], commonName: name };
    const request: CertificateRequest = {
      ...requestFor({ name, spec: asked }),
      revocation: { check: true, allowPrivate: true, ...wanted },
    };
    const leaf = own.leaf(name, { names: [parseName('www.test')], ...spec });
    const meta = withKnown(metaOf(request, ISSUER), leaf.certificate);
    const bundle = { privateKey: encodePrivateKey(leaf.key), certificate: leaf.pem, chain: own.ca.pem, meta };
    return { request, leaf, stored: await store.save(name, bundle) };
  };
  const parts = {
    ...{ store, clock, fs: nodeFileSystem, signal: new AbortController().signal, sources: () => ({ http }) },
    emitFor: (name: string) => (event: Event) => void events.push({ name, event }),
    note: (message: string) => void notes.push(message),
  };
  /** As a run of `renew` does it; gives the names about which it was time to ask. */
  const look = async (...requests: readonly CertificateRequest[]): Promise<string[]> => {
    const due = await checksDue(requests, { store, clock, revocation });
    await checkStored(due, parts);
    return due.map(({ name }) => name);
  };
  const due = async (request: CertificateRequest) => {
    const found = await findStored(request.name, store);
    const whole = found?.state === 'whole' ? found : undefined;
    const told = revocationOf(whole, await readLedger(request.name, store));
    return dueOf(found, request, {}, { issuerKey: ISSUER, now: time.now, ...(told === undefined ? {} : { revocation: told }) })?.reason;
  };
  const state = (leaf: Party, reason?: number): void =>
    void own.states.set(leaf.certificate.serialNumber, { at: TODAY - HOUR, ...(reason === undefined ? {} : { reason }) });
  return { time, store, own, events, notes, put, look, due, state, parts };
}

type World = ReturnType<typeof createWorld>;
const checkOf = async ({ store }: World, name: string) => (await readLedger(name, store)).revocationCheck;

describe('when it is asked', () => {
  test('once, then a day later; many of one CA in one question', async () => {
    const world = createWorld();
    const all = await Promise.all(['a', 'b', 'c'].map((name) => world.put(name)));
    const requests = all.map(({ request }) => request);
    assert.deepEqual(await world.look(...requests), ['a', 'b', 'c']);
    assert.deepEqual(
      server.asked.map(({ ids }) => ids.length),
      [3],
    );
    assert.deepEqual(await world.look(...requests), []);
    world.time.now += DAY + 1;
    assert.deepEqual(await world.look(...requests), ['a', 'b', 'c']);
    assert.equal((await checkOf(world, 'a'))?.status, 'good');
  });

  test('not of those that name nobody, nor where it is switched off; of a new certificate at once', async () => {
    const world = createWorld();
    const silent = await world.put('silent', { ocspUrls: [] });
    const off = await world.put('off', {}, { check: false });
    const { request } = await world.put('www');
    assert.deepEqual(await world.look(silent.request, off.request, request), ['www']);
    await world.put('www');
    assert.deepEqual(await world.look(silent.request, off.request, request), ['www']);
    assert.equal(knownOf(silent.leaf.certificate).isRevocable, false);
  });

  test('six hours after a failure, which is a note and no more, one line for all', async () => {
    const world = createWorld();
    const all = await Promise.all(['a', 'b'].map((name) => world.put(name)));
    server.on(new URL(world.own.url).pathname, () => errorReply(6));
    const requests = all.map(({ request }) => request);
    await world.look(...requests);
    assert.equal(world.notes.length, 1);
    assert.match(world.notes[0] ?? '', /^whether 2 certificates were revoked could not be told: .*unauthorized/);
    const check = await checkOf(world, 'a');
    assert.deepEqual([check?.status, Date.parse(check?.checkAt ?? '') - world.time.now], ['unchecked', 6 * HOUR]);
    assert.deepEqual(await world.look(...requests), []);
    world.time.now += 6 * HOUR;
    assert.deepEqual(await world.look(...requests), ['a', 'b']);
    const [first] = requests;
    assert.equal(first && (await world.due(first)), undefined);
  });

  test('a time that a wrong clock wrote far ahead does not keep anybody from asking', async () => {
    const world = createWorld();
    const { request } = await world.put('www');
    world.time.now += 3 * DAY;
    await world.look(request);
    world.time.now = TODAY;
    assert.deepEqual(await world.look(request), ['www']);
  });

  test('what is damaged, or locked by another run, is left to its line', async () => {
    const world = createWorld();
    const [one, two] = [await world.put('one'), await world.put('two')];
    await world.store.put('ledger', 'certificate:one', { version: 1, events: 'none' });
    const lock = await world.store.lock('certificate:two', { wait: 0, signal: world.parts.signal });
    assert.deepEqual(await world.look(one.request, two.request), ['two']);
    await lock.release();
    assert.equal(await checkOf(world, 'two'), undefined);
    assert.deepEqual(await world.look(two.request), ['two']);
    assert.equal((await checkOf(world, 'two'))?.status, 'good');
  });
});

describe('one that was revoked', () => {
  test('is due at once by OCSP, for each reason; a compromised key is marked for good', async () => {
    for (const [number, reason] of [
      [0, 'unspecified'],
      [1, 'keyCompromise'],
      [4, 'superseded'],
      [6, 'certificateHold'],
      [undefined, 'unspecified'],
    ] as const) {
      const world = createWorld();
      const { request, leaf } = await world.put('www');
      world.state(leaf, number);
      assert.equal(await world.due(request), undefined);
      await world.look(request);
      assert.equal(await world.due(request), 'Revoked', reason);
      const { revocation, events } = await readLedger('www', world.store);
      assert.deepEqual([revocation?.reason, revocation?.by, revocation?.at], [reason, 'ocsp', new Date(TODAY - HOUR).toISOString()]);
      assert.deepEqual(
        events.map((event) => event.reason),
        ['Revoked'],
      );
      assert.equal(await isCompromised(leaf.certificate.raw.spki, world.store), reason === 'keyCompromise');
      assert.equal((await readRevoked('www', world.store)).length, 1);
      assert.match(JSON.stringify(world.events), /revoked at .*says the OCSP responder of its CA/);
      // It is not said again at the next look.
      world.time.now += DAY + 1;
      await world.look(request);
      assert.equal((await readLedger('www', world.store)).events.length, 1);
    }
  });

  test('and by a CRL', async () => {
    const world = createWorld();
    const { request, leaf } = await world.put('www', { ocspUrls: [], crlUrls: [`${server.url}/stored.crl`] });
    const serialNumber = BigInt(`0x${leaf.certificate.serialNumber}`);
    const dates = { thisUpdate: new Date(TODAY - HOUR), nextUpdate: new Date(TODAY + HOUR) };
    const crl = createCrl({ issuer: world.own.ca, ...dates, entries: [{ serialNumber, reason: 5, revokedAt: new Date(TODAY - HOUR) }] });
    server.on('/stored.crl', () => ({ body: crl }));
    await world.look(request);
    assert.equal(await world.due(request), 'Revoked');
    const { revocation } = await readLedger('www', world.store);
    assert.deepEqual([revocation?.by, revocation?.reason], ['crl', 'cessationOfOperation']);
  });

  test('one that its CA does not know is told once, and is not due', async () => {
    const world = createWorld();
    const { request, leaf } = await world.put('www');
    world.own.states.set(leaf.certificate.serialNumber, 'unknown');
    await world.look(request);
    world.time.now += DAY;
    await world.look(request);
    assert.equal(await world.due(request), undefined);
    assert.equal(world.events.length, 1);
  });

  test('what was found out of a certificate that was renewed meanwhile is not kept', async () => {
    const world = createWorld();
    const { request, leaf } = await world.put('www');
    world.state(leaf, 1);
    server.on(new URL(world.own.url).pathname, (asked) => {
      void world.put('www');
      return world.own.answer(asked);
    });
    await world.look(request);
    assert.equal(await world.due(request), undefined);
  });
});

describe('staples', () => {
  const file = path.join(folder, 'www.ocsp');
  beforeEach(() => rmSync(file, { recursive: true, force: true }));
  const says = (world: World, leaf: Party): string => {
    const question = {
      response: readFileSync(file),
      certificates: [leaf.certificate],
      issuer: world.own.ca.certificate,
      now: world.time.now,
    };
    const checked = checkOcspResponse(question);
    return checked.verdict === 'answered' ? (checked.certificates[0]?.verdict ?? '') : checked.reason;
  };

  test('are asked for alone, and again at half of their life, or when they have gone', async () => {
    const world = createWorld();
    const { request, leaf } = await world.put('www', {}, { staple: file });
    const other = await world.put('other');
    await world.look(request, other.request);
    assert.deepEqual(
      server.asked.map(({ method, ids }) => [method, ids.length]),
      [
        ['GET', 1],
        ['GET', 1],
      ],
    );
    assert.equal(says(world, leaf), 'good');
    assert.deepEqual((await checkOf(world, 'www'))?.staple, { file, until: new Date(TODAY + 24 * HOUR).toISOString() });
    // The answer is of an hour ago, for 25 hours.
    world.time.now += 11 * HOUR;
    assert.deepEqual(await world.look(request), []);
    world.time.now += HOUR;
    assert.deepEqual(await world.look(request), ['www']);
    rmSync(file);
    assert.deepEqual(await world.look(request), ['www']);
    assert.equal(says(world, leaf), 'good');
    assert.deepEqual(readdirSync(folder), ['www.ocsp']);
  });

  test('stay as they are when no good response is to be had', async () => {
    const world = createWorld();
    const { request, leaf } = await world.put('www', {}, { staple: file });
    await world.look(request);
    world.time.now += 13 * HOUR;
    server.on(new URL(world.own.url).pathname, () => errorReply(2));
    assert.deepEqual(await world.look(request), ['www']);
    assert.equal(says(world, leaf), 'good');
    const check = await checkOf(world, 'www');
    assert.deepEqual([check?.status, Date.parse(check?.checkAt ?? '') - world.time.now], ['unchecked', HOUR]);
  });

  test('of a CA without OCSP: a note, once', async () => {
    const world = createWorld();
    const { request } = await world.put('www', { ocspUrls: [] }, { staple: file });
    await world.look(request);
    world.time.now += DAY;
    await world.look(request);
    assert.deepEqual(
      world.events.map(({ event }) => event),
      [{ type: 'note', message: `there is nothing to staple from "${file}": its CA has no OCSP` }],
    );
  });

  test('a folder, a link and a missing folder in the place of the file are told, and left alone', async () => {
    const world = createWorld();
    const target = path.join(folder, 'target');
    for (const [spoil, place] of [
      [() => mkdirSync(file), file],
      [
        () => {
          writeFileSync(target, 'precious');
          symlinkSync(target, file);
        },
        file,
      ],
      [() => undefined, path.join(folder, 'nowhere', 'www.ocsp')],
    ] as const) {
      rmSync(file, { recursive: true, force: true });
      spoil();
      const { request } = await world.put('www', {}, { staple: place });
      world.events.splice(0);
      await world.look(request);
      assert.match(JSON.stringify(world.events), /"warning".*Cannot write the staple file/);
    }
    assert.equal(readFileSync(target, 'utf8'), 'precious');
    rmSync(target);
  });

  test('of a new certificate: tried again until its responder has heard of it', async () => {
    const world = createWorld();
    const { request, leaf, stored } = await world.put('www', {}, { staple: file });
    let count = 0;
    server.on(new URL(world.own.url).pathname, (asked) => (++count < 3 ? errorReply(6) : world.own.answer(asked)));
    const events: Event[] = [];
    const record = await stapleNew(request, stored, (event) => void events.push(event), world.parts);
    assert.deepEqual([record?.status, record?.staple?.file, events], ['good', file, []]);
    assert.equal(says(world, leaf), 'good');
    server.on(new URL(world.own.url).pathname, () => errorReply(6));
    await stapleNew(request, stored, (event) => void events.push(event), world.parts);
    assert.match(JSON.stringify(events), /has nothing for the new certificate yet/);
  });
});
