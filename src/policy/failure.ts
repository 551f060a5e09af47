/** What kind of trouble a failure is: how soon it is tried again, and whether the CA had to work for it. */
import { type ErrorCode, isTscertError } from '../base/errors.js';

/**
 * `rate-limited` and `paused`: the CA said when, or who, ends it; `unavailable`: nobody answered; `validation`: the CA could not see
 * the proof; `refused`: it would not sign; `provider`: the DNS provider or name servers; `local`: this machine; `request`: what is
 * asked for cannot be had as it is.
 */
export const FAILURE_KINDS = ['rate-limited', 'paused', 'unavailable', 'validation', 'refused', 'provider', 'local', 'request'] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

/** What a failure means for the next attempt. */
export interface FailureFacts {
  readonly kind: FailureKind;
  /** The server's own word, in milliseconds since the epoch. */
  readonly retryAt?: number;
  /** Where a person lifts the pause of an account. */
  readonly unpauseUrl?: string;
  /** The server means everybody who asks it, or the account, and not this certificate alone. */
  readonly isShared: boolean;
}

const KINDS: Partial<Readonly<Record<ErrorCode, FailureKind>>> = {
  'rate-limited': 'rate-limited',
  network: 'unavailable',
  timeout: 'unavailable',
  'tls-untrusted': 'unavailable',
  'response-invalid': 'unavailable',
  'order-timeout': 'unavailable',
  'order-invalid': 'validation',
  'self-check-failed': 'validation',
  'propagation-timeout': 'validation',
  'acme-problem': 'refused',
  'identifiers-differ': 'refused',
  'account-unknown': 'refused',
  'certificate-mismatch': 'refused',
  'chain-invalid': 'refused',
  'certificate-invalid': 'refused',
  'dns-failed': 'provider',
  'zone-unknown': 'provider',
  'provider-failed': 'provider',
  'provider-denied': 'provider',
  usage: 'request',
  'config-invalid': 'request',
  'request-invalid': 'request',
  'name-invalid': 'request',
  'key-kind-refused': 'request',
  'key-compromised': 'request',
  'wildcard-needs-dns01': 'request',
  'terms-not-agreed': 'request',
  'eab-required': 'request',
  'profile-unknown': 'request',
  'provider-unknown': 'request',
  'credentials-missing': 'request',
  'solver-missing': 'request',
};

/** No failures of the certificate: somebody stopped the run, another one is at it, or a person has something to do first. */
const NONE: ReadonlySet<ErrorCode> = new Set(['interrupted', 'locked', 'manual-pending']);

/** What an error means; `undefined` when it says nothing about the certificate. */
export function failureFacts(error: unknown): FailureFacts | undefined {
  if (!isTscertError(error)) return { kind: 'local', isShared: false };
  const { code, data, message } = error;
  if (NONE.has(code)) return undefined;
  const retryAt = typeof data.retryAt === 'string' ? Date.parse(data.retryAt) : Number.NaN;
  const known = { ...(Number.isNaN(retryAt) ? {} : { retryAt }) };
  if (code === 'rate-limited') {
    const unpauseUrl = unpauseUrlIn(message);
    if (unpauseUrl !== undefined) return { ...known, kind: 'paused', unpauseUrl, isShared: false };
    return { ...known, kind: 'rate-limited', isShared: data.status === 503 || isAboutAccount(message) };
  }
  // Only the code of the request, not that of the CA's answer to it, tells what was asked of whom.
  const isOverloaded = code === 'acme-problem' && typeof data.status === 'number' && data.status >= 500;
  return { ...known, kind: isOverloaded ? 'unavailable' : (KINDS[code] ?? 'local'), isShared: false };
}

/**
 * The link in the words of a CA that has paused an account for a name: Let's Encrypt's "Your account is temporarily prevented from
 * requesting certificates for ... Please visit https://..." carries a token, which is the account's own business, and needed whole.
 */
function unpauseUrlIn(message: string): string | undefined {
  if (!/\b(paused|unpause|temporarily prevented)\b/i.test(message)) return undefined;
  return /https:\/\/[^\s"'<>]+[^\s"'<>.,;)]/.exec(message)?.[0];
}

/**
 * Boulder's words for limits that count an account, or an address, as a whole: "too many new orders (300) from this account", "too many
 * new registrations (10) from this IP address". All others name a domain or a set of names.
 */
function isAboutAccount(message: string): boolean {
  return /\bfrom this (account|IP|client)|\bservice busy\b|\brequest(s| rate| limit)\b|\btoo many (new orders|requests|new registrations|currently pending)/i.test(
    message,
  );
}
