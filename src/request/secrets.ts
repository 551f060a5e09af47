/** What stands under `secret`, `issuerRef`, `secretAnnotation` and `secretLabel` becomes Secrets that a certificate goes to. */
import { TscertError } from '../base/errors.js';
import { DEFAULT_ISSUER } from '../kubernetes/secret/annotations.js';
import { checkTemplate, isSubdomain } from '../kubernetes/secret/tls.js';
import type { CertificateOptions } from './options.js';
import type { SecretRequest } from './request.js';

/**
 * The Secrets of the certificate with this name.
 * @throws {TscertError} `request-invalid`
 */
export function buildSecrets(options: CertificateOptions, name: string): SecretRequest[] {
  const { secret = [], issuerRef, secretAnnotation = [], secretLabel = [] } = options;
  const [annotations, labels] = [pairsOf('annotation', secretAnnotation), pairsOf('label', secretLabel)];
  checkTemplate('annotation', annotations);
  checkTemplate('label', labels);
  const shared = {
    ...{ certificateName: name.replace(/^\*\./, '_.'), annotations, labels },
    ...(issuerRef === undefined ? {} : { issuerRef: parseIssuerRef(issuerRef) }),
  };
  return secret.map((text) => ({ ...parseSecretPlace(text), ...shared }));
}

/**
 * The Secret that a certificate of this name has where nobody names one: `*.` in front becomes `wildcard.`.
 * @throws {TscertError} `request-invalid` for a name that no Secret can have
 */
export function secretNameOf(name: string): string {
  const safe = name
    .toLowerCase()
    .replace(/^(\*|_)\./, 'wildcard.')
    .replaceAll(/[:_@]+/g, '-');
  if (isSubdomain(safe)) return safe;
  throw refuse('write into a Secret of the name', name, 'it is no DNS name; name the Secret with --secret');
}

/**
 * `[NAMESPACE/]NAME[@CONTEXT]` in its parts.
 * @throws {TscertError} `request-invalid`
 */
export function parseSecretPlace(text: string): Pick<SecretRequest, 'namespace' | 'name' | 'context'> {
  const at = text.indexOf('@');
  const [place, context] = at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
  const [namespace, name, ...more] = place.includes('/') ? place.split('/') : [undefined, place];
  const isNamespace = namespace === undefined || (/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(namespace) && namespace.length <= 63);
  if (name !== undefined && more.length === 0 && isNamespace && isSubdomain(name) && context !== '') {
    return { ...(namespace === undefined ? {} : { namespace }), name, ...(context === undefined ? {} : { context }) };
  }
  throw refuse('use the Secret', text, 'it wants [NAMESPACE/]NAME[@CONTEXT] of lower-case letters, digits, "-" and "."');
}

/** `[KIND[.GROUP]/]NAME`, as kubectl writes a kind with its group. */
function parseIssuerRef(text: string): NonNullable<SecretRequest['issuerRef']> {
  const match = /^(?:([A-Za-z]\w*)(?:\.([a-z0-9.-]+))?\/)?([a-z0-9][a-z0-9.-]*)$/.exec(text);
  const [, kind = DEFAULT_ISSUER.kind, group = DEFAULT_ISSUER.group, name = ''] = match ?? [];
  if (match !== null && isSubdomain(name) && isSubdomain(group)) return { name, kind: kindOf(kind), group };
  throw refuse('use the issuer', text, 'it wants NAME, KIND/NAME or KIND.GROUP/NAME, as ClusterIssuer/letsencrypt');
}

/** Kinds are compared letter for letter; fingers know kubectl, to which case is nothing. */
function kindOf(word: string): string {
  return ['Issuer', 'ClusterIssuer'].find((kind) => kind.toLowerCase() === word.toLowerCase()) ?? word;
}

function pairsOf(what: string, texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      if (at <= 0) throw refuse(`use the ${what}`, text, 'it wants KEY=VALUE');
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

function refuse(what: string, value: string, reason: string): TscertError {
  return new TscertError('request-invalid', `Cannot ${what} "${value}": ${reason}`, { data: { value, reason } });
}
