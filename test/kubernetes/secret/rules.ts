/** cert-manager's question "must it issue?" about a Secret (its chain of policy checks, in order), for a Certificate without a CertificateRequest. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readCertificate } from '../../../src/pki/certificate.js';
import { keyTypeOf } from '../../../src/pki/key.js';
import { commonNameOf } from '../../../src/pki/subject.js';

export interface CertManagerCertificate {
  readonly name: string;
  readonly issuerRef: { readonly name: string; readonly kind?: string; readonly group?: string };
  readonly commonName?: string;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly uris?: readonly string[];
  readonly emailAddresses?: readonly string[];
  /** `rsa2048` unless given. */
  readonly key?: string;
}

interface SecretLike {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> | null };
  readonly data?: Readonly<Record<string, string>> | null;
}

/** The first reason to issue; undefined when the Secret is adopted as it is. */
export function reasonToIssue(secret: SecretLike | undefined, wanted: CertManagerCertificate, now: number): string | undefined {
  if (secret === undefined) return 'DoesNotExist';
  const text = (key: string): string => Buffer.from(secret.data?.[key] ?? '', 'base64').toString();
  const [crt, key] = [text('tls.crt'), text('tls.key')];
  if (crt === '' || key === '') return 'MissingData';
  const leaf = new X509Certificate(crt);
  if (!leaf.checkPrivateKey(createPrivateKey(key))) return 'InvalidKeyPair';
  const said = (name: string): string | undefined => secret.metadata.annotations?.[`cert-manager.io/${name}`];
  const { name, kind = 'Issuer', group = 'cert-manager.io' } = wanted.issuerRef;
  if (said('issuer-name') !== name) return 'IncorrectIssuer';
  if ((said('issuer-kind') || 'Issuer') !== kind || (said('issuer-group') || 'cert-manager.io') !== group) return 'IncorrectIssuer';
  if (said('certificate-name') !== undefined && said('certificate-name') !== wanted.name) return 'IncorrectCertificate';
  if (keyTypeOf(createPrivateKey(key)) !== (wanted.key ?? 'rsa2048')) return 'SecretMismatch';
  const content = readCertificate(leaf.raw);
  const held = (type: string): string[] =>
    content.extensions.names.flatMap((one) => (one.type === type && 'value' in one ? [String(one.value)] : []));
  const set = (...lists: readonly (readonly string[] | undefined)[]): string =>
    JSON.stringify([...new Set(lists.flatMap((list) => list ?? []))].filter((one) => one !== '').sort());
  const common = commonNameOf(content.subject);
  if (set(held('dns'), common === undefined ? [] : [common]) !== set(wanted.dnsNames, [wanted.commonName ?? ''])) return 'RequestChanged';
  if (set(held('ip')) !== set(wanted.ipAddresses) || set(held('uri')) !== set(wanted.uris)) return 'RequestChanged';
  if (set(held('email')) !== set(wanted.emailAddresses)) return 'RequestChanged';
  const [begin, end] = [content.notBefore.getTime(), content.notAfter.getTime()];
  return now >= end - (end - begin) / 3 ? 'Renewing' : undefined;
}

/** Go's encoding/csv reader for one line: what cert-manager reads its annotations with. */
export function readCsvLine(line: string): string[] {
  const fields: string[] = [];
  let rest = line;
  for (;;) {
    if (rest.startsWith('"')) {
      const quoted = /^"((?:[^"]|"")*)"(?=,|$)/.exec(rest);
      if (quoted === null) throw new Error(`bare quote in ${JSON.stringify(line)}`);
      fields.push((quoted[1] ?? '').replaceAll('""', '"').replaceAll('\r\n', '\n'));
      rest = rest.slice(quoted[0].length);
    } else {
      const plain = rest.includes(',') ? rest.slice(0, rest.indexOf(',')) : rest;
      if (/["\r\n]/.test(plain)) throw new Error(`bare ${JSON.stringify(plain)}`);
      fields.push(plain);
      rest = rest.slice(plain.length);
    }
    if (rest === '') return fields;
    rest = rest.slice(1);
  }
}
