/** What an existing CSR asks for, as a CertificateSpec. */
import { isIP } from 'node:net';
import { type GeneralName, nameKey, parseName } from '../base/names.js';
import type { CsrContent } from '../pki/csr.js';
import type { Attribute } from '../pki/rfc4514.js';
import { commonNameOf, type Subject } from '../pki/subject.js';
import { type Usage, usageOfBit, usageOfOid } from '../pki/usage.js';
import type { CertificateSpec } from './request.js';

/** The attributes that Subject has lists for, by object identifier. */
const LISTS: Readonly<
  Record<
    string,
    | 'countries'
    | 'organizations'
    | 'organizationalUnits'
    | 'localities'
    | 'provinces'
    | 'streetAddresses'
    | 'postalCodes'
    | 'emailAddresses'
  >
> = {
  '2.5.4.6': 'countries',
  '2.5.4.10': 'organizations',
  '2.5.4.11': 'organizationalUnits',
  '2.5.4.7': 'localities',
  '2.5.4.8': 'provinces',
  '2.5.4.9': 'streetAddresses',
  '2.5.4.17': 'postalCodes',
  '1.2.840.113549.1.9.1': 'emailAddresses',
};
const COMMON_NAME = '2.5.4.3';
const SERIAL_NUMBER = '2.5.4.5';

/**
 * What a CSR asks for: its names in their order and in canonical form where they have one, the common name when it has one, the subject,
 * the usages that have a word, CA, constraints and must-staple. A common name that is a DNS name or an IP address is a name too, the last
 * one where the list does not have it: for a CA it is a requested identifier (RFC 8555 §7.4). Names of a kind that tscert does not know are
 * left out (`csr.extensions.unknownNames` has them).
 */
export function specOf({ subject, extensions }: CsrContent): CertificateSpec {
  const commonName = commonNameOf(subject);
  const fields = subjectOf(subject.flat(), commonName);
  const usages = usagesOf(extensions.keyUsage, extensions.extendedKeyUsage);
  return {
    names: withCommonName(extensions.names.map(canonical), commonName),
    ...(commonName === undefined ? {} : { commonName }),
    ...(fields === undefined ? {} : { subject: fields }),
    ...(usages.length === 0 ? {} : { usages }),
    ...(extensions.isCa ? { isCa: true } : {}),
    ...(extensions.pathLength === undefined ? {} : { pathLength: extensions.pathLength }),
    ...(extensions.nameConstraints === undefined ? {} : { nameConstraints: extensions.nameConstraints }),
    ...(extensions.mustStaple ? { mustStaple: true } : {}),
  };
}

/** The words of key usage bits and of purposes; those without a word are left out. */
function usagesOf(bits: readonly number[] = [], purposes: readonly string[] = []): Usage[] {
  return [...bits.map(usageOfBit), ...purposes.map(usageOfOid)].filter((usage) => usage !== undefined);
}

/** Other tools write names in any case, or such as are no names at all: those stay as they stand. */
function canonical(name: GeneralName): GeneralName {
  if (name.type === 'other') return name;
  try {
    return parseName(`${name.type}:${name.value}`);
  } catch {
    return name;
  }
}

function withCommonName(names: readonly GeneralName[], commonName: string | undefined): readonly GeneralName[] {
  const name = commonName === undefined ? undefined : identifierOf(commonName);
  return name === undefined || names.some((one) => nameKey(one) === nameKey(name)) ? names : [...names, name];
}

/** The host that a common name is; most others are names of people and things. */
function identifierOf(commonName: string): GeneralName | undefined {
  if (!commonName.includes('.') && isIP(commonName) === 0) return undefined;
  try {
    const name = parseName(commonName);
    return name.type === 'dns' || name.type === 'ip' ? name : undefined;
  } catch {
    return undefined;
  }
}

function subjectOf(attributes: readonly Attribute[], commonName: string | undefined): Subject | undefined {
  const lists: Partial<Record<(typeof LISTS)[string], string[]>> = {};
  const extra: { oid: string; value: string }[] = [];
  let serialNumber: string | undefined;
  for (const { oid, value } of attributes) {
    const list = LISTS[oid];
    if (list !== undefined) lists[list] = [...(lists[list] ?? []), value];
    else if (oid === SERIAL_NUMBER && serialNumber === undefined) serialNumber = value;
    else if (oid !== COMMON_NAME || value !== commonName) extra.push({ oid, value });
  }
  const fields = { ...lists, ...(serialNumber === undefined ? {} : { serialNumber }), ...(extra.length === 0 ? {} : { extra }) };
  return Object.keys(fields).length === 0 ? undefined : fields;
}
