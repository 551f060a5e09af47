/** CertificateSigningRequests (certificates.k8s.io/v1): the object, its conditions, and what state they make. */
import * as v from 'valibot';
import { defineKind, type Kind, metadataSchema } from './kind.js';

const conditionSchema = v.looseObject({
  /** `Approved`, `Denied`, `Failed`, or a word of somebody else. */
  type: v.string(),
  /** `True` for these three; others may say `False` and `Unknown`. */
  status: v.nullish(v.string(), 'True'),
  reason: v.nullish(v.string(), ''),
  message: v.nullish(v.string(), ''),
  lastUpdateTime: v.nullish(v.string()),
  lastTransitionTime: v.nullish(v.string()),
});

const csrSchema = v.looseObject({
  metadata: metadataSchema,
  spec: v.looseObject({
    /** Base64 of PEM. */
    request: v.string(),
    signerName: v.string(),
    usages: v.nullish(v.array(v.string()), []),
    expirationSeconds: v.nullish(v.number()),
    /** Who asked, as the server saw it: not what the request says. */
    username: v.nullish(v.string(), ''),
    uid: v.nullish(v.string(), ''),
    groups: v.nullish(v.array(v.string()), []),
    extra: v.nullish(v.record(v.string(), v.array(v.string())), {}),
  }),
  status: v.nullish(
    v.looseObject({
      conditions: v.nullish(v.array(conditionSchema), []),
      /** Base64 of PEM; set once. */
      certificate: v.nullish(v.string(), ''),
    }),
    {},
  ),
});

export type CertificateSigningRequest = v.InferOutput<typeof csrSchema>;
export type CsrCondition = v.InferOutput<typeof conditionSchema>;

export const CSR: Kind<CertificateSigningRequest> = defineKind(
  {
    group: 'certificates.k8s.io',
    version: 'v1',
    plural: 'certificatesigningrequests',
    kind: 'CertificateSigningRequest',
    isNamespaced: false,
  },
  csrSchema,
);

/** There is no condition for `pending`: it is the absence of the three. */
export type CsrState = 'pending' | 'approved' | 'issued' | 'denied' | 'failed';

/**
 * The state of a request. `failed` goes before `approved`: it is final. A certificate that somebody signed without approval is not `issued`:
 * the server lets a signer do that, whoever fetches must not.
 */
export function stateOf(csr: CertificateSigningRequest): CsrState {
  const has = (type: string): boolean => conditionOf(csr, type) !== undefined;
  if (has('Failed')) return 'failed';
  if (has('Denied')) return 'denied';
  if (!has('Approved')) return 'pending';
  return (csr.status?.certificate ?? '') === '' ? 'approved' : 'issued';
}

/** The condition of this type, if it holds. */
export function conditionOf(csr: CertificateSigningRequest, type: string): CsrCondition | undefined {
  return conditionsOf(csr).find((condition) => condition.type === type && condition.status === 'True');
}

export function conditionsOf(csr: CertificateSigningRequest): readonly CsrCondition[] {
  return csr.status?.conditions ?? [];
}

/** The text that `spec.request` or `status.certificate` is the base64 of. */
export function textOf(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
