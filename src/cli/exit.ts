/** The table of exit codes. It is documented and stable: cron lines and pipelines build on it. */
import { type ErrorCode, isTscertError } from '../base/errors.js';

export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  partly: 3,
  deployFailed: 4,
  later: 5,
  /** Of `plan --detailed-exitcode`. */
  due: 6,
  /** Of `ocsp-check`, these four. */
  revoked: 10,
  unknown: 11,
  notStapled: 12,
  noWay: 13,
  interrupted: 130,
  terminated: 143,
} as const;

/** The codes that mean that nothing was tried. */
const NOTHING_TRIED: ReadonlySet<ErrorCode> = new Set([
  'usage',
  'config-invalid',
  'request-invalid',
  'name-invalid',
  'key-kind-refused',
  'key-compromised',
  'wildcard-needs-dns01',
  'terms-not-agreed',
  'eab-required',
  'profile-unknown',
  'provider-unknown',
  'credentials-missing',
  'solver-missing',
  'kubeconfig-invalid',
  'cluster-unknown',
  'csr-unsignable',
]);

const LATER: ReadonlySet<ErrorCode> = new Set(['rate-limited', 'locked', 'manual-pending', 'csr-pending']);

/** The exit code that an error calls for. */
export function exitCodeOf(error: unknown): number {
  if (!isTscertError(error)) return EXIT.failed;
  if (NOTHING_TRIED.has(error.code)) return EXIT.usage;
  if (LATER.has(error.code)) return EXIT.later;
  if (error.code === 'interrupted') return error.data.signal === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted;
  if (error.code === 'hook-failed') return EXIT.deployFailed;
  return EXIT.failed;
}
