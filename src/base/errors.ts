/**
 * What went wrong, as a value. Libraries throw a {@link TscertError} with a stable code, the facts as data and
 * the cause; the command line (src/cli/ui/words.ts) adds what to do next and the exit code.
 * Messages follow one form: "Cannot <do> <what>: <why>", no full stop, values in double quotes.
 */

/** Every way in which tscert can fail. The list is closed: words and exit codes are tables over it. */
export type ErrorCode =
  // Nothing was tried: the request, the configuration or the environment is wrong.
  | 'usage'
  | 'config-invalid'
  | 'request-invalid'
  | 'name-invalid'
  | 'key-kind-refused'
  | 'key-compromised'
  | 'wildcard-needs-dns01'
  | 'terms-not-agreed'
  | 'eab-required'
  | 'profile-unknown'
  | 'provider-unknown'
  | 'credentials-missing'
  | 'solver-missing'
  // Files and bytes.
  | 'file-unreadable'
  | 'file-unwritable'
  | 'file-exists'
  | 'pem-invalid'
  | 'der-invalid'
  | 'key-invalid'
  | 'key-passphrase'
  | 'csr-invalid'
  | 'certificate-invalid'
  | 'crl-invalid'
  | 'chain-invalid'
  | 'certificate-mismatch'
  // The network and what answered.
  | 'network'
  | 'timeout'
  | 'tls-untrusted'
  | 'response-invalid'
  | 'url-refused'
  // ACME.
  | 'acme-problem'
  | 'order-invalid'
  | 'order-timeout'
  | 'identifiers-differ'
  | 'account-unknown'
  | 'clock-wrong'
  // Proof of control.
  | 'dns-failed'
  | 'zone-unknown'
  | 'provider-failed'
  | 'provider-denied'
  | 'propagation-timeout'
  | 'manual-pending'
  | 'port-in-use'
  | 'port-denied'
  | 'self-check-failed'
  // The store.
  | 'store-damaged'
  | 'store-unwritable'
  | 'hook-failed'
  // Before an order: nothing of it was spent.
  | 'pre-hook-failed'
  // The system's scheduler.
  | 'schedule-failed'
  // Kubernetes: which cluster, who we are to it, and what it answers.
  | 'kubeconfig-invalid'
  | 'cluster-unknown'
  | 'cluster-login'
  | 'cluster-forbidden'
  | 'cluster-absent'
  | 'cluster-exists'
  | 'cluster-conflict'
  | 'cluster-invalid'
  | 'cluster-failed'
  | 'lease-lost'
  // CertificateSigningRequests: never sent, refused, or not decided yet.
  | 'csr-unsignable'
  | 'csr-denied'
  | 'csr-failed'
  | 'csr-pending'
  // Not now.
  | 'rate-limited'
  | 'locked'
  | 'interrupted'
  // A fault of tscert itself.
  | 'internal';

/** Facts that belong to an error: names, URLs, codes of a server. Never a secret. */
export type ErrorData = Readonly<Record<string, unknown>>;

/** A failure of tscert: `code` is stable, `data` holds the facts, `cause` what lies below. */
export class TscertError extends Error {
  override readonly name = 'TscertError';
  readonly code: ErrorCode;
  readonly data: ErrorData;

  constructor(code: ErrorCode, message: string, options: { data?: ErrorData; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.data = options.data ?? {};
  }
}

/** True when `error` is a {@link TscertError}, of this code where one is given. */
export function isTscertError(error: unknown, code?: ErrorCode): error is TscertError {
  return error instanceof TscertError && (code === undefined || error.code === code);
}

/** The message of anything thrown, without its stack. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

/** The `code` that Node.js and SDK errors carry (`ENOENT`, `AccessDenied`), if there is one. */
export function systemCodeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
