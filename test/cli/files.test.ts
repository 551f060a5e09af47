import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import { checkStandardInput, readBytes, readSecretFile, readTextFile, writeFiles } from '../../src/cli/files.js';
import type { System } from '../../src/cli/system.js';

const root = mkdtempSync(path.join(tmpdir(), 'tscert-files-'));
after(() => rmSync(root, { recursive: true, force: true }));

function world(input: string | undefined = undefined): System & { readonly cwd: string } {
  const system: Pick<System, 'cwd' | 'stdinIsTTY' | 'readInput'> = {
    cwd: mkdtempSync(path.join(root, 'w-')),
    stdinIsTTY: input === undefined,
    readInput: async () => Buffer.from(input ?? ''),
  };
  return system as System;
}
const mode = (file: string): number => statSync(file).mode & 0o777;

test('files and standard input are read; a terminal is not waited for', async () => {
  const system = world('\ufeff{"a":1}');
  writeFileSync(path.join(system.cwd, 'x'), '\ufeffabc');
  assert.equal((await readBytes(system, 'x')).length, 6);
  assert.equal(await readTextFile(system, 'x'), 'abc');
  assert.equal(await readTextFile(system, '-'), '{"a":1}');
  await assert.rejects(readBytes(world(), '-'), (error) => isTscertError(error, 'usage'));
  await assert.rejects(readBytes(system, 'none'), /Cannot read "none": there is no such file/);
  await assert.rejects(readBytes(system, '.'), /Cannot read "\.": it is a folder/);
});

test('a secret is the first line of its file', async () => {
  const system = world();
  for (const [content, secret] of [
    ['a b ', 'a b '],
    ['a\n', 'a'],
    ['a\r\nb\n', 'a'],
    ['\na', ''],
  ] as const) {
    writeFileSync(path.join(system.cwd, 'x'), content);
    assert.equal(await readSecretFile(system, 'x'), secret, JSON.stringify(content));
  }
});

test('standard input is read once', () => {
  checkStandardInput(['-', undefined, 'a', 'a']);
  assert.throws(
    () => checkStandardInput(['-', 'a', '-']),
    (error) => isTscertError(error, 'usage'),
  );
});

test('keys are 0600 and the rest 0644, whatever stood there', async () => {
  const system = world();
  writeFileSync(path.join(system.cwd, 'k'), 'old', { mode: 0o644 });
  writeFileSync(path.join(system.cwd, 'c'), 'old', { mode: 0o600 });
  await writeFiles(
    system,
    [
      { file: 'k', text: 'key', secret: true },
      { file: 'c', text: 'csr', secret: false },
    ],
    true,
  );
  assert.deepEqual([mode(path.join(system.cwd, 'k')), mode(path.join(system.cwd, 'c'))], [0o600, 0o644]);
  assert.deepEqual(readdirSync(system.cwd).sort(), ['c', 'k']);
});

test('a key that is there, even as a broken link, is not overwritten, and nothing beside it is', async () => {
  for (const make of [(file: string) => writeFileSync(file, 'old'), (file: string) => symlinkSync('nowhere', file)]) {
    const system = world();
    make(path.join(system.cwd, 'k'));
    writeFileSync(path.join(system.cwd, 'c'), 'old');
    const outputs = [
      { file: 'c', text: 'new', secret: false },
      { file: 'k', text: 'new', secret: true },
    ];
    await assert.rejects(writeFiles(system, outputs, false), (error) => isTscertError(error, 'file-exists'));
    assert.equal(readFileSync(path.join(system.cwd, 'c'), 'utf8'), 'old');
    assert.deepEqual(readdirSync(system.cwd).sort(), ['c', 'k']);
  }
});

test('of many who write one key at once, one does; the others hear of it', async () => {
  for (let round = 0; round < 20; round++) {
    const system = world();
    const writes = Array.from({ length: 8 }, (_, at) => writeFiles(system, [{ file: 'k', text: String(at), secret: true }], false));
    const outcomes = await Promise.allSettled(writes);
    const winners = outcomes.flatMap(({ status }, at) => (status === 'fulfilled' ? [String(at)] : []));
    assert.deepEqual(winners, [readFileSync(path.join(system.cwd, 'k'), 'utf8')]);
    for (const outcome of outcomes) assert.ok(outcome.status === 'fulfilled' || isTscertError(outcome.reason, 'file-exists'));
    assert.deepEqual(readdirSync(system.cwd), ['k']);
  }
});

test('a place that cannot be written leaves nothing anywhere', async () => {
  const system = world();
  writeFileSync(path.join(system.cwd, 'file'), '');
  const outputs = [
    { file: 'k', text: 'key', secret: true },
    { file: 'file/c', text: 'csr', secret: false },
  ];
  await assert.rejects(
    writeFiles(system, outputs, false),
    (error) => isTscertError(error, 'file-unwritable') && /file\/c": a part of the path is a file/.test(error.message),
  );
  assert.deepEqual(readdirSync(system.cwd), ['file']);
  await assert.rejects(writeFiles(system, [{ file: 'none/k', text: '', secret: true }], false), /Cannot write ".*none\/k": /);
});
