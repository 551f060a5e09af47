/** When the staging directory of a CA is tried first, and what its answer means for the real one. */
import { isTscertError, TscertError } from '../base/errors.js';
import { type FailureKind, failureFacts } from '../policy/failure.js';

/** What cost the CA's limits, and will again unless something has changed. */
const COSTS: ReadonlySet<FailureKind> = new Set(['validation', 'refused']);
/** Of the real CA too: the name cannot be proven, or is not signed. */
const TELLS: ReadonlySet<FailureKind> = new Set(['validation', 'refused', 'provider', 'request']);
/** So near its end a certificate is not kept from the real CA any more. Milliseconds. */
const TOO_NEAR = 2 * 86_400_000;

/**
 * Whether the staging directory is tried first.
 * @param kind of the last failure of the same request
 * @param end of the certificate that stands, milliseconds since the epoch
 */
export function isWorthRehearsing(kind: FailureKind | undefined, end: number | undefined, now: number): boolean {
  if (kind === undefined || !COSTS.has(kind)) return false;
  return end === undefined || end <= now || end - now > TOO_NEAR;
}

/** The failure of a rehearsal as that of the certificate; `undefined` when it says nothing of the real CA. */
export function rehearsalFailure(error: unknown, directory: string): TscertError | undefined {
  const facts = failureFacts(error);
  if (!isTscertError(error) || facts === undefined || !TELLS.has(facts.kind)) return undefined;
  return new TscertError(error.code, `${error.message} (tried with the staging directory ${directory}; the real one was not asked)`, {
    data: error.data,
    cause: error,
  });
}
