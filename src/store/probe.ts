/** Whether a folder takes files: asked before an order is spent, for a certificate that cannot be stored is lost. */
import path from 'node:path';
import { TscertError } from '../base/errors.js';
import { makeFolder, syncFolder, writeNewFile } from './atomic.js';
import { type FileSystem, unwritable } from './files.js';

/** Room for a few generations of the longest chains, and the journal. */
const LEAST_BYTES = 512 * 1024;
const LEAST_FILES = 64;

/**
 * Writes a small file into the folder (made with this mode when it is missing), reads it back, and removes it; looks at the free space.
 * @throws {TscertError} `store-unwritable`
 */
export async function probeFolder(fs: FileSystem, folder: string, mode: number, temporary: string): Promise<void> {
  const file = path.join(folder, temporary);
  const text = `${temporary}\n`;
  let back: string;
  try {
    await makeFolder(fs, folder, mode);
    await checkSpace(fs, folder);
    try {
      await writeNewFile(fs, file, { text, mode: 0o600, durable: true });
      await syncFolder(fs, folder);
      back = fs.readFileSync(file, 'utf8');
    } finally {
      await fs.rm(file, { force: true });
    }
  } catch (error) {
    throw unwritable('write into the folder', folder, error);
  }
  if (back !== text) {
    throw new TscertError('store-unwritable', `Cannot write into the folder "${folder}": a file reads back otherwise than it was written`, {
      data: { path: folder },
    });
  }
}

async function checkSpace(fs: FileSystem, folder: string): Promise<void> {
  const { bavail, bsize, files, ffree } = await fs.statfs(folder);
  const room = bavail * bsize;
  const few = room < LEAST_BYTES ? `only ${room} bytes are free on its disk` : undefined;
  const fewFiles = files > 0 && ffree < LEAST_FILES ? `its disk has room for only ${ffree} more files` : undefined;
  const reason = few ?? fewFiles;
  if (reason === undefined) return;
  throw new TscertError('store-unwritable', `Cannot write into the folder "${folder}": ${reason}`, { data: { path: folder, free: room } });
}
