/** The store of a trial: what is done in the world is journaled, apart from the journal of the real order; nothing else stays. */
import { TscertError } from '../base/errors.js';
import type { RecordKind, Records, Store } from '../store/store.js';

/** The same store, whose journals are those of trials and which takes no certificate. */
export function dryRunStore(store: Store): Store {
  const keyOf = (kind: RecordKind, key: string): string => (kind === 'journal' ? `dry-run:${key}` : key);
  const refuse = (name: string): Promise<never> =>
    Promise.reject(new TscertError('internal', `Cannot store the certificate "${name}": this is a trial`, { data: { name } }));
  return {
    load: (name) => store.load(name),
    outline: (name) => store.outline(name),
    mark: (name, ledger) => store.mark(name, ledger),
    save: refuse,
    generations: (name) => store.generations(name),
    loadGeneration: (name, id) => store.loadGeneration(name, id),
    pointTo: refuse,
    prune: refuse,
    lock: (key, options) => store.lock(key, options),
    probe: () => store.probe(),
    get: (kind, key) => store.get(kind, keyOf(kind, key)),
    put: (kind, key, value) => store.put(kind, keyOf(kind, key), value),
    delete: (kind, key) => store.delete(kind, keyOf(kind, key)),
    list: (kind?: RecordKind) => (kind === undefined ? store.list() : (store as Records).list(kind)),
  };
}
