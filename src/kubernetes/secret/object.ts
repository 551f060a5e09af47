/** Secrets (v1), and what stands in them. */
import * as v from 'valibot';
import { TscertError } from '../../base/errors.js';
import { defineKind, type Kind, metadataSchema } from '../kind.js';

const secretSchema = v.looseObject({
  metadata: metadataSchema,
  type: v.nullish(v.string(), ''),
  immutable: v.nullish(v.boolean(), false),
  /** Base64. */
  data: v.nullish(v.record(v.string(), v.string()), {}),
});

export type SecretObject = v.InferOutput<typeof secretSchema>;

export const SECRET: Kind<SecretObject> = defineKind(
  { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', isNamespaced: true },
  secretSchema,
);

/**
 * The octets under a key; `undefined` when there are none.
 * @throws {TscertError} `response-invalid` when they are not base64
 */
export function octetsOf(secret: SecretObject, key: string): Buffer | undefined {
  const text = secret.data?.[key];
  if (text === undefined || text === '') return undefined;
  const octets = Buffer.from(text, 'base64');
  if (octets.toString('base64') === text) return octets;
  const { name, namespace = '' } = secret.metadata;
  throw new TscertError('response-invalid', `Cannot read the Secret "${namespace}/${name}": its "${key}" is not base64`, {
    data: { name, namespace, key },
  });
}

/** The same as UTF-8. */
export function textOf(secret: SecretObject, key: string): string | undefined {
  return octetsOf(secret, key)?.toString('utf8');
}

/** Texts as the data of a Secret. */
export function dataOf(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]));
}
