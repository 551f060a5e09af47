/** A request taken apart into its raw elements (RFC 2986 §4), before anything is believed. */
import { derError, type Element, fieldsOf, TAG } from '../../pki/der-reader.js';
import { oidOf } from '../../pki/der-values.js';

export interface RawAttribute {
  readonly type: string;
  readonly values: readonly Element[];
}

export interface RawPart {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Buffer;
}

export interface Parts {
  readonly root: Element;
  readonly body: Element;
  readonly algorithm: Element;
  readonly subject: Element;
  readonly publicKey: Element;
  readonly attributes: readonly RawAttribute[];
  /** The element [0] as it stands; undefined when it was left out. */
  readonly attributesElement: Element | undefined;
  /** Of all extensionRequest attributes together. */
  readonly extensions: readonly RawPart[];
}

export const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';

/**
 * Takes it apart.
 * @throws {TscertError} `der-invalid` when it has another shape
 */
export function partsOf(root: Element): Parts {
  const fields = fieldsOf(root, 'the request');
  const body = fields.next(TAG.sequence, 'the body');
  const algorithm = fields.next(TAG.sequence, 'the signature algorithm');
  fields.next(TAG.bitString, 'the signature');
  fields.end();
  const info = fieldsOf(body, 'the body of the request');
  info.next(TAG.integer, 'the version');
  const subject = info.next(TAG.sequence, 'the subject');
  const publicKey = info.next(TAG.sequence, 'the public key');
  const attributesElement = info.optional(TAG.tagged(0));
  info.end();
  const attributes = (attributesElement?.children ?? []).map(readAttribute);
  const extensions = attributes
    .filter(({ type }) => type === EXTENSION_REQUEST)
    .flatMap(({ values }) => values)
    .flatMap(({ children }) => children)
    .map(readExtension);
  return { root, body, algorithm, subject, publicKey, attributes, attributesElement, extensions };
}

function readAttribute(element: Element): RawAttribute {
  const fields = fieldsOf(element, 'an attribute');
  const type = oidOf(fields.next(TAG.oid, 'the type'));
  const values = fields.next(TAG.set, 'the values');
  fields.end();
  return { type, values: values.children };
}

function readExtension(element: Element): RawPart {
  const fields = fieldsOf(element, 'an extension');
  const oid = oidOf(fields.next(TAG.oid, 'the type'));
  const critical = fields.optional(TAG.boolean);
  const value = fields.next(TAG.octetString, 'the value');
  fields.end();
  if (critical !== undefined && critical.content.length !== 1) throw derError('a truth value is not 00 or FF');
  return { oid, critical: critical?.content[0] === 0xff, value: value.content };
}
