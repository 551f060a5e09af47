/** Certification requests (PKCS#10, RFC 2986): making and reading. */
import type { KeyObject } from 'node:crypto';
import { TscertError } from '../base/errors.js';
import { decodePem, encodePem } from '../base/pem.js';
import { bitString, encodeDer, encoded, integer, oid, sequence, setOf, tagged } from './der.js';
import { derError, type Element, fieldsOf, readDer, reading, TAG } from './der-reader.js';
import { bitStringOf, oidOf, smallIntegerOf } from './der-values.js';
import { type ExtensionSpec, extensionsOf } from './extension.js';
import { type Extensions, readExtensions } from './extension-reader.js';
import { publicKeyDer } from './key.js';
import { readPublicKeyDer } from './key-reader.js';
import type { DistinguishedName } from './rfc4514.js';
import { isSignedBy, signatureAlgorithmName, signerOf, signWith } from './signature.js';
import { distinguishedNameDer, distinguishedNameOf, readDistinguishedName, type Subject } from './subject.js';

/** A certification request in both of its forms. */
export interface Csr {
  readonly der: Buffer;
  /** `CERTIFICATE REQUEST`, with a line feed at the end. */
  readonly pem: string;
}

/** What a request shall ask for. */
export interface CsrSpec extends ExtensionSpec {
  readonly commonName?: string;
  readonly subject?: Subject;
}

const VERSION = integer(0);
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const EXTENSION_REQUEST_TYPE = oid(EXTENSION_REQUEST);

/**
 * Makes a request and signs it with the private key. Nothing is added to what the spec says: no common name, and no usages where it has none (what
 * openssl and cfssl do; the authority decides then).
 * @throws {TscertError} `request-invalid` when the spec asks for what no request can hold, `key-invalid` for a key that cannot sign
 */
export function createCsr(spec: CsrSpec, key: KeyObject): Csr {
  const name = distinguishedNameOf(spec.commonName, spec.subject);
  const extensions = extensionsOf(spec, name.length === 0);
  const { identifier } = signerOf(key);
  const attributes = extensions.length === 0 ? [] : [sequence(EXTENSION_REQUEST_TYPE, setOf([sequence(...extensions)]))];
  const body = encodeDer(sequence(VERSION, distinguishedNameDer(name), encoded(publicKeyDer(key)), tagged(0, ...attributes)));
  const der = encodeDer(sequence(encoded(body), identifier, bitString(signWith(key, body))));
  return { der, pem: encodePem('CERTIFICATE REQUEST', der) };
}

/** What a request says. */
export interface CsrContent extends Csr {
  readonly subject: DistinguishedName;
  readonly extensions: Extensions;
  readonly publicKey: KeyObject;
  readonly signatureAlgorithm: string;
  /** True when the holder of the key has signed it. */
  readonly signatureValid: boolean;
  /** Object identifiers of attributes other than extensionRequest. */
  readonly otherAttributes: readonly string[];
}

/**
 * Reads a request: DER, or a PEM text with exactly one block `CERTIFICATE REQUEST` (or `NEW CERTIFICATE REQUEST`).
 * @throws {TscertError} `csr-invalid` when it is none, `pem-invalid`, `key-invalid` for a public key of unknown kind
 */
export function readCsr(input: string | Uint8Array): CsrContent {
  const bytes = typeof input === 'string' ? Buffer.from(input) : Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  const der = bytes[0] === TAG.sequence ? bytes : onlyRequest(bytes.toString('utf8'));
  return reading('csr-invalid', 'request', () => readContent(readDer(der)));
}

function onlyRequest(text: string): Buffer {
  const blocks = decodePem(text).filter(({ label }) => /^(NEW )?CERTIFICATE REQUEST$/.test(label));
  const [block] = blocks;
  if (block !== undefined && blocks.length === 1) return block.der;
  const why = blocks.length === 0 ? 'there is no block "CERTIFICATE REQUEST"' : `there are ${blocks.length} of them`;
  throw new TscertError('csr-invalid', `Cannot read the request: ${why}`);
}

function readContent(root: Element): CsrContent {
  const fields = fieldsOf(root, 'the request');
  const body = fields.next(TAG.sequence, 'the body');
  const algorithm = fields.next(TAG.sequence, 'the signature algorithm');
  const signature = bitStringOf(fields.next(TAG.bitString, 'the signature'));
  fields.end();
  const info = fieldsOf(body, 'the body of the request');
  const version = smallIntegerOf(info.next(TAG.integer, 'the version'));
  if (version !== 0) throw derError(`the version ${version + 1} of requests is not known`);
  const subject = readDistinguishedName(info.next(TAG.sequence, 'the subject'));
  const publicKey = readPublicKeyDer(info.next(TAG.sequence, 'the public key').der);
  const attributes = (info.optional(TAG.tagged(0))?.children ?? []).map(readAttribute);
  info.end();
  const requests = attributes.filter(({ type }) => type === EXTENSION_REQUEST);
  if (requests.length > 1 || (requests[0] !== undefined && requests[0].values.length !== 1)) throw derError('it asks for extensions twice');
  return {
    der: root.der,
    pem: encodePem('CERTIFICATE REQUEST', root.der),
    subject,
    extensions: readExtensions(requests[0]?.values[0]),
    publicKey,
    signatureAlgorithm: signatureAlgorithmName(algorithm),
    signatureValid: isSignedBy(algorithm, publicKey, body.der, signature),
    otherAttributes: attributes.filter(({ type }) => type !== EXTENSION_REQUEST).map(({ type }) => type),
  };
}

function readAttribute(element: Element): { type: string; values: readonly Element[] } {
  const fields = fieldsOf(element, 'an attribute');
  const type = oidOf(fields.next(TAG.oid, 'the type'));
  const values = fields.next(TAG.set, 'the values');
  fields.end();
  return { type, values: values.children };
}
