import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, rm, unlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { makeBundle } from '../contract/certificates.js';
import { storeContract } from '../contract/store.js';
import { openStore, withFolder } from './support.js';

storeContract('disk', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'tscert-store-'));
  return { store: openStore(folder), other: openStore(folder), close: () => rm(folder, { recursive: true, force: true }) };
});

test('there is an outline only while every part has its size and its time, and meta.json is whole', () =>
  withFolder(async (folder) => {
    const store = openStore(folder);
    const part = (file: string): string => path.join(folder, 'live/www', file);
    for (const file of ['cert.pem', 'chain.pem', 'fullchain.pem', 'privkey.pem', 'meta.json']) {
      const ways = {
        longer: (name: string) => appendFile(name, ' '),
        touched: (name: string) => utimes(name, 1, 1),
        gone: (name: string) => unlink(name),
      };
      for (const [way, change] of Object.entries(ways)) {
        await store.save('www', makeBundle('www'));
        assert.ok((await store.outline('www')) !== undefined);
        await change(part(file));
        const isMeta = file === 'meta.json';
        assert.equal((await store.outline('www')) === undefined, !(isMeta && way !== 'gone'), `${file} ${way}`);
      }
    }
    await store.save('www', makeBundle('www'));
    await writeFile(part('meta.json'), '{');
    assert.equal(await store.outline('www'), undefined);
    await unlink(path.join(folder, 'live/www'));
    assert.equal(await store.outline('www'), undefined);
  }));

test('a folder in a place where nobody makes folders, such as /proc, is refused and not tried for ever', {
  skip: existsSync('/proc/self') ? false : 'there is no /proc',
}, async () => {
  await assert.rejects(openStore('/proc/tscert').probe(), { code: 'store-unwritable' });
});
