/**
 * Time and chance as arguments. The command line builds the real ones (src/cli/system.ts); tests bring their own.
 */

/** Where the time comes from, and how to wait. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A number in [0, 1), as Math.random gives it. */
export type Random = () => number;
