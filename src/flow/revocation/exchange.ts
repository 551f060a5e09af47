/** One question to an OCSP responder and its answer, judged; asked once more after what passes by itself. */
import type { Clock } from '../../base/clock.js';
import { isTscertError } from '../../base/errors.js';
import type { GuardedHttp, GuardedResponse } from '../../net/guarded.js';
import type { CertificateContent } from '../../pki/certificate.js';
import { createOcspNonce, createOcspRequest, ocspGetUrl } from '../../pki/ocsp-request.js';
import { checkOcspResponse, type OcspAnswered, type OcspRefused } from '../../pki/ocsp-verdict.js';
import { statusFailure } from './failure.js';

export interface ExchangeParts {
  readonly http: Pick<GuardedHttp, 'request'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface OcspAsk {
  /** Of the responder. */
  readonly url: string;
  readonly issuer: CertificateContent;
  /** One at least. */
  readonly certificates: readonly CertificateContent[];
  readonly hash: 'sha1' | 'sha256';
  /** `get`: where the request is small enough, and without a nonce, so that caches may answer. */
  readonly by: 'get' | 'post';
}

export interface OcspReply {
  /** DER. */
  readonly response: Buffer;
  readonly checked: OcspAnswered | OcspRefused;
}

/** The most octets of a response: one for some thousand certificates. */
const MAX_BYTES = 1 << 20;
/** Milliseconds until the second try, and the most that a responder may wish for. */
const PAUSE = { usual: 500, longest: 5_000 } as const;
const PASSING: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);

/**
 * Asks.
 * @throws {TscertError} as `GuardedHttp.request`, and `response-invalid` with `data.status` for another status than 200
 */
export async function askOcsp(ask: OcspAsk, parts: ExchangeParts): Promise<OcspReply> {
  const { clock, signal } = parts;
  const first = await attempt(ask, parts).catch((error: unknown) => {
    const pause = signal.aborted ? undefined : pauseAfter(error);
    if (pause === undefined) throw error;
    return pause;
  });
  if (typeof first !== 'number' && !isTryLater(first.checked)) return first;
  await clock.sleep(typeof first === 'number' ? first : PAUSE.usual, signal);
  return attempt(ask, parts);
}

function isTryLater(checked: OcspAnswered | OcspRefused): boolean {
  return checked.verdict === 'refused' && checked.reason === 'try-later';
}

/** Milliseconds after which the same question may go better; undefined when it would not, or not soon. */
function pauseAfter(error: unknown): number | undefined {
  if (isTscertError(error, 'network')) return PAUSE.usual;
  if (!isTscertError(error, 'response-invalid') || !PASSING.has(Number(error.data.status))) return undefined;
  const { retryAfter } = error.data;
  const wished = typeof retryAfter === 'string' && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) * 1_000 : PAUSE.usual;
  return wished > PAUSE.longest ? undefined : wished;
}

async function attempt({ url, issuer, certificates, hash, by }: OcspAsk, parts: ExchangeParts): Promise<OcspReply> {
  const { http, clock, signal } = parts;
  const asked = { issuer, certificates, hash };
  const judged = (response: Buffer, nonce?: Buffer): OcspReply => {
    const question = { response, certificates, issuer, now: clock.now(), ...(nonce === undefined ? {} : { nonce }) };
    return { response, checked: checkOcspResponse(question) };
  };
  const getUrl = by === 'get' ? ocspGetUrl(url, createOcspRequest(asked)) : undefined;
  if (getUrl !== undefined) return judged(bodyOf(url, await http.request({ method: 'GET', url: getUrl, maxBytes: MAX_BYTES, signal })));
  const nonce = createOcspNonce();
  const headers = { 'content-type': 'application/ocsp-request', accept: 'application/ocsp-response' };
  const body = createOcspRequest({ ...asked, nonce });
  return judged(bodyOf(url, await http.request({ method: 'POST', url, headers, body, maxBytes: MAX_BYTES, signal })), nonce);
}

function bodyOf(url: string, { status, headers, body }: GuardedResponse): Buffer {
  if (status === 200) return body;
  throw statusFailure(url, status, headers);
}
