/** What became of one certificate in a run. */
import type { Stage } from '../base/events.js';
import type { Stored } from '../store/store.js';

/** How long a stage took, in milliseconds. */
export interface StageTime {
  readonly stage: Stage;
  readonly milliseconds: number;
}

/** A stored certificate with the facts that people ask for. */
export interface Kept {
  readonly stored: Stored;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly renewAt: number;
}

export type Outcome = { readonly name: string; readonly stages: readonly StageTime[] } & (
  | ({
      readonly state: 'kept' | 'issued';
      /** Why the deploy failed; the certificate is good and stored. */
      readonly deployError?: unknown;
    } & Kept)
  /** A dry run got this far and threw the result away. */
  /** The dates are of the certificate of a trial, where there was one. */
  | { readonly state: 'tested'; readonly notBefore?: number; readonly notAfter?: number }
  /** It is due, but is not tried before `until` (milliseconds since the epoch). */
  | { readonly state: 'deferred'; readonly until: number; readonly reason: string; readonly deployError?: unknown }
  /** The authority has the request; a later run goes on with it. */
  | { readonly state: 'pending'; readonly reason: string }
  | { readonly state: 'failed'; readonly error: unknown }
);
