/** The Issuer port: an authority that signs a CSR. */
import type { KeyObject } from 'node:crypto';
import type { RevocationReason, RevocationState } from '../acme/revocation.js';
import type { Emit } from '../base/events.js';
import type { Member } from '../base/gathering.js';
import type { Csr } from '../pki/csr.js';
import type { CertificateRequest, IssuerRequest } from '../request/request.js';
import type { Store } from '../store/store.js';

/** A certificate as the authority handed it out. */
export interface Issued {
  readonly state: 'issued';
  /** PEM, leaf first. */
  readonly chain: string;
}

/** Not yet: the request stands with the authority and a later run goes on with it. */
export interface Pending {
  readonly state: 'pending';
  readonly reason: string;
}

/** A trial went through as far as this authority can be tried: it has no place where certificates are made that do not count. */
export interface Tried {
  readonly state: 'tried';
}

export interface IssueContext {
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** For the journal of the order under way; the lock of the certificate is held by the caller. */
  readonly store: Store;
  /** This line's part in the batches of the run. */
  readonly member: Member;
  /** Certificate id (RFC 9773 §4.1) of the certificate of the same authority that the new one takes the place of. */
  readonly replaces?: string;
  /** A trial: an authority whose certificates all count makes none, and answers `tried`. */
  readonly dryRun?: boolean;
}

/** Who signs a revocation: the account, or the certificate's own key, private. */
export type Revoker = 'account' | { readonly privateKey: KeyObject };

export interface Issuer {
  /** Results of issuers with the same key may replace each other; it is stored with the certificate. */
  readonly key: string;
  /**
   * Refuses what the authority would refuse, before anything is spent: key kinds, wildcard without DNS-01, missing EAB, profiles.
   * @throws {TscertError} of the codes that mean "nothing was tried"
   */
  preflight(wanted: CertificateRequest, signal: AbortSignal): Promise<void>;
  /** Has the CSR signed. Goes on with the order in the journal where there is one for this certificate. */
  sign(csr: Csr, wanted: CertificateRequest, context: IssueContext): Promise<Issued | Pending | Tried>;
  /** Withdraws what an abandoned order left in the world (TXT values, pending authorizations) and forgets its journal. */
  abandon(name: string, context: IssueContext): Promise<void>;
  /**
   * Has a certificate revoked that the authority has issued; absent where it revokes nothing. Makes no account.
   * @param certificate DER
   * @throws {TscertError} `account-unknown` when there is no account, or the authority knows it no more; `key-kind-refused` for a key
   *   that cannot sign this; what the authority refuses
   */
  revoke?(certificate: Buffer, reason: RevocationReason, by: Revoker, signal: AbortSignal): Promise<RevocationState>;
}

/** The `key` of the issuer that a request names. */
export function issuerKeyOf({ kind, directory }: Pick<IssuerRequest, 'kind' | 'directory'>): string {
  return `${kind}:${directory}`;
}
