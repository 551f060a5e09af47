/** A store that is opened when it is first asked for something. */
import type { RecordKind, Store } from './store.js';

export function lazyStore(open: () => Promise<Store>): Store {
  let opened: Promise<Store> | undefined;
  const store = (): Promise<Store> => {
    opened ??= open();
    return opened;
  };
  return {
    load: async (name) => (await store()).load(name),
    outline: async (name) => (await store()).outline(name),
    mark: async (name, ledger) => (await store()).mark(name, ledger),
    save: async (name, bundle) => (await store()).save(name, bundle),
    async list(kind?: RecordKind) {
      const { list } = (await store()) as { list(kind?: RecordKind): Promise<string[]> };
      return list(kind);
    },
    generations: async (name) => (await store()).generations(name),
    loadGeneration: async (name, id) => (await store()).loadGeneration(name, id),
    pointTo: async (name, id, options) => (await store()).pointTo(name, id, options),
    prune: async (name, keep) => (await store()).prune(name, keep),
    get: async (kind, key) => (await store()).get(kind, key),
    put: async (kind, key, value) => {
      // A copy, as it is now: later changes of the value do not reach the store.
      const now = JSON.parse(JSON.stringify(value));
      return (await store()).put(kind, key, now);
    },
    delete: async (kind, key) => (await store()).delete(kind, key),
    lock: async (key, options) => (await store()).lock(key, options),
    probe: async () => (await store()).probe(),
  };
}
