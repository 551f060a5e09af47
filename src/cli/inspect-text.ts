/** What was found, in lines for people. Nothing that others wrote reaches the terminal raw. */
import { printable } from '../base/printable.js';
import type { Found } from '../flow/inspect.js';
import type { CertificateDescription, CsrDescription, KeyDescription, NamesDescription } from '../pki/describe.js';
import { attributeName, extensionName } from './inspect-words.js';
import { messageWords } from './ui/words.js';

/** A label and its values; each value is a line, none leaves the label out. */
type Row = readonly [label: string, values: readonly (string | undefined)[]];

const TITLES: Readonly<Record<Found['type'], string>> = {
  certificate: 'Certificate',
  csr: 'Certificate signing request',
  'private-key': 'Private key',
  'public-key': 'Public key',
  unreadable: 'Not readable',
};
const WIDTH = 13;

/**
 * The lines of one thing, without a line feed at the end.
 * @param place its number where there are several of its kind
 * @param owners names of the certificates and requests for a key, by its digest
 */
export function foundText(found: Found, place: number | undefined, owners: ReadonlyMap<string, readonly string[]> = new Map()): string {
  const title = `${TITLES[found.type]}${place === undefined ? '' : ` ${place}`}`;
  const belongs: Row = ['belongs to', found.type === 'private-key' ? (owners.get(found.key?.publicKeySha256 ?? '') ?? []) : []];
  return [title, ...[...rowsOf(found, place), belongs].flatMap(linesOf)].join('\n');
}

function linesOf([label, values]: Row): string[] {
  const lines = values.filter((value) => value !== undefined);
  return lines.map((line, at) => `  ${(at === 0 ? label : '').padEnd(WIDTH)} ${printable(line)}`);
}

function rowsOf(found: Found, place: number | undefined): readonly Row[] {
  switch (found.type) {
    case 'certificate':
      return [
        ['subject', [found.subject === '' ? '(empty)' : found.subject]],
        ['issuer', [found.isSelfSigned ? `${found.issuer} (itself)` : found.issuer]],
        ['serial', [found.serialNumber.replaceAll(/(..)(?=.)/g, '$1:')]],
        ['valid', [validity(found)]],
        ...shared(found),
        ['issuer key id', [found.authorityKeyIdentifier]],
        ['OCSP', found.ocspUrls],
        ['CA issuers', found.caIssuerUrls],
        ['CRL', found.crlUrls],
        ...others(found),
        ['signature', [found.signatureAlgorithm, chainWords(found.signedByNext, place)]],
        ['fingerprint', [`SHA-256 ${colons(found.fingerprintSha256)}`]],
      ];
    case 'csr':
      return [
        ['subject', [found.subject === '' ? '(empty)' : found.subject]],
        ...shared(found),
        ...others(found),
        ['attributes', found.otherAttributes.map(attributeName)],
        ['signature', [`${found.signatureAlgorithm}, ${found.signatureValid ? 'valid' : 'NOT VALID'}`]],
      ];
    case 'private-key':
      return [
        ...(found.key === undefined ? [] : keyRows(found.key)),
        ['encrypted', [found.key === undefined ? 'yes; --passphrase-file FILE opens it' : found.encrypted ? 'yes' : 'no']],
      ];
    case 'public-key':
      return keyRows(found.key);
    case 'unreadable':
      return [
        ['what', [found.what]],
        ['why', [messageWords(found.error)]],
      ];
  }
}

function shared(found: CertificateDescription | CsrDescription): readonly Row[] {
  return [
    ...nameRows(found.names),
    ...keyRows(found.key),
    ['usages', [found.usages.length === 0 ? undefined : found.usages.join(', ')]],
    ['CA', [found.isCa ? `yes${found.pathLength === undefined ? '' : `, path length ${found.pathLength}`}` : 'no']],
    ...constraintRows(found),
    ['must-staple', [found.mustStaple ? 'yes' : undefined]],
    ['key id', [found.subjectKeyIdentifier]],
  ];
}

function others({ otherExtensions }: CertificateDescription | CsrDescription): readonly Row[] {
  return [['extensions', otherExtensions.map(({ oid, critical }) => `${extensionName(oid)}${critical ? ', critical' : ''}`)]];
}

function nameRows({ dns, ip, email, uri, other, unknown }: NamesDescription): readonly Row[] {
  return [
    ['DNS names', dns],
    ['IP addresses', ip],
    ['e-mail', email],
    ['URIs', uri],
    ['other names', [...other.map(({ oid, value }) => `${oid};${value}`), ...unknown.map((der) => `of another kind, DER ${der}`)]],
  ];
}

function keyRows({ kind, publicKeySha256 }: KeyDescription): readonly Row[] {
  return [
    ['key', [kind]],
    ['key digest', [`sha256//${publicKeySha256}`]],
  ];
}

function constraintRows({ nameConstraints }: CertificateDescription | CsrDescription): readonly Row[] {
  if (nameConstraints === undefined) return [];
  const { critical, permitted, excluded } = nameConstraints;
  const words = ({ dnsDomains = [], ipRanges = [], emailAddresses = [], uriDomains = [] }: typeof permitted): string[] => [
    ...dnsDomains.map((name) => `dns:${name}`),
    ...ipRanges.map((name) => `ip:${name}`),
    ...emailAddresses.map((name) => `email:${name}`),
    ...uriDomains.map((name) => `uri:${name}`),
  ];
  const note = critical ? '' : ' (not critical)';
  return [
    ['permitted', words(permitted).map((word) => `${word}${note}`)],
    ['excluded', words(excluded).map((word) => `${word}${note}`)],
  ];
}

function validity({ notBefore, notAfter, validity: state, daysLeft }: CertificateDescription): string {
  const minute = (time: string): string => `${time.slice(0, 16).replace('T', ' ')} UTC`;
  const days = (count: number): string => `${count} ${count === 1 ? 'day' : 'days'}`;
  const word =
    state === 'expired' ? `EXPIRED ${days(-daysLeft - 1)} ago` : state === 'not yet valid' ? 'NOT YET VALID' : `${days(daysLeft)} left`;
  return `${minute(notBefore)} to ${minute(notAfter)} (${word})`;
}

function chainWords(signedByNext: boolean | undefined, place: number | undefined): string | undefined {
  if (signedByNext === undefined || place === undefined) return undefined;
  return signedByNext ? `signed by certificate ${place + 1}` : `NOT signed by certificate ${place + 1}`;
}

function colons(hex: string): string {
  return hex.toUpperCase().replaceAll(/(..)(?=.)/g, '$1:');
}
