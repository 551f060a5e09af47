import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTscertError } from '../../src/base/errors.js';
import { type GeneralName, parseName } from '../../src/base/names.js';
import { encodeDer, tagged, utf8 } from '../../src/pki/der.js';
import { readDer } from '../../src/pki/der-reader.js';
import { generalNameDer, ipOctets, ipText, readGeneralName } from '../../src/pki/general-name.js';
import { RUNS } from './fuzz.js';

const hex = (name: GeneralName): string => encodeDer(generalNameDer(name)).toString('hex');

test('every kind in DER and back', () => {
  for (const [name, wanted] of [
    [{ type: 'dns', value: 'a.b' }, '8203612e62'],
    [{ type: 'email', value: 'a@b' }, '8103614062'],
    [{ type: 'uri', value: 'a:b' }, '8603613a62'],
    [{ type: 'ip', value: '192.0.2.1' }, '8704c0000201'],
    [{ type: 'ip', value: '2001:db8::1' }, '871020010db8000000000000000000000001'],
    [{ type: 'other', oid: '1.2.3', value: 'é' }, 'a00a06022a03a0040c02c3a9'],
  ] as const) {
    assert.equal(hex(name), wanted);
    assert.deepEqual(readGeneralName(readDer(Buffer.from(wanted, 'hex'))), name);
  }
});

test('addresses of every form become their octets, and octets the canonical form', () => {
  for (const [text, octets] of [
    ['::', '0'.repeat(32)],
    ['::1', `${'0'.repeat(31)}1`],
    ['1::', `0001${'0'.repeat(28)}`],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['::ffff:192.0.2.1', `${'0'.repeat(20)}ffffc0000201`],
    ['64:ff9b::192.0.2.33', '0064ff9b0000000000000000c0000221'],
  ] as const) {
    assert.equal(ipOctets(text).toString('hex'), octets, text);
    assert.equal(ipText(Buffer.from(octets, 'hex')), parseName(text).value);
  }
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      const { value } = parseName(`ip:${text}`);
      assert.equal(ipText(ipOctets(value)), value);
      assert.deepEqual(ipOctets(text), ipOctets(value));
    }),
    { numRuns: RUNS },
  );
});

test('names of other kinds stay as they are, what is no name is refused', () => {
  for (const text of ['88032a0304', 'a4023000', 'a5023000']) {
    assert.deepEqual(readGeneralName(readDer(Buffer.from(text, 'hex'))), { type: 'unknown', der: text });
  }
  const number = encodeDer(tagged(0, utf8('x')));
  for (const bytes of [number, ...['8703c00002', '0203010203', '890161', '3000'].map((text) => Buffer.from(text, 'hex'))]) {
    assert.throws(
      () => readGeneralName(readDer(bytes)),
      (error) => isTscertError(error, 'der-invalid'),
      bytes.toString('hex'),
    );
  }
});

test('an otherName whose value is no text is kept', () => {
  const der = 'a00906022a03a003020105';
  assert.deepEqual(readGeneralName(readDer(Buffer.from(der, 'hex'))), { type: 'unknown', der });
});
