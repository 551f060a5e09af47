import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTscertError } from '../../src/base/errors.js';
import {
  bitString,
  boolean,
  type Der,
  directoryString,
  encodeDer,
  encoded,
  ia5,
  implicit,
  integer,
  isOid,
  namedBits,
  nothing,
  octetString,
  oid,
  sequence,
  setOf,
  tagged,
  time,
  utf8,
} from '../../src/pki/der.js';
import { fieldsOf, readDer, TAG } from '../../src/pki/der-reader.js';
import { bitStringOf, booleanOf, integerOf, namedBitsOf, oidOf, smallIntegerOf, textOf, timeOf } from '../../src/pki/der-values.js';
import { RUNS } from './fuzz.js';
import { openssl } from './support.js';

const hex = (value: Der): string => encodeDer(value).toString('hex');
const from = (text: string) => readDer(Buffer.from(text, 'hex'));
const refused = (work: () => unknown, message = /./): void =>
  assert.throws(work, (error) => isTscertError(error, 'der-invalid') && message.test(error.message));

test('values are encoded as X.690 has them', () => {
  const forms: readonly (readonly [Der, string])[] = [
    [integer(0), '020100'],
    [integer(127), '02017f'],
    [integer(128), '02020080'],
    [integer(256), '02020100'],
    [integer(-1), '0201ff'],
    [integer(-128), '020180'],
    [integer(-129), '0202ff7f'],
    [integer(Buffer.from('80', 'hex')), '02020080'],
    [integer(Buffer.from('00007f', 'hex')), '02017f'],
    [integer(Buffer.alloc(3)), '020100'],
    [boolean(true), '0101ff'],
    [boolean(false), '010100'],
    [nothing(), '0500'],
    [oid('2.5.4.3'), '0603550403'],
    [oid('1.2.840.113549.1.1.11'), '06092a864886f70d01010b'],
    [oid('2.999.3'), '0603883703'],
    [octetString(Buffer.of(1, 2)), '04020102'],
    [octetString(nothing()), '04020500'],
    [bitString(Buffer.of(0xf0), 4), '030204f0'],
    [namedBits([]), '030100'],
    [namedBits([0]), '03020780'],
    [namedBits([5, 6]), '03020106'],
    [namedBits([8]), '0303070080'],
    [utf8('é'), '0c02c3a9'],
    [directoryString('a b'), '1303612062'],
    [directoryString('a@b'), '0c03614062'],
    [ia5('a@b'), '1603614062'],
    [implicit(2, 'ab'), '82026162'],
    [tagged(0, integer(2)), 'a003020102'],
    [sequence(undefined, nothing(), undefined), '30020500'],
    [setOf([integer(2), integer(1), nothing()]), '31080201010201020500'],
    [encoded(Buffer.from('3003020105', 'hex')), '3003020105'],
    [encoded(Buffer.concat([Buffer.from('0481c8', 'hex'), Buffer.alloc(200, 7)])), `0481c8${'07'.repeat(200)}`],
    [octetString(Buffer.alloc(127)), `047f${'00'.repeat(127)}`],
    [octetString(Buffer.alloc(128)), `048180${'00'.repeat(128)}`],
    [octetString(Buffer.alloc(65_536)), `0483010000${'00'.repeat(65_536)}`],
  ];
  for (const [value, wanted] of forms) assert.equal(hex(value), wanted);
});

test('openssl parses what is written', () => {
  const value = sequence(
    integer(-129),
    oid('2.999.3'),
    boolean(true),
    setOf([utf8('é'), ia5('b')]),
    tagged(3, sequence(nothing())),
    implicit(2, 'x'),
  );
  const text = openssl('asn1parse -inform DER -i', encodeDer(value));
  const kinds = text.split('\n').flatMap((line) => /(?:prim|cons):\s+([^:]*?)\s*(?:$|:)/.exec(line)?.[1] ?? []);
  assert.deepEqual(kinds, [
    'SEQUENCE',
    'INTEGER',
    'OBJECT',
    'BOOLEAN',
    'SET',
    'UTF8STRING',
    'IA5STRING',
    'cont [ 3 ]',
    'SEQUENCE',
    'NULL',
    'cont [ 2 ]',
  ]);
});

test('what cannot be encoded is refused', () => {
  for (const text of ['', '1', '3.1', '1.40', '1.02', '1..2', 'a.b', '1.2.', `1.2.${'1'.repeat(11)}`, '1.2.-3']) {
    assert.equal(isOid(text), false, text);
    assert.throws(
      () => oid(text),
      (error) => isTscertError(error, 'request-invalid'),
    );
  }
  for (const work of [() => ia5('é'), () => ia5('a\n'), () => implicit(2, 'ü')]) {
    assert.throws(work, (error) => isTscertError(error, 'request-invalid'));
  }
});

