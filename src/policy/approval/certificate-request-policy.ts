/**
 * CertificateRequestPolicy (policy.cert-manager.io/v1alpha1, approver-policy) for requests of certificates.k8s.io whose signer is cert-manager: the issuer
 * stands in the signer's name, duration and CA in annotations. Selected, as there, by issuer and namespace and by the requester's right to `use` the policy.
 */
import * as v from 'valibot';
import { parseDuration } from '../../base/duration.js';
import { isOid } from '../../pki/der.js';
import { USAGES } from '../../pki/usage.js';
import { type Expression, readExpression } from './cel.js';
import { SUBJECT_TYPES } from './own.js';
import { matchesWildcard } from './pattern.js';
import type { Policy, Rule, Selection } from './policy.js';
import { type ApprovalRequest, type Judged, requesterOf } from './request.js';
import { type AllowedKeys, caRule, durationRule, keyRule, quoted, usagesRule } from './rules/plain.js';
import { replayRule } from './rules/world.js';
import { broken, passed } from './verdict.js';

const text = v.pipe(v.string(), v.nonEmpty('it is empty'));
const validations = v.optional(v.array(v.strictObject({ rule: text, message: v.optional(v.string()) })));
const required = v.optional(v.boolean());
const oneValue = v.optional(v.strictObject({ value: v.optional(v.string()), required, validations }));
const values = { values: v.optional(v.array(v.string())), required, validations };
const manyValues = v.optional(v.strictObject(values));
const byOid = v.optional(v.array(v.strictObject({ oid: v.pipe(text, v.check(isOid, 'must be a dotted object identifier')), ...values })));
const goDuration = v.pipe(text, v.check(isDuration, 'must be a duration such as 2160h'));
const size = v.optional(v.pipe(v.number(), v.integer()));

function isDuration(words: string): boolean {
  try {
    return parseDuration(words) > 0;
  } catch {
    return false;
  }
}

export const certificateRequestPolicySchema = v.strictObject({
  apiVersion: v.literal('policy.cert-manager.io/v1alpha1'),
  kind: v.literal('CertificateRequestPolicy'),
  metadata: v.looseObject({ name: text }),
  status: v.optional(v.unknown()),
  spec: v.strictObject({
    allowed: v.optional(
      v.strictObject({
        commonName: oneValue,
        dnsNames: manyValues,
        ipAddresses: manyValues,
        uris: manyValues,
        emailAddresses: manyValues,
        otherNames: byOid,
        isCA: v.optional(v.boolean()),
        usages: v.optional(v.array(v.picklist(USAGES as readonly [string, ...string[]]))),
        subject: v.optional(
          v.strictObject({
            organizations: manyValues,
            organizationalUnits: manyValues,
            countries: manyValues,
            localities: manyValues,
            provinces: manyValues,
            streetAddresses: manyValues,
            postalCodes: manyValues,
            serialNumber: oneValue,
            otherAttributes: byOid,
          }),
        ),
      }),
    ),
    constraints: v.optional(
      v.strictObject({
        minDuration: v.optional(goDuration),
        maxDuration: v.optional(goDuration),
        privateKey: v.optional(
          v.strictObject({ algorithm: v.optional(v.picklist(['RSA', 'ECDSA', 'Ed25519'])), minSize: size, maxSize: size }),
        ),
      }),
    ),
    selector: v.pipe(
      v.strictObject({
        issuerRef: v.optional(
          v.nullable(v.strictObject({ name: v.optional(v.string()), kind: v.optional(v.string()), group: v.optional(v.string()) })),
        ),
        namespace: v.optional(
          v.nullable(
            v.strictObject({ matchNames: v.optional(v.array(v.string())), matchLabels: v.optional(v.record(v.string(), v.string())) }),
          ),
        ),
      }),
      v.check(({ issuerRef, namespace }) => (issuerRef ?? namespace ?? undefined) !== undefined, 'must have issuerRef or namespace'),
    ),
    plugins: v.optional(v.custom<never>(() => false, 'needs plugins of approver-policy, which are not here')),
  }),
});

export type WrittenRequestPolicy = v.InferOutput<typeof certificateRequestPolicySchema>;
type Spec = WrittenRequestPolicy['spec'];
type Allowed = NonNullable<Spec['allowed']>;

/** What is allowed of one field, its expressions read. */
interface Field {
  readonly path: string;
  readonly patterns: readonly string[] | undefined;
  readonly isRequired: boolean;
  readonly validations: readonly { readonly expression: Expression; readonly message: string }[];
  readonly valuesOf: (judged: Judged) => readonly string[];
}

const ANNOTATION = { duration: 'experimental.cert-manager.io/request-duration', isCa: 'experimental.cert-manager.io/request-is-ca' };

