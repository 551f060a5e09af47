/** Whether an OCSP response is to be believed, and what it says then (RFC 6960 §3.2 and §4.2.2, RFC 5019 §2.2). Pure: the time comes in. */
import { TscertError } from '../base/errors.js';
import type { CertificateContent } from './certificate.js';
import type { CrlReason } from './crl-reason.js';
import type { RawExtension } from './extension-reader.js';
import { certIdsOf } from './ocsp-cert-id.js';
import { OcspRefusal, type OcspRefusalReason } from './ocsp-refusal.js';
import { nonceValue, OCSP_NONCE } from './ocsp-request.js';
import { type BasicResponse, type OcspErrorStatus, readOcspResponse } from './ocsp-response.js';
import { findSigner, type OcspSigner } from './ocsp-signer.js';
import type { CertStatus, SingleResponse } from './ocsp-single.js';

/** A certificate by what matters of it; any {@link CertificateContent} is one. */
export interface OcspSubject {
  readonly serialNumber: string;
  /** What was produced before the certificate began to be valid speaks of another one that had its serial number. */
  readonly notBefore?: Date;
}

export interface OcspQuestion {
  /** DER, as it came. */
  readonly response: Uint8Array;
  /** What is asked about. That `issuer` has issued them is for the caller to know: a CertID says so of any serial number. */
  readonly certificates: readonly OcspSubject[];
  readonly issuer: CertificateContent;
  /** The one of the request, where it had one. */
  readonly nonce?: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** How far the clocks may differ, in milliseconds; five minutes unless given, as openssl has it. */
  readonly skew?: number;
  /** For how long a response without nextUpdate is good, in milliseconds from thisUpdate; a day unless given. */
  readonly maxAge?: number;
}

/** A response that is not believed, or not for one of the certificates. */
export interface OcspRefused {
  readonly verdict: 'refused';
  readonly reason: OcspRefusalReason;
  /** "Cannot believe the OCSP response: ..." */
  readonly message: string;
}

/** What is believed of one certificate. */
export type OcspStatus = OcspWord & OcspDates;

type OcspWord =
  | { readonly verdict: 'good' }
  | { readonly verdict: 'unknown' }
  | {
      readonly verdict: 'revoked';
      readonly at: Date;
      readonly reason?: CrlReason;
      /** Such a certificate was never issued, the responder says (RFC 6960 §2.2 and §4.4.8). */
      readonly neverIssued?: true;
    };

interface OcspDates {
  readonly thisUpdate: Date;
  readonly nextUpdate?: Date;
  /** Milliseconds since thisUpdate; negative by a clock that is behind. */
  readonly age: number;
  readonly archiveCutoff?: Date;
}

/** What is worth telling of a response that is believed. */
export type OcspWarning =
  /** It is signed over SHA-1. */
  | 'sha1-signature'
  /** It was produced before the time of which it speaks. */
  | 'produced-before-update';

/** A response that is believed. */
export interface OcspAnswered {
  readonly verdict: 'answered';
  readonly signedBy: OcspSigner;
  readonly producedAt: Date;
  /** `absent`: one was sent, and the answer, made beforehand, has none (RFC 5019 §2.2.1): an old one could be played again until nextUpdate. */
  readonly nonce: 'equal' | 'absent' | 'not-sent';
  readonly warnings: readonly OcspWarning[];
  /** One for each certificate, in their order. */
  readonly certificates: readonly (OcspStatus | OcspRefused)[];
}

const SKEW = 5 * 60_000;
const MAX_AGE = 24 * 3_600_000;

const EXTENDED_REVOKE = '1.3.6.1.5.5.7.48.1.9';
/** Extensions of responses that may be critical: what they say is checked here, or takes nothing away from the status. */
const RESPONSE_EXTENSIONS: ReadonlySet<string> = new Set([OCSP_NONCE, EXTENDED_REVOKE]);
const SINGLE_EXTENSIONS: ReadonlySet<string> = new Set([
  '1.3.6.1.5.5.7.48.1.3', // CRL references
  '1.3.6.1.5.5.7.48.1.6', // archive cutoff
  '2.5.29.21', // reason code
  '2.5.29.24', // invalidity date
  '1.3.6.1.4.1.11129.2.4.5', // timestamps of certificate transparency
]);

const ERROR_WORDS: Readonly<Record<OcspErrorStatus, string>> = {
  'malformed-request': 'the responder could not read the request (malformedRequest)',
  'internal-error': 'the responder failed (internalError)',
  'try-later': 'the responder wants to be asked again later (tryLater)',
  'signature-required': 'the responder answers signed requests only (sigRequired)',
  unauthorized: 'the responder does not answer for this issuer, or does not know the certificate (unauthorized)',
};

/**
 * Judges a response. What is wrong with it is a value with a reason word, never an exception.
 * @throws {TscertError} `request-invalid` for a nonce that no request could have had
 */
export function checkOcspResponse(question: OcspQuestion): OcspAnswered | OcspRefused {
  try {
    return judge(question);
  } catch (error) {
    if (error instanceof OcspRefusal) return refused(error);
    throw error;
  }
}

