/** The CrlCache on disk: one file a URL, 0600 in a folder of 0700, whole or absent; the oldest go when there are too many octets. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../base/clock.js';
import { makeFolder } from './atomic.js';
import type { CachedCrl, CrlCache, CrlDraft, CrlFacts } from './crl-cache.js';
import { type CrlFileHeader, contentOf, HEADER, headerBytes, isWhole, readHeader } from './crl-cache-file.js';
import { type FileSystem, nodeFileSystem, unreadable } from './files.js';
import { createJudge, describeOwner, type IsAlive, sweep, temporaryName } from './owner.js';
import { fileNameOf } from './record-name.js';

export interface CrlCacheOptions {
  /** The folder of the store; the CRLs lie in `state/cache/crl` below it. */
  readonly folder: string;
  /** This process. */
  readonly process: { readonly pid: number; readonly host: string };
  readonly isAlive: IsAlive;
  readonly clock: Pick<Clock, 'now'>;
  /** The most octets of all CRLs together; 512 MiB unless given. */
  readonly maxBytes?: number;
  readonly fs?: FileSystem;
}

/** Five of the largest CRLs. */
const MAX_CACHE_BYTES = 512 * 1024 * 1024;

/** The cache below the store's folder, which is made when something is kept. */
export function createDiskCrlCache(options: CrlCacheOptions): CrlCache {
  const { folder: store, process: own, isAlive, clock, maxBytes = MAX_CACHE_BYTES, fs = nodeFileSystem } = options;
  const folder = path.join(store, 'state/cache/crl');
  const fileOf = (url: string): string => path.join(folder, `${fileNameOf(url)}.crl`);
  const self = describeOwner(fs, own);
  let tidying: Promise<void> | undefined;

  /** What dead processes left half-written, once a process. */
  const tidy = (): Promise<void> => {
    tidying ??= sweep(fs, folder, self, createJudge({ self, clock, isAlive, fs }));
    return tidying;
  };

  const write = async (url: string, chunk: Uint8Array, draft: Draft): Promise<void> => {
    if (draft.size + chunk.length > maxBytes) throw new Error(`the CRL of ${url} is too large to be kept`);
    draft.handle ??= await open(draft.temporary);
    await draft.handle.write(chunk, 0, chunk.length, HEADER + draft.size);
    draft.hash.update(chunk);
    draft.size += chunk.length;
  };

  const open = async (temporary: string): Promise<FileHandle> => {
    await makeFolder(fs, folder, 0o700, 0o700);
    await tidy();
    return await fs.open(temporary, 'wx', 0o600);
  };

  /** Makes room: what is damaged or to be replaced goes first, then what was not confirmed for longest. */
  const evict = async (kept: string): Promise<void> => {
    const files: { file: string; header: CrlFileHeader | undefined }[] = [];
    for (const name of await fs.readdir(folder)) {
      const file = path.join(folder, name);
      if (name.endsWith('.crl') && file !== kept) files.push({ file, header: await peek(fs, file) });
    }
    const age = ({ header }: (typeof files)[number]): number =>
      header === undefined || header.nextUpdate < clock.now() ? 0 : header.checkedAt;
    files.sort((a, b) => age(b) - age(a));
    let room = maxBytes - ((await peek(fs, kept))?.size ?? 0);
    for (const each of files) {
      room -= each.header?.size ?? 0;
      if (age(each) === 0 || room < 0) await fs.rm(each.file, { force: true });
    }
  };

  const keep = async (url: string, facts: CrlFacts, draft: Draft): Promise<boolean> => {
    const header = headerBytes({ ...facts, url, size: draft.size, sha256: draft.hash.digest('hex'), checkedAt: clock.now() });
    if (header === undefined || draft.handle === undefined) return false;
    await draft.handle.write(header, 0, HEADER, 0);
    await draft.handle.close();
    draft.handle = undefined;
    await fs.rename(draft.temporary, fileOf(url));
    await evict(fileOf(url)).catch(() => undefined);
    return true;
  };

  return {
    async get(url) {
      const file = fileOf(url);
      try {
        return await withFile(fs, file, async (handle) => {
          const header = await readHeader(handle);
          if (header === undefined || header.url !== url || header.nextUpdate < clock.now() || !(await isWhole(handle, header)))
            return undefined;
          return cachedOf(fs, file, header);
        });
      } catch {
        return undefined;
      }
    },
    begin(url) {
      const draft: Draft = { temporary: path.join(folder, temporaryName(self)), handle: undefined, hash: createHash('sha256'), size: 0 };
      let state: 'open' | 'passed' | 'over' = 'open';
      const drop = async (): Promise<void> => {
        state = 'over';
        const { handle, size } = draft;
        draft.handle = undefined;
        await handle?.close().catch(() => undefined);
        if (handle !== undefined || size > 0) await fs.rm(draft.temporary, { force: true }).catch(() => undefined);
      };
      return {
        async *through(chunks) {
          for await (const chunk of chunks) {
            // A disk that is full is no reason not to look at the CRL.
            if (state === 'open') await write(url, chunk, draft).catch(drop);
            yield chunk;
          }
          if (state === 'open') state = 'passed';
        },
        async keep(facts) {
          if (state !== 'passed') return false;
          const isKept = await keep(url, facts, draft).catch(() => false);
          await drop();
          return isKept;
        },
        drop,
      } satisfies CrlDraft;
    },
    async confirm(url) {
      try {
        await withFile(
          fs,
          fileOf(url),
          async (handle) => {
            const header = await readHeader(handle);
            const bytes = header?.url === url ? headerBytes({ ...header, checkedAt: clock.now() }) : undefined;
            if (bytes !== undefined) await handle.write(bytes, 0, HEADER, 0);
          },
          'r+',
        );
      } catch {
        // Not there, or not to be written: it will be asked for again.
      }
    },
  };
}

/** What has been written so far. */
interface Draft {
  readonly temporary: string;
  handle: FileHandle | undefined;
  readonly hash: ReturnType<typeof createHash>;
  size: number;
}

async function withFile<T>(fs: FileSystem, file: string, use: (handle: FileHandle) => Promise<T>, flags = 'r'): Promise<T> {
  const handle = await fs.open(file, flags);
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

async function peek(fs: FileSystem, file: string): Promise<CrlFileHeader | undefined> {
  return await withFile(fs, file, readHeader).catch(() => undefined);
}

function cachedOf(fs: FileSystem, file: string, { sha256: _, ...header }: CrlFileHeader): CachedCrl {
  return {
    ...header,
    async *read() {
      let handle: FileHandle | undefined;
      try {
        handle = await fs.open(file, 'r');
        yield* contentOf(handle);
      } catch (error) {
        throw unreadable(file, error);
      } finally {
        await handle?.close();
      }
    },
  };
}
