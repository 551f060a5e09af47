/**
 * A generation: one folder with the parts of one issuance, written once and never changed. `meta.json` keeps the digest of each
 * part, so that reading ten thousand of them does not mean parsing ten thousand keys: parts that are still what they were when
 * they were checked and written need no second check.
 */
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type ErrorCode, isTscertError, TscertError } from '../base/errors.js';
import type { Json } from '../base/json.js';
import { replaceFile, syncFolder, writeNewFile } from './atomic.js';
import { digestOf, faultOf, PART_FILES, type Parts, partsOf } from './bundle.js';
import { type FileSystem, hasCode, markFile, unreadable } from './files.js';
import type { Bundle } from './store.js';

const META = 'meta.json';
const VERSION = 1;
/** Beside the generations: the newest one that was current before somebody went back to an older one. */
const LEFT = 'rolled-back';
type PartName = keyof typeof PART_FILES;
const PART_NAMES = Object.keys(PART_FILES) as PartName[];

/** `0001`: sorts by age, for 27 years of daily issuance. */
const GENERATION = /^\d{4,}$/;

/** True for the name of a generation's folder. */
export function isGeneration(name: string): boolean {
  return GENERATION.test(name);
}

/** The generations in the folder of a certificate, oldest first; none when there is no folder. */
export function listGenerations(fs: FileSystem, folder: string): string[] {
  try {
    return fs
      .readdirSync(folder)
      .filter(isGeneration)
      .sort((a, b) => Number(a) - Number(b));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw unreadable(folder, error);
  }
}

/**
 * When a generation was stored, in milliseconds since the epoch: as its meta.json says, else as the folder's own time does, as for
 * those that early versions wrote.
 */
export function storedAtOf(fs: FileSystem, folder: string): number {
  try {
    const told = Date.parse(parseMeta(fs.readFileSync(path.join(folder, META), 'utf8'))?.storedAt ?? '');
    return Number.isNaN(told) ? fs.lstatSync(folder).mtimeMs : told;
  } catch {
    return fs.lstatSync(folder).mtimeMs;
  }
}

/**
 * Notes that `generation` was current before somebody went back to an older one, so that nobody takes it for one that a killed run has
 * left unlinked.
 * @throws the system's error
 */
export async function noteLeft(fs: FileSystem, folder: string, generation: string, temporary: string): Promise<void> {
  if (Number(generation) <= newestLeft(fs, folder)) return;
  const content = { text: `${generation}\n`, mode: 0o644, durable: true };
  await replaceFile(fs, path.join(folder, LEFT), path.join(folder, temporary), content);
}

/** The newest generation that somebody went back from, as a number; where it cannot be told, as if it were each of them. */
function newestLeft(fs: FileSystem, folder: string): number {
  try {
    const text = fs.readFileSync(path.join(folder, LEFT), 'utf8').trim();
    return isGeneration(text) ? Number(text) : Number.POSITIVE_INFINITY;
  } catch (error) {
    return hasCode(error, 'ENOENT') ? 0 : Number.POSITIVE_INFINITY;
  }
}

/**
 * The newest generation when it holds this very bundle, is not `current` and never was: a run that was killed has written it, and only
 * the link is missing. Its name is on stable storage then.
 * @throws the system's error
 */
export async function findUnlinked(
  fs: FileSystem,
  folder: string,
  current: string | undefined,
  name: string,
  bundle: Bundle,
): Promise<string | undefined> {
  const newest = (await fs.readdir(folder))
    .filter(isGeneration)
    .sort((a, b) => Number(a) - Number(b))
    .at(-1);
  if (newest === undefined || newest === current || Number(newest) <= newestLeft(fs, folder)) return undefined;
  try {
    if (!isDeepStrictEqual(readGeneration(fs, name, path.join(folder, newest)), bundle)) return undefined;
  } catch (error) {
    if (isTscertError(error)) return undefined;
    throw error;
  }
  await syncFolder(fs, folder);
  return newest;
}

/**
 * Writes a new generation into the folder of a certificate, by way of `temporary`, a free name in it. Keys and meta.json get 0600.
 * After a failure nothing of it is left. Gives the generation's name.
 * @param now milliseconds since the epoch
 * @throws the system's error
 */
