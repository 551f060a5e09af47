import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket, { type Answer } from 'dns-packet';
import fc from 'fast-check';
import { isTscertError } from '../../src/base/errors.js';
import { answersId, type DnsQuestion, decodeAnswer, encodeQuestion } from '../../src/net/dns-message.js';

const numRuns = Number(process.env.TSCERT_TEST_FUZZ ?? 2000);
const question: DnsQuestion = { name: '_acme-challenge.example.com', type: 'TXT' };

const answers: Answer[] = [
  { name: '_Acme-Challenge.Example.COM', type: 'TXT', ttl: 60, data: [Buffer.from('one'), Buffer.from('two')] },
  { name: 'example.com', type: 'A', ttl: 60, data: '192.0.2.1' },
  { name: 'example.com', type: 'AAAA', ttl: 60, data: '2001:db8::1' },
  { name: 'example.com', type: 'NS', ttl: 60, data: 'NS1.Example.com' },
  { name: 'example.com', type: 'CAA', ttl: 60, data: { flags: 0, tag: 'issue', value: 'ca.test' } },
  { name: 'example.com', type: 'MX', ttl: 60, data: { preference: 1, exchange: 'mx.example.com' } },
];
const authorities: Answer[] = [
  { name: 'example.com', type: 'SOA', ttl: 60, data: { mname: 'ns1.example.com', rname: 'host.example.com', serial: 7 } },
];
const good = dnsPacket.encode({
  type: 'response',
  id: 4711,
  flags: dnsPacket.AUTHORITATIVE_ANSWER,
  questions: [{ name: question.name, type: 'TXT', class: 'IN' }],
  answers,
  authorities,
  additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 1232, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }],
});

/** Reads what came, whatever it is: an answer, or a typed error. */
function read(bytes: Buffer): boolean {
  try {
    decodeAnswer(bytes, question);
    return true;
  } catch (error) {
    assert.ok(isTscertError(error, 'response-invalid'), String(error));
    return false;
  }
}

test('a question carries its id, name, type, EDNS size and whether recursion is wanted', () => {
  const packet = dnsPacket.decode(encodeQuestion(77, question, { recursion: true, edns: true }));
  assert.equal(packet.id, 77);
  assert.equal(packet.flag_rd, true);
  assert.deepEqual(packet.questions, [{ name: question.name, type: 'TXT', class: 'IN' }]);
  assert.equal(packet.additionals?.[0]?.type === 'OPT' && packet.additionals[0].udpPayloadSize, 1232);
  const plain = dnsPacket.decode(encodeQuestion(77, question, { recursion: false, edns: false }));
  assert.deepEqual([plain.flag_rd, plain.additionals], [false, []]);
});

test('names of an answer are in lower case, the strings of a TXT record are joined, other types are left out', () => {
  const answer = decodeAnswer(good, question);
  assert.deepEqual(answer.answers[0], { type: 'TXT', name: question.name, ttl: 60, value: 'onetwo' });
  assert.deepEqual(answer.answers[3], { type: 'NS', name: 'example.com', ttl: 60, value: 'ns1.example.com' });
  assert.deepEqual(
    answer.answers.map(({ type }) => type),
    ['TXT', 'A', 'AAAA', 'NS', 'CAA'],
  );
  assert.deepEqual(answer.authorities, [{ type: 'SOA', name: 'example.com', ttl: 60, primary: 'ns1.example.com', serial: 7 }]);
});

test('the answer to another question, a question, and an answer with another id are not taken', () => {
  assert.throws(() => decodeAnswer(good, { ...question, type: 'A' }), { code: 'response-invalid' });
  assert.throws(() => decodeAnswer(good, { ...question, name: 'x.example.com' }), { code: 'response-invalid' });
  assert.throws(() => decodeAnswer(encodeQuestion(1, question, { recursion: false, edns: false }), question), { code: 'response-invalid' });
  assert.equal(answersId(good, 4711), true);
  assert.equal(answersId(good, 4712), false);
  assert.equal(answersId(good.subarray(0, 11), 4711), false);
});

test('an empty answer without the question is taken only when it says that something is wrong', () => {
  const bare = (rcode: number): Buffer => dnsPacket.encode({ type: 'response', id: 1, flags: rcode, questions: [] });
  assert.equal(decodeAnswer(bare(1), question).rcode, 'FORMERR');
  assert.equal(decodeAnswer(bare(5), question).rcode, 'REFUSED');
  assert.throws(() => decodeAnswer(bare(0), question), { code: 'response-invalid' });
  assert.throws(() => decodeAnswer(bare(3), question), { code: 'response-invalid' });
});

test('any bytes give an answer or a typed error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => void read(Buffer.from(bytes))),
    { numRuns },
  );
});

test('an answer with changed, cut or repeated bytes gives an answer or a typed error', () => {
  let refused = 0;
  const edit = fc.record({ at: fc.nat(good.length - 1), byte: fc.integer({ min: 0, max: 255 }) });
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 8 }), fc.nat(good.length), fc.nat(40), (edits, cut, repeated) => {
      const bytes = Buffer.from(good);
      for (const { at, byte } of edits) bytes[at] = byte;
      if (!read(Buffer.concat([bytes.subarray(0, cut), bytes.subarray(0, repeated)]))) refused++;
    }),
    { numRuns },
  );
  assert.ok(refused > numRuns / 4, `only ${refused} of ${numRuns} were refused`);
});

test('addresses that come back are addresses', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 40 }), (tail) => {
      const whole = dnsPacket.encode({
        type: 'response',
        id: 1,
        questions: [{ name: 'a.test', type: 'AAAA', class: 'IN' }],
        answers: [{ name: 'a.test', type: 'AAAA', ttl: 1, data: '2001:db8::1' }],
      });
      try {
        const answer = decodeAnswer(Buffer.concat([whole.subarray(0, whole.length - 16), tail]), { name: 'a.test', type: 'AAAA' });
        for (const record of answer.answers) assert.match(record.type === 'AAAA' ? record.value : '', /^[0-9a-f:.]+$/);
      } catch (error) {
        assert.ok(isTscertError(error, 'response-invalid'), String(error));
      }
    }),
    { numRuns: Math.min(numRuns, 5_000) },
  );
});
