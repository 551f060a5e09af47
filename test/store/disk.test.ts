import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { storeContract } from '../contract/store.js';
import { openStore } from './support.js';

storeContract('disk', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'tscert-store-'));
  return { store: openStore(folder), other: openStore(folder), close: () => rm(folder, { recursive: true, force: true }) };
});

test('a folder in a place where nobody makes folders, such as /proc, is refused and not tried for ever', {
  skip: existsSync('/proc/self') ? false : 'there is no /proc',
}, async () => {
  await assert.rejects(openStore('/proc/tscert').probe(), { code: 'store-unwritable' });
});
