/** A CertificateSigningRequest as the judge takes it. */
import { TscertError } from '../../base/errors.js';
import type { CertificateSigningRequest } from '../../kubernetes/csr.js';
import type { ApprovalRequest } from '../../policy/approval/request.js';

/** @throws {TscertError} `response-invalid` when the server left out what every request has */
export function requestOf({ metadata, spec }: CertificateSigningRequest): ApprovalRequest {
  const createdAt = Date.parse(metadata.creationTimestamp ?? '');
  if (Number.isNaN(createdAt) || metadata.uid === '') {
    throw new TscertError('response-invalid', `Cannot judge the request "${metadata.name}": it has no uid, or no time of its making`);
  }
  return {
    name: metadata.name,
    uid: metadata.uid,
    createdAt,
    signerName: spec.signerName,
    usages: spec.usages ?? [],
    ...(typeof spec.expirationSeconds === 'number' && { expirationSeconds: spec.expirationSeconds }),
    username: spec.username ?? '',
    ...(spec.uid && { userUid: spec.uid }),
    groups: spec.groups ?? [],
    ...(spec.extra && { extra: spec.extra }),
    request: Buffer.from(spec.request, 'base64'),
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
  };
}
