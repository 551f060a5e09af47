/** The subject of a request: every value a plain text, the common name once, nothing folded into a part of another kind. */
import { attributeTypeOfOid } from '../../pki/attribute-type.js';
import { isPrintable } from '../../pki/der.js';
import { type Element, fieldsOf, TAG } from '../../pki/der-reader.js';
import { oidOf, textOf } from '../../pki/der-values.js';
import { type Fault, faultsOf } from './fault.js';
import { isPlainText } from './names.js';

const subject = faultsOf('subject');
const commonName = faultsOf('common-name');

const COMMON_NAME = '2.5.4.3';
const SERIAL_NUMBER = '2.5.4.5';
const UTF8 = 0x0c;
const PRINTABLE = 0x13;
const IA5 = 0x16;
const MAX_LENGTH = 1024;

/**
 * What is wrong with the subject. Parts of several values are what Go makes of several organizations, and taken where all are of
 * one type that may repeat.
 * @throws {TscertError} `der-invalid` when it is no name
 */
export function subjectFaults(element: Element): Fault[] {
  const parts = element.children.map((set) => {
    fieldsOf(set, 'a part of a name', TAG.set).any('the attribute');
    return set.children.map(attributeOf);
  });
  const types = parts.flat().map(({ type }) => type);
  const count = (wanted: string): number => types.filter((type) => type === wanted).length;
  return [
    ...commonName(count(COMMON_NAME) > 1 ? `It has ${count(COMMON_NAME)} common names: readers take one of them` : undefined),
    ...subject(
      count(SERIAL_NUMBER) > 1 ? `It has ${count(SERIAL_NUMBER)} serial numbers: readers take one of them` : undefined,
      parts.some((part) => new Set(part.map(({ type }) => type)).size > 1)
        ? 'A part of its subject has values of several kinds'
        : undefined,
      parts.some((part) => part.some(({ der }, at) => at > 0 && Buffer.compare(part[at - 1]?.der ?? der, der) >= 0))
        ? 'A part of its subject has its values twice, or not in the order of DER'
        : undefined,
    ),
    ...parts.flat().flatMap(valueFaults),
  ];
}

interface RawValue {
  readonly type: string;
  readonly value: Element;
  readonly der: Buffer;
}

function attributeOf(element: Element): RawValue {
  const fields = fieldsOf(element, 'an attribute of a name');
  const type = oidOf(fields.next(TAG.oid, 'the type'));
  const value = fields.any('the value');
  fields.end();
  return { type, value, der: element.der };
}

function valueFaults({ type, value }: RawValue): Fault[] {
  const word = attributeTypeOfOid(type)?.word ?? type;
  const say = type === COMMON_NAME ? commonName : subject;
  if (value.tag !== UTF8 && value.tag !== PRINTABLE && value.tag !== IA5)
    return say(`The value of ${word} has the string type 0x${value.tag.toString(16)}, which readers show differently or not at all`);
  const text = textOf(value);
  const shown = JSON.stringify(text);
  const isOfType =
    value.tag === UTF8
      ? Buffer.from(text).equals(value.content)
      : value.tag === PRINTABLE
        ? isPrintable(text)
        : /^[\u0020-\u007e]*$/.test(text);
  if (!isOfType) return say(`The value ${shown} of ${word} holds characters that its string type has not`);
  if (text.length > MAX_LENGTH) return say(`The value of ${word} is longer than ${MAX_LENGTH} characters`);
  if (!isPlainText(text)) return say(`The value ${shown} of ${word} is empty, or holds characters that cannot be seen`);
  if (type === COMMON_NAME && !/^[\u0020-\u007e]*$/.test(text))
    return say(`The common name ${shown} holds letters beyond ASCII, which may look like others`);
  return [];
}
