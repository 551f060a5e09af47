/** What is wrong with a Secret that holds a certificate: judging what was read of it. Pure. */
import type { KeyObject } from 'node:crypto';
import { messageOf } from '../../base/errors.js';
import { type GeneralName, parseName } from '../../base/names.js';
import { DEFAULT_ISSUER, isOfIssuer } from '../../kubernetes/secret/annotations.js';
import type { SecretObject } from '../../kubernetes/secret/object.js';
import { type CertificateContent, readCertificates } from '../../pki/certificate.js';
import { titleOf } from '../../pki/chain.js';
import { rootOf } from '../../pki/chain-check.js';
import { readPrivateKey } from '../../pki/key-reader.js';
import { type Read, valueIn } from './attempt.js';
import { CERTIFICATE_LINKS, certificateLinks } from './certificate-links.js';
import { type ClusterEvidence, clusterLink } from './cluster.js';
import { refusedLink } from './grant.js';
import { broken, type Link, listed, ok, unknown, walk } from './link.js';
import { absentLink } from './object.js';
import { type CertificateObject, type IngressObject, keepersOf } from './objects.js';
import { type Probed, servedLink } from './served.js';

export interface SecretEvidence {
  readonly name: string;
  readonly namespace: string;
  readonly cluster: ClusterEvidence;
  /** Every namespace of the cluster. */
  readonly namespaces: Read<readonly string[]>;
  readonly secret: Read<SecretObject | undefined>;
  /** Of Secrets: those in the same namespace, and the namespaces that have one of this name. Read only when it is not there. */
  readonly neighbours: Read<readonly string[]>;
  readonly elsewhere: Read<readonly string[]>;
  readonly ingresses: Read<readonly IngressObject[]>;
  /** cert-manager's Certificates of the namespace; undefined where the cluster has no such kind. */
  readonly certificates: Read<readonly CertificateObject[] | undefined>;
  /** What servers send that should send it. */
  readonly probed: readonly Probed[];
  readonly roots: Iterable<CertificateContent>;
  readonly areRootsNamed: boolean;
  readonly now: number;
}

const HOLDS = ['type', 'data', 'writer', ...CERTIFICATE_LINKS, 'ca', 'issuer', 'ingress', 'served'] as const;
export const SECRET_CHAIN = ['cluster', 'rights', 'object', ...HOLDS] as const;

/** The chain, to the first link that does not hold. Never throws. */
export function judgeSecret(evidence: SecretEvidence): readonly Link[] {
  return walk(SECRET_CHAIN, linksOf(evidence));
}

function* linksOf(evidence: SecretEvidence): Generator<Link> {
  yield clusterLink(evidence.cluster);
  yield* secretLinks(evidence);
}

/** The links behind the cluster's own. */
export function* secretLinks(evidence: SecretEvidence): Generator<Link> {
  const { name, namespace, secret } = evidence;
  if (secret.error !== undefined) {
    yield refusedLink('rights', secret.error, valueIn(evidence.cluster.who));
    return;
  }
  yield ok('rights', `we may read Secrets in the namespace "${namespace}"`);
  if (secret.value === undefined) {
    yield absentSecret(evidence);
    return;
  }
  const { metadata, type, data } = secret.value;
  yield ok('object', `"${name}" is there${metadata.creationTimestamp ? `, since ${metadata.creationTimestamp}` : ''}`);
  yield typeLink(type ?? '');
  yield dataLink(data ?? {});
  yield writerLink(metadata);
  const [pem, keyPem, caPem] = ['tls.crt', 'tls.key', 'ca.crt'].map((key) => decode(data?.[key]));
  const authorities = readOrNone(caPem ?? '');
  const own = claims(evidence);
  yield* certificateLinks({
    ...evidence,
    pem: pem ?? '',
    where: 'tls.crt',
    key: keyOf(keyPem ?? ''),
    wanted: wantedOf(secret.value, own),
    renew: `issue it anew, key and certificate together: tscert issue --secret ${namespace}/${name}${own.length > 0 ? ', or cmctl renew' : ''}`,
    roots: chained(authorities, evidence.roots),
  });
  const chain = readOrNone(pem ?? '');
  const [leaf] = chain;
  if (leaf === undefined) return;
  if (caPem !== undefined && caPem !== '') yield authorityLink(chain, authorities, evidence.now);
  yield issuerLink(secret.value, own, evidence);
  yield ingressLink(leaf, evidence);
  for (const probed of evidence.probed) yield servedLink(probed, leaf, 'the Secret');
}

function absentSecret({ name, namespace, namespaces, neighbours, elsewhere }: SecretEvidence): Link {
  const known = valueIn(namespaces);
  if (known !== undefined && !known.includes(namespace)) {
    return absentLink({ kind: 'namespace', name: namespace, known, elsewhere: valueIn(elsewhere) ?? [] });
  }
  const next = `make it: tscert issue -d NAME --secret ${namespace}/${name}`;
  const others = (valueIn(elsewhere) ?? []).filter((one) => one !== namespace);
  return absentLink({ kind: 'Secret', name, namespace, known: valueIn(neighbours), elsewhere: others, next });
}

