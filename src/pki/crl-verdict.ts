/**
 * What CRLs say of a certificate (RFC 5280 §6.3): a revocation that its CA has signed counts wherever it stands; "good" only when CRLs that
 * are valid at the time speak of the certificate, and of every reason for which it could be revoked.
 */
import { TscertError } from '../base/errors.js';
import type { CertificateContent } from './certificate.js';
import type { Crl, CrlDoubt, CrlDoubtCode } from './crl.js';
import { ALL_REASONS, type CrlReason, type ReasonMask, reasonsIn } from './crl-reason.js';
import { misfitOf, reasonsFor } from './crl-scope.js';
import { standingOf, type Timing } from './crl-standing.js';

export type CrlVerdict =
  | {
      readonly status: 'revoked';
      readonly at: Date;
      readonly reason: CrlReason;
      readonly invalidityDate: Date | undefined;
      /** The CRL that says it. */
      readonly crl: Crl;
      readonly doubts: readonly CrlDoubt[];
    }
  | {
      readonly status: 'good';
      /** The CRLs that it rests on, base before delta. */
      readonly crls: readonly Crl[];
      /** The earliest nextUpdate among them: so long it is known to be good. */
      readonly until: Date;
      readonly doubts: readonly CrlDoubt[];
    }
  | {
      readonly status: 'undetermined';
      /** One at least. */
      readonly doubts: readonly CrlDoubt[];
    };

export interface VerdictOptions {
  /** The moment that is asked about, in milliseconds since the epoch. */
  readonly at: number;
  /** How far the clocks may differ, in milliseconds; five minutes unless given. */
  readonly skew?: number;
}

const SKEW = 5 * 60_000;
const CRL_SIGN = 6;

/**
 * The verdict of these CRLs, in any order: complete ones, parts of one, and deltas. Each must have been read with the certificate's serial
 * number in its request; the signers in the request are taken for what they are.
 *
 * Of the CRLs of one scope the newest that is valid counts, with the delta to it. Where there is none, one that is out of date still tells of
 * a revocation for good; only a hold may have ended since. The `doubts` of a verdict tell which CRLs were not relied on, and why.
 * @throws {TscertError} `internal` for a CRL that was not read for this certificate
 */
export function crlVerdict(certificate: CertificateContent, crls: readonly Crl[], { at, skew = SKEW }: VerdictOptions): CrlVerdict {
  const timing: Timing = { at, skew };
  const judged = crls.map((crl) => ({ crl, doubt: doubtOf(certificate, crl, timing) }));
  const trusted = judged.filter(({ doubt }) => doubt === undefined).map(({ crl }) => crl);
  const standings = groupsByScope(trusted).map((group) => standingOf(certificate.serialNumber, group, timing));
  const doubts = [...judged, ...standings.flatMap((standing) => standing.doubts.map((doubt) => ({ doubt })))]
    .map(({ doubt }) => doubt)
    .filter((doubt) => doubt !== undefined);
  const revocation = standings.find((standing) => standing.revocation !== undefined)?.revocation;
  if (revocation !== undefined) {
    const { crl, entry } = revocation;
    return { status: 'revoked', at: entry.revokedAt, reason: entry.reason, invalidityDate: entry.invalidityDate, crl, doubts };
  }
  // A CA takes the certificates that have expired out of its CRLs (RFC 5280 §3.3).
  const silent = standings.flatMap(({ clear }) => clear).filter((crl) => mayHaveDropped(certificate, crl));
  const clear = standings.filter((standing) => !standing.clear.some((crl) => silent.includes(crl))).flatMap((standing) => standing.clear);
  const covered = clear.reduce((mask, { scope }) => mask | reasonsFor(certificate, scope), 0);
  if (covered === ALL_REASONS) {
    // A base may be out of date where the delta to it is not.
    const ends = clear.map(({ nextUpdate }) => nextUpdate?.getTime() ?? 0).filter((end) => end >= at - skew);
    return { status: 'good', crls: clear, until: new Date(Math.min(...ends)), doubts };
  }
  return { status: 'undetermined', doubts: [...doubts, ...silent.map(expiredDoubt), ...gapsOf(crls, covered)] };
}

/** True for a CRL from after the certificate's end that need not list it any more. */
function mayHaveDropped({ notAfter }: CertificateContent, { thisUpdate, listsExpiredSince }: Crl): boolean {
  return thisUpdate > notAfter && (listsExpiredSince === undefined || listsExpiredSince > notAfter);
}

function expiredDoubt({ source }: Crl): CrlDoubt {
  return { code: 'certificate-expired', source, words: 'it need not list a certificate that had expired before' };
}

/** What all CRLs together lack. */
function gapsOf(crls: readonly Crl[], covered: ReasonMask): CrlDoubt[] {
  if (crls.length === 0) return [{ code: 'none-given', words: 'there is no CRL' }];
  if (covered === 0) return [];
  return [{ code: 'reasons-missing', words: `no CRL tells of a revocation for ${reasonsIn(ALL_REASONS & ~covered).join(', ')}` }];
}

/** Why a CRL says nothing of the certificate that could be relied on; undefined when it does. */
function doubtOf(certificate: CertificateContent, crl: Crl, { at, skew }: Timing): CrlDoubt | undefined {
  if (!crl.asked.has(certificate.serialNumber)) {
    throw new TscertError(
      'internal',
      `Cannot judge by the CRL "${crl.source}": it was not read for the serial number ${certificate.serialNumber}`,
    );
  }
  const doubt = (code: CrlDoubtCode, words: string): CrlDoubt => ({ code, source: crl.source, words });
  if (crl.refusal !== undefined) return crl.refusal;
  if (!crl.raw.issuer.equals(certificate.raw.issuer)) return doubt('issuer-differs', 'it is of another issuer');
  if (crl.signers.length === 0) return doubt('signature-wrong', 'the key of its issuer has not signed it');
  const allowed = crl.signers.filter(({ extensions: { keyUsage } }) => keyUsage === undefined || keyUsage.includes(CRL_SIGN));
  if (allowed.length === 0) return doubt('signer-may-not', 'the key usage of its issuer has no "crl sign"');
  if (!allowed.some(({ notBefore, notAfter }) => notBefore.getTime() <= at + skew && notAfter.getTime() >= at - skew)) {
    return doubt('signer-not-valid', `the certificate of its issuer is not valid at ${new Date(at).toISOString()}`);
  }
  if (crl.thisUpdate.getTime() > at + skew) return doubt('not-yet-valid', `it is of ${crl.thisUpdate.toISOString()}, which is later`);
  const misfit = misfitOf(certificate, crl.scope);
  if (misfit !== undefined) return doubt('scope-differs', misfit);
  if (reasonsFor(certificate, crl.scope) !== 0) return undefined;
  return doubt('scope-differs', 'its distribution point is none of the certificate');
}

/** CRLs whose scopes are the same, octet for octet. */
function groupsByScope(crls: readonly Crl[]): Crl[][] {
  const groups = new Map<string, Crl[]>();
  for (const crl of crls) {
    const key = crl.raw.scope.toString('latin1');
    groups.set(key, [...(groups.get(key) ?? []), crl]);
  }
  return [...groups.values()];
}
