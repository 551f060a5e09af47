import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTscertError } from '../../src/base/errors.js';
import { isWithin, nameKey, parseDnsName, parseName, suffixesOf, withoutWildcard } from '../../src/base/names.js';

const RUNS = Number(process.env.TSCERT_TEST_FUZZ ?? 2000);

const GOOD: readonly [string, string][] = [
  ['example.com', 'dns:example.com'],
  ['EXAMPLE.Com.', 'dns:example.com'],
  ['*.example.com', 'dns:*.example.com'],
  ['bücher.example', 'dns:xn--bcher-kva.example'],
  ['*.bücher.example', 'dns:*.xn--bcher-kva.example'],
  ['_dmarc.example.com', 'dns:_dmarc.example.com'],
  ['localhost', 'dns:localhost'],
  ['192.0.2.1', 'ip:192.0.2.1'],
  ['2001:DB8:0:0::1', 'ip:2001:db8::1'],
  ['[2001:db8::1]', 'ip:2001:db8::1'],
  ['::ffff:192.0.2.1', 'ip:::ffff:c000:201'],
  ['admin@Example.com', 'email:admin@example.com'],
  ['spiffe://cluster.local/ns/default', 'uri:spiffe://cluster.local/ns/default'],
  ['uri:urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66', 'uri:urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66'],
  ['dns:example.com', 'dns:example.com'],
  ['ip:::1', 'ip:::1'],
];

const BAD: readonly [string, RegExp][] = [
  ['', /it is empty/],
  ['*.', /wildcard may only be/],
  ['*', /wildcard may only be/],
  ['a.*.example.com', /wildcard may only be/],
  ['*a.example.com', /wildcard may only be/],
  ['exa mple.com', /the character " "/],
  ['example.com/path', /the character "\/"/],
  ['example..com', /empty label/],
  ['-a.example.com', /label "-a"/],
  ['a-.example.com', /label "a-"/],
  ['1.2.3', /last label may not be a number/],
  ['256.1.1.1', /last label may not be a number/],
  [`${'a'.repeat(64)}.com`, /longer than 63/],
  [`${'a.'.repeat(127)}com`, /longer than 253/],
  ['ip:example.com', /no IP address/],
  ['fe80::1%eth0', /./],
  ['a b@example.com', /plain e-mail/],
  ['Admin <a@example.com>', /plain e-mail/],
  ['uri:nothing', /absolute URI/],
  ['xn--a', /internationalized/],
  ['example.com\u0000.evil.com', /the character/],
];

test('names are told apart and brought into one form', () => {
  for (const [text, key] of GOOD) assert.equal(nameKey(parseName(text)), key, text);
});

test('names that are none are refused with the rule they break', () => {
  for (const [text, reason] of BAD)
    assert.throws(
      () => parseName(text),
      (error) => isTscertError(error, 'name-invalid') && reason.test(error.message),
      text,
    );
});

test('any text gives a canonical name or name-invalid, never anything else', () => {
  const parse = (text: string): void => {
    try {
      const { type, value } = parseName(text);
      assert.equal(parseName(`${type}:${value}`).value, value);
    } catch (error) {
      assert.ok(isTscertError(error, 'name-invalid'), String(error));
    }
  };
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.domain(), fc.ipV6(), fc.emailAddress(), fc.webUrl()), parse), {
    numRuns: RUNS,
  });
});

test('a zone holds a name on a label boundary only', () => {
  assert.equal(isWithin('a.example.com', 'example.com'), true);
  assert.equal(isWithin('example.com', 'example.com'), true);
  assert.equal(isWithin('evilexample.com', 'example.com'), false);
});

test('suffixes come longest first, and a wildcard is proven by its base', () => {
  assert.deepEqual(suffixesOf('a.b.c'), ['a.b.c', 'b.c', 'c']);
  assert.equal(withoutWildcard('*.example.com'), 'example.com');
  assert.equal(parseDnsName('*.EXAMPLE.com.'), '*.example.com');
});
