/**
 * A certificate as a `kubernetes.io/tls` Secret, as cert-manager writes it, and back. The API server looks at nothing in it but that both keys
 * are there, so key and certificate are held against each other here, before they are written and when they are read.
 */
import { createHash } from 'node:crypto';
import { isTscertError, messageOf, TscertError } from '../../base/errors.js';
import type { Json } from '../../base/json.js';
import { type CertificateContent, readCertificates } from '../../pki/certificate.js';
import { publicKeyEquals } from '../../pki/key.js';
import { readPrivateKey } from '../../pki/key-reader.js';
import type { Draft } from '../kind.js';
import { CERT_MANAGER, certificateAnnotations, FAO_LABEL, type IssuerRef, ownerAnnotations } from './annotations.js';
import { dataOf, type SecretObject, textOf } from './object.js';

export const TLS_TYPE = 'kubernetes.io/tls';
/** Our own annotation: what the certificate was issued for, which it cannot tell itself. */
export const FACTS_ANNOTATION = 'tscert.io/issued-for';
const VERSION = 1;
/** The one annotation of cert-manager's that a template may set. */
const INJECTION = `${CERT_MANAGER}/allow-direct-injection`;

/** Where a Secret is. */
export interface SecretPlace {
  readonly namespace: string;
  readonly name: string;
}

/** PEM texts, each ending with a line feed. */
export interface TlsParts {
  readonly privateKey: string;
  readonly certificate: string;
  /** The intermediates, leaf's issuer first. */
  readonly chain: string;
  /** The authority, where it is known by other ways than the chain; ACME tells none. */
  readonly ca?: string;
}

