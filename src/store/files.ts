/** The part of node:fs that the store stands on, so that tests can count its steps and break each of them. */
import fs from 'node:fs';
import { systemCodeOf, TscertError } from '../base/errors.js';

type Promised =
  | 'chmod'
  | 'link'
  | 'lstat'
  | 'mkdir'
  | 'open'
  | 'readdir'
  | 'rename'
  | 'rm'
  | 'rmdir'
  | 'statfs'
  | 'symlink'
  | 'unlink'
  | 'utimes';

/** Small files are read synchronously: a tenth of what the promises cost, and ten thousand certificates are looked at in a run. */
export type FileSystem = Pick<typeof fs.promises, Promised> &
  Pick<typeof fs, 'existsSync' | 'lstatSync' | 'readdirSync' | 'readFileSync' | 'readlinkSync'>;

/** The real file system. */
export const nodeFileSystem: FileSystem = {
  ...fs.promises,
  existsSync: fs.existsSync,
  lstatSync: fs.lstatSync,
  readdirSync: fs.readdirSync,
  readFileSync: fs.readFileSync,
  readlinkSync: fs.readlinkSync,
};

/**
 * A text that becomes another as soon as a file is changed, or another takes its place; empty when there is none.
 * @throws the system's error
 */
export function markFile(fs: FileSystem, file: string): string {
  const found = fs.lstatSync(file, { throwIfNoEntry: false });
  return found === undefined ? '' : `${found.ino}.${found.size}.${found.mtimeMs}.${found.ctimeMs}`;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOSPC: 'the disk is full',
  ELOOP: 'its symbolic links lead in a circle',
  ENAMETOOLONG: 'its name is too long',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'a file may not become that large here',
  EROFS: 'the file system is mounted read-only',
  EACCES: 'permission denied',
  EPERM: 'the operation is not permitted there',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EISDIR: 'it is a folder',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open on this machine',
  EIO: 'the disk reports an input/output error',
};

/** Why a file operation failed, in words. */
export function reasonOf(error: unknown): string {
  const code = systemCodeOf(error);
  return (code && REASONS[code]) ?? (error instanceof Error ? error.message : String(error));
}

/** True when `error` carries one of these system codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(systemCodeOf(error) ?? '');
}

/** The `store-unwritable` that says what could not be done, and where; an error that has its code already passes unchanged. */
export function unwritable(what: string, file: string, error: unknown): TscertError {
  if (error instanceof TscertError) return error;
  const code = systemCodeOf(error);
  return new TscertError('store-unwritable', `Cannot ${what} "${file}": ${reasonOf(error)}`, {
    data: { path: pathOf(error) ?? file, ...(code === undefined ? {} : { code }) },
    cause: error,
  });
}

/** The `file-unreadable` for what is there but cannot be read: never "absent". */
export function unreadable(file: string, error: unknown): TscertError {
  const code = systemCodeOf(error);
  return new TscertError('file-unreadable', `Cannot read "${file}": ${reasonOf(error)}`, {
    data: { path: file, ...(code === undefined ? {} : { code }) },
    cause: error,
  });
}

function pathOf(error: unknown): string | undefined {
  return error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : undefined;
}
