/** What the journal of a certificate keeps, and how it is read back. */
import type { Challenge } from '../acme/solver.js';
import { TscertError } from '../base/errors.js';
import type { Json } from '../base/json.js';

/** A challenge that may stand in the world, and what its solver needs to take it back. */
export interface JournaledChallenge {
  readonly challenge: Challenge;
  readonly note?: Json;
}

/** The record as it is stored. */
export interface OrderRecord {
  readonly version: 1;
  /** Of the request that the key and the order are for. */
  readonly fingerprint?: string;
  readonly order?: { readonly url: string; readonly account: string };
  readonly finalizing?: true;
  readonly challenges: readonly JournaledChallenge[];
}

const VERSION = 1;

/**
 * Reads the record of the certificate `name`; what was never written is empty.
 * @throws {TscertError} `store-damaged` for another version, and for a record that is not whole: it speaks of what stands in the world
 */
export function readOrderRecord(value: Json | undefined, name: string): OrderRecord {
  if (value === undefined) return { version: VERSION, challenges: [] };
  if (isOrderRecord(value)) return value;
  const version = isObject(value) ? value.version : undefined;
  const why =
    typeof version === 'number' && version !== VERSION
      ? `it is of version ${version}, and this tscert knows version ${VERSION} only`
      : 'it is not whole';
  throw new TscertError('store-damaged', `Cannot read the journal of "${name}": ${why}`, { data: { name } });
}

function isOrderRecord(value: unknown): value is OrderRecord {
  if (!isObject(value) || value.version !== VERSION) return false;
  const { fingerprint, order, finalizing, challenges } = value;
  return (
    (fingerprint === undefined || typeof fingerprint === 'string') &&
    (order === undefined || (isObject(order) && areTexts(order.url, order.account))) &&
    (finalizing === undefined || finalizing === true) &&
    Array.isArray(challenges) &&
    challenges.every((one) => isObject(one) && isChallenge(one.challenge))
  );
}

function isChallenge(value: unknown): value is Challenge {
  if (!isObject(value) || !isObject(value.identifier)) return false;
  const { type, identifier, wildcard, token, keyAuthorization, digest } = value;
  return areTexts(type, identifier.type, identifier.value, token, keyAuthorization, digest) && typeof wildcard === 'boolean';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function areTexts(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'string');
}
