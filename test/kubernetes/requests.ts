/** Requests in a test cluster: made as somebody, looked at, and Nodes for them. */
import assert from 'node:assert/strict';
import { type CsrSpec, createCsr } from '../../src/pki/csr.js';
import { keyOf } from '../pki/support.js';
import type { ClusterUser, KubernetesCluster } from '../support/kubernetes.js';

export const ROOT = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const SERVING_USAGES = ['digital signature', 'key encipherment', 'server auth'];

export interface Asking {
  readonly signerName?: string;
  readonly usages?: readonly string[];
  readonly expirationSeconds?: number;
  readonly user?: ClusterUser;
  readonly labels?: Readonly<Record<string, string>>;
}

/** The PEM text of a request with a key of its own kind. */
export const pemOf = (spec: CsrSpec): Buffer => Buffer.from(createCsr(spec, keyOf('ec256')).pem);

/** Of a node. */
export const nodeRequest = (node: string, names: readonly string[] = [node]): Buffer =>
  pemOf({
    commonName: `system:node:${node}`,
    subject: { organizations: ['system:nodes'] },
    names: names.map((value) => ({ type: /^[\d.]+$/.test(value) ? 'ip' : 'dns', value })),
  });

/** Makes a request; the status of the server's answer, its words where it refuses. */
export async function ask(
  cluster: KubernetesCluster,
  name: string,
  request: Buffer,
  asking: Asking = {},
): Promise<{ status: number; message: string }> {
  const {
    signerName = 'kubernetes.io/kubelet-serving',
    usages = SERVING_USAGES,
    expirationSeconds,
    user = 'system:node:worker-1',
    labels,
  } = asking;
  const spec = { request: request.toString('base64'), signerName, usages, ...(expirationSeconds !== undefined && { expirationSeconds }) };
  const { status, body } = await cluster.ask('POST', ROOT, { metadata: { name, ...(labels && { labels }) }, spec }, { user });
  return { status, message: body.message ?? '' };
}

export async function mustAsk(...parameters: Parameters<typeof ask>): Promise<void> {
  const { status, message } = await ask(...parameters);
  assert.equal(status, 201, message);
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

export async function conditionsOf(cluster: KubernetesCluster, name: string): Promise<readonly Condition[]> {
  const { body } = await cluster.ask('GET', `${ROOT}/${name}`);
  return body.status?.conditions ?? [];
}

/** The types of its conditions in one word: `Approved`, or nothing. */
export async function stateOf(cluster: KubernetesCluster, name: string): Promise<string> {
  return (await conditionsOf(cluster, name)).map(({ type }) => type).join(' ');
}

export async function makeNode(cluster: KubernetesCluster, name: string, address: string): Promise<void> {
  const made = await cluster.ask('POST', '/api/v1/nodes', { metadata: { name } });
  assert.equal(made.status, 201);
  const addresses = [
    { type: 'Hostname', address: name },
    { type: 'InternalIP', address },
  ];
  const patched = await cluster.ask(
    'PATCH',
    `/api/v1/nodes/${name}/status`,
    { status: { addresses } },
    { type: 'application/merge-patch+json' },
  );
  assert.equal(patched.status, 200);
}

/** Runs this for all of them, sixteen at a time. */
export async function sideBySide<T>(items: Iterable<T>, work: (item: T) => Promise<unknown>): Promise<void> {
  const queue = items[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let next = queue.next(); next.done !== true; next = queue.next()) await work(next.value);
    }),
  );
}
