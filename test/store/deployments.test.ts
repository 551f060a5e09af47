/** The record of what was deployed: written as it is read, and any other value refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTscertError } from '../../src/base/errors.js';
import type { Json } from '../../src/base/json.js';
import { deployKey, readTargets, type TargetState, writeTargets } from '../../src/store/deployments.js';
import { createMemoryStore } from '../../src/store/memory.js';
import type { Records } from '../../src/store/store.js';
import { realClock } from '../support/clock.js';
import { RUNS } from '../support/property.js';

const holding = (value: Json | undefined): Pick<Records, 'get'> => ({ get: async () => value });

const state = fc.record(
  {
    id: fc.string(),
    title: fc.string(),
    state: fc.constantFrom('done', 'failed'),
    certificate: fc.string(),
    at: fc.constant('2026-11-22T09:00:00.000Z'),
    message: fc.string(),
  },
  { requiredKeys: ['id', 'title', 'state', 'certificate', 'at'] },
) as fc.Arbitrary<TargetState>;

test('what was written is read again, and nothing of one certificate by another', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(state, { maxLength: 4 }), fc.array(state, { maxLength: 4 }), async (first, second) => {
      const store = createMemoryStore({ clock: realClock });
      await writeTargets('a', first, store);
      await writeTargets('b', second, store);
      assert.deepEqual(await readTargets('a', store), JSON.parse(JSON.stringify(first)));
      assert.deepEqual(await readTargets('b', store), JSON.parse(JSON.stringify(second)));
      assert.deepEqual(await readTargets('c', store), []);
    }),
    { numRuns: Math.min(RUNS, 200) },
  );
});

test('any other value is store-damaged, with its version when that is another one', async () => {
  const wrong = fc.oneof(
    fc.jsonValue(),
    fc.record({ version: fc.jsonValue(), targets: fc.jsonValue() }),
    fc.record({ version: fc.constant(2), targets: fc.array(fc.oneof(state, fc.jsonValue()), { maxLength: 3 }) }),
    fc.record({
      version: fc.constant(2),
      targets: fc.tuple(fc.tuple(state, fc.jsonValue()).map(([one, message]) => ({ ...one, message }))),
    }),
  ) as fc.Arbitrary<Json>;
  await fc.assert(
    fc.asyncProperty(wrong, async (value) => {
      try {
        for (const { title, message } of await readTargets('a', holding(value)))
          assert.ok(typeof title === 'string' && (message === undefined || typeof message === 'string'));
      } catch (error) {
        assert.ok(isTscertError(error, 'store-damaged'), String(error));
        assert.match(error.message, /^Cannot tell what was deployed of "a": /);
        assert.equal(error.data.record, deployKey('a'));
        const version =
          typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as { version?: Json }).version : undefined;
        if (error.data.version !== undefined) assert.equal(error.data.version, version);
        else assert.ok(version === undefined || version === 2, JSON.stringify(value));
      }
    }),
    { numRuns: RUNS },
  );
});

test('a record of the first version is as good as none', async () => {
  assert.deepEqual(await readTargets('a', holding({ version: 1, certificate: 'x', targets: 'y' })), []);
});