/** @throws {TscertError} `config-invalid` for an expression that is none */
export async function requestPolicyOf({ metadata: { name }, spec }: WrittenRequestPolicy): Promise<Policy> {
  const { constraints = {}, allowed = {} } = spec;
  const fields = await fieldsOf(allowed);
  return {
    name,
    isForSigner: (signerName) => issuerOf(signerName) !== undefined,
    select: async ({ request }, facts) => {
      const selection = selectByIssuer(spec, request);
      if (!selection.isSelected) return selection;
      const byNamespace = await selectByNamespace(spec, request, facts);
      if (!byNamespace.isSelected) return byNamespace;
      const { username, userUid, groups, extra } = request;
      const requester = { username, groups, ...(userUid !== undefined && { uid: userUid }), ...(extra !== undefined && { extra }) };
      const namespace = namespaceOf(request);
      const access = {
        verb: 'use',
        group: 'policy.cert-manager.io',
        resource: 'certificaterequestpolicies',
        name,
        ...(namespace !== '' && { namespace }),
      };
      return (await facts.mayDo(requester, access))
        ? { isSelected: true }
        : no(`"${username}" has not the right to use it: the verb "use" on certificaterequestpolicies.policy.cert-manager.io "${name}"`);
    },
    rules: [
      ...fields.map(fieldRule),
      undeclaredRule(allowed),
      usagesRule(allowed.usages ?? []),
      durationRule(durationLimits(constraints), requestedDuration),
      keyRule(keysOf(constraints.privateKey ?? {})),
      caRule(allowed.isCA ?? false, (annotations) => annotations[ANNOTATION.isCa] === 'true'),
      replayRule({ sameRequest: true, sameKey: false }),
    ],
    unmatched: 'leave',
  };
}

const no = (why: string): Selection => ({ isSelected: false, why });

interface Issuer {
  readonly name: string;
  readonly kind: string;
  readonly group: string;
  /** Of an Issuer. */
  readonly namespace?: string;
}

/** The issuer in the name of cert-manager's signers: `issuers.cert-manager.io/NAMESPACE.NAME`, `clusterissuers.cert-manager.io/NAME`. */
function issuerOf(signerName: string): Issuer | undefined {
  const [, resource, path = ''] = /^(issuers|clusterissuers)\.cert-manager\.io\/(.+)$/.exec(signerName) ?? [];
  if (resource === 'clusterissuers') return { name: path, kind: 'ClusterIssuer', group: 'cert-manager.io' };
  const dot = path.indexOf('.');
  if (resource === undefined || dot < 1) return undefined;
  return { name: path.slice(dot + 1), kind: 'Issuer', group: 'cert-manager.io', namespace: path.slice(0, dot) };
}

/** The namespace of the Issuer; for a ClusterIssuer that of the service account that asks; else none. */
function namespaceOf(request: ApprovalRequest): string {
  return issuerOf(request.signerName)?.namespace ?? requesterOf(request).serviceAccount?.namespace ?? '';
}

function selectByIssuer({ selector: { issuerRef } }: Spec, { signerName }: ApprovalRequest): Selection {
  const issuer = issuerOf(signerName);
  if (issuer === undefined) return no('It is for issuers of cert-manager');
  const part = (['name', 'kind', 'group'] as const).find((key) => !matchesWildcard(issuerRef?.[key] ?? '*', issuer[key]));
  return part === undefined ? { isSelected: true } : no(`It is for issuers whose ${part} is "${issuerRef?.[part]}", not "${issuer[part]}"`);
}

async function selectByNamespace(
  { selector: { namespace: wanted } }: Spec,
  request: ApprovalRequest,
  facts: Parameters<Policy['select']>[1],
): Promise<Selection> {
  if (wanted === undefined || wanted === null) return { isSelected: true };
  const namespace = namespaceOf(request);
  const { matchNames, matchLabels } = wanted;
  if (matchNames !== undefined && matchNames.length > 0 && !matchNames.some((pattern) => matchesWildcard(pattern, namespace)))
    return no(`It is for the namespaces ${quoted(matchNames)}, not "${namespace}"`);
  if (matchLabels === undefined || Object.keys(matchLabels).length === 0) return { isSelected: true };
  const labels = namespace === '' ? {} : ((await facts.namespaceLabels(namespace)) ?? {});
  const missing = Object.entries(matchLabels).find(([key, value]) => labels[key] !== value);
  return missing === undefined ? { isSelected: true } : no(`The namespace "${namespace}" has not the label ${missing[0]}=${missing[1]}`);
}

