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

/** A held lock. */
export interface Lock {
  /** Lets go; never throws, and is harmless the second time. */
  release(): Promise<void>;
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
  /** Stores a new generation and makes it current in one atomic step: afterwards all of it is current, or none. */
  save(name: string, bundle: Bundle): Promise<Stored>;
  /** Names of all stored certificates, sorted. */
  list(): Promise<string[]>;
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
