/** What lies in the store may have been damaged by anybody: journals, lock files and generations give a value or store-damaged. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTscertError } from '../../src/base/errors.js';
import type { Json } from '../../src/base/json.js';
import { nodeFileSystem } from '../../src/store/files.js';
import { readGeneration } from '../../src/store/generation.js';
import { createLockFiles } from '../../src/store/lock-file.js';
import { readOrderRecord } from '../../src/store/order-record.js';
import { fileNameOf, keyOf } from '../../src/store/record-name.js';
import { RUNS } from '../support/property.js';

const numRuns = RUNS;

const challenge = fc.record({
  type: fc.constantFrom('dns-01', 'http-01'),
  identifier: fc.record({ type: fc.constant('dns'), value: fc.domain() }),
  wildcard: fc.boolean(),
  token: fc.string(),
  keyAuthorization: fc.string(),
  digest: fc.string(),
});
const record = fc.record(
  {
    version: fc.constant(1),
    fingerprint: fc.string(),
    order: fc.record({ url: fc.webUrl(), account: fc.webUrl() }),
    finalizing: fc.constant(true),
    challenges: fc.array(fc.oneof(fc.record({ challenge }), fc.record({ challenge, note: fc.jsonValue() })), { maxLength: 3 }),
  },
  { requiredKeys: ['version', 'challenges'] },
) as fc.Arbitrary<Json>;

/** The value with one of its parts, at any depth, replaced or left out. */
function damaged(value: Json, part: number, other: Json | undefined): Json | undefined {
  const text = JSON.stringify(value);
  let nth = 0;
  const count = text.split(/[:[,]/).length;
  return JSON.parse(JSON.stringify(value, (_key, one: unknown) => (nth++ === part % count ? other : one)) ?? 'null') as Json;
}

test('a journal that is whole is read as itself; any other value is store-damaged', () => {
  fc.assert(
    fc.property(record, fc.nat(40), fc.option(fc.jsonValue(), { nil: undefined }), (value, part, other) => {
      const whole = JSON.parse(JSON.stringify(value)) as Json;
      assert.deepEqual(readOrderRecord(whole, 'x'), whole);
      const broken = damaged(whole, part, other as Json | undefined);
      try {
        const read = readOrderRecord(broken, 'x');
        assert.ok(read.challenges.every((one) => typeof one.challenge.identifier.value === 'string'));
      } catch (error) {
        assert.ok(isTscertError(error, 'store-damaged'), String(error));
      }
    }),
    { numRuns },
  );
});

test('any value at all in place of a journal is store-damaged, or a journal', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      try {
        assert.equal(readOrderRecord(value as Json, 'x').version, 1);
      } catch (error) {
        assert.ok(isTscertError(error, 'store-damaged'), String(error));
      }
    }),
    { numRuns },
  );
});

test('keys of records come back from the names of their files, which are plain', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), (key) => {
      const name = fileNameOf(key);
      assert.match(name, /^[^/\p{Cc}]+$/u);
      assert.notEqual(name[0], '.');
      if (name.length < 200) assert.equal(keyOf(name) ?? key, key);
    }),
    { numRuns },
  );
});

test('a lock file of any content is looked at without a fault: its holder is whole or nobody', () => {
  const holder = fc.record(
    {
      pid: fc.integer(),
      startTime: fc.string(),
      bootId: fc.string(),
      pidNamespace: fc.string(),
      host: fc.string(),
      token: fc.string(),
      command: fc.string(),
      since: fc.string(),
    },
    { requiredKeys: [] },
  );
  const content = fc.oneof(
    fc.string(),
    fc.json(),
    holder.map((one) => JSON.stringify(one)),
    fc.constant(''),
  );
  fc.assert(
    fc.property(content, (text) => {
      const fs = { ...nodeFileSystem, readFileSync: () => text, lstatSync: () => ({ mtimeMs: 0 }) } as unknown as typeof nodeFileSystem;
      const found = createLockFiles({ fs, isDead: () => false, stale: () => true }).look('/nowhere');
      assert.ok(found !== undefined && found.token !== undefined);
      if (found.holder === undefined) assert.equal(found.dead, true, 'an empty one goes stale');
      else assert.ok(found.holder.pid > 0 && Object.values(found.holder).every((field) => typeof field !== 'object'));
      const again = createLockFiles({ fs, isDead: () => false, stale: () => true }).look('/nowhere');
      assert.equal(again?.token, found.token);
    }),
    { numRuns },
  );
});

test('a meta.json of any content makes the generation damaged, never another fault', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tscert-meta-'));
  try {
    for (const file of ['cert.pem', 'chain.pem', 'fullchain.pem', 'privkey.pem']) writeFileSync(path.join(folder, file), 'x\n');
    const content = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.record({ version: fc.constantFrom(1, 2), sha256: fc.jsonValue(), meta: fc.jsonValue() }).map((one) => JSON.stringify(one)),
    );
    fc.assert(
      fc.property(content, (text) => {
        const read = nodeFileSystem.readFileSync as (...args: readonly unknown[]) => unknown;
        const fs = {
          ...nodeFileSystem,
          readFileSync: (file: string, ...more: readonly unknown[]) => (file.endsWith('meta.json') ? text : read(file, ...more)),
        } as unknown as typeof nodeFileSystem;
        assert.throws(
          () => readGeneration(fs, 'x', folder),
          (error) => isTscertError(error, 'store-damaged'),
        );
      }),
      { numRuns: Math.ceil(numRuns / 4) },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
