/**
 * Reading DER (X.690), strictly: node-forge's asn1 builds the tree, which is then laid over the bytes. So every element has the
 * very octets it stood in (signatures are checked over those), and what is BER but not DER is refused.
 */
import asn1, { type Asn1 } from 'node-forge/lib/asn1.js';
import { messageOf, TscertError } from '../base/errors.js';

/** One element, and where its bytes are. */
export interface Element {
  /** The identifier octet: 0x30 for SEQUENCE, 0xa0 for [0] constructed. */
  readonly tag: number;
  /** Header and content, a view of the input. */
  readonly der: Buffer;
  /** The content octets, a view of the input. */
  readonly content: Buffer;
  /** Empty for primitives. */
  readonly children: readonly Element[];
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  enumerated: 0x0a,
  sequence: 0x30,
  set: 0x31,
  /** [n] over a primitive. */
  implicit: (tag: number): number => 0x80 | tag,
  /** [n] over a constructed value, or EXPLICIT. */
  tagged: (tag: number): number => 0xa0 | tag,
} as const;

const MAX_BYTES = 1 << 20;
const MAX_DEPTH = 32;

/**
 * Reads exactly one element.
 * @throws {TscertError} `der-invalid` for anything but DER, bytes after the element, more than 32 levels or more than 1 MiB
 */
export function readDer(bytes: Uint8Array): Element {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length > MAX_BYTES) throw derError(`it has ${buffer.length} bytes, more than ${MAX_BYTES}`);
  let tree: Asn1;
  try {
    tree = asn1.fromDer(buffer.toString('latin1'), {
      strict: true,
      parseAllBytes: true,
      decodeBitStrings: false,
      maxDepth: MAX_DEPTH,
    });
  } catch (error) {
    throw derError(messageOf(error).replace(/\.$/, ''), error);
  }
  const element = lay(tree, buffer, 0);
  if (element.der.length !== buffer.length) throw derError('bytes stand behind its end');
  return element;
}

function lay(node: Asn1, buffer: Buffer, start: number): Element {
  const { tag, content, end } = measure(buffer, start, { tag: 0, content: 0, end: 0 });
  if (end > buffer.length) throw derError(`the element before byte ${content} runs over the end`);
  if (tag !== (node.tagClass | node.type | (node.constructed ? 0x20 : 0))) throw oddTag(start);
  const children: Element[] = [];
  if (Array.isArray(node.value)) {
    let at = content;
    for (const child of node.value) {
      const element = lay(child, buffer, at);
      children.push(element);
      at += element.der.length;
    }
    if (at !== end) throw derError(`the element at byte ${start} is not filled by what it holds`);
  }
  return { tag, der: buffer.subarray(start, end), content: buffer.subarray(content, end), children };
}

/** Where an element's content begins and ends. */
export interface Extent {
  tag: number;
  content: number;
  end: number;
}

/** The octets of the header at `at`, of which two must be there. */
export function headerLengthAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at + 1] ?? 0;
  return first < 0x80 ? 2 : 2 + (first & 0x7f);
}

/**
 * Reads the header at `at` into `extent`, which is given back: tag and length in the one form that DER allows (X.690 §10.1). The element
 * may end behind the bytes that are there. `origin` is the place of the bytes in what errors speak of.
 * @throws {TscertError} `der-invalid`
 */
export function measure(bytes: Uint8Array, at: number, extent: Extent, origin = 0): Extent {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) throw derError('it ends within a header');
  if ((tag & 0x1f) === 0x1f) throw oddTag(origin + at);
  let length = first;
  let content = at + 2;
  if (first >= 0x80) {
    const octets = first & 0x7f;
    content += octets;
    if (octets === 0 || octets > 4 || content > bytes.length) throw derError(`the length at byte ${origin + at + 1} is not of DER's form`);
    length = 0;
    for (let each = at + 2; each < content; each++) length = length * 256 + (bytes[each] ?? 0);
    if (length < 0x80 || bytes[at + 2] === 0) throw derError(`the length at byte ${origin + at + 1} is longer than DER allows`);
  }
  extent.tag = tag;
  extent.content = content;
  extent.end = content + length;
  return extent;
}

function oddTag(at: number): TscertError {
  return derError(`the element at byte ${at} has a tag of another form`);
}

/** Takes the elements of a SEQUENCE one after the other, as its definition has them. */
export interface Fields {
  /** The next element, which must have this tag. */
  next(tag: number, what: string): Element;
  /** The next element of any tag. */
  any(what: string): Element;
  /** The next element if it has this tag. */
  optional(tag: number): Element | undefined;
  /** Refuses what is left. */
  end(): void;
}

/**
 * The fields of a constructed element.
 * @throws {TscertError} `der-invalid` (also from the methods) when the element is something else
 */
export function fieldsOf(element: Element, what: string, tag: number = TAG.sequence): Fields {
  if (element.tag !== tag) throw derError(`${what} has tag ${hex(element.tag)}, not ${hex(tag)}`);
  let at = 0;
  const any = (name: string): Element => {
    const found = element.children[at++];
    if (found === undefined) throw derError(`${what} lacks ${name}`);
    return found;
  };
  return {
    any,
    next(wanted, name) {
      const found = any(name);
      if (found.tag !== wanted) throw derError(`${name} of ${what} has tag ${hex(found.tag)}, not ${hex(wanted)}`);
      return found;
    },
    optional: (wanted) => (element.children[at]?.tag === wanted ? element.children[at++] : undefined),
    end() {
      if (at < element.children.length) throw derError(`${what} has ${element.children.length - at} more elements than it may`);
    },
  };
}

function hex(tag: number): string {
  return `0x${tag.toString(16).padStart(2, '0')}`;
}

/** A failure of reading. */
export function derError(why: string, cause?: unknown): TscertError {
  return new TscertError('der-invalid', `Cannot read DER: ${why}`, { cause });
}

/**
 * Runs a reader and gives its failures the code and the name of what was read.
 * @throws {TscertError} of `code` for `der-invalid` below it
 */
export function reading<T>(
  code: 'certificate-invalid' | 'crl-invalid' | 'csr-invalid' | 'key-invalid' | 'response-invalid',
  what: string,
  read: () => T,
): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TscertError) || error.code !== 'der-invalid') throw error;
    throw new TscertError(code, `Cannot read the ${what}: ${error.message.replace('Cannot read DER: ', '')}`, { cause: error });
  }
}
