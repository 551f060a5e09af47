/**
 * A Secret of a cluster: written by server-side apply, key and certificate at once, onto the very state of it that was looked at. What others
 * have set on it stays theirs.
 */
import { isTscertError, messageOf } from '../base/errors.js';
import type { KubernetesClient } from '../kubernetes/client.js';
import type { Draft } from '../kubernetes/kind.js';
import { CERT_MANAGER, isOfIssuer } from '../kubernetes/secret/annotations.js';
import { SECRET, type SecretObject } from '../kubernetes/secret/object.js';
import { driftOf, FACTS_ANNOTATION, isOurs, ownerOf, type SecretPlace, TLS_TYPE, tlsSecretOf } from '../kubernetes/secret/tls.js';
import type { SecretRequest } from '../request/request.js';
import type { Stored } from '../store/store.js';
import { type Target, targetFailure } from './target.js';

export interface SecretParts {
  clusters(context?: string): Promise<KubernetesClient>;
}

/** So often it is looked at and written again because somebody has changed it in between. */
const MOST_TRIES = 10;

export function secretTarget(request: SecretRequest, { clusters }: SecretParts): Pick<Target, 'title' | 'bring' | 'drift'> {
  const { namespace, name, context } = request;
  const title = `secret ${namespace === undefined ? '' : `${namespace}/`}${name}${context === undefined ? '' : `@${context}`}`;
  return {
    title,
    async bring({ stored }, { signal }) {
      const begin = `Cannot deploy "${stored.name}" to the ${title.replace('secret ', 'Secret "')}"`;
      try {
        await writeSecret(request, stored, await clusters(context), signal);
      } catch (error) {
        signal.throwIfAborted();
        throw targetFailure(begin, messageOf(error), error);
      }
    },
    async drift(fingerprint, signal) {
      const client = await clusters(context);
      const place = placeOf(request, client);
      return driftOf(place, await client.get(SECRET, place, { signal }), fingerprint, request);
    },
  };
}

/** Where the Secret of a request is. */
export function placeOf({ namespace, name }: SecretRequest, client: Pick<KubernetesClient, 'namespace'>): SecretPlace {
  return { namespace: namespace ?? client.namespace, name };
}

/** Writes it; what went wrong is thrown, in words that stand behind where it was to go. */
async function writeSecret(request: SecretRequest, stored: Stored, client: KubernetesClient, signal: AbortSignal): Promise<void> {
  const { privateKey, certificate, chain, meta } = stored;
  if (privateKey === undefined) throw new Error('its key is not here');
  const place = placeOf(request, client);
  const draft = tlsSecretOf(place, { privateKey, certificate, chain }, request, { meta: factsOf(meta) });
  for (let tries = 1; ; tries++) {
    const found = await client.get(SECRET, place, { signal });
    const reason = found && reasonAgainst(found, request);
    if (reason !== undefined) throw new Error(reason);
    try {
      const kept = await applySecret(client, draft, found, request, signal);
      if (kept.type === TLS_TYPE && isAsWritten(kept, draft)) return;
      throw new Error('the API server keeps another Secret than the one that was sent; an admission webhook may change it');
    } catch (error) {
      // Somebody has changed, made or removed it since it was looked at.
      const isBeaten = isTscertError(error, 'cluster-conflict') && error.data.conflicts === undefined;
      if (!(isBeaten || isTscertError(error, 'cluster-absent') || isTscertError(error, 'cluster-exists')) || tries >= MOST_TRIES)
        throw error;
    }
  }
}

/** What stands in the meta beside the certificate's own words, which are in the Secret already. */
function factsOf(meta: Stored['meta']): Stored['meta'] {
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta)) return meta;
  return Object.fromEntries(Object.entries(meta).filter(([key]) => key !== 'certificate'));
}

/** Why a Secret that is there cannot be written, in words; undefined when nothing is known against it. */
export function reasonAgainst(found: SecretObject, { certificateName }: SecretRequest): string | undefined {
  const { metadata, type, immutable } = found;
  if (type !== TLS_TYPE) {
    return `it is there already and of the type "${type}", which nobody can change; remove it, or name another Secret`;
  }
  if (immutable === true) return 'it is immutable; remove it, or name another Secret';
  if (metadata.deletionTimestamp) return 'it is being removed; try again when it is gone';
  const owner = isOurs(found) ? ownerOf(found) : metadata.annotations?.[`${CERT_MANAGER}/certificate-name`];
  if (owner !== undefined && owner !== certificateName) {
    return `it belongs to the certificate "${owner}"; name another Secret, or remove it`;
  }
  return undefined;
}

/**
 * Applies it without taking fields from anybody; what is a certificate's by its nature is taken where the Secret is ours already, or was
 * cert-manager's for the same certificate and issuer.
 */
async function applySecret(
  client: KubernetesClient,
  draft: Draft,
  found: SecretObject | undefined,
  request: SecretRequest,
  signal: AbortSignal,
): Promise<SecretObject> {
  const { resourceVersion, uid } = found?.metadata ?? {};
  const metadata = { ...draft.metadata, ...(found === undefined ? {} : { resourceVersion, uid }) };
  const onto: Draft = { ...draft, metadata: metadata as Draft['metadata'] };
  try {
    return await client.apply(SECRET, onto, { signal });
  } catch (error) {
    const conflicts = isTscertError(error, 'cluster-conflict') ? conflictsOf(error.data.conflicts) : undefined;
    if (conflicts === undefined) throw error;
    const foreign = conflicts.find(({ field }) => !isOfCertificate(field));
    if (foreign !== undefined) {
      throw new Error(`its ${foreign.field} is kept by "${foreign.manager}" with another value; leave it out, or have it given up there`);
    }
    const isHandedOver =
      found !== undefined && request.issuerRef !== undefined && isOfIssuer(found.metadata.annotations ?? {}, request.issuerRef);
    if (found !== undefined && (isOurs(found) || isHandedOver)) return await client.apply(SECRET, onto, { signal, force: true });
    const managers = [...new Set(conflicts.map(({ manager }) => `"${manager}"`))].join(' and ');
    const { name, namespace } = draft.metadata;
    throw new Error(
      `it is there already and kept by ${managers}; remove it, name another Secret, or hand it over: kubectl annotate secret -n ${namespace} ${name} ${FACTS_ANNOTATION}=`,
    );
  }
}

function conflictsOf(value: unknown): readonly { readonly field: string; readonly manager: string }[] | undefined {
  return Array.isArray(value) ? (value as readonly { field: string; manager: string }[]) : undefined;
}

/** Fields that mean the certificate and nothing else: they follow it. */
function isOfCertificate(field: string): boolean {
  return (
    /^\.data\.(tls\.crt|tls\.key|ca\.crt)$/.test(field) ||
    /^\.metadata\.annotations\.(cert-manager\.io|tscert\.io)\//.test(field) ||
    field === '.metadata.labels.controller.cert-manager.io/fao'
  );
}

function isAsWritten({ data, metadata }: SecretObject, draft: Draft): boolean {
  const holds = (has: Readonly<Record<string, string>> | null | undefined, wants: unknown): boolean =>
    Object.entries((wants ?? {}) as Readonly<Record<string, string>>).every(([key, value]) => has?.[key] === value);
  return (
    holds(data, draft.data) && holds(metadata.annotations, draft.metadata.annotations) && holds(metadata.labels, draft.metadata.labels)
  );
}
