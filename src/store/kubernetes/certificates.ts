/**
 * Certificates in a namespace: each generation a Secret that is never changed, and one Secret a certificate that says which is current. A
 * generation is written first; the switch is one write with the resourceVersion that was read, so of two at once one sees the other.
 */
import type { Clock } from '../../base/clock.js';
import { isTscertError, TscertError } from '../../base/errors.js';
import type { Json } from '../../base/json.js';
import { SECRET, type SecretObject } from '../../kubernetes/secret/object.js';
import { checkBundle } from '../bundle.js';
import { noGeneration, outlived } from '../history.js';
import { storedName } from '../name.js';
import type { Bundle, Generation, Store, Stored } from '../store.js';
import { damagedGeneration, generationDraft, generationName, holds, locationsOf, readGeneration } from './generation.js';
import { type Entry, isGeneration, isObject, type Pointer, pointerText, readPointer } from './pointer.js';
import { type Cluster, digestOf, KIND_LABEL, OWNER_LABEL, parseJson, stateDraft, stateName, versionOf } from './state.js';

type Certificates = Pick<Store, 'load' | 'outline' | 'save' | 'generations' | 'loadGeneration' | 'pointTo' | 'prune'> & {
  names(): Promise<string[]>;
  /** A text that becomes another with every change of the current generation; `undefined` when there is none. */
  markOf(name: string): Promise<string | undefined>;
};

/** So often a switch is tried again because somebody else was faster. */
const MOST_TRIES = 20;

interface Found {
  readonly secret: SecretObject;
  readonly pointer: Pointer;
}

