/** Files that are whole or absent, and on stable storage before anybody hears of them. */
import path from 'node:path';
import { type FileSystem, hasCode } from './files.js';

/** Content, owner and mode of a file; the mode is set whatever the umask. */
interface FileContent {
  readonly text: string | Uint8Array;
  /** Numbers; -1 leaves one as it comes. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly mode: number;
  /** False leaves out the fsync: the file is whole after a kill, but may be gone or empty after a power failure. */
  readonly durable: boolean;
}

/**
 * Writes a file that must not exist yet. After a failure the caller removes what there is.
 * @throws the system's error
 */
export async function writeNewFile(fs: FileSystem, file: string, { text, owner, mode, durable }: FileContent): Promise<void> {
  // Until it has its owner, its group and the others are nobody whom the mode means.
  const handle = await fs.open(file, 'wx', mode & 0o700);
  try {
    if (owner !== undefined) await handle.chown(owner.uid, owner.gid);
    await handle.chmod(mode);
    await handle.writeFile(text);
    if (durable) await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Writes a file by way of `temporary`, a free name in the same folder, so that readers see the old content or the new, whole.
 * After a failure the old content stands and nothing else is left.
 * @throws the system's error
 */
export async function replaceFile(fs: FileSystem, file: string, temporary: string, content: FileContent): Promise<void> {
  try {
    await writeNewFile(fs, temporary, content);
    await fs.rename(temporary, file);
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  if (content.durable) await syncFolder(fs, path.dirname(file));
}

/** Brings the entries of a folder (new names, renames, removals) to stable storage, where the file system knows how to. */
export async function syncFolder(fs: FileSystem, folder: string): Promise<void> {
  const handle = await fs.open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    if (!hasCode(error, 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP')) throw error;
  } finally {
    await handle.close();
  }
}

/**
 * Makes a folder of this mode, whatever the umask, the one above it of its own mode, and those above that (0755). One that is there
 * already keeps its mode.
 * @throws the system's error; ENOTDIR when there is a file in its place
 */
export async function makeFolder(fs: FileSystem, folder: string, mode: number, parentMode = 0o755): Promise<void> {
  const parent = path.dirname(folder);
  try {
    await fs.mkdir(folder, { mode }).catch(async (error: unknown) => {
      if (!hasCode(error, 'ENOENT') || parent === folder) throw error;
      await makeFolder(fs, parent, parentMode);
      // Once: there are folders, such as /proc, that are there and say ENOENT all the same.
      await fs.mkdir(folder, { mode });
    });
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return;
    throw error;
  }
  await fs.chmod(folder, mode);
  await syncFolder(fs, parent);
}
