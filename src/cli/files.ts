/** Files that people name on the command line: read with a word on failure, written whole or not at all. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { systemCodeOf, TscertError } from '../base/errors.js';
import { syncFolder, writeNewFile } from '../store/atomic.js';
import { hasCode, nodeFileSystem, reasonOf } from '../store/files.js';
import type { System } from './system.js';

/** Larger inputs are no certificates. */
const MAX_INPUT = 64 * 1_048_576;

/**
 * The bytes of a file, or of standard input for `-`.
 * @throws {TscertError} `file-unreadable`, `usage` when `-` is a terminal
 */
export async function readBytes(system: System, file: string): Promise<Buffer> {
  if (file === '-') {
    if (system.stdinIsTTY) throw new TscertError('usage', 'Cannot read from standard input: it is a terminal; give a file or a pipe');
    return system.readInput();
  }
  try {
    const bytes = await readFile(path.resolve(system.cwd, file));
    if (bytes.length <= MAX_INPUT) return bytes;
  } catch (error) {
    const why = hasCode(error, 'ENOENT') ? 'there is no such file' : reasonOf(error);
    throw new TscertError('file-unreadable', `Cannot read "${file}": ${why}`, { data: { file }, cause: error });
  }
  throw new TscertError('file-unreadable', `Cannot read "${file}": it is larger than 64 MiB`, { data: { file } });
}

/**
 * The text of a file, or of standard input for `-`; a byte order mark at its beginning is left out.
 * @throws {TscertError} as {@link readBytes}
 */
export async function readTextFile(system: System, file: string): Promise<string> {
  return (await readBytes(system, file)).toString('utf8').replace(/^\ufeff/, '');
}

/**
 * A secret kept in a file: its first line.
 * @throws {TscertError} as {@link readBytes}
 */
export async function readSecretFile(system: System, file: string): Promise<string> {
  return (await readTextFile(system, file)).replace(/\r?\n[\s\S]*$/, '');
}

/**
 * Refuses arguments of which several are `-`: standard input can be read once.
 * @throws {TscertError} `usage`
 */
export function checkStandardInput(files: readonly (string | undefined)[]): void {
  if (files.filter((file) => file === '-').length < 2) return;
  throw new TscertError('usage', 'Cannot read two things from standard input: only one of the arguments may be "-"');
}

/** A file to be written. */
export interface OutputFile {
  readonly file: string;
  readonly text: string | Uint8Array;
  /** A key: 0600, and an existing file is not overwritten unless it is forced. */
  readonly secret: boolean;
}

/**
 * Writes all of these files or none: first under temporary names, then each takes its place in one step.
 * @throws {TscertError} `file-exists` when a key would be overwritten, `file-unwritable`
 */
export async function writeFiles(system: System, outputs: readonly OutputFile[], force: boolean): Promise<void> {
  const fs = nodeFileSystem;
  const placed = outputs.map((output) => {
    const file = path.resolve(system.cwd, output.file);
    return { ...output, file, temporary: `${file}.${randomUUID()}.tmp` };
  });
  for (const { file, secret } of placed) {
    if (secret && !force && isThere(file)) throw keyExists(file);
  }
  try {
    // A folder that cannot be written shows here, before any of the files has changed.
    for (const { temporary, text, secret } of placed)
      await writeNewFile(fs, temporary, { text, mode: secret ? 0o600 : 0o644, durable: true });
    for (const { temporary, file, secret } of placed) await (secret && !force ? place(temporary, file) : fs.rename(temporary, file));
    for (const folder of new Set(placed.map(({ file }) => path.dirname(file)))) await syncFolder(fs, folder);
  } catch (error) {
    for (const { temporary } of placed) await fs.rm(temporary, { force: true }).catch(() => undefined);
    if (error instanceof TscertError) throw error;
    const file =
      error instanceof Error && 'path' in error ? String(error.path).replace(/\.[0-9a-f-]{36}\.tmp$/, '') : (placed[0]?.file ?? '');
    throw new TscertError('file-unwritable', `Cannot write "${file}": ${reasonOf(error)}`, {
      data: { file, code: systemCodeOf(error) },
      cause: error,
    });
  }
}

/** Gives a new file its name, which must be free, whoever else is at work there. */
async function place(temporary: string, file: string): Promise<void> {
  try {
    await nodeFileSystem.link(temporary, file);
    await nodeFileSystem.unlink(temporary);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) throw keyExists(file);
    // Not every file system has hard links.
    await nodeFileSystem.rename(temporary, file);
  }
}

function isThere(file: string): boolean {
  try {
    return nodeFileSystem.lstatSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw new TscertError('file-unwritable', `Cannot write "${file}": ${reasonOf(error)}`, { data: { file }, cause: error });
  }
}

function keyExists(file: string): TscertError {
  return new TscertError('file-exists', `Cannot write the key "${file}": a file is there already, and a key that is overwritten is lost`, {
    data: { file },
  });
}
