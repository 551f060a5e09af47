/** http-01 (RFC 8555 §8.3) by a file below the root of a web server that runs already. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, open, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Challenge, Solver, SolverContext } from '../../acme/solver.js';
import { messageOf, systemCodeOf, TscertError } from '../../base/errors.js';
import type { Json } from '../../base/json.js';
import { checkToken } from '../token.js';

export interface WebrootOptions {
  /** The folder that the web server serves as `/`; it must exist. */
  readonly directory: string;
}

/** What cleanUp needs, in this process or a later one. */
interface Note {
  readonly kind: 'webroot';
  readonly directory: string;
  /** Folders that did not stand before, outermost first, below `directory`. */
  readonly made: readonly string[];
  /** SHA-256 of the file, hex: another's file is never removed. */
  readonly sha256: string;
}

const FOLDERS = ['.well-known', path.join('.well-known', 'acme-challenge')] as const;

/** A solver that writes one file a challenge and removes exactly what it wrote. */
export function createWebroot(options: WebrootOptions): Solver {
  const directory = path.resolve(options.directory);
  const made = new Set<string>();
  let last: Promise<unknown> = Promise.resolve();
  /** Two challenges must not take each other's folders for foreign ones. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work, work);
    last = next.catch(() => {});
    return next;
  };
  return {
    type: 'http-01',
    preflight: () => checkDirectory(directory),
    async present(challenge, context) {
      checkToken(challenge);
      await checkDirectory(directory);
      await inTurn(async () => {
        for (const folder of FOLDERS) if (!(await exists(path.join(directory, folder)))) made.add(folder);
        const sha256 = sha256Of(challenge.keyAuthorization);
        await context.remember(challenge, { kind: 'webroot', directory, made: FOLDERS.filter((folder) => made.has(folder)), sha256 });
        for (const folder of FOLDERS) await makeFolder(path.join(directory, folder));
        await writeOwn(fileOf(directory, challenge), challenge.keyAuthorization);
      });
    },
    async cleanUp(challenge, json, context) {
      const note = readNote(json);
      // Without a note nothing was written: it is on stable storage before the first change.
      if (note === undefined) return;
      checkToken(challenge);
      await inTurn(async () => {
        await removeOwn(fileOf(note.directory, challenge), note, challenge, context);
        for (const folder of [...FOLDERS].reverse()) {
          if (note.made.includes(folder) && (await removeEmpty(path.join(note.directory, folder)))) made.delete(folder);
        }
      });
    },
  };
}

function fileOf(directory: string, { token }: Challenge): string {
  return path.join(directory, FOLDERS[1], token);
}

async function checkDirectory(directory: string): Promise<void> {
  const found = await stat(directory).catch((error) => error);
  if (!(found instanceof Error) && found.isDirectory()) return;
  const why = found instanceof Error ? (systemCodeOf(found) === 'ENOENT' ? 'it does not exist' : messageOf(found)) : 'it is no folder';
  throw new TscertError('config-invalid', `Cannot use the webroot "${directory}": ${why}`, { data: { path: directory }, cause: found });
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
    // The web server, which is another user, must get in, whatever the umask is.
    await chmod(folder, 0o755);
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw unwritable(folder, error);
  }
}

/** Writes the file unless another's stands there; what an interrupted run left of ours is completed. */
async function writeOwn(file: string, text: string): Promise<void> {
  try {
    const handle = await open(file, 'wx', 0o644);
    try {
      await handle.writeFile(text);
      await handle.chmod(0o644);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw unwritable(file, error);
    const standing = await readText(file);
    if (standing === text) return;
    if (standing !== undefined && text.startsWith(standing)) {
      await writeFile(file, text).catch((reason) => {
        throw unwritable(file, reason);
      });
      return;
    }
    throw new TscertError('file-exists', `Cannot write "${file}": a file that is not ours stands there`, { data: { path: file } });
  }
}

async function removeOwn(file: string, note: Note, challenge: Challenge, { emit }: SolverContext): Promise<void> {
  const text = await readText(file);
  if (text === undefined) return;
  if (sha256Of(text) !== note.sha256 && !challenge.keyAuthorization.startsWith(text)) {
    emit({ type: 'warning', message: `${file} was left there: its content is not what tscert wrote` });
    return;
  }
  await rm(file, { force: true }).catch((error) => {
    throw unwritable(file, error);
  });
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'ENOTDIR') return undefined;
    throw new TscertError('file-unreadable', `Cannot read "${file}": ${messageOf(error)}`, { data: { path: file }, cause: error });
  }
}

async function removeEmpty(folder: string): Promise<boolean> {
  return rmdir(folder).then(
    () => true,
    (error) => systemCodeOf(error) === 'ENOENT',
  );
}

function unwritable(file: string, error: unknown): TscertError {
  return new TscertError('file-unwritable', `Cannot write "${file}": ${messageOf(error)}`, {
    data: { path: file, code: systemCodeOf(error) },
    cause: error,
  });
}

function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function readNote(json: Json | undefined): Note | undefined {
  if (typeof json !== 'object' || json === null || !('kind' in json) || json.kind !== 'webroot') return undefined;
  const { directory, made, sha256 } = json;
  if (typeof directory !== 'string' || !path.isAbsolute(directory) || !Array.isArray(made) || typeof sha256 !== 'string') return undefined;
  return { kind: 'webroot', directory, made: FOLDERS.filter((folder) => made.includes(folder)), sha256 };
}
