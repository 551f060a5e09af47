/** Whatever comes, it is read or refused with a TscertError, and nothing hangs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatDistinguishedName, parseDistinguishedName } from '../../src/pki/rfc4514.js';
import { anyText, RUNS, staysCalm } from './fuzz.js';

describe('names as strings', () => {
  const piece = fc.constantFrom(
    'CN',
    'O',
    '1.2.3.4',
    '=',
    ',',
    '+',
    '\\',
    '#',
    '04',
    ' ',
    '"',
    ';',
    'é',
    '\\c3',
    '\\,',
    '\\00',
    '\ud800',
    'x',
  );
  test('anything', () =>
    staysCalm(
      fc.oneof(
        anyText,
        fc.array(piece, { maxLength: 30 }).map((parts) => parts.join('')),
      ),
      parseDistinguishedName,
      ['request-invalid'],
    ));
  test('what is written is read back', () => {
    const attribute = fc.record(
      {
        oid: fc.constantFrom('2.5.4.3', '2.5.4.10', '0.9.2342.19200300.100.1.25', '1.2.3.4.5'),
        value: fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.array(fc.array(attribute, { minLength: 1, maxLength: 3 }), { maxLength: 4 }), (name) => {
        assert.deepEqual(parseDistinguishedName(formatDistinguishedName(name)), name);
      }),
      { numRuns: RUNS },
    );
  });
  test('a long text takes no long time', () => {
    for (const text of ['CN=', '\\41', ' ', 'CN=a+', '\\', 'CN=x,', '#41']) {
      staysCalm(fc.constantFrom(text.repeat(20_000), `CN=${text.repeat(20_000)}`), parseDistinguishedName, ['request-invalid'], 2);
    }
  });
});
