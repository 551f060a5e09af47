/** What a diagnosis reads of objects of the cluster: of those of others only the fields it judges, each of which may be missing. */
import * as v from 'valibot';
import { defineKind, type Kind, type Metadata, metadataSchema } from '../../kubernetes/kind.js';

const text = v.nullish(v.string(), '');
const texts = v.nullish(v.array(v.string()), []);

const managedSchema = v.array(v.looseObject({ manager: text, time: v.nullish(v.string()), fieldsV1: v.nullish(v.unknown()) }));

const ingressSchema = v.looseObject({
  metadata: metadataSchema,
  spec: v.nullish(v.looseObject({ tls: v.nullish(v.array(v.looseObject({ hosts: texts, secretName: text })), []) }), {}),
});
export type IngressObject = v.InferOutput<typeof ingressSchema>;
export const INGRESS: Kind<IngressObject> = defineKind(
  { group: 'networking.k8s.io', version: 'v1', plural: 'ingresses', kind: 'Ingress', isNamespaced: true },
  ingressSchema,
);

const conditionSchema = v.looseObject({
  type: v.string(),
  status: text,
  reason: text,
  message: text,
  lastTransitionTime: v.nullish(v.string()),
});
const conditions = v.nullish(v.array(conditionSchema), []);
export type Condition = v.InferOutput<typeof conditionSchema>;

const CERT_MANAGER = 'cert-manager.io';
const ACME = 'acme.cert-manager.io';
const issuerRef = v.nullish(
  v.looseObject({ name: text, kind: v.nullish(v.string(), 'Issuer'), group: v.nullish(v.string(), CERT_MANAGER) }),
  {},
);

const certificateSchema = v.looseObject({
  metadata: metadataSchema,
  spec: v.looseObject({
    secretName: text,
    issuerRef,
    commonName: text,
    dnsNames: texts,
    ipAddresses: texts,
    uris: texts,
    emailAddresses: texts,
  }),
  status: v.nullish(
    v.looseObject({
      conditions,
      lastFailureTime: v.nullish(v.string()),
      failedIssuanceAttempts: v.nullish(v.number(), 0),
      revision: v.nullish(v.number()),
    }),
    {},
  ),
});
export type CertificateObject = v.InferOutput<typeof certificateSchema>;
export const CERTIFICATE: Kind<CertificateObject> = defineKind(
  { group: CERT_MANAGER, version: 'v1', plural: 'certificates', kind: 'Certificate', isNamespaced: true },
  certificateSchema,
);

const statedSchema = v.looseObject({ metadata: metadataSchema, status: v.nullish(v.looseObject({ conditions }), {}) });
/** An object that tells its state by conditions. */
export type StatedObject = v.InferOutput<typeof statedSchema>;
const stated = (plural: string, kind: string, isNamespaced: boolean): Kind<StatedObject> =>
  defineKind({ group: CERT_MANAGER, version: 'v1', plural, kind, isNamespaced }, statedSchema);
export const CERTIFICATE_REQUEST = stated('certificaterequests', 'CertificateRequest', true);
export const ISSUER = stated('issuers', 'Issuer', true);
export const CLUSTER_ISSUER = stated('clusterissuers', 'ClusterIssuer', false);

const owners = v.nullish(v.array(v.looseObject({ kind: text, name: text })), []);
const acmeSchema = v.looseObject({
  metadata: v.looseObject({ ...metadataSchema.entries, ownerReferences: owners }),
  spec: v.nullish(v.looseObject({ dnsName: text, type: text, wildcard: v.nullish(v.boolean(), false) }), {}),
  status: v.nullish(
    v.looseObject({ state: text, reason: text, presented: v.nullish(v.boolean()), processing: v.nullish(v.boolean()) }),
    {},
  ),
});
/** An Order or a Challenge. */
export type AcmeObject = v.InferOutput<typeof acmeSchema>;
const acme = (plural: string, kind: string): Kind<AcmeObject> =>
  defineKind({ group: ACME, version: 'v1', plural, kind, isNamespaced: true }, acmeSchema);
export const ORDER = acme('orders', 'Order');
export const CHALLENGE = acme('challenges', 'Challenge');

/** Those who keep a field (`data`, `tls.crt`), newest first. */
export function keepersOf({ managedFields }: Metadata, ...path: readonly string[]): { manager: string; at: string }[] {
  const parsed = v.safeParse(managedSchema, managedFields);
  if (!parsed.success) return [];
  const child = (at: unknown, key: string): unknown =>
    typeof at === 'object' && at !== null ? (at as Readonly<Record<string, unknown>>)[`f:${key}`] : undefined;
  return parsed.output
    .filter(({ fieldsV1 }) => path.reduce(child, fieldsV1) !== undefined)
    .map(({ manager, time }) => ({ manager: manager ?? '', at: time ?? '' }))
    .sort((a, b) => (a.at < b.at ? 1 : -1));
}