function typeLink(type: string): Link {
  if (type === 'kubernetes.io/tls') return ok('type', 'kubernetes.io/tls');
  const next = 'the type of a Secret cannot be changed: delete it, and write it anew';
  if (type === 'Opaque')
    return unknown('type', 'it is Opaque and not kubernetes.io/tls: most servers read it all the same, some do not', next);
  return broken('type', `it is of the type "${type}", which is not for certificates`, next);
}

function dataLink(data: Readonly<Record<string, string>>): Link {
  const faults = ['tls.crt', 'tls.key'].flatMap((key) => {
    const value = data[key];
    if (value === undefined) return [`it has no ${key}`];
    const plain = decode(value) ?? '';
    if (plain.trim() === '') return [`its ${key} is empty`];
    // "-----BEGIN" in base64.
    if (plain.startsWith('LS0tLS1CRUdJTi')) return [`its ${key} is base64 twice over`];
    return plain.includes('-----BEGIN ') ? [] : [`its ${key} is not PEM`];
  });
  const others = Object.keys(data).filter((key) => !['tls.crt', 'tls.key', 'ca.crt'].includes(key));
  if (faults.length === 0)
    return ok('data', `tls.crt and tls.key are PEM${others.length === 0 ? '' : `; beside them ${listed(others.sort())}`}`);
  const isTwice = faults.some((fault) => fault.includes('twice'));
  const next = isTwice
    ? 'what stands under data is base64 of PEM; PEM itself goes under stringData'
    : 'kubectl create secret tls NAME --cert FILE --key FILE checks what it writes, and so does tscert issue --secret';
  return broken('data', faults.join('; '), next);
}

function writerLink(metadata: SecretObject['metadata']): Link {
  const [crt, key] = [keepersOf(metadata, 'data', 'tls.crt'), keepersOf(metadata, 'data', 'tls.key')];
  const words = (keepers: typeof crt): string => keepers.map(({ manager, at }) => `"${manager}" (${at})`).join(' and ');
  const [ofCrt, ofKey] = [words(crt), words(key)];
  if (crt.length === 0 || key.length === 0) return unknown('writer', 'the cluster has not kept who wrote it');
  if (ofCrt === ofKey && crt.length === 1) return ok('writer', `tls.crt and tls.key were written together by ${ofCrt}`);
  const message = ofCrt === ofKey ? `tls.crt and tls.key are written by ${ofCrt}` : `tls.crt was written by ${ofCrt}, tls.key by ${ofKey}`;
  return unknown('writer', message, 'one alone should write it, and both halves at once');
}

/** Base64 as the API server takes it; undefined where there is none. */
function decode(value: string | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
}

function readOrNone(pem: string): readonly CertificateContent[] {
  try {
    return readCertificates(pem);
  } catch {
    return [];
  }
}

function* chained<T>(...all: readonly Iterable<T>[]): Generator<T> {
  for (const one of all) yield* one;
}

function keyOf(pem: string): { readonly publicKey: KeyObject; readonly words: string } | { readonly fault: string } {
  try {
    return { publicKey: readPrivateKey(pem), words: 'tls.key' };
  } catch (error) {
    return { fault: `tls.key: ${messageOf(error)}` };
  }
}

/** The Certificates of cert-manager that are to be kept in this Secret. */
function claims({ name, certificates }: SecretEvidence): readonly CertificateObject[] {
  return (valueIn(certificates) ?? []).filter(({ spec }) => spec.secretName === name);
}

function wantedOf({ metadata }: SecretObject, [claim]: readonly CertificateObject[]): { names: readonly GeneralName[]; by: string } {
  if (claim !== undefined) {
    const { dnsNames, ipAddresses, uris, emailAddresses } = claim.spec;
    const names = [
      ...(dnsNames ?? []).map((value) => ({ type: 'dns', value }) as const),
      ...(ipAddresses ?? []).map((value) => ({ type: 'ip', value }) as const),
      ...(uris ?? []).map((value) => ({ type: 'uri', value }) as const),
      ...(emailAddresses ?? []).map((value) => ({ type: 'email', value }) as const),
    ];
    return { names, by: `the Certificate "${claim.metadata.name}" wants` };
  }
  const { annotations } = metadata;
  const list = (key: string): string[] => (annotations?.[`cert-manager.io/${key}`] ?? '').split(',').filter((one) => one !== '');
  const names = [...list('alt-names'), ...list('ip-sans')].flatMap((text) => {
    try {
      return [parseName(text)];
    } catch {
      return [];
    }
  });
  return { names, by: 'its annotations say' };
}

