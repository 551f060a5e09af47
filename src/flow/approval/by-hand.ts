/** A request that a person decides on: what is whole may be approved, anything may be denied; the object that was shown is the one decided. */
import { isTscertError, messageOf, TscertError } from '../../base/errors.js';
import { type CertificateSigningRequest, CSR, stateOf } from '../../kubernetes/csr.js';
import { requesterOf } from '../../policy/approval/request.js';
import { broken, passed, type RuleVerdict, type Verdict } from '../../policy/approval/verdict.js';
import { preflight } from '../../policy/signers/preflight.js';
import { lookAt } from '../../policy/whole/look.js';
import { type DecideParts, type Decision, decide, isDecided } from './decide.js';
import { requestOf } from './requested.js';
import type { Review } from './review.js';

export interface ByHandParts extends DecideParts {
  readonly reason: string;
  readonly message?: string;
  /** Shows what is asked for, before it is decided. */
  readonly onLook: (csr: CertificateSigningRequest) => void;
}

/** Stands in place of a policy's name. */
export const BY_HAND = 'by hand';

const WORDS = { Approved: 'This request was approved by tscert approve', Denied: 'This request was denied by tscert deny' } as const;

/**
 * Decides. A request that has changed since it was shown is not decided on.
 * Rejects with nothing but the reason of the signal.
 */
export async function byHand(csr: CertificateSigningRequest, type: Decision['type'], parts: ByHandParts): Promise<Review> {
  const head = { name: csr.metadata.name, csr, conflicts: 0 };
  const found = stateOf(csr);
  parts.onLook(csr);
  if (found !== 'pending') return { ...head, state: 'settled', found };
  const verdict = verdictOf(csr, type);
  if (verdict.outcome !== type) {
    return {
      ...head,
      state: 'failed',
      verdict,
      error: new TscertError('csr-invalid', `Cannot approve "${head.name}": ${verdict.message}`, { data: { name: head.name } }),
    };
  }
  const decision: Decision = { type, reason: parts.reason, message: parts.message ?? WORDS[type] };
  try {
    await decide(csr, decision, parts);
    return { ...head, state: type === 'Approved' ? 'approved' : 'denied', verdict };
  } catch (error) {
    parts.signal.throwIfAborted();
    if (isTscertError(error) && error.data.sent === true && (await isOurs(csr, decision, parts)))
      return { ...head, state: type === 'Approved' ? 'approved' : 'denied', verdict };
    return { ...head, state: 'failed', error: asError(error), verdict };
  }
}

/** What a person should know: of a denial nothing, of an approval whether what is shown is all, and whether the signer would take it. */
function verdictOf(csr: CertificateSigningRequest, type: Decision['type']): Verdict {
  if (type === 'Denied') return { outcome: 'Denied', message: 'Denied by hand', policies: [] };
  const request = requestOf(csr);
  const look = lookAt(request.request);
  const rules: RuleVerdict[] = look.faults.map(({ message }) => broken('whole', message));
  if (look.isWhole && look.csr !== undefined) {
    rules.push(passed('whole', 'What is shown of the request is all that is in it'));
    const { broken: faults, fits } = preflight({ ...request, csr: look.csr, requester: requesterOf(request) });
    const refused = [...faults.map(({ message }) => message), ...(fits === undefined ? [] : [fits.message])].join('; ');
    if (faults.length > 0) rules.push(broken('signer', `Its signer would refuse it for good: ${refused}`));
  }
  const faults = rules.filter(({ outcome }) => outcome === 'broken').map(({ message }) => message);
  const policies = [{ policy: BY_HAND, outcome: faults.length > 0 ? 'refuses' : 'approves', message: faults.join('; '), rules }] as const;
  return faults.length > 0
    ? { outcome: 'Unprocessed', message: faults.join('; '), policies }
    : { outcome: 'Approved', message: 'Approved by hand', policies };
}

async function isOurs(csr: CertificateSigningRequest, decision: Decision, { client, signal }: DecideParts): Promise<boolean> {
  const now = await client.get(CSR, { name: csr.metadata.name }, { signal }).catch(() => undefined);
  return now !== undefined && now.metadata.uid === csr.metadata.uid && isDecided(now, decision);
}

function asError(error: unknown): TscertError {
  return error instanceof TscertError ? error : new TscertError('internal', messageOf(error), { cause: error });
}
