import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { printable, printableJson, printableLines } from '../../src/base/printable.js';

const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

test('what could move the cursor, turn the writing or hide is written out', () => {
  assert.equal(printable('a\u001b[2J\r\n\u009b\u202e\u200b\u{e0041}'), 'a\\u{1b}[2J\\u{d}\\u{a}\\u{9b}\\u{202e}\\u{200b}\\u{e0041}');
  assert.equal(printable('Münchner Straße 7, 東京 🙂'), 'Münchner Straße 7, 東京 🙂');
  assert.equal(printableLines('a\r\nb'), 'a\\u{d}\nb');
});

test('JSON says the same when its unsafe characters are escaped', () =>
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), fc.constantFrom(undefined, 2), (value, indent) => {
      const text = printableJson({ value }, indent);
      assert.doesNotMatch(text.replaceAll('\n', ''), UNSAFE);
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify({ value })));
    }),
  ));
