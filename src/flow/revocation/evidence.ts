/** What tells whether a certificate was revoked, where it came from, and what all of it says together. Pure. */
import type { TscertError } from '../../base/errors.js';
import type { CertificateContent } from '../../pki/certificate.js';
import type { Crl } from '../../pki/crl.js';
import type { OcspSigner } from '../../pki/ocsp-signer.js';
import type { OcspAnswered, OcspWarning } from '../../pki/ocsp-verdict.js';

/** Where something was had from. */
export interface Origin {
  /** `kept`: the cache of CRLs, without a word of the server that it is the newest. */
  readonly by: 'responder' | 'staple' | 'file' | 'url' | 'kept';
  /** The URL, the file, or the server. */
  readonly place: string;
}

/** Since when and why a certificate is revoked. */
export interface Revocation {
  readonly at: Date;
  /** A word of RFC 5280 §5.3.1; absent where none was given. */
  readonly reason?: string;
  /** Since when the key is believed to have been in other hands, where the CA says it. */
  readonly invalidityDate?: Date;
  /** The CA never issued it, the responder says. */
  readonly neverIssued?: true;
}

type Word = { readonly status: 'good' } | { readonly status: 'unknown' } | { readonly status: 'revoked'; readonly revocation: Revocation };

/** An OCSP response that is believed. */
export type OcspEvidence = Word & {
  readonly kind: 'ocsp';
  readonly origin: Origin;
  readonly signedBy: OcspSigner;
  readonly producedAt: Date;
  readonly thisUpdate: Date;
  readonly nextUpdate?: Date;
  readonly archiveCutoff?: Date;
  readonly nonce: OcspAnswered['nonce'];
  readonly warnings: readonly OcspWarning[];
  /** DER, as it came. */
  readonly response: Buffer;
};

/** A CRL and where it was had from. */
export interface SourcedCrl {
  readonly crl: Crl;
  readonly origin: Origin;
}

/** What CRLs that are believed say together. */
export type CrlEvidence = Word & {
  readonly kind: 'crl';
  /** Those that it rests on, base before delta. */
  readonly lists: readonly SourcedCrl[];
  /** The earliest of them. */
  readonly thisUpdate: Date;
  /** Until when it holds. */
  readonly nextUpdate?: Date;
};

export type Evidence = OcspEvidence | CrlEvidence;

/** Something that could not be had, or is not believed. */
export interface Failure {
  readonly kind: 'ocsp' | 'crl' | 'issuer';
  readonly origin?: Origin;
  /** A stable word: of a refused response, of a doubtful CRL, or an error's code. */
  readonly reason: string;
  /** "Cannot ...: ..." */
  readonly message: string;
  /** Where something was thrown. */
  readonly error?: TscertError;
}

/** `unchecked`: it could not be told; `no-way`: the certificate names nobody who would tell. */
export type RevocationStatus = 'good' | 'revoked' | 'unknown' | 'unchecked' | 'no-way';

/** What was found out about one certificate. */
export interface RevocationReport {
  readonly status: RevocationStatus;
  readonly issuer: CertificateContent | undefined;
  /** What the status rests on, where there is something. */
  readonly decisive: Evidence | undefined;
  /** All that is believed. */
  readonly evidence: readonly Evidence[];
  readonly failures: readonly Failure[];
  /** For people: what was left out, and why; without a full stop. */
  readonly notes: readonly string[];
}

/**
 * The evidence that decides: a revocation wherever it stands, else an "unknown", else the newest "good". A hold may have ended, and a responder
 * may have heard of a certificate, since: then a newer "good" stands in their place.
 */
export function decisiveOf(evidence: readonly Evidence[]): Evidence | undefined {
  const standing = evidence.filter((one) => !isOvertaken(one, evidence));
  const newest = [...standing].sort((a, b) => b.thisUpdate.getTime() - a.thisUpdate.getTime());
  return (['revoked', 'unknown', 'good'] as const)
    .map((status) => newest.find((one) => one.status === status))
    .find((one) => one !== undefined);
}

function isOvertaken(one: Evidence, all: readonly Evidence[]): boolean {
  const newer = all.filter((other) => other.status === 'good' && other.thisUpdate > one.thisUpdate);
  if (one.status === 'revoked') return one.revocation.reason === 'certificateHold' && newer.length > 0;
  // A CRL does not know which certificates there are.
  return one.status === 'unknown' && newer.some(({ kind }) => kind === 'ocsp');
}
