/** Locks between processes and within one: the lock of a dead process is taken over, that of a live one never. */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Clock } from '../base/clock.js';
import { TscertError } from '../base/errors.js';
import { makeFolder, writeNewFile } from './atomic.js';
import { type FileSystem, unwritable } from './files.js';
import { createLockFiles, GUARD, type Holder } from './lock-file.js';
import { type IsDead, type Owner, STALE_AFTER, sweep, temporaryName } from './owner.js';
import { fileNameOf } from './record-name.js';
import type { Store } from './store.js';
import { createTurns, type Patience } from './turns.js';

const REFRESH_EVERY = 60_000;
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 250;

export interface LockOptions {
  readonly folder: string;
  /** Who takes the locks: this process. */
  readonly self: Owner;
  /** What this process does, for those who wait; no secrets. */
  readonly command: string;
  readonly clock: Clock;
  /** Paces the signs of life of held locks; its sleep should not keep the process alive. */
  readonly background: Pick<Clock, 'sleep'>;
  readonly isDead: IsDead;
  readonly fs: FileSystem;
}

interface Locks extends Pick<Store, 'lock'> {
  /** Removes what dead processes left, by the same rules by which a lock is taken over. What resists stays for the next time. */
  sweep(): Promise<void>;
}

/**
 * The locks of a folder (`KEY.lock`), one for each key. Waiting lines of this process come in the order in which they asked;
 * other processes are looked at every 50 to 250 ms.
 */
export function createLocks(options: LockOptions): Locks {
  const { folder, self, command, clock, background, isDead, fs } = options;
  const turns = createTurns(clock);
  const files = createLockFiles({ fs, isDead, stale: (touched) => Math.abs(clock.now() - touched) > STALE_AFTER });

  const newHolder = (): Holder => ({ ...self, token: randomUUID(), command, since: new Date(clock.now()).toISOString() });

  const touch = async (file: string): Promise<void> => {
    const now = clock.now() / 1_000;
    await fs.utimes(file, now, now);
  };

  /** Runs `use` with a file that holds `holder`; the file is gone afterwards. */
  const withCard = async <T>(holder: Holder, use: (card: string) => Promise<T>): Promise<T> => {
    const card = path.join(folder, temporaryName(self));
    try {
      await writeNewFile(fs, card, { text: `${JSON.stringify(holder)}\n`, mode: 0o600, durable: false });
      return await use(card);
    } finally {
      await fs.rm(card, { force: true }).catch(() => undefined);
    }
  };

  const takeFile = async (key: string, file: string, holder: Holder, { wait, signal }: Patience): Promise<void> => {
    await makeFolder(fs, folder, 0o700, 0o700);
    await withCard(holder, async (card) => {
      let waited = 0;
      let touched = 0;
      for (let pause = FIRST_PAUSE; ; ) {
        if (await files.place(card, file)) return;
        const found = files.look(file);
        if (found === undefined) continue;
        if (found.dead && (await files.remove(file, found.token, card))) continue;
        if (waited >= wait) throw locked(key, file, found.holder);
        const next = Math.min(pause, wait - waited);
        await clock.sleep(next, signal);
        waited += next;
        if (waited - touched >= REFRESH_EVERY) {
          touched = waited;
          await touch(card);
        }
        pause = Math.min(pause * 1.5, LONGEST_PAUSE);
      }
    });
  };

  const isOurs = (file: string, holder: Holder): boolean => {
    try {
      return files.look(file)?.token === holder.token;
    } catch {
      return false;
    }
  };

  const keepFresh = async (file: string, token: string, released: AbortSignal): Promise<void> => {
    try {
      for (;;) {
        await background.sleep(REFRESH_EVERY, released);
        if (files.look(file)?.token !== token) return;
        await touch(file);
      }
    } catch {
      // Released, or the file cannot be reached: then its age speaks for itself.
    }
  };

  return {
    async sweep() {
      await sweep(fs, folder, self, isDead);
      const names = (await fs.readdir(folder)).filter((name) => name.endsWith('.lock') || name.startsWith(GUARD));
      const dead = names.map((name) => path.join(folder, name)).filter((file) => files.look(file)?.dead);
      if (dead.length === 0) return;
      await withCard(newHolder(), async (card) => {
        for (const file of dead) {
          const found = files.look(file);
          if (found?.dead) await files.remove(file, found.token, card);
        }
      });
    },
    async lock(key, { wait, signal }) {
      const file = path.join(folder, `${fileNameOf(key)}.lock`);
      const began = clock.now();
      const end = await turns.take(key, { wait, signal });
      if (end === undefined) throw locked(key, file, files.look(file)?.holder);
      const holder = newHolder();
      try {
        const left = Math.max(0, wait - Math.max(0, clock.now() - began));
        await takeFile(key, file, holder, { wait: left, signal });
      } catch (error) {
        end();
        throw error === signal.reason ? error : unwritable('write the lock file', file, error);
      }
      const released = new AbortController();
      void keepFresh(file, holder.token, released.signal);
      let letting: Promise<void> | undefined;
      const letGo = async (): Promise<void> => {
        released.abort();
        try {
          await withCard(newHolder(), (card) => files.remove(file, holder.token, card));
        } catch {
          // A full disk takes no card. Nobody who sees this process alive breaks its lock: it can go without a guard.
          if (isOurs(file, holder)) await fs.unlink(file).catch(() => undefined);
        } finally {
          end();
        }
      };
      return {
        release: () => {
          letting ??= letGo();
          return letting;
        },
      };
    },
  };
}

function locked(key: string, file: string, holder: Holder | undefined): TscertError {
  const who =
    holder === undefined
      ? `the lock file "${file}" is damaged and counts as taken until it is five minutes old`
      : `process ${holder.pid} on ${holder.host} has held it since ${holder.since} (${holder.command})`;
  const facts = holder && { pid: holder.pid, host: holder.host, since: holder.since, command: holder.command };
  return new TscertError('locked', `Cannot lock "${key}": ${who}`, { data: { key, path: file, ...facts } });
}
