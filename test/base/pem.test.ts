import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTscertError } from '../../src/base/errors.js';
import { decodePem, encodePem } from '../../src/base/pem.js';

const RUNS = Number(process.env.TSCERT_TEST_FUZZ ?? 2000);

test('what is written is read back, several blocks with text around them', () => {
  const bytes = Buffer.from([...Array(100).keys()]);
  const text = `subject=example\r\n${encodePem('CERTIFICATE', bytes).replaceAll('\n', '\r\n')}between\n${encodePem('X509 CRL', Buffer.alloc(0))}after`;
  assert.deepEqual(
    decodePem(text).map(({ label, der }) => [label, der.toString('hex')]),
    [
      ['CERTIFICATE', bytes.toString('hex')],
      ['X509 CRL', ''],
    ],
  );
});

test('labels have small letters too: cfssl writes "Ed25519 PRIVATE KEY"', () => {
  const text = encodePem('Ed25519 PRIVATE KEY', Buffer.of(1, 2, 3));
  assert.deepEqual(decodePem(text), [{ label: 'Ed25519 PRIVATE KEY', der: Buffer.of(1, 2, 3), headers: {}, text }]);
});

test('headers of a legacy encrypted key are kept apart from its body', () => {
  const [block] = decodePem(
    '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00FF\n\nAAEC\n-----END RSA PRIVATE KEY-----\n',
  );
  assert.deepEqual(block?.headers, { 'Proc-Type': '4,ENCRYPTED', 'DEK-Info': 'AES-256-CBC,00FF' });
  assert.equal(block?.der.toString('hex'), '000102');
});

test('a block without an end, with another end, or with a body that is no base64 is refused', () => {
  for (const text of [
    '-----BEGIN CERTIFICATE-----\nAAEC\n',
    '-----BEGIN CERTIFICATE-----\nAAEC\n-----END PRIVATE KEY-----\n',
    '-----BEGIN CERTIFICATE-----\nA?EC\n-----END CERTIFICATE-----\n',
    '-----BEGIN CERTIFICATE-----\nAAE\n-----END CERTIFICATE-----\n',
  ]) {
    assert.throws(
      () => decodePem(text),
      (error) => isTscertError(error, 'pem-invalid'),
      text,
    );
  }
});

test('any bytes survive, and any text gives blocks or pem-invalid', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) =>
      assert.deepEqual(decodePem(encodePem('TEST', bytes))[0]?.der, Buffer.from(bytes)),
    ),
    { numRuns: RUNS },
  );
  const pieces = fc.constantFrom(
    '-----BEGIN A-----',
    '-----END A-----',
    '-----END B-----',
    '\n',
    '\r\n',
    'AAAA',
    '=',
    ' ',
    'X: y',
    '-----',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      try {
        decodePem(parts.join(''));
      } catch (error) {
        assert.ok(isTscertError(error, 'pem-invalid'), String(error));
      }
    }),
    { numRuns: RUNS },
  );
});
