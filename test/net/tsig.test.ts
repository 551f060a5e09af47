import assert from 'node:assert/strict';
import { test } from 'node:test';
import packet from 'dns-packet';
import fc from 'fast-check';
import { TscertError } from '../../src/base/errors.js';
import { decodeUpdateResponse } from '../../src/dns/providers/rfc2136/update.js';
import { createTsigKey, signRequest, verifyResponse } from '../../src/net/tsig.js';
import { encodeName, readName, recordsOf } from '../../src/net/wire.js';

const runs = { numRuns: Number(process.env.TSCERT_TEST_FUZZ ?? 2000) };
const key = createTsigKey({ name: 'Key.Example.', secret: 'c2VjcmV0', algorithm: 'HMAC-SHA256' });
const label = fc.stringMatching(/^[a-z0-9_]([a-z0-9_-]{0,20}[a-z0-9_])?$/);
const name = fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join('.'));

/** Runs a reader of foreign bytes: it may refuse in typed words, and nothing else. */
function readable(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    assert.ok(error instanceof TscertError, String(error));
    assert.equal(error.code, 'response-invalid');
    return false;
  }
}

test('a name is read as it was written, and as dns-packet writes it', () => {
  fc.assert(
    fc.property(name, fc.nat(20), (text, offset) => {
      const wire = encodeName(text);
      const query = packet.encode({ type: 'query', id: 1, questions: [{ type: 'TXT', name: text }] });
      assert.deepEqual(query.subarray(12, -4), wire);
      const message = Buffer.concat([Buffer.alloc(offset), wire, Buffer.alloc(3)]);
      assert.deepEqual(readName(message, offset), { wire, end: offset + wire.length });
    }),
    runs,
  );
});

test('names that cannot stand in a message are refused', () => {
  for (const text of ['a..b', '.a', 'x'.repeat(64), 'ä.example', 'a b', `${'abcdefg.'.repeat(32)}com`]) {
    assert.throws(() => encodeName(text), { code: 'name-invalid' }, text);
  }
  assert.deepEqual(encodeName('.'), Buffer.alloc(1));
});

test('a compressed name is followed backwards only, so no message can make the reader run in circles', () => {
  const message = Buffer.concat([encodeName('Example.COM'), Buffer.from([1, 0x41, 0xc0, 0])]);
  assert.deepEqual(readName(message, 13), { wire: encodeName('a.example.com'), end: 17 });
  for (const bytes of [[0xc0, 0], [0xc0, 2, 0xc0, 0], [1, 0x61, 0xc0, 0], [0x80, 1, 0], [5, 0x61], [0xc0]])
    assert.ok(!readable(() => readName(Buffer.from(bytes), 0)), String(bytes));
});

test('any octets are either records to the last octet or refused in typed words', () => {
  const counts = fc.array(fc.nat(3), { minLength: 4, maxLength: 4 }).map((numbers) => Buffer.from(numbers.flatMap((count) => [0, count])));
  const message = fc
    .tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), counts, fc.uint8Array({ maxLength: 200 }))
    .map((parts) => Buffer.concat(parts));
  fc.assert(
    fc.property(message, (bytes) => {
      readable(() => recordsOf(bytes));
      readable(() => verifyResponse(bytes, key, Buffer.alloc(32), 0));
      readable(() => decodeUpdateResponse(bytes, 0));
    }),
    runs,
  );
  assert.ok(!readable(() => recordsOf(Buffer.alloc(11))));
});

test('a signed message damaged anywhere is refused or told to be unsigned, never taken for good', () => {
  const response = packet.encode({ type: 'response', id: 7, questions: [{ type: 'SOA', name: 'example.com' }] });
  const { message } = signRequest(response, key, 1_000);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(message.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (damages) => {
      const damaged = Buffer.from(message);
      for (const [at, octet] of damages) damaged[at] = octet;
      readable(() => {
        const verdict = verifyResponse(damaged, key, Buffer.alloc(32), 1_000);
        assert.ok(verdict === undefined || verdict.error !== undefined);
      });
    }),
    runs,
  );
});

test('a request read as its own response is not taken: the MAC of a response covers that of its request', () => {
  const { message, mac } = signRequest(packet.encode({ type: 'query', id: 7 }), key, 1_000);
  assert.throws(() => verifyResponse(message, key, mac, 1_000), { code: 'response-invalid', message: /its signature is wrong$/ });
  assert.throws(() => verifyResponse(message, createTsigKey({ name: 'other', secret: 'c2VjcmV0', algorithm: 'hmac-sha256' }), mac, 1_000), {
    message: /another key signed it$/,
  });
});

test('a message without signature has no verdict', () => {
  assert.equal(verifyResponse(packet.encode({ type: 'response', id: 7 }), key, Buffer.alloc(32), 0), undefined);
});
