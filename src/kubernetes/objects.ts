/** Objects of a cluster of which only a few fields are read: Nodes, Services, Namespaces, and the cluster's word on somebody's rights. */
import * as v from 'valibot';
import { defineKind, type Kind, metadataSchema } from './kind.js';

const namespaceSchema = v.looseObject({ metadata: metadataSchema });
export type NamespaceObject = v.InferOutput<typeof namespaceSchema>;
export const NAMESPACE: Kind<NamespaceObject> = defineKind(
  { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', isNamespaced: false },
  namespaceSchema,
);

const nodeSchema = v.looseObject({
  metadata: metadataSchema,
  status: v.nullish(v.looseObject({ addresses: v.nullish(v.array(v.looseObject({ type: v.string(), address: v.string() })), []) }), {}),
});
export type NodeObject = v.InferOutput<typeof nodeSchema>;
export const NODE: Kind<NodeObject> = defineKind(
  { group: '', version: 'v1', plural: 'nodes', kind: 'Node', isNamespaced: false },
  nodeSchema,
);

const serviceSchema = v.looseObject({
  metadata: metadataSchema,
  spec: v.nullish(v.looseObject({ clusterIP: v.nullish(v.string(), ''), clusterIPs: v.nullish(v.array(v.string()), []) }), {}),
});
export type ServiceObject = v.InferOutput<typeof serviceSchema>;
export const SERVICE: Kind<ServiceObject> = defineKind(
  { group: '', version: 'v1', plural: 'services', kind: 'Service', isNamespaced: true },
  serviceSchema,
);

const reviewSchema = v.looseObject({
  // A review has no name: it is answered and forgotten.
  metadata: v.nullish(v.looseObject({ ...metadataSchema.entries, name: v.exactOptional(v.string(), '') }), {}),
  status: v.looseObject({ allowed: v.boolean(), evaluationError: v.nullish(v.string(), '') }),
});
/** Whether somebody else may do something (authorization.k8s.io/v1). */
export const SUBJECT_ACCESS_REVIEW = defineKind(
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    plural: 'subjectaccessreviews',
    kind: 'SubjectAccessReview',
    isNamespaced: false,
  },
  reviewSchema,
);
