/** What an expression can name of a request. */
import { TscertError } from '../../base/errors.js';
import type { CsrDescription } from '../../pki/describe.js';
import { organizationsOf } from '../signers/subject.js';
import type { Variables } from './cel.js';
import { keyOf } from './key.js';
import type { Judged } from './request.js';

export const POLICY_VARIABLES = ['request', 'requester', 'csr'] as const;

/** Characters of all annotations together; the requester writes them, and an expression may go over each. */
const MOST_ANNOTATIONS = 16 * 1_024;

/**
 * The variables of tscert's own policies: the object, who made it, and what is in it.
 * @throws {TscertError} `request-invalid` when there is too much of it for an expression
 */
export function variablesOf({ request, requester, csr, description, now }: Judged): Variables {
  if (Object.entries(request.annotations).reduce((sum, [key, value]) => sum + key.length + value.length, 0) > MOST_ANNOTATIONS)
    throw new TscertError(
      'request-invalid',
      `Cannot decide by an expression: the annotations have more than ${MOST_ANNOTATIONS} characters`,
    );
  const { kind, size } = keyOf(csr.publicKey);
  return {
    request: {
      name: request.name,
      signerName: request.signerName,
      usages: request.usages,
      expirationSeconds: request.expirationSeconds ?? null,
      ageSeconds: Math.floor((now - request.createdAt) / 1_000),
      labels: request.labels,
      annotations: request.annotations,
    },
    requester: {
      username: requester.username,
      groups: requester.groups,
      namespace: requester.serviceAccount?.namespace ?? '',
      serviceAccount: requester.serviceAccount?.name ?? '',
      node: requester.node ?? '',
    },
    csr: {
      subject: description.subject,
      commonName: description.commonName ?? '',
      organizations: organizationsOf(csr.subject),
      ...namesOf(description),
      usages: description.usages,
      isCA: description.isCa,
      key: { kind, size },
    },
  };
}

function namesOf({ names }: CsrDescription): Variables {
  return { dnsNames: names.dns, ipAddresses: names.ip, emailAddresses: names.email, uris: names.uri };
}
