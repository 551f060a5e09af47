/**
 * What a certificate says, as it is kept in the meta of its generation: so that ten thousand of them are looked at without reading one. It is as
 * good as the certificate itself, for the store gives both or neither.
 */
import { createHash } from 'node:crypto';
import { certificateId } from '../acme/renewal-info.js';
import type { Json } from '../base/json.js';
import type { GeneralName } from '../base/names.js';
import type { CertificateContent } from '../pki/certificate.js';
import { keyTypeOfSpki } from '../pki/key.js';
import { KEY_TYPES } from '../pki/key-type.js';
import { isRevocable } from '../pki/revocation-places.js';
import { commonNameOf } from '../pki/subject.js';
import type { CertificateFacts } from '../policy/renewal.js';

export interface KnownCertificate extends CertificateFacts {
  /** As `CertificateContent.serialNumber`. */
  readonly serialNumber: string;
  /** Certificate id, RFC 9773 §4.1; absent where it has none. */
  readonly id?: string;
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string;
  /** It names somebody who tells whether it was revoked. */
  readonly isRevocable: boolean;
}

/** What a certificate says. */
export function knownOf(content: CertificateContent): KnownCertificate {
  const id = certificateId(content);
  return {
    names: content.extensions.names,
    commonName: commonNameOf(content.subject),
    notBefore: content.notBefore.getTime(),
    notAfter: content.notAfter.getTime(),
    keyType: keyTypeOfSpki(content.raw.spki),
    serialNumber: content.serialNumber,
    ...(id === undefined ? {} : { id }),
    fingerprint: createHash('sha256').update(content.der).digest('hex'),
    isRevocable: isRevocable(content),
  };
}

/** The meta with what the certificate says beside it. */
export function withKnown(meta: Json, content: CertificateContent): Json {
  const known = knownOf(content);
  // Names that have no text are left to those who read the certificate.
  if (!isObject(meta) || known.names.some(({ type }) => type === 'other')) return meta;
  return { ...meta, certificate: JSON.parse(JSON.stringify(known)) as Json };
}

/** What {@link withKnown} has kept; `undefined` where it has not, or not in this form. */
export function knownIn(meta: Json): KnownCertificate | undefined {
  const certificate = isObject(meta) ? meta.certificate : undefined;
  if (!isObject(certificate)) return undefined;
  const { names, commonName, notBefore, notAfter, keyType, serialNumber, id, fingerprint, isRevocable } = certificate;
  const isWhole =
    Array.isArray(names) &&
    names.every((name) => isObject(name) && typeof name.type === 'string' && typeof name.value === 'string') &&
    (commonName === undefined || typeof commonName === 'string') &&
    typeof notBefore === 'number' &&
    typeof notAfter === 'number' &&
    typeof serialNumber === 'string' &&
    typeof fingerprint === 'string' &&
    typeof isRevocable === 'boolean' &&
    (id === undefined || typeof id === 'string');
  if (!isWhole) return undefined;
  return {
    ...{ names: names as unknown as readonly GeneralName[], commonName, notBefore, notAfter, serialNumber, fingerprint, isRevocable },
    keyType: KEY_TYPES.find((type) => type === keyType),
    ...(id === undefined ? {} : { id }),
  };
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
