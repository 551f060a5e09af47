/**
 * Lock files without flock, which NFS and Node.js do not have. A file appears with its whole content or not at all (`link`),
 * and one that carries the token of a dead process is only ever removed by whoever holds the guard of exactly that file and
 * token. So nobody can remove a lock that another process took in the meantime: its token is another one.
 */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { type FileSystem, hasCode, unreadable } from './files.js';
import type { IsDead, Owner } from './owner.js';

/** How the names of guards begin. */
export const GUARD = '.break-';

/** What stands in a lock file. */
export interface Holder extends Owner {
  /** Unique to one taking of one lock. */
  readonly token: string;
  /** What the process was doing, for people. */
  readonly command: string;
  /** RFC 3339. */
  readonly since: string;
}

/** A lock file as it was found; without a holder when its content is none (a power failure emptied it). */
interface Found {
  readonly holder: Holder | undefined;
  readonly token: string;
  readonly dead: boolean;
}

interface LockFiles {
  /** Puts a lock file with this card's content into place; false when there is one already. */
  place(card: string, file: string): Promise<boolean>;
  /** What is there now, and whether its owner is dead. */
  look(file: string): Found | undefined;
  /** Removes the lock file if it carries `token`; false when somebody else is at it, or it carries another by now. */
  remove(file: string, token: string, card: string): Promise<boolean>;
}

/** Lock files as seen by one process. A card is a file that holds the caller's own {@link Holder}, in the same folder. */
export function createLockFiles({ fs, isDead, stale }: { fs: FileSystem; isDead: IsDead; stale: (touched: number) => boolean }): LockFiles {
  const place = async (card: string, file: string): Promise<boolean> => {
    try {
      await fs.link(card, file);
      return true;
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return false;
      throw error;
    }
  };

  const look = (file: string): Found | undefined => {
    let text: string;
    let touched: number;
    try {
      text = fs.readFileSync(file, 'utf8');
      touched = fs.lstatSync(file).mtimeMs;
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw unreadable(file, error);
    }
    const holder = parseHolder(text);
    if (holder === undefined) return { holder, token: fingerprint(text), dead: stale(touched) };
    return { holder, token: holder.token, dead: isDead(holder, touched) };
  };

  const claim = async (card: string, guard: string): Promise<boolean> => {
    if (await place(card, guard)) return true;
    const found = look(guard);
    if (found === undefined || !found.dead) return false;
    await remove(guard, found.token, card);
    return await place(card, guard);
  };

  const remove = async (file: string, token: string, card: string): Promise<boolean> => {
    const guard = guardOf(file, token);
    if (!(await claim(card, guard))) return false;
    try {
      if (look(file)?.token !== token) return false;
      await fs.unlink(file);
      return true;
    } finally {
      await fs.unlink(guard);
    }
  };

  return { place, look, remove };
}

/** The name depends on file and token, not only on the token: the guard of a guard is another file. */
function guardOf(file: string, token: string): string {
  return path.join(path.dirname(file), `${GUARD}${fingerprint(`${path.basename(file)}\n${token}`)}`);
}

function fingerprint(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function parseHolder(text: string): Holder | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { pid, startTime, bootId, pidNamespace, host, token, command, since } = value as Partial<Record<keyof Holder, unknown>>;
  const texts = { startTime, bootId, pidNamespace, host, token, command, since };
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
  if (!Object.values(texts).every((field) => typeof field === 'string')) return undefined;
  return { pid, ...(texts as Omit<Holder, 'pid'>) };
}
