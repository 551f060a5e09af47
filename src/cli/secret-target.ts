/** `secret:[NAMESPACE/]NAME[@CONTEXT]` as a target of commands that look. */
import { TscertError } from '../base/errors.js';
import { octetsOf, SECRET, type SecretObject } from '../kubernetes/secret/object.js';
import { parseSecretPlace } from '../request/secrets.js';
import { clusterOf } from './cluster.js';
import type { Context } from './context.js';
import { storePlace } from './places.js';

const PREFIX = 'secret:';
/** In this order; others follow where they are PEM. */
const FIRST = ['tls.crt', 'tls.key', 'ca.crt'];

/**
 * The Secret that a target names.
 * @throws {TscertError} `request-invalid`, `cluster-absent` when it is not there, and what the client throws
 */
export async function fetchSecretTarget({ system, globals, signal }: Context, target: string): Promise<SecretObject> {
  const { namespace, name, context } = parseSecretPlace(target.slice(PREFIX.length));
  const client = await clusterOf(system, storePlace(system, globals), context);
  const place = { name, namespace: namespace ?? client.namespace };
  const secret = await client.get(SECRET, place, { signal });
  if (secret !== undefined) return secret;
  throw new TscertError('cluster-absent', `Cannot read the Secret "${place.namespace}/${name}": it is not there`, { data: place });
}

/**
 * What of a Secret can be looked at: certificates and keys, each as it stands there.
 * @throws {TscertError} `certificate-invalid` when there is nothing of that kind
 */
export function contentsOf(secret: SecretObject): readonly Buffer[] {
  const keys = Object.keys(secret.data ?? {}).sort();
  const others = keys.filter((key) => !FIRST.includes(key) && octetsOf(secret, key)?.includes('-----BEGIN ') === true);
  const contents = [...FIRST, ...others].map((key) => octetsOf(secret, key)).filter((octets) => octets !== undefined);
  if (contents.length > 0) return contents;
  const { name, namespace = '' } = secret.metadata;
  throw new TscertError('certificate-invalid', `Cannot find a certificate in the Secret "${namespace}/${name}": it has no "tls.crt"`, {
    data: { namespace, name },
  });
}
