/** The annotations and the label by which cert-manager knows a certificate's Secret (its `secret.go` and `AnnotationsForCertificate`). */
import type { CertificateContent } from '../../pki/certificate.js';
import { commonNameOf } from '../../pki/subject.js';
import { csvOf } from './csv.js';

/** A cert-manager issuer; a Certificate's `issuerRef`. */
export interface IssuerRef {
  readonly name: string;
  readonly kind: string;
  readonly group: string;
}

export const CERT_MANAGER = 'cert-manager.io';
/** Lets cert-manager's controller, whose cache is filtered, see the Secret. */
export const FAO_LABEL = 'controller.cert-manager.io/fao';

const SUBJECT_LISTS = [
  ['organizations', '2.5.4.10'],
  ['organizationalunits', '2.5.4.11'],
  ['countries', '2.5.4.6'],
  ['provinces', '2.5.4.8'],
  ['localities', '2.5.4.7'],
  ['postalcodes', '2.5.4.17'],
  ['streetaddresses', '2.5.4.9'],
] as const;
const SERIAL_NUMBER = '2.5.4.5';

/** What a certificate says of itself; the first four are there even when they are empty. */
export function certificateAnnotations({ subject, extensions }: CertificateContent): Record<string, string> {
  const attributes = subject.flat().filter(({ encoded }) => encoded !== true);
  const namesOf = (type: string): string[] =>
    extensions.names.flatMap((name) => (name.type === type && name.type !== 'other' ? [name.value] : []));
  const serialNumber = attributes.findLast(({ oid }) => oid === SERIAL_NUMBER)?.value ?? '';
  const lists: readonly (readonly [string, readonly string[], boolean])[] = [
    ['alt-names', namesOf('dns'), true],
    ['ip-sans', namesOf('ip'), true],
    ['uri-sans', namesOf('uri'), true],
    ['email-sans', namesOf('email'), false],
    ...SUBJECT_LISTS.map(
      ([key, type]) => [`subject-${key}`, attributes.filter(({ oid }) => oid === type).map(({ value }) => value), false] as const,
    ),
  ];
  const written = lists.flatMap(([key, values, isKept]) => {
    const line = values.length > 0 || isKept ? csvOf(values) : undefined;
    return line === undefined ? [] : [[`${CERT_MANAGER}/${key}`, line] as const];
  });
  return {
    [`${CERT_MANAGER}/common-name`]: commonNameOf(subject) ?? '',
    ...Object.fromEntries(written),
    ...(serialNumber === '' ? {} : { [`${CERT_MANAGER}/subject-serialnumber`]: serialNumber }),
  };
}

/** Which Certificate and issuer of cert-manager it stands for. */
export function ownerAnnotations(certificateName: string, { name, kind, group }: IssuerRef): Record<string, string> {
  return {
    [`${CERT_MANAGER}/certificate-name`]: certificateName,
    [`${CERT_MANAGER}/issuer-name`]: name,
    [`${CERT_MANAGER}/issuer-kind`]: kind,
    [`${CERT_MANAGER}/issuer-group`]: group,
  };
}

/**
 * Whether a Secret says that it is of this issuer, by cert-manager's rule: an absent name never fits, an absent kind or group is its default.
 */
export function isOfIssuer(annotations: Readonly<Record<string, string>>, { name, kind, group }: IssuerRef): boolean {
  const said = (key: string): string => annotations[`${CERT_MANAGER}/${key}`] ?? '';
  return (
    said('issuer-name') === name &&
    (said('issuer-kind') || DEFAULT_ISSUER.kind) === kind &&
    (said('issuer-group') || DEFAULT_ISSUER.group) === group
  );
}

export const DEFAULT_ISSUER = { kind: 'Issuer', group: CERT_MANAGER } as const;
