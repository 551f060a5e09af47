/** What a CRL says (RFC 5280 §5), as far as it was asked; and why one cannot be relied on. */
import type { CertificateContent } from './certificate.js';
import type { CrlReason } from './crl-reason.js';
import type { CrlScope } from './crl-scope.js';
import type { DistributionPoint } from './distribution-point.js';
import type { DistinguishedName } from './rfc4514.js';

/** Why a CRL, or all that there are together, do not tell what a certificate's state is. */
export type CrlDoubtCode =
  // Of a CRL, whatever the certificate.
  | 'indirect'
  | 'extension-unknown'
  | 'too-large'
  // Of a CRL and a certificate.
  | 'issuer-differs'
  | 'signature-wrong'
  | 'signer-may-not'
  | 'signer-not-valid'
  | 'not-yet-valid'
  | 'expired'
  | 'no-next-update'
  | 'scope-differs'
  | 'delta-unfit'
  | 'removal-misplaced'
  | 'certificate-expired'
  // Of all together.
  | 'none-given'
  | 'reasons-missing';

/** A reason not to rely on a CRL. */
export interface CrlDoubt {
  readonly code: CrlDoubtCode;
  /** What the CRL was called in its request, where one CRL is meant. */
  readonly source?: string;
  /** Begins in lower case and goes on after "because", no full stop. */
  readonly words: string;
}

/** An entry that was looked for. */
export interface CrlEntry {
  /** As certificates have it. */
  readonly serialNumber: string;
  readonly revokedAt: Date;
  /** `unspecified` also for an absent one, and for a number that RFC 5280 has no word for. */
  readonly reason: CrlReason;
  /** Since when the key is believed to have been in other hands, where the CA says it. */
  readonly invalidityDate: Date | undefined;
}

export interface Crl {
  /** What the request called it: a URL, a file. */
  readonly source: string;
  readonly version: 1 | 2;
  readonly issuer: DistinguishedName;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  readonly number: bigint | undefined;
  /** Of a delta CRL: the number of the CRL to which it tells the changes (RFC 5280 §5.2.4). */
  readonly baseNumber: bigint | undefined;
  /** Which certificates and reasons it speaks of; undefined for all of its issuer's. */
  readonly scope: CrlScope | undefined;
  readonly authorityKeyIdentifier: Buffer | undefined;
  /** Where delta CRLs to this one are. */
  readonly deltaPoints: readonly DistributionPoint[];
  /** It lists also certificates that have expired since then (ExpiredCertsOnCRL, X.509 §9.5.2.8); undefined when it need not. */
  readonly listsExpiredSince: Date | undefined;
  readonly signatureAlgorithm: string;
  /** Those of the certificates in the request that name its issuer and whose key has signed it. */
  readonly signers: readonly CertificateContent[];
  /** How many entries it has. */
  readonly entries: number;
  /** The serial numbers that the request looked for. */
  readonly asked: ReadonlySet<string>;
  /** Their entries, where they have one. */
  readonly found: ReadonlyMap<string, CrlEntry>;
  /** Why it cannot be used for any certificate, though it is well-formed. */
  readonly refusal: CrlDoubt | undefined;
  /** The octets as they stand. */
  readonly raw: {
    /** The Name of its issuer. */
    readonly issuer: Buffer;
    /** The value of IssuingDistributionPoint; empty without one. */
    readonly scope: Buffer;
    /** The value of AuthorityKeyIdentifier; empty without one. */
    readonly authorityKeyIdentifier: Buffer;
  };
}
