/**
 * The Store port: where certificates and the tool's own records are kept. Absent is `undefined`; failed throws; an outage
 * is never "absent", for that would issue everything anew.
 */
import type { Json } from '../base/json.js';

/** What belongs to one certificate. PEM texts end with a line feed. */
export interface Bundle {
  /** PKCS#8 PEM; absent when the CSR was brought along and its key never seen. */
  readonly privateKey?: string;
  /** The leaf. */
  readonly certificate: string;
  /** The intermediates, without the root. */
  readonly chain: string;
  /** What it was issued for and by whom; flow/issue compares it with the next request. */
  readonly meta: Json;
}

/** A stored generation of a certificate. */
export interface Stored extends Bundle {
  readonly name: string;
  /** Sorts by age; the folder's name on disk. */
  readonly generation: string;
  /** Where the parts are, for people: file paths on disk, the Secret in a cluster. */
  readonly locations: Readonly<Record<'privateKey' | 'certificate' | 'chain' | 'fullchain', string>>;
}

/** One generation in the history of a certificate. */
export interface Generation {
  /** As `Stored.generation`. */
  readonly id: string;
  /** When it was stored, in milliseconds since the epoch, by the clock of then. */
  readonly storedAt: number;
  readonly isCurrent: boolean;
}

/** What of the history is kept: the newest `count` generations, and all that were stored less than `age` milliseconds ago. */
export interface Retention {
  readonly count: number;
  readonly age: number;
}

/** What there is to tell of a generation without reading its parts. */
export interface Outline extends Pick<Stored, 'generation' | 'locations' | 'meta'> {
  readonly hasKey: boolean;
}

/** A held lock. */
export interface Lock {
  /** Lets go; never throws, and is harmless the second time. */
  release(): Promise<void>;
  /** Where it can be lost while it is held: aborted as soon as another may hold it, and whatever is done under it must stop. */
  readonly lost?: AbortSignal;
}

/** The tool's own records, by kind: account keys, orders under way, failures, pending keys. */
export type RecordKind = 'accounts' | 'journal' | 'ledger' | 'cache';

export interface Records {
  get(kind: RecordKind, key: string): Promise<Json | undefined>;
  /** Resolves when the record is on stable storage. */
  put(kind: RecordKind, key: string, value: Json): Promise<void>;
  delete(kind: RecordKind, key: string): Promise<void>;
  list(kind: RecordKind): Promise<string[]>;
}

export interface Store extends Records {
  /**
   * The current generation, whole: its key, where it has one, belongs to its certificate.
   * @throws {TscertError} `store-damaged` when something is there but not whole; with `isForeign` in `data` when saving would not heal it, and
   *   with the `fault` in `data` where one is known: `certificate-mismatch` for a key of another certificate
   */
  load(name: string): Promise<Stored | undefined>;
  /**
   * The outline of the current generation, where its parts are what was written, as far as that can be seen without reading them;
   * `undefined` where only `load` can tell, and says what is wrong.
   */
  outline(name: string): Promise<Outline | undefined>;
  /**
   * A text that becomes another as soon as the current generation of this name, or one of these records of the ledger, is changed, without
   * reading them; `undefined` where that cannot be told, or nothing is stored.
   */
  mark(name: string, ledger: readonly string[]): Promise<string | undefined>;
  /** Stores a new generation and makes it current in one atomic step: afterwards all of it is current, or none. */
  save(name: string, bundle: Bundle): Promise<Stored>;
  /** Names of all stored certificates, sorted. */
  list(): Promise<string[]>;
  /** The history of a certificate, oldest first, damaged generations too; empty for one that was never stored. */
  generations(name: string): Promise<readonly Generation[]>;
  /**
   * Any generation, with the places where its own parts are; undefined when there is none of this id.
   * @throws {TscertError} `store-damaged`
   */
  loadGeneration(name: string, id: string): Promise<Stored | undefined>;
  /**
   * Makes a generation current that is there already, in one atomic step; under the lock of the certificate. The next one that is saved
   * is numbered after the newest there is.
   * @param options `evenDamaged` takes one that is not whole
   * @throws {TscertError} `store-damaged` when it is not whole, or not there; `store-unwritable`
   */
  pointTo(name: string, id: string, options?: { readonly evenDamaged?: boolean }): Promise<void>;
  /**
   * Removes the generations that `keep` does not keep, but never the current one, the one before it, and the newest; under the lock of
   * the certificate. What a kill leaves half-removed goes with the next call. Gives the ids that are gone.
   * @throws {TscertError} `store-unwritable`
   */
  prune(name: string, keep: Retention): Promise<readonly string[]>;
  /**
   * Takes the lock of a key, waiting at most `wait` milliseconds for another live holder. A dead holder's lock is taken over.
   * @throws {TscertError} `locked` with the holder in `data`
   */
  lock(key: string, options: { readonly wait: number; readonly signal: AbortSignal }): Promise<Lock>;
  /**
   * Proves that the store can be written, before an order is spent.
   * @throws {TscertError} `store-unwritable`
   */
  probe(): Promise<void>;
}
