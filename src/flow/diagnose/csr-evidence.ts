/** Reads what tells why a CertificateSigningRequest has not become a certificate. Nothing is changed. */
import type { Clock } from '../../base/clock.js';
import type { KubernetesClient } from '../../kubernetes/client.js';
import { type CertificateSigningRequest, CSR } from '../../kubernetes/csr.js';
import type { Right } from '../../kubernetes/failure.js';
import { missingRights, signerRight } from '../../kubernetes/review.js';
import type { CertificateContent } from '../../pki/certificate.js';
import { attempt, valueIn } from './attempt.js';
import { readCluster } from './cluster.js';
import type { CsrEvidence } from './csr.js';
import { holdersOf, readGrants } from './rbac.js';

/** What every diagnosis in a cluster is made with. */
export interface ClusterParts {
  readonly client: KubernetesClient;
  readonly clock: Pick<Clock, 'now'>;
  readonly signal: AbortSignal;
  /** The roots that are known, read when they are first needed. */
  roots(): Iterable<CertificateContent>;
  readonly areRootsNamed: boolean;
}

/** @throws the reason of the signal, alone */
export async function readCsrEvidence(name: string, { client, clock, signal, roots, areRootsNamed }: ClusterParts): Promise<CsrEvidence> {
  const call = { signal };
  const [cluster, csr, all, grants] = await Promise.all([
    readCluster(client, call),
    attempt(signal, () => client.get(CSR, { name }, call)),
    attempt(signal, async () => (await client.list(CSR, {}, call)).items),
    attempt(signal, () => readGrants(client, call)),
  ]);
  const found = valueIn(csr);
  const needs = found === undefined ? [] : approvalNeeds(found);
  const missing = await attempt(signal, async () => {
    const all = await Promise.all(needs.map(async (rights) => [rights, await missingRights(client, rights, call)] as const));
    // One right of each set is enough.
    return all.flatMap(([rights, lacking]) => (lacking.length < rights.length ? [] : lacking.slice(0, 1)));
  });
  const sign = found === undefined ? [] : [[signerRight('sign', found.spec.signerName)]];
  const from = (rights: readonly (readonly Right[])[]): CsrEvidence['approvers'] =>
    grants.error === undefined ? { value: holdersOf(rights, grants.value) } : grants;
  return { name, cluster, csr, all, approvers: from(needs), signers: from(sign), missing, roots: roots(), areRootsNamed, now: clock.now() };
}

/** Each set needs one of its rights. */
function approvalNeeds({ spec }: CertificateSigningRequest): readonly (readonly Right[])[] {
  const approval = (verb: string): Right => ({
    ...{ verb, group: 'certificates.k8s.io', resource: 'certificatesigningrequests/approval', names: [] },
  });
  return [[approval('update'), approval('patch')], [signerRight('approve', spec.signerName)]];
}
