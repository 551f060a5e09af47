/** A request of a cluster as data and in short words. Whether what is decoded is the whole truth is always part of it. */
import { formatDuration } from '../../base/duration.js';
import { isTscertError } from '../../base/errors.js';
import { type CertificateSigningRequest, conditionsOf, stateOf, textOf } from '../../kubernetes/csr.js';
import { readCertificates } from '../../pki/certificate.js';
import { type CertificateDescription, describeCertificate } from '../../pki/describe.js';
import { lookAt } from '../../policy/whole/look.js';

/** What it is for, in one line: the first name and how many others, or its subject. */
export function titleOf(csr: CertificateSigningRequest): string {
  const { description, isWhole } = lookAt(Buffer.from(csr.spec.request, 'base64'));
  if (description === undefined) return 'NOT READABLE';
  const { dns, ip, email, uri } = description.names;
  const [first = description.subject, ...others] = [...dns, ...ip, ...email, ...uri];
  const words = others.length === 0 ? first : `${first} +${others.length}`;
  return isWhole ? words : `${words} (NOT WHOLE)`;
}

/** The duration that was asked for. */
export function durationOf({ spec }: CertificateSigningRequest): string | undefined {
  return typeof spec.expirationSeconds === 'number' ? formatDuration(spec.expirationSeconds * 1_000) : undefined;
}

/** Everything that is known of it. */
export function csrDocument(csr: CertificateSigningRequest): Record<string, unknown> {
  const { metadata, spec, status } = csr;
  const look = lookAt(Buffer.from(spec.request, 'base64'));
  return {
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    created: metadata.creationTimestamp ?? null,
    state: stateOf(csr),
    signerName: spec.signerName,
    usages: spec.usages ?? [],
    expirationSeconds: spec.expirationSeconds ?? null,
    username: spec.username ?? '',
    groups: spec.groups ?? [],
    conditions: conditionsOf(csr),
    isWhole: look.isWhole,
    faults: look.faults,
    request: look.description ?? null,
    certificate: (status?.certificate ?? '') === '' ? null : textOf(status?.certificate ?? ''),
  };
}

/** The certificates of a request, described; undefined when there are none, or none that can be read. */
export function certificatesIn({ status }: CertificateSigningRequest, now: number): readonly CertificateDescription[] | undefined {
  if ((status?.certificate ?? '') === '') return undefined;
  try {
    return readCertificates(textOf(status?.certificate ?? '')).map((certificate) => describeCertificate(certificate, now));
  } catch (error) {
    if (isTscertError(error)) return undefined;
    throw error;
  }
}
