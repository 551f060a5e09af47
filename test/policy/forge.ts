/** Requests with anything in them, signed well: what createCsr would never make. */
import { type KeyObject, sign } from 'node:crypto';
import { encodePem } from '../../src/base/pem.js';
import { bitString, type Der, encodeDer, encoded, integer, nothing, octetString, oid, sequence, setOf, tagged } from '../../src/pki/der.js';
import { publicKeyDer } from '../../src/pki/key.js';
import { keyOf } from '../pki/support.js';

/** A tag with these octets as its content, whatever they are. */
export function raw(tag: number, content: Uint8Array | string): Der {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : Buffer.from(content);
  const header = bytes.length < 0x80 ? [tag, bytes.length] : [tag, 0x82, bytes.length >> 8, bytes.length & 0xff];
  return encoded(Buffer.concat([Buffer.from(header), bytes]));
}

/** One part of a name with one value; UTF8String unless a tag is given. */
export const rdn = (type: string, value: string, tag = 0x0c): Der => setOf([attribute(type, value, tag)]);
export const attribute = (type: string, value: string, tag = 0x0c): Der =>
  sequence(oid(type), raw(tag, Buffer.from(value, tag === 0x0c ? 'utf8' : 'latin1')));

export const CN = '2.5.4.3';
export const O = '2.5.4.10';

/** The name that the policies below would take: a node's. */
export const NODE_SUBJECT = [rdn(O, 'system:nodes'), rdn(CN, 'system:node:worker-1')];

/** dNSName, and any other kind by its tag. */
export const dnsName = (value: string): Der => raw(0x82, value);

/** An extension; `value` is DER that stands within its OCTET STRING. */
export const ext = (type: string, value: Der | Uint8Array, critical?: Der): Der =>
  sequence(oid(type), critical, octetString(value instanceof Uint8Array ? value : encodeDer(value)));
export const san = (...names: readonly Der[]): Der => ext('2.5.29.17', sequence(...names));

export interface Forgery {
  readonly subject?: readonly Der[];
  readonly extensions?: readonly Der[];
  /** Whole attributes, in place of the one for the extensions. */
  readonly attributes?: readonly Der[];
  readonly version?: number;
  readonly key?: KeyObject;
  /** SubjectPublicKeyInfo in place of the key's own. */
  readonly spki?: Uint8Array;
  readonly hash?: string;
  /** AlgorithmIdentifier in place of the usual one. */
  readonly algorithm?: Der;
  /** Changes the body after everything but its signature was made. */
  readonly edit?: (body: Buffer) => Buffer;
}

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
export const extensionRequest = (...extensions: readonly Der[]): Der => sequence(oid(EXTENSION_REQUEST), setOf([sequence(...extensions)]));

/** The DER of such a request. */
export function forgeDer({
  subject = NODE_SUBJECT,
  extensions = [san(dnsName('worker-1'))],
  key = keyOf('ec256'),
  ...rest
}: Forgery = {}): Buffer {
  const attributes = rest.attributes ?? (extensions.length === 0 ? [] : [extensionRequest(...extensions)]);
  const spki = rest.spki ?? publicKeyDer(key);
  const made = encodeDer(sequence(integer(rest.version ?? 0), sequence(...subject), encoded(spki), tagged(0, ...attributes)));
  const body = rest.edit?.(made) ?? made;
  const { dotted, hash } = algorithmOf(key, rest.hash);
  const algorithm = rest.algorithm ?? sequence(oid(dotted), key.asymmetricKeyType === 'rsa' ? nothing() : undefined);
  return encodeDer(sequence(encoded(body), algorithm, bitString(sign(hash, body, key))));
}

function algorithmOf(key: KeyObject, hash = 'sha256'): { dotted: string; hash: string | undefined } {
  if (key.asymmetricKeyType === 'ed25519') return { dotted: '1.3.101.112', hash: undefined };
  const table: Readonly<Record<string, string>> =
    key.asymmetricKeyType === 'rsa'
      ? { sha256: '1.2.840.113549.1.1.11', sha1: '1.2.840.113549.1.1.5', md5: '1.2.840.113549.1.1.4' }
      : { sha256: '1.2.840.10045.4.3.2', sha1: '1.2.840.10045.4.1' };
  return { dotted: table[hash] ?? '1.2.3', hash };
}

/** The same as the PEM text of `spec.request`. */
export const forge = (forgery: Forgery = {}): Buffer => Buffer.from(encodePem('CERTIFICATE REQUEST', forgeDer(forgery)));
export const pemOf = (der: Uint8Array): string => encodePem('CERTIFICATE REQUEST', der);
