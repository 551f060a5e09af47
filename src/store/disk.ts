/**
 * The Store on disk, below one folder:
 *
 *     live/NAME             a symbolic link to ../archive/NAME/GEN: what nginx is pointed at, switched in one step
 *     archive/NAME/GEN/     privkey.pem cert.pem chain.pem fullchain.pem meta.json, never changed once there
 *     archive/NAME/rolled-back  after a rollback: the newest generation that was current before
 *     accounts/ state/      records and locks
 *
 * `live` and `archive` are 0755 and certificates 0644, for they are public and services that have dropped their rights read them;
 * keys and meta.json are 0600, accounts and state 0700. certbot closes the folders too, and its users open them again by hand.
 * A folder that is there already keeps the mode that its owner gave it.
 */
import path from 'node:path';
import type { Clock } from '../base/clock.js';
import { type ErrorData, TscertError } from '../base/errors.js';
import { makeFolder, syncFolder } from './atomic.js';
import { checkBundle, PART_FILES } from './bundle.js';
import { type FileSystem, hasCode, nodeFileSystem, unreadable, unwritable } from './files.js';
import {
  findUnlinked,
  isGeneration,
  listGenerations,
  markGeneration,
  noteLeft,
  outlineGeneration,
  readGeneration,
  removeGeneration,
  storedAtOf,
  writeGeneration,
} from './generation.js';
import { noGeneration, outlived } from './history.js';
import { createLocks } from './lock.js';
import { storedName } from './name.js';
import { createJudge, describeOwner, type IsAlive, sweep, temporaryName } from './owner.js';
import { probeFolder } from './probe.js';
import { createRecords, RECORD_FOLDERS } from './records.js';
import type { Bundle, Generation, RecordKind, Store, Stored } from './store.js';

export interface DiskOptions {
  readonly folder: string;
  /** This process: its id, its host's name, and what it does in a word (no secrets), for those who wait for its locks. */
  readonly process: { readonly pid: number; readonly host: string; readonly command: string };
  readonly isAlive: IsAlive;
  readonly clock: Clock;
  /** Paces the signs of life of held locks; its sleep should not keep the process alive. */
  readonly background: Pick<Clock, 'sleep'>;
  readonly fs?: FileSystem;
}

