/**
 * The power of one process: when it is cut, nothing that the process does has an effect any more, and nothing it waits for ever comes, clean-up
 * included; its locks are those of a dead process, which the next one takes over.
 */
import type { Clock } from '../../src/base/clock.js';
import type { DnsProvider } from '../../src/dns/provider.js';
import type { Http } from '../../src/net/http.js';
import type { Lock, RecordKind, Records, Store } from '../../src/store/store.js';

export interface Power {
  isOff(): boolean;
  /** Resolves when it is cut. */
  readonly whenCut: Promise<'cut'>;
  /** Something with an effect, or a wait: this may be the moment. */
  act<T>(work: () => Promise<T>): Promise<T>;
  clock(clock: Clock): Clock;
  http(http: Http): Http;
  store(store: Store): Store;
  provider(provider: DnsProvider): DnsProvider;
}

/** When power is cut: at this act, counted from 1; with `after`, when it is done and its answer not here yet. */
export interface Cut {
  readonly act: number;
  readonly after: boolean;
}

/** Power for a process; without a cut, it stays on, and nothing is in its way. */
export function createPower(cut?: Cut): Power {
  if (cut === undefined) return STEADY;
  const locks = new Set<Lock>();
  let done = 0;
  let isOff = false;
  let tell: (word: 'cut') => void = () => undefined;
  const whenCut = new Promise<'cut'>((resolve) => {
    tell = resolve;
  });
  const off = (): void => {
    isOff = true;
    for (const lock of locks) void lock.release();
    tell('cut');
  };
  /** For a dead process nothing ever comes. */
  const forLiving = async <T>(work: () => Promise<T>): Promise<T> => {
    const never = new Promise<never>(() => undefined);
    if (isOff) return never;
    try {
      const result = await work();
      return isOff ? await never : result;
    } catch (error) {
      if (isOff) return never;
      throw error;
    }
  };
  const act = <T>(work: () => Promise<T>): Promise<T> =>
    forLiving(async () => {
      const isLast = ++done === cut.act;
      if (isLast && !cut.after) off();
      const result = isOff ? undefined : await work();
      if (isLast && !isOff) off();
      return result as T;
    });

  return {
    isOff: () => isOff,
    whenCut,
    act,
    clock: (clock) => ({ now: () => clock.now(), sleep: (ms, signal) => act(() => clock.sleep(ms, signal)) }),
    http: (http) => ({ request: (request) => act(() => http.request(request)), close: () => http.close() }),
    store: (store) => ({
      load: (name) => forLiving(() => store.load(name)),
      outline: (name) => forLiving(() => store.outline(name)),
      mark: (name, ledger) => forLiving(() => store.mark(name, ledger)),
      save: (name, bundle) => act(() => store.save(name, bundle)),
      generations: (name) => forLiving(() => store.generations(name)),
      loadGeneration: (name, id) => forLiving(() => store.loadGeneration(name, id)),
      pointTo: (name, id, options) => act(() => store.pointTo(name, id, options)),
      prune: (name, keep) => act(() => store.prune(name, keep)),
      list: (kind?: RecordKind) => forLiving(() => (kind === undefined ? store.list() : (store as Records).list(kind))),
      get: (kind, key) => forLiving(() => store.get(kind, key)),
      put: (kind, key, value) => act(() => store.put(kind, key, value)),
      delete: (kind, key) => act(() => store.delete(kind, key)),
      probe: () => forLiving(() => store.probe()),
      lock: (key, options) =>
        forLiving(async () => {
          const lock = await store.lock(key, options);
          if (isOff) await lock.release();
          locks.add(lock);
          const release = (): Promise<void> =>
            forLiving(async () => {
              locks.delete(lock);
              await lock.release();
            });
          return { release };
        }),
    }),
    provider: (provider) => ({
      ...provider,
      change: (zone, change, signal) => act(() => provider.change(zone, change, signal)),
    }),
  };
}

const STEADY: Power = {
  isOff: () => false,
  whenCut: new Promise(() => undefined),
  act: (work) => work(),
  clock: (clock) => clock,
  http: (http) => http,
  store: (store) => store,
  provider: (provider) => provider,
};
