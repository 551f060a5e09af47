/** Writes a decision into the cluster: on the very object that was judged, or not at all. */
import type { Clock } from '../../base/clock.js';
import type { KubernetesClient } from '../../kubernetes/client.js';
import { type CertificateSigningRequest, CSR, conditionOf, conditionsOf } from '../../kubernetes/csr.js';

export interface Decision {
  readonly type: 'Approved' | 'Denied';
  /** One word in CamelCase. */
  readonly reason: string;
  readonly message: string;
}

export interface DecideParts {
  readonly client: KubernetesClient;
  readonly clock: Pick<Clock, 'now'>;
  /** The server goes through all of it and keeps nothing. */
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

/**
 * Adds the condition by the subresource `approval`, with uid and resourceVersion of the object as it was read.
 * @throws {TscertError} `cluster-conflict` when it has changed since, `cluster-absent`, `cluster-forbidden` and the client's others
 */
export async function decide(
  csr: CertificateSigningRequest,
  { type, reason, message }: Decision,
  parts: DecideParts,
): Promise<CertificateSigningRequest> {
  const { client, clock, dryRun, signal } = parts;
  const time = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  const condition = { type, status: 'True', reason, message, lastUpdateTime: time, lastTransitionTime: time };
  const changed = { ...csr, status: { ...csr.status, conditions: [...conditionsOf(csr), condition] } };
  return await client.replace(CSR, changed, { subresource: 'approval', dryRun, signal });
}

/** True when this decision is what stands in the object: ours, of which the answer was lost. */
export function isDecided(csr: CertificateSigningRequest, { type, reason, message }: Decision): boolean {
  const found = conditionOf(csr, type);
  return found !== undefined && found.reason === reason && found.message === message;
}
