/** Which certificates and reasons a CRL speaks of: IssuingDistributionPoint (RFC 5280 §5.2.5). */
import type { CertificateContent } from './certificate.js';
import { ALL_REASONS, type ReasonMask } from './crl-reason.js';
import { derError, type Element, fieldsOf, TAG } from './der-reader.js';
import { booleanOf } from './der-values.js';
import { aliasesOf, type DistributionPoint, directoryName, type PointName, readPointName, readReasons } from './distribution-point.js';

export interface CrlScope {
  readonly name: PointName | undefined;
  /** The one kind of certificates that it lists; undefined for all kinds. */
  readonly only: 'user' | 'ca' | 'attribute' | undefined;
  /** The reasons for which it lists them. */
  readonly reasons: ReasonMask;
  /** It lists certificates of other issuers too. */
  readonly isIndirect: boolean;
}

/**
 * Reads IssuingDistributionPoint.
 * @throws {TscertError} `der-invalid`, also when it is empty, and when it has only certificates of one kind and only those of another
 */
export function readCrlScope(element: Element): CrlScope {
  const what = 'the issuing distribution point';
  const fields = fieldsOf(element, what);
  if (element.children.length === 0) throw derError(`${what} is empty`);
  const flag = (tag: number): boolean => {
    const found = fields.optional(TAG.implicit(tag));
    return found !== undefined && booleanOf({ ...found, tag: TAG.boolean });
  };
  const name = fields.optional(TAG.tagged(0));
  const [user, ca] = [flag(1), flag(2)];
  const reasons = fields.optional(TAG.implicit(3));
  const [isIndirect, attribute] = [flag(4), flag(5)];
  fields.end();
  const kinds = (['user', 'ca', 'attribute'] as const).filter((_, at) => [user, ca, attribute][at]);
  if (kinds.length > 1) throw derError(`${what} has only ${kinds[0]} certificates and only ${kinds[1]} certificates`);
  return {
    name: name && readPointName(name),
    only: kinds[0],
    reasons: reasons === undefined ? ALL_REASONS : readReasons(reasons),
    isIndirect,
  };
}

/** Why a CRL of this scope does not speak of the certificate at all, in words; undefined when its kind fits. */
export function misfitOf(certificate: CertificateContent, scope: CrlScope | undefined): string | undefined {
  switch (scope?.only) {
    case 'user':
      return certificate.extensions.isCa ? 'it lists no CA certificates' : undefined;
    case 'ca':
      return certificate.extensions.isCa ? undefined : 'it lists CA certificates only';
    case 'attribute':
      return 'it lists attribute certificates only';
    default:
      return undefined;
  }
}

/**
 * The reasons for which a CRL of the certificate's own issuer tells the certificate's state (RFC 5280 §6.3.3 (b) and (d)), gathered from
 * the certificate's distribution points and from the issuer's name, which stands for those that it does not mention. None when the
 * names of the CRL are not among them.
 */
export function reasonsFor(certificate: CertificateContent, scope: CrlScope | undefined): ReasonMask {
  const { issuer } = certificate.raw;
  const own = scope?.reasons ?? ALL_REASONS;
  if (scope?.name === undefined) return own;
  const names = aliasesOf(scope.name, issuer);
  const points = certificate.extensions.crlPoints.filter(({ crlIssuer }) => crlIssuer === undefined);
  return points
    .filter((point) => names.some((name) => namesOf(point, issuer).some((other) => other.equals(name))))
    .map(({ reasons }) => own & (reasons ?? ALL_REASONS))
    .reduce((mask, more) => mask | more, names.some((name) => name.equals(directoryName(issuer))) ? own : 0);
}

function namesOf({ name }: DistributionPoint, issuer: Buffer): Buffer[] {
  return name === undefined ? [] : aliasesOf(name, issuer);
}
