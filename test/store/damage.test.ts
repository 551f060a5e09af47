import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ErrorCode, isTscertError } from '../../src/base/errors.js';
import { nodeFileSystem } from '../../src/store/files.js';
import { describeOwner, temporaryName } from '../../src/store/owner.js';
import { fileNameOf, keyOf } from '../../src/store/record-name.js';
import type { Store } from '../../src/store/store.js';
import { makeBundle } from '../contract/certificates.js';
import { openStore, withFolder } from './support.js';

const NAME = 'www.test';
const issuer = makeBundle('issuer.test');
const bundle = { ...makeBundle('www.test'), chain: issuer.certificate };
const another = makeBundle('another.test');

const failure = async (work: Promise<unknown>): Promise<{ code: ErrorCode; message: string; data: Readonly<Record<string, unknown>> }> => {
  try {
    await work;
  } catch (error) {
    assert.ok(isTscertError(error), String(error));
    return error;
  }
  throw assert.fail('it did not fail');
};

/** A stored certificate, damaged by `damage`, which gets the folders of the generation and of the store. */
async function loadAfter(damage: (generation: string, folder: string) => void, then?: (store: Store, folder: string) => Promise<void>) {
  return await withFolder(async (folder) => {
    const store = openStore(folder);
    await store.save(NAME, bundle);
    damage(path.join(folder, 'archive', NAME, '0001'), folder);
    const error = await failure(openStore(folder).load(NAME));
    assert.equal(error.code, 'store-damaged');
    await then?.(store, folder);
    return error.message;
  });
}

/** What is damaged can be stored anew, and is good then. */
const heals = async (store: Store): Promise<void> => {
  await store.save(NAME, bundle);
  assert.equal((await store.load(NAME))?.generation, '0002');
};

test('a missing file is named, each of them, and a new generation heals it', async () => {
  for (const file of ['privkey.pem', 'cert.pem', 'chain.pem', 'fullchain.pem', 'meta.json']) {
    const message = await loadAfter((generation) => rmSync(path.join(generation, file)), heals);
    assert.match(message, new RegExp(`^Cannot load the certificate "www\\.test": /.*/0001/${file} is missing; .*backup`));
  }
});

test('a damaged file is named, with what is wrong in it', async () => {
  const cases: readonly [file: string, content: string, why: RegExp][] = [
    ['privkey.pem', '', /privkey\.pem is damaged: it is no private key/],
    ['privkey.pem', another.privateKey, /privkey\.pem is damaged: it does not belong to the certificate/],
    ['privkey.pem', bundle.privateKey.slice(0, 100), /privkey\.pem is damaged: it is no private key/],
    ['cert.pem', '', /cert\.pem is damaged: it should hold one certificate in PEM and holds no PEM block/],
    ['cert.pem', bundle.certificate.slice(0, 200), /cert\.pem is damaged: Cannot read the PEM block/],
    [
      'cert.pem',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      /fullchain\.pem is damaged: it is not cert\.pem followed by chain/,
    ],
    ['chain.pem', '<html>', /chain\.pem is damaged: /],
    ['fullchain.pem', bundle.certificate, /fullchain\.pem is damaged: it is not cert\.pem followed by chain\.pem/],
    ['meta.json', '', /meta\.json is damaged/],
    ['meta.json', '[]', /meta\.json is damaged/],
    ['meta.json', '{"version":1,"sha256":7,"meta":{}}', /meta\.json is damaged/],
    ['meta.json', '{"version":99,"sha256":{},"meta":{}}', /meta\.json has the unknown version 99/],
  ];
  for (const [file, content, why] of cases) {
    assert.match(await loadAfter((generation) => writeFileSync(path.join(generation, file), content), heals), why);
  }
});

test('no message about a damaged key quotes it', async () => {
  const secret = bundle.privateKey.split('\n')[1] ?? '';
  const message = await loadAfter((generation) => writeFileSync(path.join(generation, 'privkey.pem'), bundle.privateKey.slice(0, 150)));
  assert.equal(message.includes(secret.slice(0, 20)), false);
});

test('a pair that somebody replaced as a whole is taken', async () => {
  await withFolder(async (folder) => {
    await openStore(folder).save(NAME, bundle);
    const at = (file: string): string => path.join(folder, 'archive', NAME, '0001', file);
    writeFileSync(at('privkey.pem'), another.privateKey);
    writeFileSync(at('cert.pem'), another.certificate);
    writeFileSync(at('fullchain.pem'), another.certificate + bundle.chain);
    assert.equal((await openStore(folder).load(NAME))?.certificate, another.certificate);
  });
});

test('a dangling link, a folder and a foreign link in the place of the live link are told apart', async () => {
  const live = (folder: string): string => path.join(folder, 'live', NAME);
  const dangling = await loadAfter((generation) => rmSync(generation, { recursive: true }));
  assert.match(dangling, /live\/www\.test points at ".*\/0001", which is missing; put it back from a backup, or remove the link/);
  const folder = await loadAfter(
    (generation, store) => {
      rmSync(live(store));
      renameSync(generation, live(store));
    },
    async (store) => assert.equal((await failure(store.save(NAME, bundle))).code, 'store-damaged'),
  );
  assert.match(folder, /live\/www\.test is not the symbolic link that tscert makes; move it away/);
  const foreign = await loadAfter((_, store) => {
    rmSync(live(store));
    symlinkSync('/etc', live(store));
  });
  assert.match(foreign, /live\/www\.test points at "\/etc" instead of a generation/);
});

