/**
 * The Solver port: how a challenge (RFC 8555 §8) is made true in the world. Present fast, check together, clean up always.
 */
import type { Emit } from '../base/events.js';
import type { Json } from '../base/json.js';

export type ChallengeType = 'dns-01' | 'http-01' | 'tls-alpn-01';

/** One challenge of one authorization, with all that a solver needs; a solver derives nothing on its own. */
export interface Challenge {
  readonly type: ChallengeType;
  /** The identifier of the authorization: a DNS name without `*.`, or an IP address. */
  readonly identifier: { readonly type: 'dns' | 'ip'; readonly value: string };
  readonly wildcard: boolean;
  /** http-01: the last part of the path below /.well-known/acme-challenge/ (RFC 8555 §8.3). */
  readonly token: string;
  /** `token.thumbprint` (RFC 8555 §8.1): the body for http-01, hashed by the solver of tls-alpn-01. */
  readonly keyAuthorization: string;
  /** base64url(SHA-256(keyAuthorization)): the TXT value of dns-01 (RFC 8555 §8.4). */
  readonly digest: string;
}

export interface SolverContext {
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /**
   * Puts a note of the solver's own (where exactly the value will stand) on stable storage beside the challenge.
   * `present` awaits it before it changes anything in the world; `cleanUp` gets the newest note back, in a later process too.
   */
  remember(challenge: Challenge, note: Json): Promise<void>;
}

export interface Solver {
  readonly type: ChallengeType;
  /**
   * Looks at what can be known before anything is ordered: that a folder is there, that a port is free. Absent: nothing can be.
   * @throws {TscertError} what `present` would throw
   */
  preflight?(): Promise<void>;
  /** Makes the challenge true, and returns quickly: what spreads slowly is waited for in `check`. Presenting twice is fine. */
  present(challenge: Challenge, context: SolverContext): Promise<void>;
  /**
   * Resolves when the CA may look. Absent: nothing to wait for.
   * @throws {TscertError} `propagation-timeout`, `self-check-failed`, `manual-pending` when it will not become true in time
   */
  check?(challenge: Challenge, context: SolverContext): Promise<void>;
  /** Takes back exactly what `present` did, nothing else. Idempotent; works with a note alone, also when `present` never ran to its end. */
  cleanUp(challenge: Challenge, note: Json | undefined, context: SolverContext): Promise<void>;
  /** Called once when the run is over: closes listeners. */
  close?(): Promise<void>;
}

/** Which solver proves a name; `undefined` when none of those configured can. Offered are the challenge types of the authorization. */
export type SolverPicker = (identifier: Challenge['identifier'], wildcard: boolean, offered: readonly string[]) => Solver | undefined;
