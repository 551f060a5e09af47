/** Answers of OCSP responders (RFC 6960 §4.2), read strictly; whether they are to be believed says src/pki/ocsp-verdict.ts. */
import { messageOf } from '../base/errors.js';
import { type CertificateContent, readCertificate } from './certificate.js';
import { derError, type Element, fieldsOf, readDer, reading, TAG } from './der-reader.js';
import { bitStringOf, generalizedTimeOf, oidOf, smallIntegerOf } from './der-values.js';
import { type RawExtension, readRawExtensions } from './extension-reader.js';
import { publicKeyBits } from './ocsp-cert-id.js';
import { readSingleResponse, type SingleResponse, wrapped } from './ocsp-single.js';
import type { DistinguishedName } from './rfc4514.js';
import { type Hash, signatureAlgorithmName, signatureHashOf } from './signature.js';
import { readDistinguishedName } from './subject.js';

/** The statuses that stand for an answer which says nothing of any certificate, in words; 4 is not used. */
const ERRORS: Readonly<Record<number, OcspErrorStatus>> = {
  1: 'malformed-request',
  2: 'internal-error',
  3: 'try-later',
  5: 'signature-required',
  6: 'unauthorized',
};

export type OcspErrorStatus = 'malformed-request' | 'internal-error' | 'try-later' | 'signature-required' | 'unauthorized';

export type OcspResponse =
  | { readonly status: OcspErrorStatus }
  | { readonly status: 'successful'; readonly basic: BasicResponse }
  /** A type of response that RFC 6960 does not define. */
  | { readonly status: 'successful'; readonly basic: undefined; readonly type: string };

/** Who says that he has signed: his name, in DER too, or the SHA-1 of his public key's bits. */
export type ResponderId =
  | { readonly type: 'name'; readonly name: DistinguishedName; readonly der: Buffer }
  | { readonly type: 'key'; readonly hash: Buffer };

/** BasicOCSPResponse. */
export interface BasicResponse {
  readonly responderId: ResponderId;
  readonly producedAt: Date;
  readonly responses: readonly SingleResponse[];
  readonly extensions: ReadonlyMap<string, RawExtension>;
  /** Certificates that came along. */
  readonly certificates: readonly CertificateContent[];
  /** The octets that are signed, as they stand. */
  readonly tbs: Buffer;
  readonly signatureAlgorithm: Element;
  /** The words of the algorithm; its dotted identifier when it is not known. */
  readonly algorithm: string;
  /** What is hashed before it is signed, where the algorithm says so. */
  readonly hash: Hash | undefined;
  readonly signature: Buffer;
}

const BASIC = '1.3.6.1.5.5.7.48.1.1';

/** More certificates than this bring no responder closer, only work. */
const MAX_CERTIFICATES = 32;

/**
 * Reads an OCSPResponse in DER, at most 1 MiB.
 * @throws {TscertError} `response-invalid` for anything else, bytes after its end too
 */
export function readOcspResponse(bytes: Uint8Array): OcspResponse {
  return reading('response-invalid', 'OCSP response', () => {
    const fields = fieldsOf(readDer(bytes), 'the response');
    const status = readStatus(fields.next(TAG.enumerated, 'the status'));
    const content = wrapped(fields.optional(TAG.tagged(0)), TAG.tagged(0), 'the response bytes');
    fields.end();
    if (status !== 'successful') return { status };
    if (content === undefined) throw derError('the response lacks the response bytes');
    const typed = fieldsOf(content, 'the response bytes');
    const type = oidOf(typed.next(TAG.oid, 'the type'));
    const value = typed.next(TAG.octetString, 'the value').content;
    typed.end();
    return type === BASIC ? { status, basic: readBasic(readDer(value)) } : { status, basic: undefined, type };
  });
}

function readStatus(element: Element): OcspErrorStatus | 'successful' {
  const number = smallIntegerOf(element);
  const status = number === 0 ? 'successful' : ERRORS[number];
  if (status === undefined) throw derError(`the status ${number} is not known`);
  return status;
}

function readBasic(root: Element): BasicResponse {
  const fields = fieldsOf(root, 'the basic response');
  const tbs = fields.next(TAG.sequence, 'the data');
  const signatureAlgorithm = fields.next(TAG.sequence, 'the signature algorithm');
  const signature = bitStringOf(fields.next(TAG.bitString, 'the signature'));
  const list = wrapped(fields.optional(TAG.tagged(0)), TAG.tagged(0), 'the certificates');
  fields.end();
  const certificates = list === undefined ? [] : readCertificates(list);
  return {
    ...readData(tbs),
    certificates,
    tbs: tbs.der,
    signatureAlgorithm,
    algorithm: signatureAlgorithmName(signatureAlgorithm),
    hash: signatureHashOf(signatureAlgorithm),
    signature,
  };
}

function readCertificates(list: Element): CertificateContent[] {
  const elements = elementsOf(list, 'the certificates');
  if (elements.length > MAX_CERTIFICATES) throw derError(`${elements.length} certificates came along, more than ${MAX_CERTIFICATES}`);
  return elements.map(({ der }) => {
    try {
      const certificate = readCertificate(der);
      publicKeyBits(certificate.raw.spki);
      return certificate;
    } catch (error) {
      throw derError(`a certificate that came along: ${messageOf(error)}`, error);
    }
  });
}

function readData(tbs: Element): Pick<BasicResponse, 'responderId' | 'producedAt' | 'responses' | 'extensions'> {
  const data = fieldsOf(tbs, 'the data of the response');
  // Version 1 is the default and should not stand there, but some responders write it.
  const version = wrapped(data.optional(TAG.tagged(0)), TAG.tagged(0), 'the version');
  if (version !== undefined && (version.tag !== TAG.integer || smallIntegerOf(version) !== 0)) throw derError('its version is not known');
  const responderId = readResponderId(data.any('the responder'));
  const producedAt = generalizedTimeOf(data.any('producedAt'));
  const responses = elementsOf(data.next(TAG.sequence, 'the single responses'), 'the single responses').map(readSingleResponse);
  const extensions = wrapped(data.optional(TAG.tagged(1)), TAG.tagged(1), 'the response extensions');
  data.end();
  return { responderId, producedAt, responses, extensions: readRawExtensions(extensions) };
}

function readResponderId(element: Element): ResponderId {
  const isName = element.tag === TAG.tagged(1);
  const inner = wrapped(element, isName ? TAG.tagged(1) : TAG.tagged(2), 'the responder');
  if (inner?.tag === TAG.sequence && isName) return { type: 'name', name: readDistinguishedName(inner), der: inner.der };
  if (inner?.tag === TAG.octetString && inner.content.length === 20 && !isName) return { type: 'key', hash: inner.content };
  throw derError('the responder is neither a name nor the SHA-1 of a key');
}

function elementsOf(element: Element, what: string): readonly Element[] {
  fieldsOf(element, what);
  return element.children;
}