export async function writeGeneration(fs: FileSystem, folder: string, temporary: string, bundle: Bundle, now: number): Promise<string> {
  const building = path.join(folder, temporary);
  try {
    await fs.mkdir(building, { mode: 0o755 });
    await fs.chmod(building, 0o755);
    const parts = partsOf(bundle);
    const sha256: Partial<Record<PartName, string>> = {};
    for (const part of PART_NAMES) {
      const text = parts[part];
      if (text === undefined) continue;
      sha256[part] = digestOf(text);
      const mode = part === 'privateKey' ? 0o600 : 0o644;
      await writeNewFile(fs, path.join(building, PART_FILES[part]), { text, mode, durable: true });
    }
    const files = marksOf(fs, building, Object.keys(sha256) as PartName[]);
    const text = `${JSON.stringify({ version: VERSION, storedAt: new Date(now), sha256, files, meta: bundle.meta }, null, 2)}\n`;
    await writeNewFile(fs, path.join(building, META), { text, mode: 0o600, durable: true });
    await syncFolder(fs, building);
    return await nameGeneration(fs, folder, building);
  } catch (error) {
    await fs.rm(building, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
}

async function nameGeneration(fs: FileSystem, folder: string, building: string): Promise<string> {
  for (;;) {
    const taken = (await fs.readdir(folder)).filter(isGeneration).map(Number);
    const generation = String(Math.max(0, ...taken) + 1).padStart(4, '0');
    const target = path.join(folder, generation);
    try {
      await fs.rename(building, target);
    } catch (error) {
      if (hasCode(error, 'ENOTEMPTY', 'EEXIST')) continue;
      throw error;
    }
    try {
      await syncFolder(fs, folder);
    } catch (error) {
      await fs.rename(target, building);
      throw error;
    }
    return generation;
  }
}

/** Size and time of change of each part: who finds both as they were need not read it. */
function marksOf(fs: FileSystem, folder: string, parts: readonly PartName[]): Record<string, string> {
  return Object.fromEntries(
    parts.map((part) => {
      const { size, mtimeMs } = fs.lstatSync(`${folder}/${PART_FILES[part]}`);
      return [part, `${size} ${mtimeMs}`];
    }),
  );
}

/** A text that becomes another as soon as a file of a generation is changed, or is gone. */
export function markGeneration(fs: FileSystem, folder: string): string {
  return [META, ...Object.values(PART_FILES)].map((file) => markFile(fs, `${folder}/${file}`)).join(' ');
}

/**
 * What meta.json says of a generation, where each part has the size and the time that it was written with; `undefined` otherwise.
 * @throws the system's error
 */
export function outlineGeneration(fs: FileSystem, folder: string): { readonly meta: Json; readonly hasKey: boolean } | undefined {
  const meta = parseMeta(fs.readFileSync(path.join(folder, META), 'utf8'));
  if (meta?.version !== VERSION || meta.files === undefined) return undefined;
  const parts = PART_NAMES.filter((part) => meta.sha256[part] !== undefined);
  const found = marksOf(fs, folder, parts);
  return parts.every((part) => found[part] === meta.files?.[part]) ? { meta: meta.meta, hasKey: parts.includes('privateKey') } : undefined;
}

/** Removes a generation that is not current; a kill in the middle leaves no half of it under its name. */
export async function removeGeneration(fs: FileSystem, folder: string, generation: string, temporary: string): Promise<void> {
  const building = path.join(folder, temporary);
  await fs.rename(path.join(folder, generation), building);
  await fs.rm(building, { recursive: true, force: true });
}

/**
 * Reads a generation.
 * @throws {TscertError} `store-damaged` with the file that is missing or damaged; `file-unreadable` when it cannot be looked at
 */
export function readGeneration(fs: FileSystem, name: string, folder: string): Bundle {
  const damaged = (file: string, reason: string, fault?: ErrorCode): TscertError =>
    new TscertError(
      'store-damaged',
      `Cannot load the certificate "${name}": ${path.join(folder, file)} ${reason}; put the file back from a backup, or issue the certificate anew`,
      { data: { name, path: path.join(folder, file), ...(fault === undefined ? {} : { fault }) } },
    );
  const read = (file: string): string => {
    try {
      return fs.readFileSync(path.join(folder, file), 'utf8');
    } catch (error) {
      if (hasCode(error, 'ENOENT')) throw damaged(file, 'is missing');
      throw unreadable(path.join(folder, file), error);
    }
  };

  const meta = parseMeta(read(META));
  if (meta === undefined) throw damaged(META, 'is damaged');
  if (meta.version !== VERSION) throw damaged(META, `has the unknown version ${JSON.stringify(meta.version)} (of a later tscert?)`);
  const certificate = read(PART_FILES.certificate);
  const chain = read(PART_FILES.chain);
  const privateKey = meta.sha256.privateKey === undefined ? undefined : read(PART_FILES.privateKey);
  const parts: Parts = {
    ...(privateKey === undefined ? {} : { privateKey }),
    certificate,
    chain,
    fullchain: read(PART_FILES.fullchain),
  };
  if (!PART_NAMES.every((part) => parts[part] === undefined || digestOf(parts[part]) === meta.sha256[part])) {
    const fault = faultOf(parts);
    if (fault !== undefined) throw damaged(PART_FILES[fault.part], `is damaged: ${fault.reason}`, fault.code);
  }
  return { ...(privateKey === undefined ? {} : { privateKey }), certificate, chain, meta: meta.meta };
}

interface Meta {
  readonly version: unknown;
  readonly sha256: Partial<Record<PartName, unknown>>;
  readonly meta: Json;
  /** Of each part, what `marksOf` said when it was written; early versions did not write it. */
  readonly files?: Readonly<Record<string, unknown>>;
  /** RFC 3339; early versions did not write it. */
  readonly storedAt?: string;
}

function parseMeta(text: string): Meta | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('version' in value && 'sha256' in value && 'meta' in value)) return undefined;
  const { version, sha256, meta } = value;
  if (typeof sha256 !== 'object' || sha256 === null) return undefined;
  const files =
    'files' in value && typeof value.files === 'object' && value.files !== null
      ? { files: value.files as Readonly<Record<string, unknown>> }
      : {};
  const storedAt = 'storedAt' in value && typeof value.storedAt === 'string' ? { storedAt: value.storedAt } : {};
  return { version, sha256, meta: meta as Json, ...storedAt, ...files };
}