async function fieldsOf(allowed: Allowed): Promise<Field[]> {
  const { subject = {} } = allowed;
  const names = (type: 'dns' | 'ip' | 'uri' | 'email') => (judged: Judged) => judged.description.names[type];
  const attributes = (oid: string) => (judged: Judged) =>
    judged.csr.subject
      .flat()
      .filter((entry) => entry.oid === oid)
      .map(({ value }) => value);
  const declared: readonly Promise<Field>[] = [
    field('commonName', oneAsMany(allowed.commonName), attributes(SUBJECT_TYPES.commonName)),
    field('dnsNames', allowed.dnsNames, names('dns')),
    field('ipAddresses', allowed.ipAddresses, names('ip')),
    field('uris', allowed.uris, names('uri')),
    field('emailAddresses', allowed.emailAddresses, names('email')),
    ...(Object.keys(SUBJECT_TYPES) as (keyof typeof SUBJECT_TYPES)[])
      .filter((key) => key !== 'commonName')
      .map((key) =>
        field(`subject.${key}`, key === 'serialNumber' ? oneAsMany(subject.serialNumber) : subject[key], attributes(SUBJECT_TYPES[key])),
      ),
    ...(subject.otherAttributes ?? []).map((entry) => field(`subject.otherAttributes[${entry.oid}]`, entry, attributes(entry.oid))),
    ...(allowed.otherNames ?? []).map((entry) =>
      field(`otherNames[${entry.oid}]`, entry, ({ description }) =>
        description.names.other.filter(({ oid }) => oid === entry.oid).map(({ value }) => value),
      ),
    ),
  ];
  return await Promise.all(declared);
}

type Many = v.InferOutput<typeof manyValues>;

function oneAsMany(one: v.InferOutput<typeof oneValue>): Many {
  return one === undefined ? undefined : { ...one, values: one.value === undefined ? undefined : [one.value] };
}

async function field(path: string, many: Many, valuesOf: Field['valuesOf']): Promise<Field> {
  const read = (many?.validations ?? []).map(async ({ rule, message }) => ({
    expression: await readExpression(rule, ['self', 'cr']),
    message: message ?? `failed rule: ${rule}`,
  }));
  return { path, patterns: many?.values, isRequired: many?.required ?? false, validations: await Promise.all(read), valuesOf };
}

function fieldRule({ path, patterns, isRequired, validations: checks, valuesOf }: Field): Rule {
  return {
    name: path,
    judge: (judged) => {
      const found = valuesOf(judged);
      if (found.length === 0)
        return isRequired ? broken(path, `${path} is required, and there is none`) : passed(path, `There is no ${path}`);
      if (patterns === undefined && checks.length === 0)
        return broken(path, `${path} ${quoted(found)} is not allowed: the policy allows none`);
      const foreign = patterns === undefined ? [] : found.filter((value) => !patterns.some((pattern) => matchesWildcard(pattern, value)));
      if (foreign.length > 0) return broken(path, `${path} ${quoted(foreign)} is not allowed: the policy allows ${quoted(patterns ?? [])}`);
      const { request } = judged;
      const cr = { name: request.name, namespace: namespaceOf(request), username: request.username };
      const failed = found.flatMap((self) =>
        checks
          .filter(({ expression }) => !expression.test({ self, cr }))
          .map(({ message }) => `${path} ${JSON.stringify(self)}: ${message}`),
      );
      return failed.length > 0 ? broken(path, failed.join('; ')) : passed(path, `${path} ${quoted(found)} is allowed`);
    },
  };
}

/** Subject attributes and otherNames of types that the policy does not name. */
function undeclaredRule({ subject = {}, otherNames = [] }: Allowed): Rule {
  const attributes = new Set<string>([...Object.values(SUBJECT_TYPES), ...(subject.otherAttributes ?? []).map(({ oid }) => oid)]);
  const others = new Set(otherNames.map(({ oid }) => oid));
  return {
    name: 'others',
    judge: ({ csr, description }) => {
      const found = [
        ...csr.subject.flat().filter(({ oid }) => !attributes.has(oid)),
        ...description.names.other.filter(({ oid }) => !others.has(oid)),
      ].map(({ oid, value }) => `${oid} ${JSON.stringify(value)}`);
      if (found.length === 0) return passed('others', 'There are no attributes or names of other types');
      return broken('others', `Attributes or names of other types are not allowed: ${found.join(', ')}`);
    },
  };
}

function durationLimits({ minDuration, maxDuration }: NonNullable<Spec['constraints']>): Parameters<typeof durationRule>[0] {
  return {
    ...(minDuration !== undefined && { min: parseDuration(minDuration) }),
    ...(maxDuration !== undefined && { max: parseDuration(maxDuration) }),
    isOptional: minDuration === undefined && maxDuration === undefined,
  };
}

/** The longer of the two, where both are there: cert-manager takes the annotation, other signers the field. */
function requestedDuration({
  expirationSeconds,
  annotations,
}: {
  readonly expirationSeconds?: number;
  readonly annotations: Readonly<Record<string, string>>;
}): number | undefined {
  const annotated = annotations[ANNOTATION.duration];
  const both = [
    ...(expirationSeconds === undefined ? [] : [expirationSeconds * 1_000]),
    ...(annotated === undefined ? [] : [isDuration(annotated) ? parseDuration(annotated) : Number.NaN]),
  ];
  return both.length === 0 ? undefined : Math.max(...both);
}

function keysOf({ algorithm, minSize, maxSize }: NonNullable<NonNullable<Spec['constraints']>['privateKey']>): AllowedKeys {
  const limits = { ...(minSize !== undefined && { min: minSize }), ...(maxSize !== undefined && { max: maxSize }) };
  return algorithm === undefined ? { RSA: limits, ECDSA: limits, Ed25519: limits } : { [algorithm]: limits };
}
