import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration, parseDuration } from '../../src/base/duration.js';
import { isTscertError } from '../../src/base/errors.js';

test('durations are read with their units, and in sums', () => {
  for (const [text, milliseconds] of [
    ['90s', 90_000],
    ['10m', 600_000],
    ['12h', 43_200_000],
    ['30d', 2_592_000_000],
    ['500ms', 500],
    ['1h30m', 5_400_000],
    ['0.5h', 1_800_000],
    ['2160h', 7_776_000_000],
  ] as const) {
    assert.equal(parseDuration(text), milliseconds, text);
  }
});

test('what is no duration is refused', () => {
  for (const text of ['', '5', '0s', '-5m', '5 m', '5y', 'm', '1h 30m', '1e3s', '99999999999999999d']) {
    assert.throws(
      () => parseDuration(text),
      (error) => isTscertError(error, 'request-invalid'),
      text,
    );
  }
});

test('spans are told in two units at most', () => {
  for (const [milliseconds, text] of [
    [0, '0.0s'],
    [420, '0.4s'],
    [9_960, '10s'],
    [59_600, '1m'],
    [200_000, '3m 20s'],
    [18_600_000, '5h 10m'],
    [5_108_400_000, '59d 3h'],
  ] as const) {
    assert.equal(formatDuration(milliseconds), text);
  }
});
