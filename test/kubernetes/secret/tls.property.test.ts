/** Whatever stands in a Secret, it is read or refused with a TscertError, and nothing of it is taken for what it is not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { csvOf } from '../../../src/kubernetes/secret/csv.js';
import { dataOf, SECRET } from '../../../src/kubernetes/secret/object.js';
import { driftOf, readTlsSecret, tlsSecretOf } from '../../../src/kubernetes/secret/tls.js';
import { encodePrivateKey } from '../../../src/pki/key.js';
import { anything, mutated, RUNS, staysCalm } from '../../pki/fuzz.js';
import { party } from '../../pki/support.js';
import { readCsvLine } from './rules.js';

const leaf = party('www.example.com', undefined, { names: [{ type: 'dns', value: 'www.example.com' }] });
const parts = { privateKey: encodePrivateKey(leaf.key), certificate: leaf.pem, chain: '' };
const settings = { certificateName: 'www', annotations: {}, labels: {} };
const place = { namespace: 'web', name: 'www' };

describe('Secrets', () => {
  test('anything that an API server may send', () =>
    staysCalm(
      fc.record({
        metadata: fc.record({ name: fc.string(), annotations: fc.dictionary(fc.string(), fc.string()) }, { requiredKeys: ['name'] }),
        type: fc.oneof(fc.string(), fc.constant(null)),
        data: fc.oneof(
          fc.constant(null),
          fc.dictionary(fc.constantFrom('tls.crt', 'tls.key', 'x'), fc.oneof(fc.string(), fc.base64String())),
        ),
      }),
      (value) => readTlsSecret(SECRET.parse(value)),
      ['response-invalid'],
    ));

  test('anything else', () => staysCalm(fc.jsonValue(), (value) => readTlsSecret(SECRET.parse(value)), ['response-invalid']));

  test('keys and certificates that somebody has changed', () => {
    const secretOf = (crt: Uint8Array, key: Uint8Array): unknown => ({
      metadata: { name: 'x' },
      data: { 'tls.crt': Buffer.from(crt).toString('base64'), 'tls.key': Buffer.from(key).toString('base64') },
    });
    const texts = mutated([Buffer.from(parts.certificate)]);
    const keys = mutated([Buffer.from(parts.privateKey)]);
    return staysCalm(
      fc.oneof(fc.tuple(texts, keys), fc.tuple(anything, keys), fc.tuple(texts, anything)),
      ([crt, key]) => readTlsSecret(SECRET.parse(secretOf(crt, key))),
      [],
    );
  });

  test('facts that somebody has changed are none', () =>
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (facts) => {
        const secret = SECRET.parse({
          metadata: { name: 'x', annotations: { 'tscert.io/issued-for': facts } },
          data: dataOf({ 'tls.crt': parts.certificate, 'tls.key': parts.privateKey }),
        });
        const reading = readTlsSecret(secret);
        assert.ok(reading.state === 'good' && reading.meta === undefined);
        assert.notEqual(driftOf(place, secret, '', settings), undefined);
      }),
      { numRuns: RUNS / 10 },
    ));

  test('the meta comes back whatever it is', () =>
    fc.assert(
      fc.property(fc.jsonValue(), (meta) => {
        const plain = JSON.parse(JSON.stringify(meta));
        const reading = readTlsSecret(SECRET.parse(tlsSecretOf(place, parts, settings, { meta: plain })));
        assert.ok(reading.state === 'good');
        assert.deepEqual(reading.meta, plain);
      }),
      { numRuns: RUNS / 10 },
    ));
});

test('lists in annotations read back by the rules of Go', () =>
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom('a', ',', '"', ' ', '\n', '\r', '\\', '.', 'é', '\u0085') }), { minLength: 1 }),
      (values) => {
        const line = csvOf(values);
        if (line === undefined) assert.ok(values.some((value) => value.includes('\r\n')) || (values.length === 1 && values[0] === ''));
        else assert.deepEqual(readCsvLine(line), values);
      },
    ),
    { numRuns: RUNS },
  ));