function authorityLink(chain: readonly CertificateContent[], authorities: readonly CertificateContent[], now: number): Link {
  const next = 'ca.crt must hold what tls.crt leads to: write both together, or leave ca.crt out';
  if (authorities.length === 0) return broken('ca', 'ca.crt holds no certificate in PEM', next);
  const root = rootOf(chain, authorities, now);
  if (root !== undefined) return ok('ca', `ca.crt is what it leads to: ${titleOf(root)}`);
  const expired = authorities.filter(({ notAfter }) => now > notAfter.getTime());
  if (expired.length === authorities.length) return broken('ca', `ca.crt has expired: ${expired.map(titleOf).join(', ')}`, next);
  return broken('ca', `ca.crt holds ${authorities.map(titleOf).join(', ')}, which has not issued it`, next);
}

/** Whether cert-manager would leave it as it is (its own words: IncorrectIssuer, IncorrectCertificate). */
function issuerLink({ metadata }: SecretObject, own: readonly CertificateObject[], { certificates, namespace }: SecretEvidence): Link {
  const annotations = metadata.annotations ?? {};
  const noted = ['kind', 'name', 'group'].map((what) => annotations[`cert-manager.io/issuer-${what}`] ?? '');
  const says = noted.every((word) => word === '') ? 'no issuer' : `the issuer ${words(noted)}`;
  if (certificates.error !== undefined)
    return unknown('issuer', `its annotations name ${says}; whether a Certificate claims it cannot be read`);
  if (certificates.value === undefined) return ok('issuer', `its annotations name ${says}; cert-manager is not in this cluster`);
  const names = own.map((one) => one.metadata.name);
  if (own.length > 1) {
    const next = 'give each its own secretName: cert-manager goes on with one of them, and leaves the others as they are';
    return broken('issuer', `${own.length} Certificates in "${namespace}" claim it: ${listed(names)}`, next);
  }
  const [claim] = own;
  if (claim === undefined) return ok('issuer', `its annotations name ${says}; no Certificate of cert-manager claims it`);
  const { name, kind, group } = claim.spec.issuerRef ?? {};
  const ref = { name: name ?? '', kind: kind ?? DEFAULT_ISSUER.kind, group: group ?? DEFAULT_ISSUER.group };
  const wanted = [ref.kind, ref.name, ref.group];
  const next = 'let one of both keep it: delete the Certificate, or have its annotations say what the Certificate says (--issuer-ref)';
  if (!isOfIssuer(annotations, ref)) {
    return broken(
      'issuer',
      `cert-manager will issue it anew (IncorrectIssuer): its annotations name ${says}, and "${claim.metadata.name}" wants ${words(wanted)}`,
      next,
    );
  }
  const of = annotations['cert-manager.io/certificate-name'];
  if (of !== undefined && of !== claim.metadata.name) {
    return broken(
      'issuer',
      `cert-manager will issue it anew (IncorrectCertificate): its annotations name the Certificate "${of}", and "${claim.metadata.name}" claims it`,
      next,
    );
  }
  return ok('issuer', `it is what the Certificate "${claim.metadata.name}" expects, of ${words(wanted)}`);
}

function words([kind = '', name = '', group = '']: readonly string[]): string {
  return `${kind || 'of no kind'} "${name}"${group === 'cert-manager.io' || group === '' ? '' : ` (${group})`}`;
}

function ingressLink({ extensions }: CertificateContent, { name, ingresses }: SecretEvidence): Link {
  if (ingresses.error !== undefined) return unknown('ingress', 'which Ingresses name it cannot be read');
  const held = extensions.names.flatMap(({ type, value }) => (type === 'dns' ? [value.toLowerCase()] : []));
  const users = ingresses.value.flatMap(({ metadata, spec }) => {
    const hosts = (spec?.tls ?? []).filter(({ secretName }) => secretName === name).flatMap(({ hosts }) => hosts ?? []);
    const isUser = (spec?.tls ?? []).some(({ secretName }) => secretName === name);
    return isUser ? [{ ingress: metadata.name, missing: hosts.filter((host) => !covers(held, host)) }] : [];
  });
  const short = users.filter(({ missing }) => missing.length > 0);
  if (short.length > 0) {
    const message = short.map(({ ingress, missing }) => `the Ingress "${ingress}" wants it for ${listed(missing)}`).join('; ');
    return broken(
      'ingress',
      `${message}, which it does not hold`,
      'issue it with these names as well, or give that Ingress a Secret of its own',
    );
  }
  return ok(
    'ingress',
    users.length === 0 ? 'no Ingress names it' : `it holds every host of ${listed(users.map(({ ingress }) => ingress))}`,
  );
}

function covers(held: readonly string[], host: string): boolean {
  const wanted = host.toLowerCase();
  return held.includes(wanted) || held.includes(wanted.replace(/^[^.]+/, '*'));
}
