/** A Store that lives and dies with the process: for tests, dry runs and programs that keep certificates themselves. */
import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.js';
import { TscertError } from '../base/errors.js';
import type { Json } from '../base/json.js';
import { checkBundle } from './bundle.js';
import { noGeneration, outlived } from './history.js';
import { storedName } from './name.js';
import type { Generation, RecordKind, Store, Stored } from './store.js';
import { createTurns } from './turns.js';

/** All generations of a certificate, oldest first. */
interface History {
  readonly all: readonly { readonly stored: Stored; readonly storedAt: number }[];
  /** Of the current one. */
  readonly current: string;
}

/** A store in memory. Values go in and out as copies, as they would on disk. */
export function createMemoryStore({ clock }: { readonly clock: Clock }): Store {
  const certificates = new Map<string, History>();
  const records = new Map<RecordKind, Map<string, string>>();
  const turns = createTurns(clock);
  const recordsOf = (kind: RecordKind): Map<string, string> => {
    const known = records.get(kind) ?? new Map<string, string>();
    records.set(kind, known);
    return known;
  };
  const find = (name: string, id: string | undefined): Stored | undefined => {
    const found = certificates.get(name)?.all.find(({ stored }) => stored.generation === id);
    return found && structuredClone(found.stored);
  };
  const historyOf = (name: string): Generation[] => {
    const { all = [], current } = certificates.get(name) ?? {};
    return all.map(({ stored: { generation }, storedAt }) => ({ id: generation, storedAt, isCurrent: generation === current }));
  };

  return {
    async load(name) {
      const safe = storedName(name);
      return find(safe, certificates.get(safe)?.current);
    },
    async outline(name) {
      const safe = storedName(name);
      const stored = find(safe, certificates.get(safe)?.current);
      if (stored === undefined) return undefined;
      const { generation, locations, meta, privateKey } = stored;
      return { generation, locations, meta, hasKey: privateKey !== undefined };
    },
    async mark(name, ledger) {
      const safe = storedName(name);
      const stored = find(safe, certificates.get(safe)?.current);
      const parts = ledger.map((key) => recordsOf('ledger').get(key) ?? '');
      return (
        stored &&
        createHash('sha256')
          .update(JSON.stringify([stored, parts]))
          .digest('hex')
      );
    },
    async save(name, bundle) {
      const safe = storedName(name);
      checkBundle(safe, bundle);
      const all = certificates.get(safe)?.all ?? [];
      const generation = String(Number(all.at(-1)?.stored.generation ?? 0) + 1).padStart(4, '0');
      const at = (part: string): string => `memory:${safe}/${generation}/${part}`;
      const stored: Stored = {
        ...bundle,
        meta: copy(bundle.meta),
        name: safe,
        generation,
        locations: { privateKey: at('privkey'), certificate: at('cert'), chain: at('chain'), fullchain: at('fullchain') },
      };
      certificates.set(safe, { all: [...all, { stored, storedAt: clock.now() }], current: generation });
      return structuredClone(stored);
    },
    async list(kind?: RecordKind) {
      return [...(kind === undefined ? certificates : recordsOf(kind)).keys()].sort();
    },
    async generations(name) {
      return historyOf(storedName(name));
    },
    async loadGeneration(name, id) {
      return find(storedName(name), id);
    },
    async pointTo(name, id) {
      const safe = storedName(name);
      const history = certificates.get(safe);
      if (history === undefined || find(safe, id) === undefined) throw noGeneration(safe, id);
      certificates.set(safe, { ...history, current: id });
    },
    async prune(name, keep) {
      const safe = storedName(name);
      const history = certificates.get(safe);
      const gone = outlived(historyOf(safe), keep, clock.now());
      if (history !== undefined) {
        certificates.set(safe, { ...history, all: history.all.filter(({ stored }) => !gone.includes(stored.generation)) });
      }
      return gone;
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
