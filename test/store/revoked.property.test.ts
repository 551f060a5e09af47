/** The records of revocations: what was written comes back, and what others wrote is whole or refused. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTscertError } from '../../src/base/errors.js';
import type { Json } from '../../src/base/json.js';
import { publicKeyDer } from '../../src/pki/key.js';
import { isCompromised, markCompromised } from '../../src/store/compromised.js';
import { createMemoryStore } from '../../src/store/memory.js';
import { readRevoked, writeRevoked } from '../../src/store/revoked.js';
import { realClock } from '../support/clock.js';
import { RUNS } from '../support/property.js';

const entry = fc.record(
  { fingerprint: fc.stringMatching(/^[0-9a-f]{64}$/), at: fc.string(), reason: fc.string() },
  { noNullPrototype: true },
);
const store = createMemoryStore({ clock: realClock });

test('what was revoked comes back as it was written, the newest hundred of it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 120 }), async (certificates) => {
      await writeRevoked('www', certificates, store);
      assert.deepEqual(await readRevoked('www', store), certificates.slice(-100));
    }),
    { numRuns: Math.ceil(RUNS / 10) },
  );
  assert.deepEqual(await readRevoked('never', store), []);
});

test('a record of any other form is refused as damaged', async () => {
  const almost = fc.record({ version: fc.constantFrom(1, 2, '1'), certificates: fc.array(fc.oneof(entry, fc.jsonValue())) });
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.jsonValue(), almost), async (value) => {
      await store.put('ledger', 'revoked:other', value as Json);
      try {
        for (const { fingerprint, at, reason } of await readRevoked('other', store)) {
          for (const text of [fingerprint, at, reason]) assert.equal(typeof text, 'string');
        }
      } catch (error) {
        assert.ok(isTscertError(error, 'store-damaged'), String(error));
      }
    }),
    { numRuns: RUNS },
  );
});

test('a key that was marked is known by its public half alone, and no other key is', async () => {
  const [marked, other] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];
  await markCompromised(publicKeyDer(marked.privateKey), '2026-01-01T00:00:00.000Z', store);
  assert.equal(await isCompromised(publicKeyDer(marked.publicKey), store), true);
  assert.equal(await isCompromised(publicKeyDer(other.publicKey), store), false);
  const records: Pick<typeof store, 'get'> & { list(kind: 'ledger'): Promise<string[]> } = store;
  assert.equal((await records.list('ledger')).filter((key) => /^compromised:[0-9a-f]{64}$/.test(key)).length, 1);
});
