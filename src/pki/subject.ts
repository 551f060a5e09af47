/** The subject of a certificate (RFC 5280 §4.1.2.6). */
import { TscertError } from '../base/errors.js';
import { attributeTypeOfOid } from './attribute-type.js';
import { type Der, encoded, isPrintable, oid, sequence, setOf, utf8 } from './der.js';
import { type Element, fieldsOf, readDer, TAG } from './der-reader.js';
import { oidOf, textOf } from './der-values.js';
import { type Attribute, type DistinguishedName, parseDistinguishedName } from './rfc4514.js';

/**
 * What stands in the subject beside the common name: one list an attribute, under cert-manager's words; or `literal`, the whole
 * subject as an RFC 4514 string, which excludes the lists and a common name.
 */
export interface Subject {
  readonly countries?: readonly string[];
  readonly organizations?: readonly string[];
  readonly organizationalUnits?: readonly string[];
  readonly localities?: readonly string[];
  readonly provinces?: readonly string[];
  readonly streetAddresses?: readonly string[];
  readonly postalCodes?: readonly string[];
  readonly serialNumber?: string;
  /** PKCS#9 emailAddress attributes, as cfssl's `E`. */
  readonly emailAddresses?: readonly string[];
  /** Attributes of any other type, by dotted object identifier, as cfssl's `OID`. */
  readonly extra?: readonly { readonly oid: string; readonly value: string }[];
  /** RFC 4514: `CN=example.com,O=Example\, Inc.,C=DE`, most specific attribute first. */
  readonly literal?: string;
}

/** The longest common name (RFC 5280 Appendix A.1, ub-common-name). */
const MAX_COMMON_NAME = 64;

const COMMON_NAME = '2.5.4.3';
const COUNTRY = '2.5.4.6';
const SERIAL_NUMBER = '2.5.4.5';

/** The lists in the order in which Go, and so cert-manager and cfssl, write them; each list is one multi-valued name part. */
const LISTS = [
  ['countries', COUNTRY],
  ['provinces', '2.5.4.8'],
  ['localities', '2.5.4.7'],
  ['streetAddresses', '2.5.4.9'],
  ['postalCodes', '2.5.4.17'],
  ['organizations', '2.5.4.10'],
  ['organizationalUnits', '2.5.4.11'],
] as const satisfies readonly (readonly [keyof Subject, string])[];

/**
 * The name that a common name and a subject ask for.
 * @throws {TscertError} `request-invalid` when a literal stands beside anything else, for a common name of more than 64 characters, an empty
 *   value, or a country that is not two letters
 */
export function distinguishedNameOf(commonName: string | undefined, subject: Subject = {}): DistinguishedName {
  const name: Attribute[][] = [];
  if (subject.literal !== undefined) {
    if (
      commonName !== undefined ||
      Object.entries(subject).some(([key, value]) => key !== 'literal' && value !== undefined && value.length > 0)
    ) {
      throw invalid('a literal subject excludes a common name and the other attributes');
    }
    return checked(parseDistinguishedName(subject.literal));
  }
  for (const [key, type] of LISTS) {
    const values = subject[key];
    if (values !== undefined && values.length > 0) name.push(values.map((value) => ({ oid: type, value })));
  }
  if (commonName !== undefined) name.push([{ oid: COMMON_NAME, value: commonName }]);
  if (subject.serialNumber !== undefined) name.push([{ oid: SERIAL_NUMBER, value: subject.serialNumber }]);
  for (const value of subject.emailAddresses ?? []) name.push([{ oid: '1.2.840.113549.1.9.1', value }]);
  for (const attribute of subject.extra ?? []) name.push([attribute]);
  return checked(name);
}

function checked(name: DistinguishedName): DistinguishedName {
  for (const { oid: type, value, encoded: isEncoded } of name.flat()) {
    const word = attributeTypeOfOid(type)?.word ?? type;
    if (value === '') throw invalid(`the value of ${word} is empty`);
    if (isEncoded) continue;
    if (type === COMMON_NAME && [...value].length > MAX_COMMON_NAME) {
      throw invalid(`the common name ${JSON.stringify(value)} is longer than ${MAX_COMMON_NAME} characters`);
    }
    if (type === COUNTRY && !/^[A-Za-z]{2}$/.test(value)) throw invalid(`the country ${JSON.stringify(value)} is not two letters`);
    if (type === SERIAL_NUMBER && !isPrintable(value))
      throw invalid(`the serialNumber ${JSON.stringify(value)} has a character it may not have`);
  }
  return name;
}

/** The DER value of a name (RFC 5280 §4.1.2.4). */
export function distinguishedNameDer(name: DistinguishedName): Der {
  return sequence(...name.map((attributes) => setOf(attributes.map(attributeDer))));
}

function attributeDer({ oid: type, value, encoded: isEncoded }: Attribute): Der {
  if (!isEncoded) return sequence(oid(type), (attributeTypeOfOid(type)?.encode ?? utf8)(value));
  return sequence(oid(type), encoded(encodedValue(value)));
}

function encodedValue(hex: string): Buffer {
  try {
    return readDer(Buffer.from(hex.slice(1), 'hex')).der;
  } catch (error) {
    throw new TscertError('request-invalid', `Cannot use the subject value "${hex}": it is no DER`, { cause: error });
  }
}

/**
 * Reads a Name of a certificate or a request.
 * @throws {TscertError} `der-invalid`
 */
export function readDistinguishedName(element: Element): DistinguishedName {
  fieldsOf(element, 'a name');
  return element.children.map((set) => {
    if (set.tag !== TAG.set || set.children.length === 0) fieldsOf(set, 'a part of a name', TAG.set).any('the attribute');
    return set.children.map((child) => {
      const fields = fieldsOf(child, 'an attribute of a name');
      const type = oidOf(fields.next(TAG.oid, 'the type'));
      const value = fields.any('the value');
      fields.end();
      return isText(value) ? { oid: type, value: textOf(value) } : { oid: type, value: `#${value.der.toString('hex')}`, encoded: true };
    });
  });
}

function isText({ tag, content }: Element): boolean {
  if (tag === 0x1e) return content.length % 2 === 0;
  if (tag === 0x0c) return content.equals(Buffer.from(content.toString('utf8')));
  return [0x12, 0x13, 0x14, 0x16, 0x1a].includes(tag);
}

/** The common name, where a name has one; the last one where it has several, as Go takes it. */
export function commonNameOf(name: DistinguishedName): string | undefined {
  return name.flat().findLast(({ oid: type }) => type === COMMON_NAME)?.value;
}

function invalid(why: string): TscertError {
  return new TscertError('request-invalid', `Cannot make the subject: ${why}`);
}
