/**
 * The records in a namespace, one Secret each. Every write says which state of the record it takes the place of: what another process has
 * written meanwhile to a journal is never overwritten, for whoever holds its lock now goes by it.
 */
import { gunzipSync, gzipSync } from 'node:zlib';
import { isTscertError, TscertError } from '../../base/errors.js';
import type { Json } from '../../base/json.js';
import type { Draft } from '../../kubernetes/kind.js';
import { octetsOf, SECRET, type SecretObject, textOf } from '../../kubernetes/secret/object.js';
import type { MarkedRecords } from '../records.js';
import type { RecordKind } from '../store.js';
import { type Cluster, KIND_LABEL, parseJson, stateDraft, stateName, versionOf } from './state.js';

/** Octets of a value that is kept as it is; a larger one is compressed. */
const PLAIN = 200_000;
/** The API server takes a mebibyte, names and labels included. */
const LARGEST = 1_000_000;
/** So often a write is tried again because somebody else was faster. */
const MOST_TRIES = 20;

/** Records whose marks are had from the server. */
export interface ClusterRecords extends Omit<MarkedRecords, 'mark'> {
  mark(kind: RecordKind, key: string): Promise<string>;
}

/** What is known of an object: its resourceVersion, or that it is not there. */
type Known = { readonly version: string } | 'absent';

export function createClusterRecords({ client, namespace, signal }: Cluster): ClusterRecords {
  const seen = new Map<string, Known>();
  const changes = new Map<string, Promise<void>>();

  const note = (name: string, secret: SecretObject | undefined): void => {
    seen.set(name, secret === undefined ? 'absent' : { version: secret.metadata.resourceVersion ?? '' });
  };
  const find = async (name: string): Promise<SecretObject | undefined> => {
    const secret = await client.get(SECRET, { name, namespace }, { signal });
    note(name, secret);
    return secret;
  };
  const inOrder = (name: string, change: () => Promise<void>): Promise<void> => {
    const done = (changes.get(name) ?? Promise.resolve()).catch(() => undefined).then(change);
    changes.set(name, done);
    const forget = (): void => {
      if (changes.get(name) === done) changes.delete(name);
    };
    done.then(forget, forget);
    return done;
  };

  const write = async (kind: RecordKind, key: string, draft: Draft): Promise<void> => {
    const name = stateName(kind, key);
    for (let tries = 0; ; tries++) {
      const known = seen.get(name);
      try {
        const written =
          known === undefined || known === 'absent'
            ? await client.create(SECRET, draft, { signal })
            : await client.replace(SECRET, { ...draft, metadata: { ...draft.metadata, resourceVersion: known.version } }, { signal });
        return note(name, written);
      } catch (error) {
        if (!isBeaten(error) || tries >= MOST_TRIES) throw error;
        const found = await find(name);
        // The answer to our own write was lost on its way.
        if (found !== undefined && isSame(found, draft)) return;
        if (kind === 'journal' && known !== undefined && !isStill(known, found)) throw overtaken(key, namespace, error);
      }
    }
  };

  const removeRecord = async (kind: RecordKind, key: string): Promise<void> => {
    const name = stateName(kind, key);
    for (let tries = 0; ; tries++) {
      const known = seen.get(name);
      const fence = kind === 'journal' && known !== undefined && known !== 'absent' ? { resourceVersion: known.version } : {};
      try {
        await client.remove(SECRET, { name, namespace }, { signal, ...fence });
        seen.set(name, 'absent');
        return;
      } catch (error) {
        if (!isTscertError(error, 'cluster-conflict') || tries >= MOST_TRIES) throw error;
        const found = await find(name);
        if (kind === 'journal' && known !== undefined && !isStill(known, found)) throw overtaken(key, namespace, error);
      }
    }
  };

  const read = (kind: RecordKind, secret: SecretObject): { readonly key: string; readonly value: Json } | undefined => {
    const record = recordIn(secret);
    if (record !== undefined || kind === 'cache') return record;
    const { name } = secret.metadata;
    throw new TscertError(
      'store-damaged',
      `Cannot read the record in the Secret "${namespace}/${name}": it is damaged; put it back from a backup, or remove it to go on without what it says`,
      { data: { namespace, secret: name, kind } },
    );
  };

  return {
    async mark(kind, key) {
      const secret = await find(stateName(kind, key));
      return secret === undefined ? '' : versionOf(secret);
    },
    async get(kind, key) {
      const secret = await find(stateName(kind, key));
      return secret && read(kind, secret)?.value;
    },
    put(kind, key, value) {
      const texts = textsOf(key, value);
      const name = stateName(kind, key);
      return inOrder(name, async () => {
        if (texts !== undefined) return write(kind, key, stateDraft({ kind, of: key, name }, { namespace }, texts));
        // What can be had again is not kept then.
        if (kind === 'cache') return removeRecord(kind, key);
        throw new TscertError('store-unwritable', `Cannot write the record "${key}" into "${namespace}": a Secret cannot hold so much`, {
          data: { namespace, key },
        });
      });
    },
    delete: (kind, key) => inOrder(stateName(kind, key), () => removeRecord(kind, key)),
    async list(kind) {
      const { items } = await client.list(SECRET, { namespace, labels: `${KIND_LABEL}=${kind}` }, { signal });
      return items
        .map((secret) => read(kind, secret)?.key)
        .filter((key) => key !== undefined)
        .sort();
    },
  };
}

function isBeaten(error: unknown): boolean {
  return (['cluster-exists', 'cluster-absent', 'cluster-conflict'] as const).some((code) => isTscertError(error, code));
}

/** Whether an object is in the state that was known of it: then it was refused for a reason that passes. */
function isStill(known: Known, found: SecretObject | undefined): boolean {
  return known === 'absent' ? found === undefined : found?.metadata.resourceVersion === known.version;
}

function overtaken(key: string, namespace: string, cause: unknown): TscertError {
  return new TscertError(
    'cluster-conflict',
    `Cannot write the journal of "${key}" in "${namespace}": another process has changed it since it was read here, and goes on with it`,
    { data: { key, namespace }, cause },
  );
}

/** A record as the texts of a Secret; `undefined` when it is too large for one. */
export function textsOf(key: string, value: Json): Readonly<Record<string, string>> | undefined {
  const text = JSON.stringify({ key, value });
  if (Buffer.byteLength(text) <= PLAIN) return { record: text };
  const packed = gzipSync(text).toString('base64');
  return packed.length * (4 / 3) > LARGEST ? undefined : { packed };
}

/** The record in a Secret; `undefined` when it is damaged. */
export function recordIn(secret: SecretObject): { readonly key: string; readonly value: Json } | undefined {
  const record = parseJson(contentOf(secret));
  if (typeof record !== 'object' || record === null || Array.isArray(record) || !('key' in record && 'value' in record)) return undefined;
  const { key, value } = record as { readonly [field: string]: Json };
  return typeof key === 'string' && value !== undefined ? { key, value } : undefined;
}

function contentOf(secret: SecretObject): string | undefined {
  const plain = octetsOf(secret, 'record');
  if (plain !== undefined) return plain.toString('utf8');
  const packed = textOf(secret, 'packed');
  if (packed === undefined) return undefined;
  try {
    return gunzipSync(Buffer.from(packed, 'base64'), { maxOutputLength: 64 * 1_048_576 }).toString('utf8');
  } catch {
    return undefined;
  }
}

function isSame({ data }: SecretObject, draft: Draft): boolean {
  const wanted = draft.data as Readonly<Record<string, string>>;
  return data?.record === wanted.record && data?.packed === wanted.packed;
}
