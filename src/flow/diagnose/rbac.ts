/** Who has a right, by the roles and bindings of the cluster (rbac.authorization.k8s.io/v1). */
import * as v from 'valibot';
import type { Call, KubernetesClient } from '../../kubernetes/client.js';
import type { Right } from '../../kubernetes/failure.js';
import { defineKind, metadataSchema } from '../../kubernetes/kind.js';

const GROUP = 'rbac.authorization.k8s.io';
const texts = v.nullish(v.array(v.string()), []);

const ruleSchema = v.looseObject({ apiGroups: texts, resources: texts, resourceNames: texts, verbs: texts });
const subjectSchema = v.looseObject({ kind: v.string(), name: v.string(), namespace: v.nullish(v.string()) });

const CLUSTER_ROLE = defineKind(
  { group: GROUP, version: 'v1', plural: 'clusterroles', kind: 'ClusterRole', isNamespaced: false },
  v.looseObject({ metadata: metadataSchema, rules: v.nullish(v.array(ruleSchema), []) }),
);
const CLUSTER_ROLE_BINDING = defineKind(
  { group: GROUP, version: 'v1', plural: 'clusterrolebindings', kind: 'ClusterRoleBinding', isNamespaced: false },
  v.looseObject({
    metadata: metadataSchema,
    roleRef: v.looseObject({ kind: v.string(), name: v.string() }),
    subjects: v.nullish(v.array(subjectSchema), []),
  }),
);

export type RbacRule = Readonly<Record<'apiGroups' | 'resources' | 'resourceNames' | 'verbs', readonly string[] | null | undefined>>;

/** A rule, and those who are bound to it: `Group "ops"`. */
export interface RbacGrant {
  readonly rules: readonly RbacRule[];
  readonly subjects: readonly string[];
}

/** What holds in the whole cluster. @throws {TscertError} as every call of the client; both kinds must be readable */
export async function readGrants(client: KubernetesClient, call: Call): Promise<readonly RbacGrant[]> {
  const [roles, bindings] = await Promise.all([client.list(CLUSTER_ROLE, {}, call), client.list(CLUSTER_ROLE_BINDING, {}, call)]);
  const rules = new Map(roles.items.map((role) => [role.metadata.name, role.rules ?? []]));
  return bindings.items.map(({ roleRef, subjects }) => ({
    rules: (roleRef.kind === 'ClusterRole' ? rules.get(roleRef.name) : undefined) ?? [],
    subjects: (subjects ?? []).map(({ kind, name, namespace }) => `${kind} "${namespace ? `${namespace}/` : ''}${name}"`),
  }));
}

/**
 * Those who have one right of each of these sets, sorted. A subject that gets a part by itself and the rest by a group is not found:
 * who is in which group only the authenticator knows.
 */
export function holdersOf(needs: readonly (readonly Right[])[], grants: readonly RbacGrant[]): string[] {
  const rules = new Map<string, RbacRule[]>();
  for (const grant of grants) {
    for (const subject of grant.subjects) rules.set(subject, [...(rules.get(subject) ?? []), ...grant.rules]);
  }
  const holds = (own: readonly RbacRule[]): boolean =>
    needs.every((rights) => rights.some((right) => own.some((rule) => allows(rule, right))));
  return [...rules].flatMap(([subject, own]) => (holds(own) ? [subject] : [])).sort();
}

/** Whether a rule gives a right, as the RBAC authorizer decides it. */
function allows({ verbs, apiGroups, resources, resourceNames }: RbacRule, right: Right): boolean {
  const [, subresource] = right.resource.split('/');
  const words = ['*', right.resource, ...(subresource === undefined ? [] : [`*/${subresource}`])];
  const names = resourceNames ?? [];
  return (
    has(verbs, '*', right.verb) &&
    has(apiGroups, '*', right.group) &&
    has(resources, ...words) &&
    (names.length === 0 || has(names, ...right.names))
  );
}

function has(list: readonly string[] | null | undefined, ...words: readonly string[]): boolean {
  return (list ?? []).some((one) => words.includes(one));
}
