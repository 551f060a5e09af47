/** Words for object identifiers that `inspect` meets. */

const EXTENSIONS: Readonly<Record<string, string>> = {
  '1.3.6.1.5.5.7.1.31': 'acmeIdentifier',
  '2.5.29.32': 'certificatePolicies',
  '2.5.29.36': 'policyConstraints',
  '2.5.29.33': 'policyMappings',
  '2.5.29.54': 'inhibitAnyPolicy',
  '2.5.29.18': 'issuerAltName',
  '2.5.29.9': 'subjectDirectoryAttributes',
  '2.5.29.46': 'freshestCRL',
  '1.3.6.1.5.5.7.1.11': 'subjectInfoAccess',
  '1.3.6.1.5.5.7.48.1.5': 'ocspNoCheck',
  '1.3.6.1.4.1.11129.2.4.2': 'signed certificate timestamps',
  '1.3.6.1.4.1.11129.2.4.3': 'poison of a precertificate',
  '1.3.6.1.4.1.311.20.2': 'Microsoft template name',
  '1.3.6.1.4.1.311.21.7': 'Microsoft template',
};
const ATTRIBUTES: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.9.7': 'challengePassword',
  '1.2.840.113549.1.9.2': 'unstructuredName',
  '1.3.6.1.4.1.311.2.1.14': 'extensions in the form of Microsoft',
  '1.3.6.1.4.1.311.13.2.3': 'Microsoft OS version',
  '1.3.6.1.4.1.311.13.2.2': 'Microsoft enrolment CSP',
  '1.3.6.1.4.1.311.21.20': 'Microsoft client information',
};

/** `certificatePolicies (2.5.29.32)`, or the dotted identifier alone. */
export function extensionName(oid: string): string {
  return withWord(EXTENSIONS[oid], oid);
}

/** The same for an attribute of a request. */
export function attributeName(oid: string): string {
  return withWord(ATTRIBUTES[oid], oid);
}

function withWord(word: string | undefined, oid: string): string {
  return word === undefined ? oid : `${word} (${oid})`;
}
