/** What `renew` asks for when another run has changed it in the meantime. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Options } from '../../src/cli/options.js';
import { findRenewals } from '../../src/cli/renewals.js';
import type { System } from '../../src/cli/system.js';
import { keepGiven } from '../../src/flow/given.js';
import { checkOwnOptions } from '../../src/request/config.js';
import type { ConfigOptions } from '../../src/request/options.js';
import { createMemoryStore } from '../../src/store/memory.js';
import { makeBundle } from '../contract/certificates.js';
import { realClock } from '../support/clock.js';

test('flags that were kept since are taken, with what is given to this run before them; those of the file are not asked again', async () => {
  const store = createMemoryStore({ clock: realClock });
  await store.save('www', makeBundle('www.test'));
  await keepGiven('www', checkOwnOptions({ domains: ['a.test'], name: 'www', email: 'then@example.com' }, 'the flags'), store);
  const system = { clock: realClock, env: {}, cwd: '/' } as unknown as System;
  const config = { certificates: [{ domains: ['file.test'] }] } as ConfigOptions;
  const options: Options = { inCluster: false, own: { email: 'now@example.com' }, config, given: { email: 'now@example.com' } };
  const { groups, refresh } = await findRenewals(options, { names: [], store, system, dryRun: false });
  const [ofFile, kept] = groups.flatMap(({ requests }) => requests);
  assert.ok(ofFile !== undefined && kept !== undefined);
  assert.deepEqual([ofFile.name, kept.name], ['file.test', 'www']);
  assert.equal(await refresh(ofFile), ofFile);
  assert.equal(await refresh(kept), kept);
  await keepGiven('www', { domains: ['a.test', 'b.test'], name: 'www', reuseKey: true }, store);
  const { spec, key, issuer, given } = await refresh(kept);
  assert.deepEqual(
    spec.names.map(({ value }) => value),
    ['a.test', 'b.test'],
  );
  assert.deepEqual([key.reuse, issuer.email, given?.domains], [true, 'now@example.com', ['a.test', 'b.test']]);
  await store.put('ledger', 'given:www', 7);
  await assert.rejects(refresh(kept), { code: 'store-damaged' });
});
