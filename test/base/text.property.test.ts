/** Durations, names and PEM: any text gives a value in its one form, or the error that belongs to it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration } from '../../src/base/duration.js';
import { isTscertError } from '../../src/base/errors.js';
import { nameKey, parseDnsName, parseName } from '../../src/base/names.js';
import { decodePem, encodePem } from '../../src/base/pem.js';
import { RUNS } from '../support/property.js';

const numRuns = RUNS;

test('any text is a positive duration or refused', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .array(fc.constantFrom('1', '30', '0', '.', '5', 's', 'm', 'h', 'd', 'w', 'ms', ' ', '-', 'e9', '99999999999999999999'), {
        maxLength: 8,
      })
      .map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (one) => {
      try {
        const milliseconds = parseDuration(one);
        assert.ok(milliseconds > 0 && Number.isFinite(milliseconds));
        assert.match(formatDuration(milliseconds), /^\d+(\.\d)?[smhd]( \d+[smh])?$/);
      } catch (error) {
        assert.ok(isTscertError(error, 'request-invalid'), String(error));
      }
    }),
    { numRuns },
  );
});

test('sums of whole units are read as their sum, in any order', () => {
  const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
  const part = fc.record({
    count: fc.integer({ min: 1, max: 999 }),
    unit: fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])),
  });
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
      const text = parts.map(({ count, unit }) => `${count}${unit}`).join('');
      assert.equal(
        parseDuration(text),
        parts.reduce((sum, { count, unit }) => sum + count * units[unit], 0),
      );
    }),
    { numRuns },
  );
});

test('durations that are told are told in order: a longer one never as less than a shorter one by a unit', () => {
  const seconds = (text: string): number =>
    text
      .split(' ')
      .reduce((sum, part) => sum + Number.parseFloat(part) * ({ s: 1, m: 60, h: 3_600, d: 86_400 }[part.at(-1) ?? ''] ?? Number.NaN), 0);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e10 }), fc.integer({ min: 0, max: 4e10 }), (one, other) => {
      const [less, more] = one < other ? [one, other] : [other, one];
      assert.ok(seconds(formatDuration(less)) <= seconds(formatDuration(more)), `${less} ${more}`);
      assert.ok(Math.abs(seconds(formatDuration(one)) * 1_000 - one) <= Math.max(500, one / 24), formatDuration(one));
    }),
    { numRuns },
  );
});

const nameText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.domain(),
  fc.domain().map((name) => `*.${name.toUpperCase()}.`),
  fc.ipV4(),
  fc.ipV6().map((address) => `[${address}]`),
  fc.emailAddress(),
  fc.webUrl(),
  fc.tuple(fc.constantFrom('dns:', 'IP:', 'email:', 'uri:'), fc.oneof(fc.domain(), fc.ipV6(), fc.string())).map((parts) => parts.join('')),
  fc
    .array(fc.constantFrom('a', 'b-', '.', '*', 'xn--', 'xn--bcher-kva', 'ü', '。', '-', '_', '1', 'ﬃ', '\u00ad', '\u200d', 'ß'), {
      maxLength: 9,
    })
    .map((parts) => parts.join('')),
);

test('any text is a name in its one form, or name-invalid; the form is read as itself', () => {
  fc.assert(
    fc.property(nameText, (text) => {
      let name: ReturnType<typeof parseName>;
      try {
        name = parseName(text);
      } catch (error) {
        assert.ok(isTscertError(error, 'name-invalid'), String(error));
        return;
      }
      assert.deepEqual(parseName(nameKey(name)), name);
      assert.match(name.value, /^[\u0021-\u007e]+$/, 'ASCII without blanks');
    }),
    { numRuns },
  );
});

test('a DNS name has labels of 1 to 63 octets and 253 at most, and case and a dot at the end make no other', () => {
  fc.assert(
    fc.property(nameText, (text) => {
      let name: string;
      try {
        name = parseDnsName(text);
      } catch (error) {
        assert.ok(isTscertError(error, 'name-invalid'), String(error));
        return;
      }
      const labels = name.split('.');
      assert.ok(labels.every((label) => label.length >= 1 && label.length <= 63));
      assert.ok(name.length <= 255, 'with the wildcard in front');
      assert.equal(name, name.toLowerCase());
      assert.equal(parseDnsName(`${name.toUpperCase()}.`), name);
    }),
    { numRuns },
  );
});

test('PEM: blocks that are read and written again are the same blocks; text around them changes nothing', () => {
  const label = fc.constantFrom('CERTIFICATE', 'PRIVATE KEY', 'EC PRIVATE KEY', 'X509 CRL', 'CERTIFICATE REQUEST');
  const block = fc.record({ label, der: fc.uint8Array({ minLength: 1, maxLength: 200 }) });
  const around = fc.string().filter((text) => !/-----|[\r\n]/.test(text));
  fc.assert(
    fc.property(fc.array(fc.tuple(around, block), { maxLength: 5 }), fc.constantFrom('\n', '\r\n'), (parts, end) => {
      const text = parts
        .map(([before, one]) => `${before}\n${encodePem(one.label, one.der)}`)
        .join('')
        .replaceAll('\n', end);
      const read = decodePem(text);
      assert.deepEqual(
        read.map((one) => ({ label: one.label, der: new Uint8Array(one.der) })),
        parts.map(([, one]) => ({ label: one.label, der: new Uint8Array(one.der) })),
      );
      assert.deepEqual(decodePem(read.map((one) => one.text).join('')), read);
    }),
    { numRuns },
  );
});
