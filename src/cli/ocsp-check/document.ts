/** What `ocsp-check` found out as data, for --json. Times are RFC 3339. */
import type { Evidence, Failure, Origin, SourcedCrl } from '../../flow/revocation/evidence.js';
import type { Latency } from '../../flow/revocation/latency.js';
import type { OcspSigner } from '../../pki/ocsp-signer.js';
import { formatDistinguishedName } from '../../pki/rfc4514.js';
import { type Checked, exitCodeOfStanding, type Stapling, standingOf, staplingOf } from './standing.js';
import type { StapleOutcome } from './staple.js';

type Document = Record<string, unknown>;

/** One target. */
export function checkedDocument(checked: Checked, latency: readonly Latency[], staple: StapleOutcome | undefined, now: number): Document {
  const { name, of, subject, report } = checked;
  const { certificate } = subject;
  const standing = standingOf(checked);
  const stapling = staplingOf(checked);
  const { decisive } = report;
  return {
    target: name,
    of,
    status: report.status,
    standing,
    exitCode: exitCodeOfStanding(standing),
    certificate: {
      names: certificate.extensions.names.map(({ value }) => value),
      serialNumber: certificate.serialNumber,
      issuer: formatDistinguishedName(certificate.issuer),
      notAfter: certificate.notAfter.toISOString(),
      mustStaple: certificate.extensions.mustStaple,
    },
    ...(decisive === undefined ? {} : { decidedBy: evidenceDocument(decisive, now) }),
    ...(stapling === undefined ? {} : { stapling: staplingDocument(stapling, now) }),
    evidence: report.evidence.map((one) => evidenceDocument(one, now)),
    failures: report.failures.map(failureDocument),
    notes: report.notes,
    ...(latency.length === 0 ? {} : { latency: latency.map(latencyDocument) }),
    ...(staple === undefined ? {} : { staple: { ...staple, ...('until' in staple ? { until: staple.until?.toISOString() } : {}) } }),
  };
}

function staplingDocument({ result, evidence, failure }: Stapling, now: number): Document {
  return {
    result,
    ...(evidence === undefined ? {} : { says: evidenceDocument(evidence, now) }),
    ...(failure === undefined ? {} : { failure: failureDocument(failure) }),
  };
}

function evidenceDocument(evidence: Evidence, now: number): Document {
  const { kind, status, thisUpdate, nextUpdate } = evidence;
  return {
    kind,
    status,
    ...(evidence.status === 'revoked' ? { revocation: revocationDocument(evidence.revocation) } : {}),
    ...(evidence.kind === 'ocsp' ? { source: sourceDocument(evidence.origin) } : { lists: evidence.lists.map(listDocument) }),
    thisUpdate: thisUpdate.toISOString(),
    ...(nextUpdate === undefined ? {} : { nextUpdate: nextUpdate.toISOString() }),
    ageSeconds: Math.round((now - thisUpdate.getTime()) / 1_000),
    ...(evidence.kind === 'ocsp' ? ocspDocument(evidence) : {}),
  };
}

function ocspDocument({ producedAt, archiveCutoff, signedBy, nonce, warnings }: Extract<Evidence, { kind: 'ocsp' }>): Document {
  return {
    producedAt: producedAt.toISOString(),
    ...(archiveCutoff === undefined ? {} : { archiveCutoff: archiveCutoff.toISOString() }),
    signedBy: signerDocument(signedBy),
    nonce,
    warnings,
  };
}

function signerDocument({ role, name, noCheck, certificate }: OcspSigner): Document {
  return {
    role,
    name: formatDistinguishedName(name),
    noCheck,
    ...(certificate === undefined ? {} : { serialNumber: certificate.serialNumber, notAfter: certificate.notAfter.toISOString() }),
  };
}

function listDocument({ crl, origin }: SourcedCrl): Document {
  const [signer] = crl.signers;
  return {
    source: sourceDocument(origin),
    issuer: formatDistinguishedName(crl.issuer),
    isDelta: crl.baseNumber !== undefined,
    ...(crl.number === undefined ? {} : { number: String(crl.number) }),
    thisUpdate: crl.thisUpdate.toISOString(),
    ...(crl.nextUpdate === undefined ? {} : { nextUpdate: crl.nextUpdate.toISOString() }),
    entries: crl.entries,
    ...(signer === undefined ? {} : { signedBy: { name: formatDistinguishedName(signer.subject), serialNumber: signer.serialNumber } }),
  };
}

function revocationDocument({ at, reason, invalidityDate, neverIssued }: Extract<Evidence, { status: 'revoked' }>['revocation']): Document {
  return {
    at: at.toISOString(),
    ...(reason === undefined ? {} : { reason }),
    ...(invalidityDate === undefined ? {} : { invalidityDate: invalidityDate.toISOString() }),
    ...(neverIssued === undefined ? {} : { neverIssued }),
  };
}

function failureDocument({ kind, origin, reason, message }: Failure): Document {
  return { kind, ...(origin === undefined ? {} : { source: sourceDocument(origin) }), reason, message };
}

function sourceDocument({ by, place }: Origin): Document {
  return { by, place };
}

function latencyDocument({ median, worst, ...latency }: Latency): Document {
  const rounded = (value: number): number => Math.round(value * 10) / 10;
  return {
    ...latency,
    ...(median === undefined ? {} : { medianMilliseconds: rounded(median) }),
    ...(worst === undefined ? {} : { worstMilliseconds: rounded(worst) }),
  };
}
