/** Records as JSON files: `accounts/KEY.json` and `state/KIND/KEY.json`. They may hold private keys: 0600 in folders of 0700. */
import path from 'node:path';
import { TscertError } from '../base/errors.js';
import type { Json } from '../base/json.js';
import { makeFolder, replaceFile, syncFolder } from './atomic.js';
import { type FileSystem, hasCode, markFile, unreadable, unwritable } from './files.js';
import { type Owner, temporaryName } from './owner.js';
import { fileNameOf, keyOf } from './record-name.js';
import type { RecordKind, Records } from './store.js';

/** Where the records of a kind are, below the store's folder. */
export const RECORD_FOLDERS: Readonly<Record<RecordKind, string>> = {
  accounts: 'accounts',
  journal: 'state/journal',
  ledger: 'state/ledger',
  cache: 'state/cache',
};

export interface MarkedRecords extends Records {
  /** A text that becomes another as soon as the record is written, or removed; empty when there is none. */
  mark(kind: RecordKind, key: string): string;
}

/**
 * The records below `folder`. Changes of one record by this process happen in the order in which they were asked for. A damaged
 * record is `store-damaged`, except in the cache, where it is as good as absent.
 */
export function createRecords({ folder, self, fs }: { folder: string; self: Owner; fs: FileSystem }): MarkedRecords {
  const folders = new Map(Object.entries(RECORD_FOLDERS).map(([kind, below]) => [kind, path.join(folder, below)]));
  const folderOf = (kind: RecordKind): string => folders.get(kind) ?? path.join(folder, RECORD_FOLDERS[kind]);
  const fileOf = (kind: RecordKind, key: string): string => `${folderOf(kind)}/${fileNameOf(key)}.json`;
  const changes = new Map<string, Promise<void>>();

  const inOrder = (file: string, change: () => Promise<void>): Promise<void> => {
    const done = (changes.get(file) ?? Promise.resolve()).catch(() => undefined).then(change);
    changes.set(file, done);
    const forget = (): void => {
      if (changes.get(file) === done) changes.delete(file);
    };
    done.then(forget, forget);
    return done;
  };

  const read = (kind: RecordKind, file: string): { key: string; value: Json } | undefined => {
    let text: string;
    try {
      // Most records that are asked for are not there, and an error costs ten times the look.
      if (!fs.existsSync(file) && fs.lstatSync(file, { throwIfNoEntry: false }) === undefined) return undefined;
      text = fs.readFileSync(file, 'utf8');
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw unreadable(file, error);
    }
    const record = parseRecord(text);
    if (record !== undefined || kind === 'cache') return record;
    throw new TscertError(
      'store-damaged',
      `Cannot read the record "${file}": it is damaged; put it back from a backup, or move it away to go on without what it says`,
      { data: { path: file, kind } },
    );
  };

  return {
    mark: (kind, key) => markFile(fs, fileOf(kind, key)),
    async get(kind, key) {
      return read(kind, fileOf(kind, key))?.value;
    },
    put(kind, key, value) {
      const file = fileOf(kind, key);
      const text = `${JSON.stringify({ key, value }, null, 2)}\n`;
      return inOrder(file, async () => {
        try {
          await makeFolder(fs, folderOf(kind), 0o700, kind === 'accounts' ? 0o755 : 0o700);
          await replaceFile(fs, file, path.join(folderOf(kind), temporaryName(self)), { text, mode: 0o600, durable: kind !== 'cache' });
        } catch (error) {
          throw unwritable('write the record', file, error);
        }
      });
    },
    delete(kind, key) {
      const file = fileOf(kind, key);
      return inOrder(file, async () => {
        try {
          await fs.unlink(file);
          if (kind !== 'cache') await syncFolder(fs, folderOf(kind));
        } catch (error) {
          if (!hasCode(error, 'ENOENT')) throw unwritable('remove the record', file, error);
        }
      });
    },
    async list(kind) {
      return listFiles(fs, folderOf(kind))
        .filter((file) => file.endsWith('.json') && !file.startsWith('.'))
        .map((file) => keyOf(file.slice(0, -'.json'.length)) ?? read(kind, path.join(folderOf(kind), file))?.key)
        .filter((key) => key !== undefined)
        .sort();
    },
  };
}

function listFiles(fs: FileSystem, folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw unreadable(folder, error);
  }
}

function parseRecord(text: string): { key: string; value: Json } | undefined {
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof record !== 'object' || record === null || !('key' in record && 'value' in record)) return undefined;
  return typeof record.key === 'string' ? { key: record.key, value: record.value as Json } : undefined;
}
