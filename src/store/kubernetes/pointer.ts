/** Which generation of a certificate is current, and what there is beside it: the one object that a switch changes. */
import { TscertError } from '../../base/errors.js';
import type { Json } from '../../base/json.js';
import { type SecretObject, textOf } from '../../kubernetes/secret/object.js';
import { parseJson, typeOf } from './state.js';

/** A generation that is listed. */
export interface Entry {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly storedAt: number;
  /** Of the Secret that holds it, which cannot be changed, only removed. */
  readonly uid: string;
}

export interface Pointer {
  readonly name: string;
  readonly current: string;
  /** Oldest first. */
  readonly generations: readonly Entry[];
  /** The highest number that was ever given. */
  readonly newest: number;
  /** Of the current one. */
  readonly meta: Json;
  readonly hasKey: boolean;
}

const VERSION = 1;

/** The text of a pointer. */
export function pointerText(pointer: Pointer): string {
  return JSON.stringify({ version: VERSION, ...pointer });
}

/**
 * Reads a pointer.
 * @throws {TscertError} `store-damaged`, `isForeign` when it is none of ours, or of a later tscert
 */
export function readPointer(name: string, secret: SecretObject): Pointer {
  const { name: object, namespace = '' } = secret.metadata;
  const damaged = (reason: string, isForeign: boolean): TscertError =>
    new TscertError('store-damaged', `Cannot load the certificate "${name}": the Secret "${namespace}/${object}" ${reason}`, {
      data: { name, namespace, secret: object, ...(isForeign ? { isForeign } : {}) },
    });
  if (secret.type !== typeOf('certificate')) throw damaged(`is of the type "${secret.type}", which is none of tscert's; remove it`, true);
  const value = parseJson(textOf(secret, 'pointer'));
  if (!isObject(value)) throw damaged('is damaged', false);
  if (value.version !== VERSION) throw damaged(`has the unknown version ${JSON.stringify(value.version)} (of a later tscert?)`, true);
  const { current, generations, newest, meta, hasKey } = value;
  const isWhole =
    value.name === name &&
    typeof current === 'string' &&
    typeof newest === 'number' &&
    Number.isSafeInteger(newest) &&
    typeof hasKey === 'boolean' &&
    meta !== undefined &&
    Array.isArray(generations) &&
    generations.every(isEntry) &&
    generations.some((entry) => (entry as unknown as Entry).id === current);
  if (!isWhole) throw damaged('is damaged', false);
  return { name, current, newest, meta, hasKey, generations: generations as unknown as readonly Entry[] };
}

function isEntry(value: Json): boolean {
  return isObject(value) && isGeneration(value.id) && typeof value.storedAt === 'number' && typeof value.uid === 'string';
}

/** `0001`, as on disk. */
export function isGeneration(value: unknown): value is string {
  return typeof value === 'string' && /^\d{4,15}$/.test(value);
}

export function isObject(value: Json | undefined): value is { readonly [key: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
