/** What went wrong on the way to evidence, as a value beside the evidence that there is. */
import { isTscertError, type TscertError } from '../../base/errors.js';
import { responseInvalid } from '../../net/failure.js';
import type { Failure, Origin } from './evidence.js';

/** The failure of getting something; anything but a {@link TscertError} is a fault of tscert and is thrown on. */
export function failureOf(kind: Failure['kind'], origin: Origin, error: unknown): Failure {
  if (!isTscertError(error)) throw error;
  const { reason, url } = error.data;
  // A question by GET stands in the URL: who is meant is enough.
  const isLong = typeof url === 'string' && url.startsWith(origin.place);
  return {
    kind,
    origin,
    reason: error.code === 'response-invalid' && typeof reason === 'string' ? reason : error.code,
    message: isLong ? error.message.replace(url, origin.place) : error.message,
    error,
  };
}

/** An answer over HTTP that is none: another status than 200. */
export function statusFailure(url: string, status: number, headers: Readonly<Record<string, string>>): TscertError {
  const { host } = new URL(url);
  const words = status >= 300 && status < 400 ? `it answered ${status}, and redirects are not followed` : `it answered ${status}`;
  const retryAfter = headers['retry-after'];
  return responseInvalid(words, { host, sent: true, reason: 'http-status', status, ...(retryAfter === undefined ? {} : { retryAfter }) });
}
