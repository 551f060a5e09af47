/** Requests to judge, and a world that answers what a test says; what it is not told of fails, as a broken connection would. */
import { readFileSync } from 'node:fs';
import type { ApprovalFacts } from '../../../src/policy/approval/facts.js';
import { judge } from '../../../src/policy/approval/judge.js';
import type { Policy } from '../../../src/policy/approval/policy.js';
import { readPolicies } from '../../../src/policy/approval/read.js';
import type { ApprovalRequest } from '../../../src/policy/approval/request.js';
import type { Verdict } from '../../../src/policy/approval/verdict.js';
import { NOW } from '../../pki/support.js';
import { forge } from '../forge.js';

const silent = async (): Promise<never> => {
  throw new Error('no answer');
};

export function factsOf(answers: Partial<ApprovalFacts> = {}): ApprovalFacts {
  return {
    node: silent,
    services: silent,
    namespaceLabels: silent,
    resolve: silent,
    served: silent,
    pending: silent,
    mayDo: silent,
    alike: async () => [],
    ...answers,
  };
}

/** The serving certificate of worker-1, asked for by worker-1. */
export function requestOf(more: Partial<ApprovalRequest> = {}): ApprovalRequest {
  return {
    name: 'csr-1',
    uid: 'uid-1',
    createdAt: NOW - 60_000,
    signerName: 'kubernetes.io/kubelet-serving',
    usages: ['digital signature', 'key encipherment', 'server auth'],
    username: 'system:node:worker-1',
    groups: ['system:nodes', 'system:authenticated'],
    request: forge(),
    labels: {},
    annotations: {},
    ...more,
  };
}

/** The request of a service account. */
export const accountOf = (namespace: string, name: string): Pick<ApprovalRequest, 'username' | 'groups'> => ({
  username: `system:serviceaccount:${namespace}:${name}`,
  groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
});

export const worker: ApprovalFacts['node'] = async (name) =>
  name === 'worker-1' || name === 'worker-2'
    ? {
        addresses: [
          { type: 'Hostname', address: name },
          { type: 'InternalIP', address: name === 'worker-1' ? '10.0.0.1' : '10.0.0.2' },
        ],
      }
    : undefined;

/** A world in which everything that the shipped policies ask is as it should be. */
export const KIND_WORLD = factsOf({
  node: worker,
  pending: async () => 1,
  services: async () => [{ name: 'web', clusterIps: ['10.96.0.7'] }],
  mayDo: async () => true,
  namespaceLabels: async () => ({}),
});

export async function policies(yaml: string): Promise<readonly Policy[]> {
  return await readPolicies(yaml, '"policy.yaml"');
}

/** The shipped ones. */
export async function shipped(file: string): Promise<readonly Policy[]> {
  const path = `examples/kubernetes/policies/${file}`;
  return await readPolicies(readFileSync(path, 'utf8'), `"${path}"`);
}

export const SHIPPED = ['kubelet-serving.yaml', 'services.yaml', 'team-clients.yaml', 'cert-manager.yaml'] as const;

/** Judges by one policy with these lines, for the signer and the requester of {@link requestOf}. */
export async function judgeBy(lines: string, more: Partial<ApprovalRequest> = {}, facts: Partial<ApprovalFacts> = {}): Promise<Verdict> {
  const base = `policies:
  - name: p
    signers: ["**"]
    requesters: { users: ["**"] }
${lines.replaceAll(/^/gm, '    ')}`;
  return await judge(requestOf(more), await policies(base), factsOf(facts), NOW);
}

/** What a rule said, by its name. */
export function ruleOf(verdict: Verdict, name: string): string {
  return verdict.policies
    .flatMap(({ rules }) => rules)
    .filter(({ rule }) => rule === name)
    .map(({ outcome, message }) => `${outcome}: ${message}`)
    .join('\n');
}
