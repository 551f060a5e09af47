import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readSettings } from '../../src/host/acmesh-settings.js';

test('settings are read as acme.sh writes them, and no other line', () => {
  const text = "A='plain'\nSAVED_B='b c'\nB='old'\n#C='c'\nD=bare\nE='$(id)'\nexport F='f'\n G='g'\nH=''\n";
  assert.deepEqual(
    [...readSettings(text)],
    [
      ['A', 'plain'],
      ['B', 'b c'],
      ['E', '$(id)'],
      ['H', ''],
    ],
  );
  const name = fc.stringMatching(/^[A-Za-z]\w{0,9}$/);
  const value = fc.string().filter((one) => !/['\n\r\u2028\u2029]/.test(one) && !one.startsWith('__ACME_BASE64__'));
  fc.assert(
    fc.property(name, value, fc.boolean(), (key, plain, encode) => {
      const written = encode ? `__ACME_BASE64__START_${Buffer.from(plain).toString('base64')}__ACME_BASE64__END_` : plain;
      const variable = key.replace(/^SAVED_/, 'X');
      assert.equal(readSettings(`SAVED_${variable}='${written}'\n`).get(variable), plain);
    }),
    { numRuns: Number(process.env.TSCERT_TEST_FUZZ ?? 2000) },
  );
});