export function createCertificates({ client, namespace, signal }: Cluster, clock: Pick<Clock, 'now'>): Certificates {
  const fetchSecret = (name: string): Promise<SecretObject | undefined> => client.get(SECRET, { name, namespace }, { signal });
  const find = async (name: string): Promise<Found | undefined> => {
    const secret = await fetchSecret(stateName('certificate', name));
    return secret && { secret, pointer: readPointer(name, secret) };
  };
  /** The object of a generation, which must be the one that was listed. */
  const fetchEntry = async (name: string, { id, uid }: Entry): Promise<SecretObject> => {
    const secret = await fetchSecret(generationName(name, id));
    const why = secret === undefined ? 'is missing' : secret.metadata.uid === uid ? undefined : 'was put in the place of what was stored';
    if (secret !== undefined && why === undefined) return secret;
    throw damagedGeneration(name, `the Secret "${namespace}/${generationName(name, id)}" ${why}`, {
      ...{ namespace, secret: generationName(name, id) },
    });
  };
  const describe = (name: string, id: string, bundle: Bundle): Stored => ({
    ...{ ...bundle, name, generation: id },
    locations: locationsOf(namespace, name, id),
  });
  const historyOf = (found: Found | undefined): Generation[] =>
    (found?.pointer.generations ?? []).map(({ id, storedAt }) => ({ id, storedAt, isCurrent: id === found?.pointer.current }));

  /** Writes what `change` makes of the pointer as it stands; again when somebody else has changed it meanwhile. */
  const repoint = async (name: string, change: (found: Found | undefined) => Pointer | Promise<Pointer>): Promise<Pointer> => {
    for (let tries = 0; ; tries++) {
      const found = await findOrHeal(name);
      const pointer = await change(found);
      const object = stateName('certificate', name);
      const draft = stateDraft({ kind: 'certificate', of: name, name: object }, { namespace }, { pointer: pointerText(pointer) });
      try {
        if (found === undefined) await client.create(SECRET, draft, { signal });
        else {
          const { resourceVersion = '', uid } = found.secret.metadata;
          await client.replace(SECRET, { ...draft, metadata: { ...draft.metadata, uid, resourceVersion } }, { signal });
        }
        return pointer;
      } catch (error) {
        const isBeaten = (['cluster-exists', 'cluster-absent', 'cluster-conflict'] as const).some((code) => isTscertError(error, code));
        if (!isBeaten || tries >= MOST_TRIES) throw error;
      }
    }
  };
  /** As `find`; where the pointer is damaged, and ours, one with what can still be found. */
  const findOrHeal = async (name: string): Promise<Found | undefined> => {
    const secret = await fetchSecret(stateName('certificate', name));
    if (secret === undefined) return undefined;
    try {
      return { secret, pointer: readPointer(name, secret) };
    } catch (error) {
      if (!isTscertError(error, 'store-damaged') || error.data.isForeign === true) throw error;
      const entries = (await listGenerations(name)).map(({ entry }) => entry);
      const newest = Number(entries.at(-1)?.id ?? 0);
      return { secret, pointer: { name, current: '', generations: entries, newest, meta: null, hasKey: false } };
    }
  };
  /** All objects with generations of a certificate, oldest first, listed or not. */
  const listGenerations = async (name: string): Promise<{ readonly entry: Entry; readonly secret: SecretObject }[]> => {
    const labels = `${KIND_LABEL}=generation,${OWNER_LABEL}=${digestOf(name)}`;
    const { items } = await client.list(SECRET, { namespace, labels }, { signal });
    return items
      .map((secret) => {
        const id = secret.metadata.name.slice(generationName(name, '').length);
        const storedAt = Date.parse(secret.metadata.creationTimestamp ?? '') || clock.now();
        return { entry: { id, storedAt, uid: secret.metadata.uid ?? '' }, secret };
      })
      .filter(({ entry }) => isGeneration(entry.id))
      .sort((a, b) => Number(a.entry.id) - Number(b.entry.id));
  };

  /** Writes a generation behind the newest; takes the same one that a killed run has left there. */
  const writeGeneration = async (name: string, bundle: Bundle, newest: number): Promise<Entry> => {
    for (let number = newest + 1; ; number++) {
      const id = String(number).padStart(4, '0');
      const now = clock.now();
      try {
        const made = await client.create(SECRET, generationDraft(namespace, name, id, bundle, now), { signal });
        return { id, storedAt: now, uid: made.metadata.uid ?? '' };
      } catch (error) {
        if (!isTscertError(error, 'cluster-exists')) throw error;
        const left = await fetchSecret(generationName(name, id));
        if (left !== undefined && holds(name, left, bundle)) return { id, storedAt: now, uid: left.metadata.uid ?? '' };
      }
    }
  };
  const removeGeneration = async (name: string, { id, uid }: Entry): Promise<void> => {
    await client.remove(SECRET, { name: generationName(name, id), namespace }, { signal, uid }).catch((error: unknown) => {
      // Another object of that name is none of what was listed.
      if (!isTscertError(error, 'cluster-conflict')) throw error;
    });
  };

  return {
    async load(name) {
      const safe = storedName(name);
      const found = await find(safe);
      const entry = found?.pointer.generations.find(({ id }) => id === found.pointer.current);
      return entry && describe(safe, entry.id, readGeneration(safe, await fetchEntry(safe, entry)).bundle);
    },
    async outline(name) {
      const safe = storedName(name);
      try {
        const found = await find(safe);
        const entry = found?.pointer.generations.find(({ id }) => id === found.pointer.current);
        if (found === undefined || entry === undefined) return undefined;
        // It cannot have been changed, only removed.
        await fetchEntry(safe, entry);
        const { meta, hasKey } = found.pointer;
        return { generation: entry.id, locations: locationsOf(namespace, safe, entry.id), meta, hasKey };
      } catch (error) {
        if (isTscertError(error, 'store-damaged')) return undefined;
        throw error;
      }
    },
    async markOf(name) {
      const found = await find(storedName(name));
      const entry = found?.pointer.generations.find(({ id }) => id === found.pointer.current);
      return found && entry && `${versionOf(found.secret)} ${versionOf(await fetchEntry(storedName(name), entry))}`;
    },
    async save(name, bundle) {
      const safe = storedName(name);
      checkBundle(safe, bundle);
      let entry: Entry | undefined;
      try {
        await repoint(safe, async (found) => {
          const pointer = found?.pointer;
          const newest = pointer?.newest ?? 0;
          const isListed = pointer?.generations.some(({ id }) => id === entry?.id) === true;
          if (entry === undefined || (Number(entry.id) <= newest && !isListed)) {
            if (entry !== undefined) await removeGeneration(safe, entry);
            entry = await writeGeneration(safe, bundle, newest);
          }
          const { id } = entry;
          const others = (pointer?.generations ?? []).filter((other) => other.id !== id);
          return {
            ...{ name: safe, current: id, newest: Math.max(newest, Number(id)), generations: [...others, entry] },
            ...{ meta: JSON.parse(JSON.stringify(bundle.meta)) as Json, hasKey: bundle.privateKey !== undefined },
          };
        });
      } catch (error) {
        // Whether the switch was made may be unknown: what is listed stays.
        const isLost = isTscertError(error) && error.data.sent === true;
        if (entry !== undefined && !isLost) await removeGeneration(safe, entry).catch(() => undefined);
        throw error;
      }
      if (entry === undefined) throw new TscertError('internal', `Cannot store the certificate "${safe}": no generation was written`);
      return describe(safe, entry.id, bundle);
    },
    async names() {
      const { items } = await client.list(SECRET, { namespace, labels: `${KIND_LABEL}=certificate` }, { signal });
      return items.map((secret) => nameIn(secret)).sort();
    },
    async generations(name) {
      return historyOf(await find(storedName(name)));
    },
    async loadGeneration(name, id) {
      const safe = storedName(name);
      if (!isGeneration(id)) return undefined;
      const entry = (await find(safe))?.pointer.generations.find((one) => one.id === id);
      return entry && describe(safe, id, readGeneration(safe, await fetchEntry(safe, entry)).bundle);
    },
    async pointTo(name, id, { evenDamaged = false } = {}) {
      const safe = storedName(name);
      await repoint(safe, async (found) => {
        const entry = found?.pointer.generations.find((one) => one.id === id);
        if (found === undefined || entry === undefined) throw noGeneration(safe, id);
        try {
          const { bundle } = readGeneration(safe, await fetchEntry(safe, entry));
          return { ...found.pointer, current: id, meta: bundle.meta, hasKey: bundle.privateKey !== undefined };
        } catch (error) {
          if (!evenDamaged || !isTscertError(error, 'store-damaged')) throw error;
          return { ...found.pointer, current: id, meta: null, hasKey: false };
        }
      });
    },
    async prune(name, keep) {
      const safe = storedName(name);
      const found = await find(safe);
      if (found === undefined) return [];
      const gone = outlived(historyOf(found), keep, clock.now());
      if (gone.length > 0) {
        await repoint(safe, (current) => {
          const { pointer } = current ?? found;
          return { ...pointer, generations: pointer.generations.filter(({ id }) => id === pointer.current || !gone.includes(id)) };
        });
      }
      const listed = new Set(((await find(safe)) ?? found).pointer.generations.map(({ id }) => id));
      // One above the newest may be on its way to be listed.
      const loose = (await listGenerations(safe)).filter(({ entry }) => !listed.has(entry.id) && Number(entry.id) <= found.pointer.newest);
      for (const { entry } of loose) await removeGeneration(safe, entry);
      return gone;
    },
  };
}

/** The name whose digest the object is called by; of a pointer that is damaged the annotation may still tell. */
function nameIn({ metadata, data }: SecretObject): string {
  const pointer = parseJson(Buffer.from(data?.pointer ?? '', 'base64').toString('utf8'));
  const told = [isObject(pointer) ? pointer.name : undefined, metadata.annotations?.['tscert.io/of']];
  return told.find((name): name is string => typeof name === 'string' && stateName('certificate', name) === metadata.name) ?? metadata.name;
}
