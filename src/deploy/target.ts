/**
 * The Target port: one place that a stored certificate goes to, so that services use it. What was brought where is kept by
 * flow/deploy, which decides what is to be done; a target only does it.
 */

import { TscertError } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import type { Stored } from '../store/store.js';

/** What is brought. */
export interface Delivery {
  readonly stored: Stored;
  /** Its names, as people write them. */
  readonly domains: readonly string[];
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

export interface TargetContext {
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface Target {
  /** SHA-256, hexadecimal, of what is done: another command or another path is another target. */
  readonly id: string;
  /** For people, one line without secrets: `file /etc/haproxy/www.pem`, `nginx`, `probe www.example.com:443`. */
  readonly title: string;
  /** Targets behind it may read what it writes: they are done anew after it. */
  readonly feedsOthers: boolean;
  /**
   * Brings the certificate there. A run that is killed in its middle, or that does it a second time, does no harm.
   * @throws {TscertError} `hook-failed`, made by {@link targetFailure}; the reason of the signal
   */
  bring(delivery: Delivery, context: TargetContext): Promise<void>;
  /**
   * Why the place does not hold the certificate any more, as it was brought there; undefined when it does. Absent for a place that cannot be
   * looked at, or of which nobody wants that.
   * @param fingerprint SHA-256 of the certificate's DER, lower-case hex
   */
  drift?(fingerprint: string, signal: AbortSignal): Promise<Drift | undefined>;
}

/** What became of what was brought. */
export interface Drift {
  /** In cert-manager's words: `DoesNotExist`, `InvalidKeyPair`. */
  readonly reason: string;
  /** A clause: `it has no "tls.key"`. */
  readonly message: string;
}

/**
 * Why a certificate did not get to a target.
 * @param begin `Cannot deploy "www" to nginx`
 * @param reason goes behind it, and stands in `data` too, for where the target is named already
 */
export function targetFailure(begin: string, reason: string, cause?: unknown): TscertError {
  const data = cause instanceof TscertError ? cause.data : {};
  return new TscertError('hook-failed', `${begin}: ${reason}`, { data: { ...data, reason }, cause });
}
