/** The files of others: read and never written, and never taken for more than they are. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { isTscertError, TscertError } from '../base/errors.js';
import { hasCode, reasonOf, unreadable } from '../store/files.js';
import type { Broken } from './holdings.js';

/** More bytes than any of these files has. */
const LARGEST = 1_048_576;

/**
 * The text of a file; symbolic links are followed.
 * @throws {TscertError} `file-unreadable`, also for what is no regular file, or none of a credible size
 */
export async function readText(file: string): Promise<string> {
  try {
    const { size } = await regular(file);
    if (size > LARGEST) throw unreadable(file, new Error(`it is too large (${size} bytes)`));
    return await readFile(file, 'utf8');
  } catch (error) {
    throw isTscertError(error) ? error : unreadable(file, error);
  }
}

/** A named pipe would keep its reader waiting. */
async function regular(file: string): Promise<{ readonly size: number }> {
  const found = await stat(file);
  if (found.isFile()) return found;
  throw unreadable(file, new Error(found.isDirectory() ? 'it is a folder' : 'it is no regular file'));
}

/**
 * The same; undefined when there is no such file.
 * @throws {TscertError} `file-unreadable`
 */
export async function readTextIfThere(file: string): Promise<string | undefined> {
  try {
    return await readText(file);
  } catch (error) {
    if (isTscertError(error) && hasCode(error.cause, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/**
 * Refuses what is no folder, before anybody says whose it is.
 * @throws {TscertError} `usage`
 */
export async function checkFolder(folder: string): Promise<void> {
  const refuse = (reason: string): TscertError =>
    new TscertError('usage', `Cannot import from "${folder}": ${reason}`, { data: { folder } });
  const found = await stat(folder).catch((error: unknown) => {
    throw refuse(reasonOf(error));
  });
  if (!found.isDirectory()) throw refuse('it is a file, not a folder');
}

/** True when there is a folder of this path, or a link to one. */
export async function isFolder(folder: string): Promise<boolean> {
  return stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/**
 * What is in a folder, sorted; nothing when there is no such folder. Hidden entries are left out.
 * @throws {TscertError} `file-unreadable`
 */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => !name.startsWith('.')).sort();
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return [];
    throw unreadable(folder, error);
  }
}

/** Reads one of many: what goes wrong is told under its name and stops no other. */
export async function attempt<Value>(name: string, read: () => Promise<Value>): Promise<Value | Broken> {
  try {
    return await read();
  } catch (error) {
    if (isTscertError(error)) return { name, error };
    throw error;
  }
}
