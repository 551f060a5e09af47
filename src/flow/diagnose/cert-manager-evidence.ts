/** Reads a Certificate of cert-manager and what hangs on it, as plain objects. Nothing is changed. */
import type { Kind, KubernetesObject } from '../../kubernetes/kind.js';
import { attempt, type Read, valueIn } from './attempt.js';
import { type CertManagerEvidence, isOwnedBy } from './cert-manager.js';
import { CERTIFICATE, CERTIFICATE_REQUEST, CHALLENGE, CLUSTER_ISSUER, ISSUER, ORDER, type StatedObject } from './objects.js';
import { listIfServed, readSecretEvidence, type SecretParts } from './secret-evidence.js';

const NAME = 'cert-manager.io/certificate-name';
const REVISION = 'cert-manager.io/certificate-revision';

/** True when the cluster has a Certificate of this name; false also where that cannot be read. */
export async function hasCertificate(name: string, namespace: string, { client, signal }: SecretParts): Promise<boolean> {
  return valueIn(await attempt(signal, () => client.get(CERTIFICATE, { name, namespace }, { signal }))) !== undefined;
}

/** @throws the reason of the signal, alone */
export async function readCertManagerEvidence(
  { name, namespace }: { readonly name: string; readonly namespace: string },
  probes: readonly string[],
  parts: SecretParts,
): Promise<CertManagerEvidence> {
  const { client, signal } = parts;
  const call = { signal };
  const list = <T extends KubernetesObject>(kind: Kind<T>): Promise<Read<readonly T[]>> =>
    attempt(signal, async () => (await listIfServed(client, kind, namespace, call)) ?? []);
  const found = valueIn(await attempt(signal, () => client.get(CERTIFICATE, { name, namespace }, call)));
  const { kind, name: issuerName, group } = found?.spec.issuerRef ?? {};
  const isKnown = group === 'cert-manager.io' && issuerName;
  const [secret, issuer, requests, orders, challenges] = await Promise.all([
    readSecretEvidence({ name: found?.spec.secretName || name, namespace }, probes, parts),
    attempt(signal, async () =>
      isKnown ? client.get(kind === 'ClusterIssuer' ? CLUSTER_ISSUER : ISSUER, { name: issuerName, namespace }, call) : undefined,
    ),
    list(CERTIFICATE_REQUEST),
    list(ORDER),
    list(CHALLENGE),
  ]);
  const own = (valueIn(requests) ?? [])
    .filter(({ metadata }) => metadata.annotations?.[NAME] === name)
    .sort((a, b) => orderOf(a) - orderOf(b));
  const [newest] = own.slice(-1);
  const ordersOfIt = (valueIn(orders) ?? []).filter((one) =>
    isOwnedBy(one, 'CertificateRequest', newest === undefined ? [] : [newest.metadata.name]),
  );
  const names = ordersOfIt.map(({ metadata }) => metadata.name);
  return {
    ...{ name, secret, issuer },
    requests: requests.error === undefined ? { value: own } : requests,
    orders: orders.error === undefined ? { value: ordersOfIt } : orders,
    challenges: challenges.error === undefined ? { value: challenges.value.filter((one) => isOwnedBy(one, 'Order', names)) } : challenges,
  };
}

function orderOf({ metadata }: StatedObject): number {
  const revision = Number(metadata.annotations?.[REVISION]);
  return Number.isNaN(revision) ? Date.parse(metadata.creationTimestamp ?? '') / 1e13 : revision;
}
