/** How long responders take: each URL once, by each version of IP that it has, as often as asked, each on a connection of its own. */
import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { type LatencyQuestion, measureResponders } from '../../../src/flow/revocation/latency.js';
import { createGuardedHttp } from '../../../src/net/guarded.js';
import { TODAY } from '../../pki/ocsp-world.js';
import { respondingCa, startRevocationServer } from './world.js';

const server = await startRevocationServer();
const http = createGuardedHttp({ proxy: {}, userAgent: 'tscert-test', allowPrivate: true });
after(async () => {
  http.close();
  await server.close();
});
beforeEach(() => server.asked.splice(0));

const { signal } = new AbortController();
const own = respondingCa(server, 'latency', TODAY);
const leaf = own.leaf('leaf');
const question = (url: string): LatencyQuestion => ({ url, issuer: own.ca.certificate, certificate: leaf.certificate });
const both = () => [4, 6] as const;

test('median and worst of all that were answered; the version of IP that it has no address in is left out', async () => {
  const found = await measureResponders([question(own.url), question(own.url)], { http, signal, tries: 3, families: both });
  const [only] = found;
  assert.deepEqual([found.length, only?.family, only?.tries, only?.answered, only?.failure], [1, 4, 3, 3, undefined]);
  const { median = 0, worst = 0 } = only ?? {};
  assert.ok(median > 0 && median <= worst, `${median} ${worst}`);
  assert.deepEqual(
    server.asked.map(({ method, nonce }) => [method, nonce]),
    Array.from({ length: 3 }, () => ['GET', undefined]),
  );
});

test('what is not answered counts, with the last reason; behind a proxy there is one way', async () => {
  let count = 0;
  server.on('/moody', () => (++count % 2 === 0 ? { status: 503 } : { body: Buffer.of(0x30, 0) }));
  const [moody] = await measureResponders([question(`${server.url}/moody`)], { http, signal, tries: 4, families: () => [undefined] });
  assert.deepEqual([moody?.family, moody?.answered, moody?.failure], [undefined, 2, 'it answered 503']);
  const [gone] = await measureResponders([question('http://127.0.0.1:1/')], { http, signal, tries: 2, families: () => [4] });
  assert.deepEqual([gone?.answered, gone?.median, gone?.worst], [0, undefined, undefined]);
  assert.match(gone?.failure ?? '', /^Cannot connect to "127\.0\.0\.1:1"/);
});

test('an abort ends it', async () => {
  server.on('/silent', () => 'silence');
  const abort = new AbortController();
  const asked = question(`${server.url}/silent`);
  const measuring = measureResponders([asked], { http, signal: abort.signal, tries: 5, families: () => [4] });
  setTimeout(() => abort.abort(new Error('enough')), 20);
  await assert.rejects(measuring, /enough/);
});
