/** Files for others: whole or untouched, with the owner and the mode that were asked for before anybody sees them. */
import { constants, type Stats } from 'node:fs';
import path from 'node:path';
import type { Clock } from '../base/clock.js';
import type { Environment } from '../host/program.js';
import { findId } from '../host/users.js';
import type { ContentPart, FileRequest } from '../request/request.js';
import { replaceFile } from '../store/atomic.js';
import { type FileSystem, hasCode, reasonOf } from '../store/files.js';
import type { Stored } from '../store/store.js';
import { type Target, targetFailure } from './target.js';

export interface FileParts {
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly environment: Environment;
}

export function fileTarget(request: FileRequest, parts: FileParts): Pick<Target, 'title' | 'bring'> {
  return {
    title: `file ${request.path}`,
    bring: ({ stored }, { signal }) => placeFile(request, stored, parts, signal),
  };
}

/**
 * Writes the parts of a certificate into a file by way of another one beside it, and only when content, owner or mode differ. What
 * is no regular file, such as a symbolic link, is neither followed nor replaced.
 * @throws {TscertError} `hook-failed`
 */
export async function placeFile(request: FileRequest, stored: Stored, parts: FileParts, signal: AbortSignal): Promise<void> {
  const { fs } = parts;
  const { path: file, mode } = request;
  try {
    const text = request.content.map((part) => textOf(part, stored)).join('');
    const owner = await ownerOf(request, parts, signal);
    // One name for one file: what a run that was killed has left is gone with the next one.
    const temporary = path.join(path.dirname(file), `.${path.basename(file)}.tscert-new`);
    await fs.rm(temporary, { force: true });
    if (await isThere(fs, file, { text, owner, mode })) return;
    await replaceFile(fs, file, temporary, { text, owner, mode, durable: true });
  } catch (error) {
    signal.throwIfAborted();
    throw targetFailure(`Cannot deploy "${stored.name}" to the file "${file}"`, reasonOf(error), error);
  }
}

function textOf(part: ContentPart, { certificate, chain, privateKey }: Stored): string {
  switch (part) {
    case 'cert':
      return certificate;
    case 'chain':
      return chain;
    case 'fullchain':
      return certificate + chain;
    case 'key':
      if (privateKey === undefined) throw new Error('its key is not here');
      return privateKey;
  }
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

async function ownerOf({ owner, group }: FileRequest, parts: FileParts, signal: AbortSignal): Promise<Owner> {
  const idOf = async (database: 'passwd' | 'group', name: string | undefined): Promise<number> => {
    if (name === undefined) return -1;
    const id = await findId(database, name, { ...parts, signal });
    if (id === undefined) throw new Error(`there is no ${database === 'passwd' ? 'user' : 'group'} "${name}" on this machine`);
    return id;
  };
  return { uid: await idOf('passwd', owner), gid: await idOf('group', group) };
}

/** Whether the file is there as it shall be. A file that we may replace but not read is another one. */
async function isThere(
  fs: FileSystem,
  file: string,
  wanted: { readonly text: string; readonly owner: Owner; readonly mode: number },
): Promise<boolean> {
  const found = await fs.lstat(file).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (found === undefined) return false;
  checkRegular(found);
  try {
    // Not what stood there a moment ago, but what is opened, is looked at; nor is a pipe waited for.
    const handle = await fs.open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const opened = await handle.stat();
      checkRegular(opened);
      const { text, owner, mode } = wanted;
      const isOwned = (owner.uid === -1 || opened.uid === owner.uid) && (owner.gid === -1 || opened.gid === owner.gid);
      if (!isOwned || (opened.mode & 0o7777) !== mode || opened.size !== Buffer.byteLength(text)) return false;
      return (await handle.readFile('utf8')) === text;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (hasCode(error, 'EACCES')) return false;
    throw error;
  }
}

function checkRegular(found: Stats): void {
  if (found.isFile()) return;
  const kind = found.isSymbolicLink() ? 'a symbolic link' : found.isDirectory() ? 'a folder' : 'no regular file';
  throw new Error(`it is ${kind}; remove it, or name another file`);
}
