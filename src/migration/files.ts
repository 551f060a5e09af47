/** The files of others: read and never written, and never taken for more than they are. */
import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { isTscertError, TscertError } from '../base/errors.js';
import { parseName } from '../base/names.js';
import { encodePrivateKey } from '../pki/key.js';
import { readPrivateKey } from '../pki/key-reader.js';
import { hasCode, reasonOf, unreadable } from '../store/files.js';
import type { Broken } from './holdings.js';

/** More bytes than any of these files has. */
const LARGEST = 1_048_576;

/**
 * The text of a file; symbolic links are followed.
 * @throws {TscertError} `file-unreadable`, also for what is no regular file, or none of a credible size
 */
export async function readText(file: string): Promise<string> {
  try {
    const { size } = await regular(file);
    if (size > LARGEST) throw unreadable(file, new Error(`it is too large (${size} bytes)`));
    return await readFile(file, 'utf8');
  } catch (error) {
    throw isTscertError(error) ? error : unreadable(file, error);
  }
}

/** A named pipe would keep its reader waiting. */
async function regular(file: string): Promise<{ readonly size: number }> {
  const found = await stat(file);
  if (found.isFile()) return found;
  throw unreadable(file, new Error(found.isDirectory() ? 'it is a folder' : 'it is no regular file'));
}

/**
 * The same; undefined when there is no such file.
 * @throws {TscertError} `file-unreadable`
 */
export async function readTextIfThere(file: string): Promise<string | undefined> {
  try {
    return await readText(file);
  } catch (error) {
    if (isTscertError(error) && hasCode(error.cause, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/**
 * Refuses what is no folder, before anybody says whose it is.
 * @throws {TscertError} `usage`
 */
export async function checkFolder(folder: string): Promise<void> {
  const refuse = (reason: string): TscertError =>
    new TscertError('usage', `Cannot import from "${folder}": ${reason}`, { data: { folder } });
  const found = await stat(folder).catch((error: unknown) => {
    throw refuse(reasonOf(error));
  });
  if (!found.isDirectory()) throw refuse('it is a file, not a folder');
}

/** True when there is a folder of this path, or a link to one. */
export async function isFolder(folder: string): Promise<boolean> {
  return stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/**
 * What is in a folder, sorted; nothing when there is no such folder. Hidden entries are left out.
 * @throws {TscertError} `file-unreadable`
 */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => !name.startsWith('.')).sort();
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return [];
    throw unreadable(folder, error);
  }
}

/** Reads one of many: what goes wrong is told under its name and stops no other. */
export async function attempt<Value>(name: string, read: () => Promise<Value>): Promise<Value | Broken> {
  try {
    return await read();
  } catch (error) {
    if (isTscertError(error)) return { name, error };
    throw error;
  }
}

/** JSON; `fields` looks into it. @throws {TscertError} `config-invalid` */
export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What the parser says may quote the text, which may be a key.
    throw new TscertError('config-invalid', `Cannot read "${file}": it is no JSON`, { data: { file } });
  }
}

/** The text that is not empty at a path within a value. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = valueAt(value, ...path);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** What stands at a path within a value. */
export function valueAt(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key) ? (inner as Record<string, unknown>)[key] : undefined,
    value,
  );
}

/** The texts of a list; other members are left out. */
export function textsAt(value: unknown, ...path: readonly string[]): string[] {
  const found = valueAt(value, ...path);
  return Array.isArray(found) ? found.filter((one): one is string => typeof one === 'string' && one !== '') : [];
}

/** An absolute URL with https, as it is written; undefined for anything else. */
export function httpsUrl(text: string | undefined): string | undefined {
  return text !== undefined && URL.canParse(text) && new URL(text).protocol === 'https:' ? text : undefined;
}

/** The first plain e-mail address of a text with one or several, `mailto:` or not; undefined when there is none. */
export function emailIn(text: string | undefined): string | undefined {
  for (const part of (text ?? '').split(/[\s,]+/)) {
    try {
      return parseName(`email:${part.replace(/^mailto:/i, '')}`).value;
    } catch (error) {
      if (!isTscertError(error)) throw error;
    }
  }
  return undefined;
}

/**
 * An account's key out of PEM.
 * @throws {TscertError} `key-invalid`, `key-passphrase`, `pem-invalid`
 */
export function accountKey(pem: string): string {
  return signingKey(readPrivateKey(pem));
}

/**
 * An account's key out of a JSON Web Key (RFC 7517).
 * @throws {TscertError} `key-invalid`
 */
export function accountKeyOfJwk(jwk: unknown): string {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' });
  } catch {
    // What OpenSSL says may quote the key.
    throw new TscertError('key-invalid', 'Cannot read the private key of the account: it is no JSON Web Key of a kind that is known');
  }
  return signingKey(key);
}

function signingKey(key: KeyObject): string {
  if (key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'ec') return encodePrivateKey(key);
  throw new TscertError('key-invalid', `Cannot use the private key of the account: its kind is "${key.asymmetricKeyType}", not RSA or EC`);
}
