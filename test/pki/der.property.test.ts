/** Whatever comes, it is read or refused with a TscertError, and nothing hangs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readDer } from '../../src/pki/der-reader.js';
import { anything, derLike, mutated, RUNS, staysCalm } from './fuzz.js';
import { CERTIFICATES } from './samples.js';

describe('DER', () => {
  test('anything', () => staysCalm(anything, readDer, ['der-invalid']));
  test('changed certificates', () => staysCalm(mutated(CERTIFICATES.map(({ der }) => der)), readDer, ['der-invalid']));
  test('deep nesting and long lengths', () => {
    const nested = fc.integer({ min: 1, max: 100_000 }).map((depth) => Buffer.alloc(depth * 2, Buffer.from('3080', 'hex')));
    staysCalm(
      fc.oneof(
        nested,
        nested.map((bytes) => bytes.fill(0x30)),
      ),
      readDer,
      ['der-invalid'],
    );
  });
  test('what is read stands where it says', () => {
    fc.assert(
      fc.property(derLike, (bytes) => {
        let root: ReturnType<typeof readDer>;
        try {
          root = readDer(bytes);
        } catch {
          return;
        }
        assert.deepEqual(root.der, bytes);
        if (root.children.length > 0) assert.deepEqual(Buffer.concat(root.children.map(({ der }) => der)), root.content);
      }),
      { numRuns: RUNS },
    );
  });
});