test('a folder in live is listed like a certificate, so that its damage is seen; a file is not', async () => {
  await withFolder(async (folder) => {
    await openStore(folder).save(NAME, bundle);
    mkdirSync(path.join(folder, 'live', 'by-hand'));
    writeFileSync(path.join(folder, 'live', 'README'), '');
    assert.deepEqual(await openStore(folder).list(), ['by-hand', NAME]);
  });
});

test('a live link moved back to an older generation is the current one, and the next save counts on', async () => {
  await withFolder(async (folder) => {
    const store = openStore(folder);
    const first = await store.save(NAME, bundle);
    await store.save(NAME, another);
    rmSync(path.join(folder, 'live', NAME));
    symlinkSync(`../archive/${NAME}/0001`, path.join(folder, 'live', NAME));
    assert.deepEqual(await store.load(NAME), first);
    assert.equal((await store.save(NAME, bundle)).generation, '0003');
  });
});

test('a generation that a killed run has written and not linked is linked by the run that saves the same', async () => {
  await withFolder(async (folder) => {
    const store = openStore(folder);
    await store.save(NAME, bundle);
    await store.save(NAME, another);
    rmSync(path.join(folder, 'live', NAME));
    symlinkSync(`../archive/${NAME}/0001`, path.join(folder, 'live', NAME));
    assert.equal((await store.save(NAME, another)).generation, '0002');
    assert.equal((await store.load(NAME))?.certificate, another.certificate);
    assert.equal((await store.save(NAME, another)).generation, '0003');
  });
});

test('what dead processes left half-written goes with the first lock, also where nothing is written', async () => {
  await withFolder(async (folder) => {
    const left = ['accounts', 'state/journal', 'state/ledger', 'state/locks'].map((below) => {
      mkdirSync(path.join(folder, below), { recursive: true });
      const file = path.join(
        folder,
        below,
        temporaryName({ ...describeOwner(nodeFileSystem, { pid: process.pid, host: hostname() }), startTime: '1' }),
      );
      writeFileSync(file, 'half');
      return file;
    });
    const lock = await openStore(folder).lock('certificate:x', { wait: 0, signal: new AbortController().signal });
    await lock.release();
    assert.deepEqual(
      left.filter((file) => existsSync(file)),
      [],
    );
  });
});

test('after 9999 generations comes the ten thousandth', async () => {
  await withFolder(async (folder) => {
    mkdirSync(path.join(folder, 'archive', NAME, '9999'), { recursive: true });
    const store = openStore(folder);
    assert.equal((await store.save(NAME, bundle)).generation, '10000');
    assert.equal((await store.save(NAME, bundle)).generation, '10001');
  });
});

test('a damaged record is refused with its path, except in the cache, where it is as good as absent', async () => {
  await withFolder(async (folder) => {
    const store = openStore(folder);
    for (const [kind, below] of [
      ['accounts', 'accounts'],
      ['journal', 'state/journal'],
      ['ledger', 'state/ledger'],
      ['cache', 'state/cache'],
    ] as const) {
      await store.put(kind, 'www.test', { a: 1 });
      for (const content of ['', '{"key":"www.te', 'null', '{"value":1}', '\0\0\0\0']) {
        writeFileSync(path.join(folder, below, 'www.test.json'), content);
        if (kind === 'cache') {
          assert.equal(await store.get(kind, 'www.test'), undefined);
          continue;
        }
        const error = await failure(store.get(kind, 'www.test'));
        assert.equal(error.code, 'store-damaged');
        assert.match(error.message, /^Cannot read the record ".*www\.test\.json": it is damaged; .*move it away/);
      }
    }
  });
});

test('what cannot be looked at is never absent', async () => {
  await withFolder(async (folder) => {
    writeFileSync(path.join(folder, 'file'), '');
    const store = openStore(path.join(folder, 'file'));
    assert.equal((await failure(store.load(NAME))).code, 'file-unreadable');
    assert.equal((await failure(store.list())).code, 'file-unreadable');
    assert.equal((await failure(store.get('accounts', 'a'))).code, 'file-unreadable');
    assert.equal((await failure(store.save(NAME, bundle))).code, 'file-unreadable');
    assert.equal((await failure(store.put('journal', 'a', 1))).code, 'store-unwritable');
    assert.equal((await failure(store.probe())).code, 'store-unwritable');
    assert.equal((await failure(store.lock('a', { wait: 0, signal: new AbortController().signal }))).code, 'store-unwritable');
  });
});

test('leftovers of dead processes go, with the next probe or save; those of others stay until they are old', async () => {
  await withFolder(async (folder) => {
    const store = openStore(folder);
    await store.probe();
    const id = '0'.repeat(32);
    const dead = `.new-999999999.1.00000000-0000-0000-0000-000000000000.1.${id}.elsewhere`;
    const place = path.join(folder, 'state/journal');
    writeFileSync(path.join(place, dead), 'secret');
    await store.probe();
    assert.deepEqual(readdirSync(place), [dead], 'another host may live');
    const old = Date.now() / 1_000 - 6 * 60;
    utimesSync(path.join(place, dead), old, old);
    await store.probe();
    assert.deepEqual(readdirSync(place), []);
  });
});

test('file names of keys are reversible, never hidden, never a way out of the folder, and short enough', () => {
  const seen = new Map<string, string>();
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (key) => {
      const name = fileNameOf(key);
      assert.match(name, /^[A-Za-z0-9_%-][A-Za-z0-9._%~-]*$/);
      assert.ok(name.length <= 180);
      assert.ok(keyOf(name) === key || name.includes('%~'));
      assert.ok((seen.get(name) ?? key) === key);
      seen.set(name, key);
    }),
    { numRuns: Number(process.env.TSCERT_TEST_FUZZ ?? 2000), examples: [[''], ['.'], ['..'], ['a/b'], ['*.a'], ['%'], ['%41'], ['~']] },
  );
});
