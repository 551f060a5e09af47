/** What there is to tell of a stored or wanted certificate: what `list`, `status`, `metrics` and the status page show. */
import type { GeneralName } from '../base/names.js';
import type { KeyType } from '../pki/key-type.js';
import type { Due } from '../policy/renewal.js';
import type { TargetState } from '../store/deployments.js';
import type { CertificateLedger } from '../store/ledger.js';

/**
 * In one word: `ready` (good, not due), `due`, `waiting` (due, but not to be tried before a time), `failing` (due, and the last try
 * failed), `deploy-failed` (good, but not everywhere), `expired`, `missing` (wanted, not there), `damaged`.
 */
export type CertificateState = 'ready' | 'due' | 'waiting' | 'failing' | 'deploy-failed' | 'expired' | 'missing' | 'damaged';

/** Times are milliseconds since the epoch. */
export interface CertificateOverview {
  readonly name: string;
  readonly state: CertificateState;
  /** Absent when nothing is stored that can be read. */
  readonly certificate?: {
    readonly names: readonly GeneralName[];
    readonly serialNumber: string;
    /** SHA-256 of the DER, lower-case hex. */
    readonly fingerprint: string;
    readonly notBefore: number;
    readonly notAfter: number;
    readonly keyType: KeyType | undefined;
    /** Common name of who signed it, or the whole issuer name. */
    readonly signedBy: string;
    readonly generation: string;
    readonly fullchain: string;
  };
  /** The authority: kind and where it is (a directory URL); from the request, else from what is stored. */
  readonly issuer?: { readonly kind: string; readonly name: string };
  readonly renewal?: {
    readonly at: number;
    /** Who decides. */
    readonly by: 'ari' | 'renewBefore' | 'lifetime';
    readonly window?: { readonly start: number; readonly end: number };
    readonly explanationUrl?: string;
  };
  /** Why it would be issued now. */
  readonly due?: Due;
  readonly ledger: CertificateLedger;
  readonly targets: readonly TargetState[];
  /** What could not be read, in words: a damaged record, an unreadable request. */
  readonly trouble?: string;
}