export interface TlsSettings {
  /** Of the Certificate that cert-manager would know it by. */
  readonly certificateName: string;
  /** Its issuer there; without one cert-manager would issue anew. */
  readonly issuerRef?: IssuerRef | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** What it was issued for. */
export interface IssuedFor {
  /** As policy/meta gives it. */
  readonly meta: Json;
}

/**
 * The Secret to apply: these fields are ours, all others are left to whoever set them.
 * @throws {TscertError} `certificate-mismatch` when the key is another certificate's; `certificate-invalid`, `key-invalid`, `pem-invalid`
 */
export function tlsSecretOf(place: SecretPlace, parts: TlsParts, settings: TlsSettings, { meta }: IssuedFor): Draft {
  const { leaf, intermediates } = checkParts(place, parts);
  const fullchain = [leaf, ...intermediates].map(({ pem }) => pem).join('');
  return draftOf(
    place,
    { fullchain, leaf, parts },
    settings,
    JSON.stringify({ version: VERSION, name: settings.certificateName, chain: digestOf(fullchain), meta }),
  );
}

function draftOf(
  { namespace, name }: SecretPlace,
  { fullchain, leaf, parts }: { fullchain: string; leaf: CertificateContent; parts: Pick<TlsParts, 'privateKey' | 'ca'> },
  { certificateName, issuerRef, annotations, labels }: TlsSettings,
  facts: string,
): Draft {
  return {
    metadata: {
      ...{ name, namespace },
      labels: { ...labels, [FAO_LABEL]: 'true' },
      annotations: {
        ...annotations,
        ...certificateAnnotations(leaf),
        ...(issuerRef === undefined ? {} : ownerAnnotations(certificateName, issuerRef)),
        [FACTS_ANNOTATION]: facts,
      },
    },
    type: TLS_TYPE,
    data: dataOf({ 'tls.crt': fullchain, 'tls.key': parts.privateKey, ...(parts.ca === undefined ? {} : { 'ca.crt': parts.ca }) }),
  };
}

function checkParts(
  { namespace, name }: SecretPlace,
  { privateKey, certificate, chain }: TlsParts,
): { leaf: CertificateContent; intermediates: readonly CertificateContent[] } {
  const key = readPrivateKey(privateKey);
  const [leaf, ...others] = readCertificates(certificate + chain);
  if (leaf?.publicKey !== undefined && publicKeyEquals(leaf.publicKey, key)) {
    // A root is not sent to anybody: who trusts it has it.
    return { leaf, intermediates: others.filter(({ raw }) => !raw.subject.equals(raw.issuer)) };
  }
  throw new TscertError(
    'certificate-mismatch',
    `Cannot write the certificate into the Secret "${namespace}/${name}": its key does not belong to it`,
    { data: { namespace, name } },
  );
}

/** What a Secret holds, in cert-manager's words where it is no good. */
export type TlsReading =
  | { readonly state: 'faulty'; readonly reason: 'MissingData' | 'InvalidKeyPair' | 'InvalidCertificate'; readonly message: string }
  | {
      readonly state: 'good';
      readonly privateKey: string;
      /** As it stands: leaf and chain. */
      readonly fullchain: string;
      /** The first of them, for which the key is. */
      readonly leaf: CertificateContent;
      readonly others: readonly CertificateContent[];
      /** What we have kept of its request, where we wrote it and nobody has changed it since. */
      readonly meta?: Json;
    };

/** Reads a Secret that anybody may have written. */
export function readTlsSecret(secret: SecretObject): TlsReading {
  const faulty = (reason: Extract<TlsReading, { state: 'faulty' }>['reason'], message: string): TlsReading => ({
    ...{ state: 'faulty', reason, message },
  });
  const [privateKey, fullchain] = [textOf(secret, 'tls.key'), textOf(secret, 'tls.crt')];
  if (privateKey === undefined) return faulty('MissingData', 'it has no "tls.key"');
  if (fullchain === undefined) return faulty('MissingData', 'it has no "tls.crt"');
  let certificates: readonly CertificateContent[];
  try {
    certificates = readCertificates(fullchain);
  } catch (error) {
    if (!isTscertError(error)) throw error;
    return faulty('InvalidCertificate', `its "tls.crt" cannot be read: ${messageOf(error)}`);
  }
  const [leaf, ...others] = certificates;
  if (leaf === undefined) return faulty('InvalidCertificate', 'its "tls.crt" holds no certificate');
  try {
    if (leaf.publicKey === undefined || !publicKeyEquals(leaf.publicKey, readPrivateKey(privateKey))) {
      return faulty('InvalidKeyPair', 'its "tls.key" does not belong to its "tls.crt"');
    }
  } catch (error) {
    if (!isTscertError(error)) throw error;
    return faulty('InvalidKeyPair', 'its "tls.key" cannot be read');
  }
  const meta = metaIn(secret, fullchain);
  return { state: 'good', privateKey, fullchain, leaf, others, ...(meta === undefined ? {} : { meta }) };
}

/** The certificate that we wrote into it; undefined where we did not, or where it was handed over to us. */
export function ownerOf({ metadata }: SecretObject): string | undefined {
  try {
    const facts: unknown = JSON.parse(metadata.annotations?.[FACTS_ANNOTATION] ?? '');
    return typeof facts === 'object' && facts !== null && 'name' in facts && typeof facts.name === 'string' ? facts.name : undefined;
  } catch {
    return undefined;
  }
}

/** True when the Secret carries our annotation, whatever it says. */
export function isOurs({ metadata }: SecretObject): boolean {
  return metadata.annotations?.[FACTS_ANNOTATION] !== undefined;
}

function metaIn({ metadata }: SecretObject, fullchain: string): Json | undefined {
  let facts: unknown;
  try {
    facts = JSON.parse(metadata.annotations?.[FACTS_ANNOTATION] ?? '');
  } catch {
    return undefined;
  }
  if (typeof facts !== 'object' || facts === null || !('version' in facts && 'chain' in facts && 'meta' in facts)) return undefined;
  return facts.version === VERSION && facts.chain === digestOf(fullchain) ? (facts.meta as Json) : undefined;
}

/** Why a Secret is not as it was written. */
export interface Drift {
  readonly reason:
    | 'DoesNotExist'
    | 'MissingData'
    | 'InvalidKeyPair'
    | 'InvalidCertificate'
    | 'IncorrectIssuer'
    | 'SecretMismatch'
    | 'SecretTemplateMismatch';
  /** A clause about the Secret: `it has no "tls.key"`. */
  readonly message: string;
}

/**
 * Whether a Secret holds this certificate as we would write it; otherwise what is wrong with it. What others added does not count.
 * @param fingerprint SHA-256 of the leaf's DER, lower-case hex
 */
export function driftOf(
  place: SecretPlace,
  secret: SecretObject | undefined,
  fingerprint: string,
  settings: TlsSettings,
): Drift | undefined {
  if (secret === undefined) return { reason: 'DoesNotExist', message: 'it is not there' };
  const reading = readTlsSecret(secret);
  if (reading.state === 'faulty') return { reason: reading.reason, message: reading.message };
  if (createHash('sha256').update(reading.leaf.der).digest('hex') !== fingerprint) {
    return { reason: 'SecretMismatch', message: 'it holds another certificate than the stored one' };
  }
  if (reading.meta === undefined) {
    return {
      reason: 'SecretMismatch',
      message: isOurs(secret) ? 'its chain is not the stored one' : 'it does not say what it was issued for',
    };
  }
  const facts = secret.metadata.annotations?.[FACTS_ANNOTATION] ?? '';
  const { metadata } = draftOf(place, { ...reading, parts: { privateKey: reading.privateKey } }, settings, facts);
  return templateDrift(secret, metadata);
}

function templateDrift({ metadata: found }: SecretObject, wanted: Draft['metadata']): Drift | undefined {
  for (const [what, has, wants] of [
    ['annotation', found.annotations, wanted.annotations],
    ['label', found.labels, wanted.labels],
  ] as const) {
    for (const [key, value] of Object.entries(wants ?? {})) {
      if (has?.[key] === value) continue;
      const reason = key.startsWith(`${CERT_MANAGER}/issuer-`) ? 'IncorrectIssuer' : 'SecretTemplateMismatch';
      return { reason, message: `its ${what} "${key}" ${has?.[key] === undefined ? 'is not there' : 'is another'}` };
    }
  }
  return undefined;
}

/**
 * Refuses annotations and labels of a template that cert-manager keeps for itself, or that no object can have.
 * @throws {TscertError} `request-invalid`
 */
export function checkTemplate(what: 'annotation' | 'label', pairs: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(pairs)) {
    const reason = faultOfPair(what, key, value);
    if (reason === undefined) continue;
    throw new TscertError('request-invalid', `Cannot put the ${what} "${key}" on a Secret: ${reason}`, { data: { key, reason } });
  }
}

function faultOfPair(what: 'annotation' | 'label', key: string, value: string): string | undefined {
  const [prefix, name] = key.includes('/') ? [key.slice(0, key.indexOf('/')), key.slice(key.indexOf('/') + 1)] : ['', key];
  if (prefix === CERT_MANAGER && key !== INJECTION) return `"${CERT_MANAGER}/" is cert-manager's own`;
  if (key === FAO_LABEL || prefix === 'tscert.io') return 'tscert sets it itself';
  if (!/^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/.test(name)) return 'its name may have 63 letters, digits, "-", "_" and "."';
  if (prefix !== '' && !isSubdomain(prefix)) return 'its prefix is no DNS name';
  if (what === 'label' && !/^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/.test(value)) {
    return 'the value of a label may have 63 letters, digits, "-", "_" and "."';
  }
  return undefined;
}

/** True for a DNS-1123 subdomain, which names of Secrets are. */
export function isSubdomain(text: string): boolean {
  return text.length <= 253 && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/.test(text);
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
