/** Patterns against the regular expressions that they mean. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matches, matchesWildcard } from '../../../src/policy/approval/pattern.js';
import { RUNS } from '../../support/property.js';

const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.', ':', '*'), maxLength: 8 });

function expected(pattern: string, separator: string): RegExp {
  const parts = pattern.match(/\*{2,}|\*|[^*]+/g) ?? [];
  const source = parts.map((part) => {
    if (part === '*') return `[^${separator}*]*`;
    return part.startsWith('**') ? '[^*]*' : part.replaceAll(/[.]/g, '\\.');
  });
  return new RegExp(`^${source.join('')}$`, 's');
}

test('stars of both kinds', () => {
  fc.assert(
    fc.property(letters, letters, fc.constantFrom('.', ':'), (pattern, name, separator) => {
      assert.equal(matches(pattern, name, separator as '.' | ':'), expected(pattern, separator).test(name));
    }),
    { numRuns: RUNS * 5 },
  );
});

test("approver-policy's star", () => {
  fc.assert(
    fc.property(letters, letters, (pattern, name) => {
      const source = pattern.replaceAll('.', '\\.').replaceAll(/\*+/g, '.*');
      assert.equal(matchesWildcard(pattern, name), new RegExp(`^${source}$`, 's').test(name));
    }),
    { numRuns: RUNS * 5 },
  );
});

test('many stars and a long name take no time', () => {
  const name = 'a'.repeat(5_000);
  assert.equal(matches(`${'**a'.repeat(50)}b`, name, '.'), false);
  assert.equal(matchesWildcard(`${'*a'.repeat(50)}b`, name), false);
});

test('templates', () => {
  const values = { username: 'u*', node: undefined, namespace: 'n', serviceAccount: 's', requestName: 'r' };
  assert.equal(matches('{namespace}.{serviceAccount}', 'n.s', '.', values), true);
  assert.equal(matches('{username}', 'u*', ':', values), true);
  assert.equal(matches('{username}', 'ux', ':', values), false);
  assert.equal(matches('{node}*', 'x', ':', values), false);
});
