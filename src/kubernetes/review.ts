/** What we may do, by the server's own word (authorization.k8s.io/v1 SelfSubjectAccessReview), before it is tried. */
import * as v from 'valibot';
import type { Call, KubernetesClient } from './client.js';
import { type Right, signerNames } from './failure.js';
import { defineKind, metadataSchema } from './kind.js';

const reviewSchema = v.looseObject({
  // A review has no name: it is answered and forgotten.
  metadata: v.nullish(v.looseObject({ ...metadataSchema.entries, name: v.exactOptional(v.string(), '') }), {}),
  status: v.looseObject({
    allowed: v.boolean(),
    reason: v.nullish(v.string(), ''),
    evaluationError: v.nullish(v.string(), ''),
  }),
});

const REVIEW = defineKind(
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    plural: 'selfsubjectaccessreviews',
    kind: 'SelfSubjectAccessReview',
    isNamespaced: false,
  },
  reviewSchema,
);

/** The server's word on one right. */
export interface Verdict {
  readonly isAllowed: boolean;
  /** In the authorizer's words; may be empty. */
  readonly reason: string;
}

/**
 * Asks whether we have a right. One with several names is had when it is had under any of them: a rule for `example.com/*` allows signing by
 * `example.com/foo`, and yet the server answers no when it is asked for that name alone.
 * @throws {TscertError} as every call of the client
 */
export async function askRight(client: KubernetesClient, right: Right, call: Call): Promise<Verdict> {
  let reason = '';
  for (const name of right.names.length === 0 ? [''] : right.names) {
    const [resource = '', subresource] = right.resource.split('/');
    const attributes = {
      ...{ verb: right.verb, group: right.group, resource },
      ...(subresource === undefined ? {} : { subresource }),
      ...(name === '' ? {} : { name }),
      ...(right.namespace === undefined ? {} : { namespace: right.namespace }),
    };
    const review = await client.create(REVIEW, { metadata: {}, spec: { resourceAttributes: attributes } }, call);
    if (review.status.allowed) return { isAllowed: true, reason: review.status.reason ?? '' };
    reason = review.status.reason || review.status.evaluationError || reason;
  }
  return { isAllowed: false, reason };
}

/** Those of the rights that we do not have, asked side by side. */
export async function missingRights(client: KubernetesClient, rights: readonly Right[], call: Call): Promise<readonly Right[]> {
  const verdicts = await Promise.all(rights.map((right) => askRight(client, right, call)));
  return rights.filter((_, at) => verdicts[at]?.isAllowed !== true);
}

/** The right to approve or sign for a signer, or to attest for one. */
export function signerRight(verb: 'approve' | 'sign' | 'attest', signer: string): Right {
  return { verb, group: 'certificates.k8s.io', resource: 'signers', names: signerNames(signer) };
}
