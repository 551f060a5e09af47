import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPolicyFile } from '../../src/cli/approval/policy-file.js';

test('a file that changes is read again; one that is none changes nothing and is told once', async () => {
  const texts = ['1', '1', '2', 'bad', 'bad', '3'];
  const stop = new AbortController();
  const [changes, troubles, looks]: [number[], string[], number[]] = [[], [], []];
  const file = createPolicyFile<number>({
    first: { text: '1', policies: 1 },
    read: async () => texts[Math.min(looks.length, texts.length) - 1] ?? '',
    async parse(text) {
      if (text === 'bad') throw new Error('it is none');
      return Number(text);
    },
    onChange: (now) => changes.push(now),
    onTrouble: (error) => troubles.push(String(error)),
  });
  const sleep = async (ms: number): Promise<void> => {
    looks.push(ms);
    if (looks.length > texts.length) stop.abort();
  };
  await file.follow({ sleep }, stop.signal);
  assert.deepEqual(changes, [2, 3]);
  assert.deepEqual(troubles, ['Error: it is none']);
  assert.equal(file.current, 3);
  await file.reread();
  assert.deepEqual(changes, [2, 3, 3], 'on demand also when it is the same');
});
