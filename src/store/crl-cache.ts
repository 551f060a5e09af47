/**
 * The CrlCache port: CRLs that were fetched, kept by URL until they are to be replaced. What comes out are octets that once came from the
 * net: whoever takes them checks the signature again, each time. A cache that fails is as good as an empty one and never stands in the way.
 */

/** What was known of a CRL when it was kept. Times are in milliseconds since the epoch. */
export interface CrlFacts {
  /** Its nextUpdate: no longer than that it is kept. */
  readonly nextUpdate: number;
  /** ETag and Last-Modified as the server sent them, for a conditional request. */
  readonly etag?: string;
  readonly lastModified?: string;
}

/** A CRL that is kept, whole. */
export interface CachedCrl extends CrlFacts {
  readonly url: string;
  /** Octets. */
  readonly size: number;
  /** When the server last said that this is its CRL. */
  readonly checkedAt: number;
  /**
   * Its octets as they were fetched, DER or PEM.
   * @throws {TscertError} `file-unreadable` when it was removed or could not be read since
   */
  read(): AsyncIterable<Buffer>;
}

/** A CRL that is being fetched. */
export interface CrlDraft {
  /** The same chunks, written down while they pass; once. */
  through(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  /** Makes it the CRL of its URL, in one step. False when not all chunks have passed, it is too large or could not be written. */
  keep(facts: CrlFacts): Promise<boolean>;
  /** Removes what was written, unless it was kept. Never throws, and is harmless the second time. */
  drop(): Promise<void>;
}

export interface CrlCache {
  /** The CRL of this URL; undefined when there is none, it is to be replaced by now, or it is damaged or cut off. */
  get(url: string): Promise<CachedCrl | undefined>;
  /** Begins to keep the CRL of this URL; what is kept already stays until `keep`. */
  begin(url: string): CrlDraft;
  /** The server says that the CRL of this URL has not changed (304). */
  confirm(url: string): Promise<void>;
}
