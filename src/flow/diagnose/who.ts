/** Who we are to a cluster, by its own word (authentication.k8s.io/v1 SelfSubjectReview). */
import * as v from 'valibot';
import type { Call, KubernetesClient } from '../../kubernetes/client.js';
import { defineKind, metadataSchema } from '../../kubernetes/kind.js';

const reviewSchema = v.looseObject({
  metadata: v.nullish(v.looseObject({ ...metadataSchema.entries, name: v.exactOptional(v.string(), '') }), {}),
  status: v.looseObject({ userInfo: v.looseObject({ username: v.string(), groups: v.nullish(v.array(v.string()), []) }) }),
});

const REVIEW = defineKind(
  { group: 'authentication.k8s.io', version: 'v1', plural: 'selfsubjectreviews', kind: 'SelfSubjectReview', isNamespaced: false },
  reviewSchema,
);

/** @throws {TscertError} as every call of the client */
export async function whoAmI(client: KubernetesClient, call: Call): Promise<string> {
  const { status } = await client.create(REVIEW, { metadata: {} }, call);
  return status.userInfo.username;
}

/** A user as a binding names it: `User "alice"`, `ServiceAccount "renew" of the namespace "web"`. */
export function subjectWords(username: string): string {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username) ?? [];
  return name === undefined ? `User "${username}"` : `ServiceAccount "${name}" of the namespace "${namespace}"`;
}
