/** Tells kinds of DER apart by their shape. */
import { type Element, readDer, TAG } from './der-reader.js';

export type DerKind =
  | 'certificate'
  | 'csr'
  | 'crl'
  | 'private-key'
  | 'encrypted-private-key'
  | 'public-key'
  | 'rsa-public-key'
  | 'pkcs7'
  | 'pkcs12'
  /** An indefinite length: not DER, but what some tools write PKCS#7 and PKCS#12 in. */
  | 'ber';

/** The content of OBJECT IDENTIFIER pkcs-7, to which the types of PKCS#7 and PKCS#12 belong. */
const PKCS7 = Buffer.from('2a864886f70d0107', 'hex');

/**
 * The kind of one DER element; undefined when its shape is none of them.
 * @throws {TscertError} `der-invalid` for what is no DER
 */
export function kindOfDer(der: Buffer): DerKind | undefined {
  if (der[0] === TAG.sequence && der[1] === 0x80) return 'ber';
  const { children } = readDer(der);
  const [first, second, third] = children;
  const shape = children.map(({ tag }) => tag);
  if (isPkcs7(first)) return 'pkcs7';
  if (first?.tag === TAG.integer) {
    if (second?.tag === TAG.integer) return children.length === 2 ? 'rsa-public-key' : 'private-key';
    if (isPkcs7(second?.children[0])) return 'pkcs12';
    return second?.tag === TAG.octetString || third?.tag === TAG.octetString ? 'private-key' : undefined;
  }
  if (first?.tag !== TAG.sequence) return undefined;
  if (second?.tag === TAG.bitString) return 'public-key';
  if (second?.tag === TAG.octetString) return 'encrypted-private-key';
  return second?.tag === TAG.sequence && third?.tag === TAG.bitString && shape.length === 3 ? kindOfSigned(first) : undefined;
}

/** What is signed: the body of a certificate, a request or a CRL. */
function kindOfSigned({ children }: Element): DerKind {
  const tags = children.map(({ tag }) => tag);
  const rest = tags[0] === TAG.integer || tags[0] === TAG.tagged(0) ? tags.slice(1) : tags;
  // Algorithm, issuer and a time follow in a CRL; subject, key and attributes in a request.
  if (rest[2] === 0x17 || rest[2] === 0x18) return 'crl';
  return tags[0] === TAG.integer && (rest.length === 2 || rest[2] === TAG.tagged(0)) ? 'csr' : 'certificate';
}

function isPkcs7(element: Element | undefined): boolean {
  return element?.tag === TAG.oid && element.content.subarray(0, PKCS7.length).equals(PKCS7);
}

/** The top elements of bytes in which several may follow each other; the last one takes what is left when its length does not fit. */
export function splitDer(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(endOf(bytes, at), bytes.length);
    parts.push(bytes.subarray(at, end));
    at = end;
  }
  return parts;
}

function endOf(bytes: Buffer, at: number): number {
  const first = bytes[at + 1] ?? 0x80;
  if (first < 0x80) return at + 2 + first;
  const octets = first & 0x7f;
  if (octets === 0 || octets > 4 || at + 2 + octets > bytes.length) return bytes.length;
  return at + 2 + octets + bytes.readUIntBE(at + 2, octets);
}
