import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Column, tableLines } from '../../src/cli/ui/columns.js';

const COLUMNS: readonly Column[] = [
  { title: 'NAME', least: 4 },
  { title: 'STATE', paint: (text) => `<${text}>` },
  { title: 'ERROR', least: 5 },
];
const ROWS = [
  ['www', 'ready', ''],
  ['a-rather-long-name', 'failing', 'cannot prove the names'],
];

test('in a pipe every column is as wide as its widest text, and nothing is cut', () => {
  assert.deepEqual(tableLines(COLUMNS, ROWS, undefined), [
    'NAME                STATE    ERROR',
    'www                 <ready>',
    'a-rather-long-name  <failing>  cannot prove the names',
  ]);
});

test('on a terminal the last columns shrink first, down to their least, and what is cut shows it', () => {
  const plain = COLUMNS.map(({ paint: _, ...column }) => column);
  assert.deepEqual(tableLines(plain, ROWS, 40), [
    'NAME                STATE    ERROR',
    'www                 ready',
    'a-rather-long-name  failing  cannot pro…',
  ]);
  assert.deepEqual(tableLines(plain, ROWS, 24), ['NAME      STATE    ERROR', 'www       ready', 'a-rathe…  failing  cann…']);
  for (const width of [24, 30, 40, 60])
    for (const line of tableLines(plain, ROWS, width)) assert.ok([...line].length <= width, `${width}: ${line}`);
});

test('where that is not enough, dispensable columns go, the lowest number first', () => {
  const plain: readonly Column[] = [
    { title: 'NAME', least: 4 },
    { title: 'STATE', dispensable: 2 },
    { title: 'ERROR', least: 5, dispensable: 1 },
  ];
  assert.deepEqual(tableLines(plain, ROWS, 16), ['NAME     STATE', 'www      ready', 'a-rath…  failing']);
  assert.deepEqual(tableLines(plain, ROWS, 8), ['NAME', 'www', 'a-rathe…']);
  assert.deepEqual(tableLines(plain, ROWS, 2)[2], 'a-r…', 'what must stay, stays');
});

test('colours take no room', () => {
  const [, first, second] = tableLines(
    [{ title: 'A', paint: (text) => `\u001b[31m${text}\u001b[39m` }, { title: 'B' }],
    [
      ['x', 'y'],
      ['long', 'z'],
    ],
    80,
  );
  assert.deepEqual([first, second], ['\u001b[31mx\u001b[39m     y', '\u001b[31mlong\u001b[39m  z']);
});
