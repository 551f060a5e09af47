/** Configuration files: any text and any value give a configuration in its one form, or config-invalid that says nothing of secrets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { isTscertError } from '../../src/base/errors.js';
import { checkOptions, parseConfig } from '../../src/request/config.js';
import { CERTIFICATE_KEYS, type ConfigOptions, RUN_KEYS } from '../../src/request/options.js';
import { RUNS } from '../support/property.js';

const numRuns = RUNS;

function attempt(read: () => ConfigOptions): ConfigOptions | undefined {
  try {
    return read();
  } catch (error) {
    assert.ok(isTscertError(error, 'config-invalid'), String(error));
    assert.ok(error.message.startsWith('Cannot use "f": '), error.message);
    assert.doesNotMatch(error.message, /\[object |\bundefined\b|\n/);
    return undefined;
  }
}

const key = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<string>(...CERTIFICATE_KEYS, ...RUN_KEYS, 'certificates') },
  { weight: 1, arbitrary: fc.string() },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', 'toString', 'keytype', 'provider') },
);
const scalar = fc.oneof(
  fc.string(),
  fc.boolean(),
  fc.integer(),
  fc.double(),
  fc.constant(null),
  fc.constantFrom('route53', 'standalone', 'example.com', 'authoritative', '30d'),
);
const value = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'any' },
    scalar,
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(key, tie('any'), { maxKeys: 4 }),
    fc.record({ file: fc.string() }),
    fc.record({ env: fc.string() }),
  ),
})).any;

test('any text gives a configuration or config-invalid', () => {
  const pieces = fc.constantFrom(
    'server',
    'dns',
    'certificates',
    ':',
    ' ',
    '\n',
    '  ',
    '- ',
    '[',
    ']',
    '{',
    '}',
    '"',
    "'",
    '|',
    '>',
    '&a',
    '*a',
    '!!binary',
    '!!set',
    '? ',
    '<<',
    '#',
    '---',
    '...',
    '%YAML 1.1',
    '\t',
    'null',
    '0x1F',
    '1e400',
    '.nan',
    'example.com',
    '\u0000',
    '\ufeff',
    '@',
    '`',
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces, { maxLength: 25 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (one) => void attempt(() => parseConfig(one, '"f"'))),
    { numRuns, examples: [['? ? #']] },
  );
});

test('any value gives a configuration or config-invalid, and what comes out comes out again', () => {
  let good = 0;
  fc.assert(
    fc.property(fc.dictionary(key, value, { maxKeys: 3 }), (one) => {
      const read = attempt(() => checkOptions(one, '"f"'));
      if (read === undefined) return;
      good++;
      assert.deepEqual(checkOptions(read, '"f"'), read);
      assert.deepEqual(attempt(() => parseConfig(stringify(read), '"f"')) ?? {}, read);
    }),
    { numRuns },
  );
  assert.ok(good > 0, 'none was good');
});

test('what stands where a secret belongs is not repeated', () => {
  const marked = 'PlantedSecret81f0';
  const wrapped = fc.letrec<{ any: unknown }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      fc.constant(marked),
      fc.array(tie('any'), { minLength: 1, maxLength: 2 }),
      fc.dictionary(fc.constantFrom('file', 'env', 'value', 'x'), tie('any'), { minKeys: 1, maxKeys: 2 }),
    ),
  })).any;
  fc.assert(
    fc.property(wrapped, fc.constantFrom('eabHmac', 'dns'), (secret, where) => {
      const wrong =
        where === 'dns' ? { dns: { provider: 'rfc2136', RFC2136_TSIG_SECRET: secret, zone: 7 } } : { eabHmac: secret, jobs: 'x' };
      assert.throws(
        () => checkOptions(wrong, '"f"'),
        (error) => isTscertError(error, 'config-invalid') && !JSON.stringify([error.message, error.data]).includes(marked),
      );
    }),
    { numRuns },
  );
});