function judge(question: OcspQuestion): OcspAnswered {
  const { issuer, certificates, now, skew = SKEW } = question;
  const basic = basicOf(question.response);
  const signedBy = findSigner(basic, issuer, now);
  refuseStrange(basic.extensions, RESPONSE_EXTENSIONS);
  const nonce = checkNonce(basic, question.nonce);
  if (basic.producedAt.getTime() > now + skew) {
    throw new OcspRefusal('produced-in-future', `it was produced at ${basic.producedAt.toISOString()}, which lies ahead`);
  }
  const ids = certIdsOf(issuer);
  const answers = certificates.map((subject) => {
    const latest = latestOf(basic.responses.filter(({ id }) => ids.isOf(id, subject.serialNumber)));
    return answerFor(subject, latest, basic, question);
  });
  const isEarly = basic.responses.some(({ thisUpdate }) => basic.producedAt.getTime() + skew < thisUpdate.getTime());
  const warnings: OcspWarning[] = [];
  if (basic.hash === 'sha1') warnings.push('sha1-signature');
  if (isEarly) warnings.push('produced-before-update');
  return { verdict: 'answered', signedBy, producedAt: basic.producedAt, nonce, warnings, certificates: answers };
}

function basicOf(response: Uint8Array): BasicResponse {
  let read: ReturnType<typeof readOcspResponse>;
  try {
    read = readOcspResponse(response);
  } catch (error) {
    if (error instanceof TscertError) throw new OcspRefusal('unreadable', error.message.replace('Cannot read the OCSP response: ', ''));
    throw error;
  }
  if (read.status !== 'successful') throw new OcspRefusal(read.status, ERROR_WORDS[read.status]);
  if (read.basic === undefined) throw new OcspRefusal('response-type-unknown', `its type ${read.type} is not known`);
  return read.basic;
}

function checkNonce({ extensions }: BasicResponse, sent: Uint8Array | undefined): OcspAnswered['nonce'] {
  if (sent === undefined) return 'not-sent';
  const expected = nonceValue(sent);
  const found = extensions.get(OCSP_NONCE)?.value;
  if (found === undefined) return 'absent';
  if (!found.equals(expected)) throw new OcspRefusal('nonce-wrong', 'it answers another request: its nonce is not the one that was sent');
  return 'equal';
}

function refuseStrange(extensions: ReadonlyMap<string, RawExtension>, known: ReadonlySet<string>): void {
  const strange = [...extensions.values()].find(({ oid, critical }) => critical && !known.has(oid));
  if (strange !== undefined) throw new OcspRefusal('critical-extension', `its critical extension ${strange.oid} is not known`);
}

/** The one with the latest thisUpdate; of several the worst. */
function latestOf(responses: readonly SingleResponse[]): SingleResponse | undefined {
  const rank = ({ status }: SingleResponse): number => ['good', 'unknown', 'revoked'].indexOf(status.type);
  return [...responses].sort((a, b) => b.thisUpdate.getTime() - a.thisUpdate.getTime() || rank(b) - rank(a))[0];
}

function answerFor(
  { notBefore }: OcspSubject,
  single: SingleResponse | undefined,
  basic: BasicResponse,
  question: OcspQuestion,
): OcspStatus | OcspRefused {
  try {
    if (single === undefined) throw new OcspRefusal('not-covered', 'it says nothing of this certificate');
    refuseStrange(single.extensions, SINGLE_EXTENSIONS);
    if (notBefore !== undefined && basic.producedAt.getTime() + (question.skew ?? SKEW) < notBefore.getTime()) {
      throw new OcspRefusal('produced-too-early', `it was produced at ${basic.producedAt.toISOString()}, before the certificate was valid`);
    }
    checkDates(single, question);
    const { thisUpdate, nextUpdate, archiveCutoff, status } = single;
    return {
      ...statusOf(status, basic),
      thisUpdate,
      ...(nextUpdate === undefined ? {} : { nextUpdate }),
      age: question.now - thisUpdate.getTime(),
      ...(archiveCutoff === undefined ? {} : { archiveCutoff }),
    };
  } catch (error) {
    if (error instanceof OcspRefusal) return refused(error);
    throw error;
  }
}

function checkDates({ thisUpdate, nextUpdate }: SingleResponse, { now, skew = SKEW, maxAge = MAX_AGE }: OcspQuestion): void {
  const from = thisUpdate.getTime();
  const until = nextUpdate?.getTime() ?? from + maxAge;
  if (from > now + skew) throw new OcspRefusal('not-yet-valid', `it speaks of ${thisUpdate.toISOString()} (thisUpdate), which lies ahead`);
  if (until < from) throw new OcspRefusal('dates-crossed', 'its nextUpdate comes before its thisUpdate');
  if (until >= now - skew) return;
  const why =
    nextUpdate === undefined
      ? `it is of ${thisUpdate.toISOString()} and has no nextUpdate`
      : `it was to be renewed by ${nextUpdate.toISOString()} (nextUpdate)`;
  throw new OcspRefusal('stale', why);
}

function statusOf(status: CertStatus, { extensions }: BasicResponse): OcspWord {
  if (status.type !== 'revoked') return { verdict: status.type };
  const { at, reason } = status;
  const isNeverIssued = at.getTime() === 0 && reason === 'certificateHold' && extensions.has(EXTENDED_REVOKE);
  return { verdict: 'revoked', at, ...(reason === undefined ? {} : { reason }), ...(isNeverIssued ? { neverIssued: true } : {}) };
}

function refused({ reason, message }: OcspRefusal): OcspRefused {
  return { verdict: 'refused', reason, message };
}
