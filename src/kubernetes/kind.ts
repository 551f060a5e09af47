/** Kinds of objects: where the API server has them, and how what it sends is read. */
import * as v from 'valibot';
import { TscertError } from '../base/errors.js';

/** What every object has (meta/v1 ObjectMeta); what is not named here is kept, so that a replaced object loses nothing. */
export const metadataSchema = v.looseObject({
  name: v.string(),
  namespace: v.exactOptional(v.string()),
  uid: v.exactOptional(v.string(), ''),
  /** Opaque: to be compared and sent back, never read. */
  resourceVersion: v.exactOptional(v.string(), ''),
  creationTimestamp: v.nullish(v.string()),
  deletionTimestamp: v.nullish(v.string()),
  labels: v.nullish(v.record(v.string(), v.string()), {}),
  annotations: v.nullish(v.record(v.string(), v.string()), {}),
});

export type Metadata = v.InferOutput<typeof metadataSchema>;

export interface KubernetesObject {
  readonly metadata: Metadata;
}

/** An object that is to be sent: `metadata.name`, or `metadata.generateName` where it is created. */
export interface Draft {
  readonly metadata: {
    readonly name?: string;
    readonly generateName?: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly resourceVersion?: string;
    readonly [more: string]: unknown;
  };
  readonly [more: string]: unknown;
}

export interface Kind<T extends KubernetesObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  /** In one word, as "Secret". */
  readonly kind: string;
  readonly isNamespaced: boolean;
  /** @throws {TscertError} `response-invalid` */
  parse(value: unknown): T;
}

/** Describes a kind; `schema` should be loose, so that an object that is sent back keeps what others wrote. */
export function defineKind<T extends KubernetesObject>(
  place: Omit<Kind<T>, 'parse'>,
  schema: v.GenericSchema<unknown, T> | v.GenericSchema<never, T>,
): Kind<T> {
  return {
    ...place,
    parse(value) {
      const parsed = v.safeParse(schema as v.GenericSchema<unknown, T>, value);
      if (parsed.success) return parsed.output;
      const [issue] = parsed.issues;
      const at = v.getDotPath(issue);
      throw new TscertError(
        'response-invalid',
        `Cannot read the ${place.kind} of the API server: ${at === null ? 'it' : `"${at}"`} wants ${issue.expected ?? 'another value'}`,
        { data: { kind: place.kind, ...(at === null ? {} : { path: at }) } },
      );
    },
  };
}

/** An object of any kind, of which only the metadata is read. */
export function anyKind(place: Omit<Kind<KubernetesObject>, 'parse'>): Kind<KubernetesObject> {
  return defineKind<KubernetesObject>(place, v.looseObject({ metadata: metadataSchema }));
}

/** As in an RBAC rule: `secrets`, `certificatesigningrequests.certificates.k8s.io`, `.../approval`. */
export function resourceWords({ plural, group }: Pick<Kind<never>, 'plural' | 'group'>, subresource?: string): string {
  return `${plural}${group === '' ? '' : `.${group}`}${subresource === undefined ? '' : `/${subresource}`}`;
}

export function apiVersionOf({ group, version }: Pick<Kind<never>, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

/**
 * The path of a collection, or of an object in it.
 * @throws {TscertError} `request-invalid` for names that cannot stand in a path (`IsValidPathSegmentName`)
 */
export function pathOf(
  kind: Pick<Kind<never>, 'group' | 'version' | 'plural' | 'isNamespaced'>,
  namespace: string | undefined,
  name?: string,
  subresource?: string,
): string {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const inside = kind.isNamespaced && namespace !== undefined ? `/namespaces/${segment(namespace)}` : '';
  const own = name === undefined ? '' : `/${segment(name)}`;
  return `${root}${inside}/${kind.plural}${own}${subresource === undefined ? '' : `/${subresource}`}`;
}

function segment(name: string): string {
  if (name !== '' && name !== '.' && name !== '..' && !/[/%]/.test(name)) return encodeURIComponent(name);
  throw new TscertError(
    'request-invalid',
    `Cannot use "${name}" as the name of an object: it may not be empty, ".", "..", or hold "/" or "%"`,
    {
      data: { name },
    },
  );
}