test('numbers, object identifiers, bits, texts and times are read back', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(1n << 200n), max: 1n << 200n }), (value) => {
      assert.equal(integerOf(readDer(encodeDer(integer(value)))), value);
    }),
    { numRuns: RUNS },
  );
  const arc = fc.oneof(fc.nat(300), fc.nat(0x7fff_ffff));
  fc.assert(
    fc.property(fc.nat(2), fc.nat(39), fc.array(arc, { maxLength: 8 }), (first, second, rest) => {
      const dotted = [first, second, ...rest].join('.');
      assert.equal(oidOf(readDer(encodeDer(oid(dotted)))), dotted);
    }),
    { numRuns: RUNS },
  );
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(30)), (bits) => {
      const sorted = bits.sort((a, b) => a - b);
      assert.deepEqual(namedBitsOf(readDer(encodeDer(namedBits(sorted)))), sorted);
    }),
    { numRuns: RUNS },
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.equal(textOf(readDer(encodeDer(directoryString(text)))), text);
    }),
    { numRuns: RUNS },
  );
  const dates = fc.date({ min: new Date('0000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true });
  fc.assert(
    fc.property(dates, (date) => {
      const seconds = new Date(Math.floor(date.getTime() / 1000) * 1000);
      assert.deepEqual(timeOf(readDer(encodeDer(time(seconds)))), seconds);
    }),
    { numRuns: RUNS },
  );
});

test('texts of every string type', () => {
  assert.equal(textOf(from('1404e461f662')), 'äaöb');
  assert.equal(textOf(from('1e0400e42603')), 'ä☃');
  assert.equal(textOf(from('1c0800000041' + '0001f600')), 'A😀');
  assert.equal(textOf(from('1c04ffffffff')), '\ufffd');
  assert.equal(textOf(from('1203313220')), '12 ');
  refused(() => textOf(from('1e03004100')));
  refused(() => textOf(from('1c03000041')), /cut off/);
  refused(() => textOf(from('0203004142')));
});

test('an object identifier of any size is read', () => {
  assert.equal(oidOf(from(`0614${'69'}${'83'}${'ff'.repeat(17)}7f`)).split('.')[0], '2');
  refused(() => oidOf(from('0600')));
  refused(() => oidOf(from('060180')));
  refused(() => oidOf(from('0603558003')), /padded/);
  refused(() => oidOf(from(`068181${'01'.repeat(129)}`)), /too long/);
});

test('times of another form are refused', () => {
  const utc = (text: string): string => `17${text.length.toString(16).padStart(2, '0')}${Buffer.from(text).toString('hex')}`;
  assert.deepEqual(timeOf(from(utc('491231235959Z'))), new Date('2049-12-31T23:59:59Z'));
  assert.deepEqual(timeOf(from(utc('500101000000Z'))), new Date('1950-01-01T00:00:00Z'));
  for (const text of [
    '2611231200Z',
    '261123120000+0100',
    '261323120000Z',
    '260230120000Z',
    '261123240000Z',
    '261123126000Z',
    '26112312000 Z',
    '',
    'Z',
  ]) {
    refused(() => timeOf(from(utc(text))), /X\.509/);
  }
});

test('what is BER but not DER is refused', () => {
  const bad = {
    'indefinite length': '30800000',
    'a length longer than needed': '04810101',
    'a length with zeros in front': '0482008001',
    'a length of too many octets': '048500000000010a',
    'a tag of more than one octet': '1f810100',
    'bytes behind the end': '050000',
    'a cut element': '300402010',
    'an element over its container': '3003020201',
    nothing: '',
  };
  for (const [what, text] of Object.entries(bad)) {
    assert.throws(
      () => from(text),
      (error) => isTscertError(error, 'der-invalid'),
      what,
    );
  }
  refused(() => integerOf(from('02020001')), /padded/);
  refused(() => integerOf(from('0202ffff')), /padded/);
  refused(() => integerOf(from('0200')), /empty/);
  refused(() => booleanOf(from('010101')), /00 or FF/);
  refused(() => bitStringOf(from('030201f0')), /whole octets/);
  refused(() => bitStringOf(from('0300')), /whole octets/);
  refused(() => smallIntegerOf(from('02050100000000')), /out of range/);
  refused(() => readDer(Buffer.alloc((1 << 20) + 1)), /more than/);
});

test('elements are views of the input, and fields are taken one by one', () => {
  const bytes = Buffer.from('300a0201050101ffa1020500', 'hex');
  const root = readDer(bytes);
  assert.equal(root.der.buffer, bytes.buffer);
  assert.deepEqual(
    root.children.map(({ der }) => der.toString('hex')),
    ['020105', '0101ff', 'a1020500'],
  );
  const fields = fieldsOf(root, 'the thing');
  assert.equal(integerOf(fields.next(TAG.integer, 'the number')), 5n);
  assert.equal(fields.optional(TAG.oid), undefined);
  assert.equal(booleanOf(fields.optional(TAG.boolean) ?? root), true);
  refused(() => fields.end(), /the thing has 1 more elements than it may$/);
  refused(() => fieldsOf(root, 'the thing').next(TAG.oid, 'the type'), /the type of the thing has tag 0x02, not 0x06$/);
  fields.any('the rest');
  refused(() => fields.any('the end'), /the thing lacks the end$/);
  fields.end();
  refused(() => fieldsOf(root, 'the set', TAG.set), /the set has tag 0x30, not 0x31$/);
});
