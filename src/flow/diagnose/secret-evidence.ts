/** Reads what tells what is wrong with a Secret. Nothing is changed. */
import { isTscertError } from '../../base/errors.js';
import type { Call, KubernetesClient } from '../../kubernetes/client.js';
import { anyKind, type Kind, type KubernetesObject } from '../../kubernetes/kind.js';
import { NAMESPACE } from '../../kubernetes/objects.js';
import { SECRET, type SecretObject } from '../../kubernetes/secret/object.js';
import type { Served } from '../../net/tls.js';
import { readCertificates } from '../../pki/certificate.js';
import { attempt, type Read, valueIn } from './attempt.js';
import { readCluster } from './cluster.js';
import type { ClusterParts } from './csr-evidence.js';
import { CERTIFICATE, INGRESS } from './objects.js';
import type { SecretEvidence } from './secret.js';
import type { Probed } from './served.js';

export interface SecretParts extends ClusterParts {
  /** Makes a TLS handshake; `servername` is asked for where the target is an address. */
  shake(target: string, servername: string | undefined): Promise<Served>;
}

/** Of other Secrets only the names are read. */
const NAMED_SECRET = anyKind({ group: '', version: 'v1', plural: 'secrets', kind: 'Secret', isNamespaced: true });

/**
 * @param probes `HOST:PORT` of each server that should send it
 * @throws the reason of the signal, alone
 */
export async function readSecretEvidence(
  { name, namespace }: { readonly name: string; readonly namespace: string },
  probes: readonly string[],
  parts: SecretParts,
): Promise<SecretEvidence> {
  const { client, clock, signal, roots, areRootsNamed } = parts;
  const call = { signal };
  const list = <T extends KubernetesObject>(kind: Kind<T>): Promise<Read<readonly T[]>> =>
    attempt(signal, async () => (await client.list(kind, { namespace }, call)).items);
  const [cluster, secret, ingresses, certificates] = await Promise.all([
    readCluster(client, call),
    attempt(signal, () => client.get(SECRET, { name, namespace }, call)),
    list(INGRESS),
    attempt(signal, () => listIfServed(client, CERTIFICATE, namespace, call)),
  ]);
  const isAbsent = secret.error === undefined && secret.value === undefined;
  const names = (
    read: () => Promise<readonly KubernetesObject[]>,
    of: (object: KubernetesObject) => string,
  ): Promise<Read<readonly string[]>> => attempt(signal, async () => (isAbsent ? (await read()).map(of) : []));
  const [namespaces, neighbours, elsewhere] = await Promise.all([
    names(
      async () => (await client.list(NAMESPACE, {}, call)).items,
      ({ metadata }) => metadata.name,
    ),
    names(
      async () => (await client.list(NAMED_SECRET, { namespace }, call)).items,
      ({ metadata }) => metadata.name,
    ),
    names(
      async () => (await client.list(NAMED_SECRET, { everywhere: true, fields: `metadata.name=${name}` }, call)).items,
      ({ metadata }) => metadata.namespace ?? '',
    ),
  ]);
  const servername = hostIn(valueIn(secret));
  const probed = await Promise.all(
    probes.map(
      async (target): Promise<Probed> => ({
        target,
        chain: await attempt(signal, async () => (await parts.shake(target, servername)).chain),
      }),
    ),
  );
  return {
    ...{ name, namespace, cluster, namespaces, secret, neighbours, elsewhere, ingresses, certificates, probed },
    ...{ roots: roots(), areRootsNamed, now: clock.now() },
  };
}

/** All objects of a kind that a cluster need not have; undefined where it has not. */
export async function listIfServed<T extends KubernetesObject>(
  client: KubernetesClient,
  kind: Kind<T>,
  namespace: string,
  call: Call,
): Promise<readonly T[] | undefined> {
  try {
    return (await client.list(kind, { namespace }, call)).items;
  } catch (error) {
    if (isTscertError(error, 'cluster-failed') && error.data.status === 404) return undefined;
    throw error;
  }
}

/** A DNS name to ask a server for that is known by its address. */
function hostIn(secret: SecretObject | undefined): string | undefined {
  try {
    const [leaf] = readCertificates(Buffer.from(secret?.data?.['tls.crt'] ?? '', 'base64').toString('utf8'));
    return leaf?.extensions.names.find(({ type, value }) => type === 'dns' && !value.startsWith('*.'))?.value;
  } catch {
    return undefined;
  }
}
