/** What a CA advises about the renewal of a certificate (RFC 9773). */
import { TscertError } from '../base/errors.js';
import { type CertificateContent, readCertificate } from '../pki/certificate.js';
import { type Answer, readObject, retryAfter, unreadable } from './answer.js';
import type { Session } from './session.js';

/** The CA's advice. Times are milliseconds since the epoch. */
export interface RenewalInfo {
  readonly window: { readonly start: number; readonly end: number };
  /** Where the CA tells people why. */
  readonly explanationUrl?: string;
  /** Milliseconds until the CA wants to be asked again; absent when it did not say. */
  readonly retryAfter?: number;
}

const DOING = 'read the renewal information';

/**
 * The id of a certificate, RFC 9773 §4.1: the key identifier of its AuthorityKeyIdentifier and its serial number, base64url, with a dot between.
 * `undefined` when the certificate has no such identifier: then the CA cannot be asked about it.
 */
export function certificateId({ extensions, serialNumber }: CertificateContent): string | undefined {
  const { authorityKeyIdentifier } = extensions;
  if (authorityKeyIdentifier === undefined || serialNumber.startsWith('-')) return undefined;
  const serial = Buffer.from(serialNumber, 'hex');
  // The octets of the DER integer: a zero in front keeps a high first bit from meaning a negative number.
  const octets = (serial[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), serial]) : serial;
  return `${authorityKeyIdentifier.toString('base64url')}.${octets.toString('base64url')}`;
}

/** The id of a stored certificate (PEM); `undefined` when it has none. */
export function certificateIdOf(pem: string): string | undefined {
  return certificateId(readCertificate(pem));
}

/**
 * Asks for the renewal information of a certificate; `undefined` when the server has none to give to anybody.
 * @throws {TscertError} what the network and the server say; `response-invalid` for an answer that is no renewal information
 */
export async function readRenewalInfo(
  session: Pick<Session, 'directory' | 'read'>,
  id: string,
  now: number,
  signal: AbortSignal,
): Promise<RenewalInfo | undefined> {
  const { renewalInfo } = await session.directory(signal);
  if (renewalInfo === undefined) return undefined;
  const url = `${renewalInfo.replace(/\/$/, '')}/${id}`;
  return parseRenewalInfo(await session.read(url, { doing: DOING, action: 'get_renewal_info', signal }), now);
}

/**
 * Reads an answer, RFC 9773 §4.2.
 * @throws {TscertError} `response-invalid` when the window is missing, no time, or ends before it begins
 */
export function parseRenewalInfo(answer: Answer, now: number): RenewalInfo {
  const { suggestedWindow, explanationURL } = readObject(answer, DOING);
  const { start, end } =
    typeof suggestedWindow === 'object' && suggestedWindow !== null ? (suggestedWindow as Record<string, unknown>) : {};
  const window = { start: timeOf(start), end: timeOf(end) };
  if (Number.isNaN(window.start) || Number.isNaN(window.end)) throw unreadable(answer, DOING, 'no "suggestedWindow" of two times');
  if (window.end <= window.start) {
    throw new TscertError('response-invalid', `Cannot ${DOING}: the window at ${answer.url} ends before it begins`, {
      data: { url: answer.url },
    });
  }
  const wait = retryAfter(answer, now);
  return {
    window,
    ...(typeof explanationURL === 'string' && isWebAddress(explanationURL) ? { explanationUrl: explanationURL } : {}),
    ...(wait === undefined ? {} : { retryAfter: wait }),
  };
}

/** RFC 3339. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

function timeOf(value: unknown): number {
  return typeof value === 'string' && TIME.test(value) ? Date.parse(value) : Number.NaN;
}

function isWebAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && text.length <= 2_000;
}
