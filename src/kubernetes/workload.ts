/** Workloads whose pods can be restarted: Deployments, DaemonSets and StatefulSets (apps/v1). */
import * as v from 'valibot';
import { defineKind, type Kind, metadataSchema } from './kind.js';

const workloadSchema = v.looseObject({
  metadata: metadataSchema,
  spec: v.looseObject({
    paused: v.nullish(v.boolean(), false),
    template: v.looseObject({
      metadata: v.nullish(v.looseObject({ annotations: v.nullish(v.record(v.string(), v.string()), {}) }), {}),
    }),
  }),
});

export type Workload = v.InferOutput<typeof workloadSchema>;

const workload = (kind: string, plural: string): Kind<Workload> =>
  defineKind({ group: 'apps', version: 'v1', plural, kind, isNamespaced: true }, workloadSchema);

/** By the word that stands before the slash. */
export const WORKLOADS: Readonly<Record<string, Kind<Workload>>> = {
  deployment: workload('Deployment', 'deployments'),
  daemonset: workload('DaemonSet', 'daemonsets'),
  statefulset: workload('StatefulSet', 'statefulsets'),
};
