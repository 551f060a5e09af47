/** A Store that lives and dies with the process: for tests, dry runs and programs that keep certificates themselves. */
import type { Clock } from '../base/clock.js';
import { TscertError } from '../base/errors.js';
import type { Json } from '../base/json.js';
import { checkBundle } from './bundle.js';
import { storedName } from './name.js';
import type { RecordKind, Store, Stored } from './store.js';
import { createTurns } from './turns.js';

/** A store in memory. Values go in and out as copies, as they would on disk. */
export function createMemoryStore({ clock }: { readonly clock: Clock }): Store {
  const certificates = new Map<string, Stored[]>();
  const records = new Map<RecordKind, Map<string, string>>();
  const turns = createTurns(clock);
  const recordsOf = (kind: RecordKind): Map<string, string> => {
    const known = records.get(kind) ?? new Map<string, string>();
    records.set(kind, known);
    return known;
  };

  return {
    async load(name) {
      const current = certificates.get(storedName(name))?.at(-1);
      return current && structuredClone(current);
    },
    async save(name, bundle) {
      const safe = storedName(name);
      checkBundle(safe, bundle);
      const generations = certificates.get(safe) ?? [];
      const generation = String(generations.length + 1).padStart(4, '0');
      const at = (part: string): string => `memory:${safe}/${generation}/${part}`;
      const stored: Stored = {
        ...bundle,
        meta: copy(bundle.meta),
        name: safe,
        generation,
        locations: { privateKey: at('privkey'), certificate: at('cert'), chain: at('chain'), fullchain: at('fullchain') },
      };
      certificates.set(safe, [...generations, stored]);
      return structuredClone(stored);
    },
    async list(kind?: RecordKind) {
      return [...(kind === undefined ? certificates : recordsOf(kind)).keys()].sort();
    },
    async get(kind, key) {
      const text = recordsOf(kind).get(key);
      return text === undefined ? undefined : (JSON.parse(text) as Json);
    },
    async put(kind, key, value) {
      recordsOf(kind).set(key, JSON.stringify(value));
    },
    async delete(kind, key) {
      recordsOf(kind).delete(key);
    },
    async lock(key, patience) {
      const end = await turns.take(key, patience);
      if (end !== undefined) return { release: async () => end() };
      throw new TscertError('locked', `Cannot lock "${key}": this process holds it already`, { data: { key } });
    },
    async probe() {},
  };
}

function copy(value: Json): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}
