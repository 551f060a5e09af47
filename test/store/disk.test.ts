import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { storeContract } from '../contract/store.js';
import { openStore } from './support.js';

storeContract('disk', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'tscert-store-'));
  return { store: openStore(folder), other: openStore(folder), close: () => rm(folder, { recursive: true, force: true }) };
});
