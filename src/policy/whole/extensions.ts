/** The attributes and extensions of a request: each one known, there once, and in the only bytes that say what is shown of it. */
import { boolean, encodeDer, integer, namedBits, octetString, oid, sequence, setOf, tagged } from '../../pki/der.js';
import { type Element, fieldsOf, readDer, TAG } from '../../pki/der-reader.js';
import { namedBitsOf, oidOf, smallIntegerOf } from '../../pki/der-values.js';
import { EXTENSION } from '../../pki/extension.js';
import { generalNameDer, readGeneralName } from '../../pki/general-name.js';
import { type Fault, faultsOf } from './fault.js';
import { EXTENSION_REQUEST, type Parts, type RawPart } from './parts.js';

const attribute = faultsOf('attributes');
const extension = faultsOf('extensions');
const encoding = faultsOf('encoding');

/** How each extension that may be asked for is written again from what was read of it. */
const WRITERS: Readonly<Record<string, (value: Element) => Buffer>> = {
  [EXTENSION.keyUsage]: (value) => encodeDer(namedBits(namedBitsOf(value))),
  [EXTENSION.extendedKeyUsage]: (value) => encodeDer(sequence(...value.children.map(oidOf).map(oid))),
  [EXTENSION.basicConstraints]: basicConstraints,
  [EXTENSION.subjectKeyIdentifier]: ({ content }) => encodeDer(octetString(content)),
  [EXTENSION.tlsFeature]: () => encodeDer(sequence(integer(5))),
  [EXTENSION.subjectAltName]: (value) =>
    encodeDer(
      sequence(
        ...value.children.map((child) => {
          const name = readGeneralName(child);
          // Names of other kinds are told of elsewhere, and here stand for themselves.
          return name.type === 'unknown'
            ? { tagClass: 0x80, type: child.tag & 0x1f, constructed: false, composed: false, value: '' }
            : generalNameDer(name);
        }),
      ),
    ),
};

const WORDS: Readonly<Record<string, string>> = {
  [EXTENSION.keyUsage]: 'key usage',
  [EXTENSION.extendedKeyUsage]: 'extended key usage',
  [EXTENSION.basicConstraints]: 'basic constraints',
  [EXTENSION.subjectKeyIdentifier]: 'subject key identifier',
  [EXTENSION.tlsFeature]: 'TLS feature',
  [EXTENSION.subjectAltName]: 'subject alternative names',
};

function basicConstraints(value: Element): Buffer {
  const fields = fieldsOf(value, 'the basic constraints');
  const flag = fields.optional(TAG.boolean);
  const length = fields.optional(TAG.integer);
  fields.end();
  return encodeDer(
    sequence(
      flag === undefined ? undefined : boolean(true),
      length === undefined || flag === undefined ? undefined : integer(smallIntegerOf(length)),
    ),
  );
}

/** What is wrong with attributes and extensions. */
export function extensionFaults(parts: Parts): Fault[] {
  const { attributes, extensions } = parts;
  const requests = attributes.filter(({ type }) => type === EXTENSION_REQUEST);
  const others = [...new Set(attributes.map(({ type }) => type).filter((type) => type !== EXTENSION_REQUEST))];
  const faults = [
    ...attribute(
      requests.length > 1 ? `It asks for extensions in ${requests.length} attributes: readers differ in which they take` : undefined,
      requests.some(({ values }) => values.length !== 1) ? 'Its attribute for extensions has not exactly one value' : undefined,
      ...others.map((type) => `It carries the attribute ${type}, which says nothing that could be checked`),
    ),
    ...duplicates(extensions),
    ...extensions.flatMap(oneExtension),
  ];
  return faults.length > 0 ? faults : canonicalAttributes(parts);
}

function duplicates(extensions: readonly RawPart[]): Fault[] {
  const oids = extensions.map((entry) => entry.oid);
  const twice = [...new Set(oids.filter((entry, at) => oids.indexOf(entry) !== at))];
  return extension(
    ...twice.map((entry) => `The extension ${wordOf(entry)} stands there ${oids.filter((one) => one === entry).length} times`),
  );
}

function oneExtension({ oid: dotted, value }: RawPart): Fault[] {
  const write = WRITERS[dotted];
  if (write === undefined) return extension(`It asks for the extension ${dotted}, which is not known`);
  try {
    if (dotted !== EXTENSION.subjectAltName || !hasUnknownName(value))
      return write(readDer(value)).equals(value) ? [] : encoding(`The extension ${wordOf(dotted)} is not written in its only form`);
    return [];
  } catch {
    return extension(`The extension ${wordOf(dotted)} cannot be read`);
  }
}

function hasUnknownName(value: Buffer): boolean {
  return readDer(value).children.some((child) => readGeneralName(child).type === 'unknown');
}

function wordOf(dotted: string): string {
  const word = WORDS[dotted];
  return word === undefined ? dotted : `"${word}"`;
}

/** The attributes as a whole: what was read of them, written again, must be the same bytes. */
function canonicalAttributes({ attributesElement, extensions, attributes }: Parts): Fault[] {
  if (attributesElement === undefined) return encoding('It has no attributes element, not even an empty one');
  const again = tagged(
    0,
    ...(attributes.length === 0
      ? []
      : [
          sequence(
            oid(EXTENSION_REQUEST),
            setOf([
              sequence(
                ...extensions.map(({ oid: type, critical, value }) =>
                  sequence(oid(type), critical ? boolean(true) : undefined, octetString(value)),
                ),
              ),
            ]),
          ),
        ]),
  );
  return encodeDer(again).equals(attributesElement.der) ? [] : encoding('Its attributes are not written in their only form');
}
