/**
 * The DnsProvider port: a DNS service in which TXT records can be changed. Zone choice, CNAME following, batching,
 * back-off and the self check live once, above it (zones.ts, batch.ts, propagation.ts).
 */

/** A zone of the provider. `name` is in A-labels, lower case, without a dot at the end. */
export interface Zone {
  readonly name: string;
  /** The provider's own id of the zone, where it has one. */
  readonly id?: string;
}

/** One TXT value at one name (absolute, no dot at the end). */
export interface TxtRecord {
  readonly name: string;
  readonly value: string;
  /** The provider's id of the record, where it hands one out; known after `change` has added it. */
  readonly id?: string;
}

export interface Change {
  readonly add: readonly TxtRecord[];
  readonly remove: readonly TxtRecord[];
}

export interface DnsProvider {
  /** As on the command line: `route53`, `acmesh:dns_cf`. */
  readonly name: string;
  /**
   * The public zones of this account in which any of `names` could lie; more may be returned, the caller takes the longest
   * that fits. Absent: the provider cannot tell, and the zone is found by an SOA walk.
   */
  zones?(names: readonly string[], signal: AbortSignal): Promise<readonly Zone[]>;
  /**
   * Adds and removes exact values, all in as few requests as the service allows; values of others stay untouched. Adding what
   * stands already and removing what is gone are successes. Calls for one zone come one after the other.
   * Gives back the added records, with their ids where there are any.
   * @throws {TscertError} `provider-denied`, `provider-failed`, `credentials-missing`; `data.transient` is true when a later try may work
   */
  change(zone: Zone, change: Change, signal: AbortSignal): Promise<readonly TxtRecord[]>;
  /** Resolves when the service says that the last change of the zone is on all its servers. A hint: the self check decides. */
  settled?(zone: Zone, signal: AbortSignal): Promise<void>;
  /** True when a person carries the change out (`manual`): the run may stop and go on later. */
  readonly manual?: boolean;
  /** True when one change at a time takes long (a script a record): the self check gets a longer deadline. Milliseconds. */
  readonly propagationTimeout?: number;
}