/** The store below `folder`, which is made when it is first written to. */
export function createDiskStore({ folder, process: own, isAlive, clock, background, fs = nodeFileSystem }: DiskOptions): Store {
  const [live, archive] = [path.join(folder, 'live'), path.join(folder, 'archive')];
  const self = describeOwner(fs, own);
  const isDead = createJudge({ self, clock, isAlive, fs });
  const lockFolder = path.join(folder, 'state/locks');
  const records = createRecords({ folder, self, fs });
  const locks = createLocks({ folder: lockFolder, self, command: own.command, clock, background, isDead, fs });
  let probing: Promise<void> | undefined;
  let tidying: Promise<void> | undefined;

  const locationsIn = (home: string): Stored['locations'] => {
    const at = (part: keyof typeof PART_FILES): string => path.join(home, PART_FILES[part]);
    return { privateKey: at('privateKey'), certificate: at('certificate'), chain: at('chain'), fullchain: at('fullchain') };
  };
  const describe = (name: string, generation: string, bundle: Bundle, home = path.join(live, name)): Stored => ({
    ...{ ...bundle, name, generation },
    locations: locationsIn(home),
  });

  /** The generation that the live link names; it need not exist. */
  const currentOf = (name: string): string | undefined => {
    const link = path.join(live, name);
    let target: string;
    try {
      target = fs.readlinkSync(link, 'utf8');
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      if (!hasCode(error, 'EINVAL')) throw unreadable(link, error);
      throw foreignLink(name, link, 'is not the symbolic link that tscert makes; move it away');
    }
    const generation = path.posix.basename(target);
    const isOurs =
      target === `../archive/${name}/${generation}` || path.resolve(live, target) === path.join(path.resolve(archive), name, generation);
    if (isGeneration(generation) && isOurs) return generation;
    throw foreignLink(name, link, `points at "${target}" instead of a generation in "${path.join(archive, name)}"; remove the link`);
  };

  const pointAt = async (name: string, generation: string): Promise<void> => {
    const temporary = path.join(archive, name, temporaryName(self));
    try {
      await fs.symlink(`../archive/${name}/${generation}`, temporary);
      await fs.rename(temporary, path.join(live, name));
    } catch (error) {
      await fs.rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
    await syncFolder(fs, live);
  };

  const pointBack = async (name: string, before: string | undefined): Promise<void> => {
    if (currentOf(name) === before) return;
    if (before === undefined) await fs.unlink(path.join(live, name));
    else await pointAt(name, before);
  };

  const saveGeneration = async (name: string, bundle: Bundle): Promise<string> => {
    const home = path.join(archive, name);
    const before = currentOf(name);
    await makeFolder(fs, live, 0o755);
    try {
      await makeFolder(fs, home, 0o755);
      await sweep(fs, home, self, isDead);
      const unlinked = await findUnlinked(fs, home, before, name, bundle);
      const generation = unlinked ?? (await writeGeneration(fs, home, temporaryName(self), bundle, clock.now()));
      try {
        await pointAt(name, generation);
      } catch (error) {
        await pointBack(name, before).catch(() => undefined);
        if (currentOf(name) !== generation) await removeGeneration(fs, home, generation, temporaryName(self)).catch(() => undefined);
        throw error;
      }
      return generation;
    } catch (error) {
      // Only an empty folder goes: the one that this attempt has made.
      await fs.rmdir(home).catch(() => undefined);
      throw error;
    }
  };

  const goBack = async (name: string, generation: string): Promise<void> => {
    const home = path.join(archive, name);
    const before = currentOf(name);
    await makeFolder(fs, live, 0o755);
    await sweep(fs, home, self, isDead);
    // A full disk takes no note, but may take the link: going back is worth more.
    if (before !== undefined) await noteLeft(fs, home, before, temporaryName(self)).catch(() => undefined);
    try {
      await pointAt(name, generation);
    } catch (error) {
      await pointBack(name, before).catch(() => undefined);
      throw error;
    }
  };

  const historyOf = (name: string): Generation[] => {
    const current = currentOf(name);
    const home = path.join(archive, name);
    return listGenerations(fs, home).map((id) => ({
      id,
      storedAt: storedAtOf(fs, path.join(home, id)),
      isCurrent: id === current,
    }));
  };

  const probeAll = async (): Promise<void> => {
    for (const below of ['live', 'archive', 'state', 'state/locks', ...Object.values(RECORD_FOLDERS)]) {
      const place = path.join(folder, below);
      await probeFolder(fs, place, below === 'live' || below === 'archive' ? 0o755 : 0o700, temporaryName(self));
      await sweep(fs, place, self, isDead);
    }
    await locks.sweep().catch(() => undefined);
  };

  /** What dead processes left half-written, once a process: also where nothing is written any more that would look for it. */
  const tidy = async (): Promise<void> => {
    await locks.sweep().catch(() => undefined);
    for (const below of Object.values(RECORD_FOLDERS)) await sweep(fs, path.join(folder, below), self, isDead).catch(() => undefined);
  };

  return {
    ...records,
    async lock(key, options) {
      const lock = await locks.lock(key, options);
      tidying ??= tidy();
      await tidying;
      return lock;
    },
    async load(name) {
      const safe = storedName(name);
      const generation = currentOf(safe);
      if (generation === undefined) return undefined;
      const home = path.join(archive, safe, generation);
      if (isMissing(fs, home)) {
        throw damagedLink(
          safe,
          path.join(live, safe),
          `points at "${home}", which is missing; put it back from a backup, or remove the link`,
        );
      }
      return describe(safe, generation, readGeneration(fs, safe, home));
    },
    async outline(name) {
      const safe = storedName(name);
      try {
        const generation = currentOf(safe);
        const seen = generation && outlineGeneration(fs, path.join(archive, safe, generation));
        return generation && seen ? { generation, locations: locationsIn(path.join(live, safe)), ...seen } : undefined;
      } catch {
        return undefined;
      }
    },
    async mark(name, ledger) {
      const safe = storedName(name);
      try {
        const generation = currentOf(safe);
        const parts = generation && markGeneration(fs, path.join(archive, safe, generation));
        return parts && [generation, parts, ...ledger.map((key) => records.mark('ledger', key))].join(' ');
      } catch {
        return undefined;
      }
    },
    async save(name, bundle) {
      const safe = storedName(name);
      checkBundle(safe, bundle);
      try {
        return describe(safe, await saveGeneration(safe, bundle), bundle);
      } catch (error) {
        throw unwritable(`store the certificate "${safe}" in`, archive, error);
      }
    },
    async list(kind?: RecordKind) {
      if (kind !== undefined) return await records.list(kind);
      try {
        const entries = fs.readdirSync(live, { withFileTypes: true });
        return entries
          .filter((entry) => !entry.isFile() && !entry.name.startsWith('.'))
          .map(({ name }) => name)
          .sort();
      } catch (error) {
        if (hasCode(error, 'ENOENT')) return [];
        throw unreadable(live, error);
      }
    },
    async generations(name) {
      return historyOf(storedName(name));
    },
    async loadGeneration(name, id) {
      const safe = storedName(name);
      const home = path.join(archive, safe, id);
      if (!isGeneration(id) || isMissing(fs, home)) return undefined;
      return describe(safe, id, readGeneration(fs, safe, home), home);
    },
    async pointTo(name, id, { evenDamaged = false } = {}) {
      const safe = storedName(name);
      const home = path.join(archive, safe, id);
      if (!isGeneration(id) || isMissing(fs, home)) throw noGeneration(safe, id);
      if (!evenDamaged) readGeneration(fs, safe, home);
      try {
        await goBack(safe, id);
      } catch (error) {
        throw unwritable(`make the generation "${id}" of "${safe}" current in`, live, error);
      }
    },
    async prune(name, keep) {
      const safe = storedName(name);
      const home = path.join(archive, safe);
      const gone = outlived(historyOf(safe), keep, clock.now());
      try {
        await sweep(fs, home, self, isDead);
        for (const id of gone) await removeGeneration(fs, home, id, temporaryName(self));
      } catch (error) {
        throw unwritable(`remove old generations of "${safe}" from`, home, error);
      }
      return gone;
    },
    probe() {
      probing ??= probeAll().finally(() => {
        probing = undefined;
      });
      return probing;
    },
  };
}

function isMissing(fs: FileSystem, folder: string): boolean {
  return fs.lstatSync(folder, { throwIfNoEntry: false }) === undefined;
}

function damagedLink(name: string, link: string, reason: string, more: ErrorData = {}): TscertError {
  return new TscertError('store-damaged', `Cannot load the certificate "${name}": ${link} ${reason}`, {
    data: { name, path: link, ...more },
  });
}

/** What stands there is not ours: a new generation cannot take its place either. */
function foreignLink(name: string, link: string, reason: string): TscertError {
  return damagedLink(name, link, reason, { isForeign: true });
}
