/**
 * What tscert keeps in a namespace: Secrets of types of its own, found by labels. Their names are digests, for keys of records may be anything
 * and long; what they are of stands inside, and for people in an annotation.
 */
import { createHash } from 'node:crypto';
import type { Json } from '../../base/json.js';
import type { KubernetesClient } from '../../kubernetes/client.js';
import type { Draft } from '../../kubernetes/kind.js';
import { dataOf, type SecretObject } from '../../kubernetes/secret/object.js';
import type { RecordKind } from '../store.js';

export type StateKind = RecordKind | 'certificate' | 'generation' | 'lock';

export const KIND_LABEL = 'tscert.io/kind';
export const OWNER_LABEL = 'tscert.io/certificate';

/** What the adapters of one namespace share. */
export interface Cluster {
  readonly client: KubernetesClient;
  readonly namespace: string;
  /** Of calls that nobody ends: what is begun in the cluster is ended there. */
  readonly signal: AbortSignal;
}

/** A name that objects can have, the same for the same kind and key. */
export function stateName(kind: StateKind, key: string): string {
  return `tscert-${kind}-${digestOf(key)}`;
}

/** 160 bits in hexadecimal. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 40);
}

export function labelsOf(kind: StateKind, owner?: string): Record<string, string> {
  return {
    'app.kubernetes.io/managed-by': 'tscert',
    [KIND_LABEL]: kind,
    ...(owner === undefined ? {} : { [OWNER_LABEL]: digestOf(owner) }),
  };
}

/** A Secret of tscert's own. @param of what it is of, for people */
export function stateDraft(
  { kind, of, owner, name, immutable = false }: { kind: StateKind; of: string; owner?: string; name: string; immutable?: boolean },
  { namespace }: Pick<Cluster, 'namespace'>,
  texts: Readonly<Record<string, string>>,
): Draft {
  return {
    metadata: {
      ...{ name, namespace },
      labels: labelsOf(kind, owner),
      ...(/^[\x20-\x7e]{1,300}$/.test(of) ? { annotations: { 'tscert.io/of': of } } : {}),
    },
    type: typeOf(kind),
    ...(immutable ? { immutable } : {}),
    data: dataOf(texts),
  };
}

/** Its type, which nobody can change. */
export function typeOf(kind: StateKind): string {
  return `tscert.io/${kind}`;
}

/** The value of a JSON text; `undefined` when it is none. */
export function parseJson(text: string | undefined): Json | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Json);
  } catch {
    return undefined;
  }
}

/** Tells one state of an object from every other one, of one that was removed and made again too. */
export function versionOf({ metadata }: SecretObject): string {
  return `${metadata.uid}/${metadata.resourceVersion}`;
}
