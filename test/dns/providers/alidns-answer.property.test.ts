/** Answers of AliDNS, of whatever shape: a list of objects or provider-failed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTscertError } from '../../../src/base/errors.js';
import { listOf } from '../../../src/dns/providers/alidns/answer.js';
import { RUNS } from '../../support/property.js';

test('lists in answers are lists of objects, or the answer is refused', () => {
  const any = fc.jsonValue({ maxDepth: 2, depthSize: 'xsmall' });
  const value = fc.oneof(any, fc.array(fc.dictionary(fc.string(), any, { maxKeys: 3 }), { maxLength: 3 }));
  const body = fc.dictionary(
    fc.constantFrom('Domains', 'DomainRecords', 'x'),
    fc.oneof(value, fc.dictionary(fc.constantFrom('Domain', 'Record', 'y'), value, { maxKeys: 2 })),
    { maxKeys: 2 },
  );
  let good = 0;
  fc.assert(
    fc.property(body, (one) => {
      try {
        const list = listOf(one, 'Domains', 'Domain');
        good++;
        assert.ok(list.every((item) => typeof item === 'object' && item !== null));
        assert.deepEqual(listOf({ Domains: { Domain: list } }, 'Domains', 'Domain'), list);
      } catch (error) {
        assert.ok(isTscertError(error, 'provider-failed'), String(error));
      }
    }),
    { numRuns: RUNS },
  );
  assert.ok(RUNS < 1_000 || good > 0);
});
