/** The alternative names of a request: of kinds that can be shown, and in forms that mean one thing to every reader. */

import { isTscertError } from '../../base/errors.js';
import { type GeneralName, parseName } from '../../base/names.js';
import { type Element, readDer } from '../../pki/der-reader.js';
import { EXTENSION } from '../../pki/extension.js';
import { readGeneralName } from '../../pki/general-name.js';
import { isPlainUri } from '../signers/uri.js';
import { type Fault, faultsOf } from './fault.js';
import type { RawPart } from './parts.js';

const kind = faultsOf('name-kind');
const names = faultsOf('names');

const MAX_NAMES = 200;

/** The kinds of GeneralName that no reader of Kubernetes shows (RFC 5280 §4.2.1.6), by tag. */
const HIDDEN: Readonly<Record<number, string>> = {
  0: 'an otherName that is no text',
  3: 'an x400Address',
  4: 'a directoryName',
  5: 'an ediPartyName',
  8: 'a registeredID',
};

/** What is wrong with the names of all alternative name extensions together. */
export function nameFaults(extensions: readonly RawPart[]): Fault[] {
  const elements = extensions.filter(({ oid }) => oid === EXTENSION.subjectAltName).flatMap(({ value }) => childrenOf(value));
  if (elements.length > MAX_NAMES) return names(`It asks for ${elements.length} alternative names, more than ${MAX_NAMES}`);
  if (extensions.some(({ oid, value }) => oid === EXTENSION.subjectAltName && childrenOf(value).length === 0))
    return names('Its alternative names are an empty list, or none that can be read');
  return elements.flatMap(oneName);
}

function childrenOf(value: Buffer): readonly Element[] {
  try {
    return readDer(value).children;
  } catch {
    return [];
  }
}

function oneName(element: Element): Fault[] {
  try {
    const name = readGeneralName(element);
    if (name.type === 'unknown')
      return kind(`One of its alternative names is ${HIDDEN[element.tag & 0x1f] ?? 'of an unknown kind'}, which is shown nowhere`);
    return names(valueFault(name));
  } catch {
    return names('One of its alternative names cannot be read');
  }
}

function valueFault(name: GeneralName): string | undefined {
  const shown = JSON.stringify(name.value);
  if (name.type === 'other') return isPlainText(name.value) ? undefined : `The otherName ${shown} holds characters that cannot be seen`;
  if (!/^[\u0021-\u007e]+$/.test(name.value))
    return `The ${name.type} name ${shown} is empty, or holds a control character, a space or one beyond ASCII`;
  if (name.type === 'ip')
    return /^::ffff:[\da-f]+:[\da-f]+$/.test(name.value)
      ? `The address ${shown} is an IPv4 address in the form of an IPv6 one, shown as either`
      : undefined;
  if (name.type === 'uri')
    return isPlainUri(name.value) ? undefined : `The URI ${shown} is none, or not in the form that every reader gives it`;
  try {
    const canonical = parseName(`${name.type}:${name.value}`).value;
    return canonical.toLowerCase() === name.value.toLowerCase()
      ? undefined
      : `The ${name.type} name ${shown} is read as ${JSON.stringify(canonical)} by others`;
  } catch (error) {
    const reason = isTscertError(error) ? String(error.data.reason) : 'it cannot be read';
    return `The ${name.type} name ${shown} is none: ${reason}`;
  }
}

/** No control, format, private or unassigned character, no space at an end, in composed form. */
export function isPlainText(text: string): boolean {
  return text !== '' && text.trim() === text && !/\p{C}|\p{Zl}|\p{Zp}|(?! )\p{Zs}/u.test(text) && text.normalize('NFC') === text;
}
