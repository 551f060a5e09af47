import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TscertError } from '../../src/base/errors.js';
import type { Event } from '../../src/base/events.js';
import { exitCodeOf } from '../../src/cli/exit.js';
import { createBoard } from '../../src/cli/ui/board.js';
import { createPaint } from '../../src/cli/ui/paint.js';
import { sentenceOf } from '../../src/cli/ui/sentences.js';
import { detailsOf, errorDocument, hintOf, messageWords } from '../../src/cli/ui/words.js';

const SERVERS = [
  { server: 'ns1.example.com', address: '192.0.2.1:53', holds: true, answer: 'has the value' },
  { server: 'ns2.example.com', address: '192.0.2.2:53', holds: false, answer: 'NXDOMAIN' },
];

test('a stage that ends is one sentence with its time, one that begins only when more is asked for', () => {
  const begin: Event = { type: 'stage', stage: 'order', state: 'begin' };
  assert.equal(sentenceOf(begin, false), undefined);
  assert.equal(sentenceOf(begin, true), 'ordering');
  assert.equal(sentenceOf({ type: 'stage', stage: 'check', state: 'end', milliseconds: 2_140 }, false), 'challenges can be seen (2.1s)');
});

test('the records that a person must create are always told, each on its line', () => {
  const sentence = sentenceOf(
    { type: 'records-wanted', action: 'add', records: [{ name: '_acme-challenge.example.com', value: 'abc' }] },
    false,
  );
  assert.equal(sentence, 'create these TXT records:\n    _acme-challenge.example.com. TXT "abc"');
});

test('the board shows each name with the name server that does not have the record yet, cut to the width', async () => {
  const board = createBoard(await createPaint(false));
  board.take('www', { type: 'stage', stage: 'check', state: 'begin' }, 1_000);
  board.take('www', { type: 'challenge', identifier: '*.example.com', challenge: 'dns-01', state: 'presented' }, 1_000);
  board.take('www', { type: 'propagation', fqdn: '_acme-challenge.example.com', zone: 'example.com', round: 1, servers: SERVERS }, 1_500);
  const [header, name] = board.lines(3_000, 0, { columns: 200, rows: 20 });
  assert.match(header ?? '', /check +2\.0s/);
  assert.match(
    name ?? '',
    /\*\.example\.com {2}dns-01 {2}presented {2}1 of 2 name servers have it; ns2\.example\.com \(192\.0\.2\.2:53\): NXDOMAIN/,
  );
  assert.ok(board.lines(3_000, 0, { columns: 30, rows: 20 }).every((line) => line.length < 30));
});

test('the board never takes more rows than it may, however many certificates are under way', async () => {
  const board = createBoard(await createPaint(false));
  for (let at = 0; at < 500; at++) board.take(`c${at}`, { type: 'stage', stage: 'order', state: 'begin' }, 0);
  const lines = board.lines(1_000, 0, { columns: 80, rows: 20 });
  assert.equal(lines.length, 20);
  assert.match(lines.at(-1) ?? '', /and 481 more lines/);
});

test('an error has its details, its hint and its exit code', () => {
  const invalid = new TscertError('order-invalid', 'Cannot prove the names', {
    data: {
      failures: [
        { identifier: 'example.com', type: 'dns-01', problem: { type: 'urn:ietf:params:acme:error:unauthorized', detail: 'wrong TXT' } },
      ],
    },
  });
  assert.deepEqual(detailsOf(invalid), ['example.com (dns-01): wrong TXT [unauthorized]']);
  assert.equal(messageWords(invalid), 'cannot prove the names');
  assert.equal(exitCodeOf(invalid), 1);
  const late = new TscertError('propagation-timeout', 'Cannot see the record', { data: { diagnosis: SERVERS } });
  assert.deepEqual(detailsOf(late)[1], 'ns2.example.com (192.0.2.2:53): NXDOMAIN');
  assert.match(hintOf(late) ?? '', /--dns-timeout/);
  assert.equal(exitCodeOf(new TscertError('rate-limited', 'Cannot order', { data: {} })), 5);
  assert.equal(exitCodeOf(new TscertError('interrupted', 'x', { data: { signal: 'SIGTERM' } })), 143);
  assert.equal(exitCodeOf(new TscertError('interrupted', 'x', { data: { signal: 'SIGINT' } })), 130);
  assert.equal(exitCodeOf(new TscertError('terms-not-agreed', 'x')), 2);
  assert.equal(exitCodeOf(new Error('x')), 1);
  assert.equal(errorDocument(new Error('boom')).code, 'internal');
});
