/** Manifests of examples/kubernetes, applied to a real API server, and their commands run as their service accounts. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import type { KubernetesAnswer, KubernetesCluster } from '../support/kubernetes.js';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> };
  // What it holds is looked at by assertions and by the API server.
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  readonly [more: string]: any;
}

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** One right of one role. */
export interface SingleRight {
  readonly role: Manifest;
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
  readonly resourceNames: readonly string[];
  /** As tscert names it when it is missing. */
  readonly words: RegExp;
}

const PLURALS: Readonly<Record<string, string>> = {
  NetworkPolicy: 'networkpolicies',
  PodDisruptionBudget: 'poddisruptionbudgets',
};
const CLUSTER_WIDE: ReadonlySet<string> = new Set(['Namespace', 'ClusterRole', 'ClusterRoleBinding']);

export function manifestsIn(file: string): readonly Manifest[] {
  return parseAllDocuments(readFileSync(path.join('examples/kubernetes', file), 'utf8')).map((document) => {
    assert.deepEqual(document.errors, []);
    return document.toJS() as Manifest;
  });
}

function placeOf({ apiVersion, kind, metadata }: Manifest): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const inside = CLUSTER_WIDE.has(kind) ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${inside}/${PLURALS[kind] ?? `${kind.toLowerCase()}s`}/${metadata.name}`;
}

/** Server-side apply with strict validation: an unknown or double field is refused. */
export function apply(cluster: KubernetesCluster, manifest: Manifest): Promise<KubernetesAnswer> {
  const place = `${placeOf(manifest)}?fieldManager=example&force=true&fieldValidation=Strict`;
  return cluster.ask('PATCH', place, manifest, { type: 'application/apply-patch+yaml' });
}

export async function applyAll(cluster: KubernetesCluster, manifests: readonly Manifest[]): Promise<void> {
  for (const manifest of manifests) {
    const { status, body } = await apply(cluster, manifest);
    assert.ok(status === 200 || status === 201, `${placeOf(manifest)}: ${JSON.stringify(body)}`);
  }
}

/** The template of the pods that a manifest makes, if it makes any. */
export function templateOf({ kind, spec }: Manifest): Manifest['template'] | undefined {
  if (kind === 'CronJob') return spec.jobTemplate.spec.template;
  return kind === 'Deployment' ? spec.template : undefined;
}

/** What the API server says to such a pod in its namespace, without keeping it. */
export async function tryPod(cluster: KubernetesCluster, workload: Manifest): Promise<KubernetesAnswer> {
  const template = templateOf(workload);
  const pod = { metadata: { ...template.metadata, name: 'try' }, spec: template.spec };
  return cluster.ask('POST', `/api/v1/namespaces/${workload.metadata.namespace}/pods?dryRun=All&fieldValidation=Strict`, pod);
}

/** A kubeconfig of the service account, by a token as a pod gets it. @param server another way to the API server */
export async function kubeconfigOf(cluster: KubernetesCluster, account: Manifest['metadata'], server = cluster.url): Promise<string> {
  const place = `/api/v1/namespaces/${account.namespace}/serviceaccounts/${account.name}/token`;
  const { status, body } = await cluster.ask('POST', place, { spec: { expirationSeconds: 3_600 } });
  assert.equal(status, 201, JSON.stringify(body));
  return cluster.kubeconfig({ token: body.status.token }, { namespace: account.namespace ?? '', cluster: { server } });
}

/**
 * The arguments of a container, with the folders that ConfigMaps are mounted at made in `folder`, and with these words in place of others.
 */
export function argumentsOf(
  manifests: readonly Manifest[],
  workload: Manifest,
  {
    folder,
    container: name,
    replace,
  }: { readonly folder: string; readonly container: string; readonly replace: Readonly<Record<string, string>> },
): { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>>; readonly mounts: Readonly<Record<string, string>> } {
  const { containers, initContainers = [], volumes = [] } = templateOf(workload).spec;
  const container = [...containers, ...initContainers].find((one: { name: string }) => one.name === name);
  assert.ok(container);
  const mounts: Record<string, string> = {};
  for (const { name: volume, mountPath } of container.volumeMounts ?? []) {
    const source = volumes.find((one: { name: string }) => one.name === volume);
    const place = mkdtempSync(path.join(folder, 'mount-'));
    mounts[mountPath] = place;
    const map = manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === source.configMap?.name);
    for (const [file, text] of Object.entries(map?.data ?? {})) {
      mkdirSync(path.dirname(path.join(place, file)), { recursive: true });
      writeFileSync(path.join(place, file), String(text));
    }
  }
  const mapped = (text: string): string => {
    const mount = Object.keys(mounts).find((one) => text.startsWith(`${one}/`) || text === one);
    return replace[text] ?? (mount === undefined ? text : `${mounts[mount]}${text.slice(mount.length)}`);
  };
  const env = Object.fromEntries(
    (container.env ?? []).map(({ name: key, value }: { name: string; value: string }) => [key, mapped(value)]),
  );
  return { args: (container.args ?? []).map(mapped), env, mounts };
}

/** Every single right that the roles among these give. */
export function rightsIn(manifests: readonly Manifest[]): readonly SingleRight[] {
  return manifests
    .filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole')
    .flatMap((role) =>
      (role.rules as readonly Rule[]).flatMap(({ apiGroups, resources, verbs, resourceNames = [] }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) =>
            verbs.map((verb) => {
              const [plural = '', sub] = resource.split('/');
              const words = `"${verb}" on "${plural}${group === '' ? '' : `.${group}`}${sub === undefined ? '' : `/${sub}`}"`;
              return { role, group, resource, verb, resourceNames, words: new RegExp(words.replaceAll(/[.*/]/g, '\\$&')) };
            }),
          ),
        ),
      ),
    );
}

export const nameOf = ({ role, group, resource, verb }: SingleRight): string =>
  `${role.kind} ${verb} ${resource}${group === '' ? '' : `.${group}`}`;

/** Lets `act` happen while the account lacks one right of a role; afterwards it has all again. */
export async function without<T>(
  cluster: KubernetesCluster,
  account: Manifest['metadata'],
  rights: readonly SingleRight[],
  missing: SingleRight,
  act: () => Promise<T>,
): Promise<T> {
  const set = async (kept: readonly SingleRight[]): Promise<void> => {
    const rules = kept
      .filter(({ role }) => role === missing.role)
      .map(({ group, resource, verb, resourceNames }) => ({
        ...{ apiGroups: [group], resources: [resource], verbs: [verb] },
        ...(resourceNames.length === 0 ? {} : { resourceNames }),
      }));
    const { status, body } = await apply(cluster, { ...missing.role, rules });
    assert.equal(status, 200, JSON.stringify(body));
  };
  await set(rights.filter((one) => one !== missing));
  try {
    await settled(cluster, account, missing, false);
    return await act();
  } finally {
    await set(rights);
    await settled(cluster, account, missing, true);
  }
}

/** Waits until the authorizer has heard of it. */
async function settled(cluster: KubernetesCluster, account: Manifest['metadata'], right: SingleRight, isAllowed: boolean): Promise<void> {
  const [resource, subresource] = right.resource.split('/');
  const resourceAttributes = {
    ...{ group: right.group, resource, verb: right.verb, name: right.resourceNames[0] ?? '' },
    ...(subresource === undefined ? {} : { subresource }),
    ...(right.role.kind === 'Role' ? { namespace: right.role.metadata.namespace } : {}),
  };
  const user = `system:serviceaccount:${account.namespace}:${account.name}`;
  for (let tries = 0; tries < 200; tries++) {
    const { body } = await cluster.ask('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
      spec: { user, resourceAttributes },
    });
    if (body.status.allowed === isAllowed) return;
    await sleep(25);
  }
  assert.fail(`${nameOf(right)} does not become ${isAllowed}`);
}
