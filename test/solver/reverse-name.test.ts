import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { reverseName } from '../../src/solver/reverse-name.js';

const numRuns = Number(process.env.TSCERT_TEST_FUZZ ?? 2000);

test('writes the reverse names of the RFCs', () => {
  assert.equal(reverseName('192.0.2.1'), '1.2.0.192.in-addr.arpa');
  const nibbles = 'b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4';
  assert.equal(reverseName('4321:0:1:2:3:4:567:89ab'), `${nibbles}.ip6.arpa`);
  assert.equal(reverseName('::1'), `1.${'0.'.repeat(31)}ip6.arpa`);
  assert.equal(reverseName('::'), `${'0.'.repeat(32)}ip6.arpa`);
  assert.equal(reverseName('2001:db8::'), `${'0.'.repeat(24)}8.b.d.0.1.0.0.2.ip6.arpa`);
  assert.equal(reverseName('::ffff:192.0.2.1'), `1.0.2.0.0.0.0.c.f.f.f.f.${'0.'.repeat(20)}ip6.arpa`);
});

test('whatever the form of an address, its reverse name spells the same 128 bits', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const hex = Buffer.from(bytes).toString('hex');
      const long = hex.match(/.{4}/g)?.join(':') ?? '';
      const short = new URL(`http://[${long}]/`).hostname.slice(1, -1);
      const wanted = `${[...hex].reverse().join('.')}.ip6.arpa`;
      assert.equal(reverseName(long.toUpperCase()), wanted);
      assert.equal(reverseName(short), wanted);
    }),
    { numRuns },
  );
});
