/** What can go wrong between sending a request and having its answer, as values of tscert. */
import { type ErrorData, isTscertError, messageOf, systemCodeOf, TscertError } from '../base/errors.js';

/** How far a request has come. */
export type Phase = 'dns' | 'connect' | 'send' | 'read';

/** An exchange that a connection could not bring to its end. */
export class ExchangeFailure extends Error {
  override readonly name = 'ExchangeFailure';
  /** The server surely did not act on the request: it may be sent again on another connection. */
  readonly unprocessed: boolean;

  constructor(cause: unknown, unprocessed: boolean) {
    super(messageOf(cause), { cause });
    this.unprocessed = unprocessed;
  }
}

const UNTRUSTED: Readonly<Record<string, { readonly reason: string; readonly words: string }>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: { reason: 'self-signed', words: 'its certificate is self-signed' },
  SELF_SIGNED_CERT_IN_CHAIN: { reason: 'unknown-authority', words: 'its certificate comes from an authority that is not trusted here' },
  UNABLE_TO_GET_ISSUER_CERT: { reason: 'unknown-authority', words: 'its certificate comes from an authority that is not trusted here' },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: {
    reason: 'unknown-authority',
    words: 'its certificate comes from an authority that is not trusted here, or it sends no intermediate',
  },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: {
    reason: 'unknown-authority',
    words: 'its certificate comes from an authority that is not trusted here, or it sends no intermediate',
  },
  ERR_TLS_CERT_ALTNAME_INVALID: { reason: 'wrong-host', words: 'its certificate is for other names' },
  CERT_HAS_EXPIRED: { reason: 'expired', words: 'its certificate has expired' },
  CERT_NOT_YET_VALID: { reason: 'not-yet-valid', words: 'its certificate is not valid yet, or the clock here is wrong' },
  CERT_REVOKED: { reason: 'revoked', words: 'its certificate is revoked' },
  INVALID_CA: { reason: 'invalid', words: 'its chain has an issuer that is no authority' },
  INVALID_PURPOSE: { reason: 'invalid', words: 'its certificate is not meant for servers' },
  CERT_SIGNATURE_FAILURE: { reason: 'invalid', words: 'a signature in its chain is wrong' },
};

const UNREACHED: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there (connection refused)',
  ECONNRESET: 'it closed the connection at once',
  EHOSTUNREACH: 'there is no way to its address (host unreachable)',
  ENETUNREACH: 'there is no way to its network (network unreachable)',
  ETIMEDOUT: 'it does not answer (timed out)',
};

/** The failure of making a connection to `host`, TLS included, in tscert's words. */
export function connectFailure(error: unknown, host: string): TscertError {
  if (isTscertError(error)) return error;
  const code = systemCodeOf(error) ?? 'unknown';
  const untrusted = UNTRUSTED[code];
  if (untrusted !== undefined) {
    const { reason, words } = untrusted;
    const names = reason === 'wrong-host' ? altNames(error) : undefined;
    return new TscertError('tls-untrusted', `Cannot trust the server "${host}": ${words}${names === undefined ? '' : ` (${names})`}`, {
      data: {
        host,
        reason,
        code,
        ...(names !== undefined && { names }),
        hint: reason === 'self-signed' || reason === 'unknown-authority' ? 'ca-bundle' : 'server',
      },
      cause: error,
    });
  }
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) {
    const words = code === 'ENOTFOUND' ? 'the name has no address' : 'its name could not be looked up';
    return network(`Cannot find the host "${host}": ${words}`, { host, phase: 'dns', code }, error);
  }
  const words = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/.test(`${code} ${messageOf(error)}`)
    ? 'it does not speak TLS on this port'
    : (UNREACHED[code] ?? messageOf(error));
  return network(`Cannot connect to "${host}": ${words}`, { host, phase: 'connect', code }, error);
}

/** The failure of an exchange on a connection that stood. `sent`: the server may have acted on the request. */
export function exchangeFailure(error: unknown, request: { host: string; method: string; phase: Phase; sent: boolean }): TscertError {
  const { host, method, phase, sent } = request;
  const cause = error instanceof ExchangeFailure ? error.cause : error;
  if (isTscertError(cause)) return cause;
  const code = systemCodeOf(cause) ?? 'unknown';
  if (code.startsWith('HPE_') || code === 'ERR_HTTP2_ERROR') {
    return responseInvalid(`it is no valid HTTP (${code})`, { host, sent, reason: 'malformed' }, cause);
  }
  const refused = /error code NGHTTP2_(\w+)/.exec(messageOf(cause))?.[1];
  if (refused !== undefined) {
    return network(
      `Cannot reach "${host}": it ended the ${method} request with the HTTP/2 error ${refused}`,
      { host, phase, code, sent },
      cause,
    );
  }
  const words =
    phase === 'send' ? `the connection broke while the ${method} request was sent` : 'the connection broke before the answer was whole';
  return network(`Cannot reach "${host}": ${words} (${messageOf(cause)})`, { host, phase, code, sent }, cause);
}

/** The answer took too long. `milliseconds` is the time that there was. */
export function timedOut(host: string, milliseconds: number, { phase, sent }: { phase: Phase; sent: boolean }): TscertError {
  const words = phase === 'connect' || phase === 'dns' ? 'no connection' : 'no answer';
  return new TscertError('timeout', `Cannot reach "${host}": ${words} within ${milliseconds / 1_000} seconds`, {
    data: { host, phase, sent, milliseconds },
  });
}

/** The answer of a server is not what may be read; `data.host` names it. */
export function responseInvalid(why: string, data: ErrorData & { readonly host: string }, cause?: unknown): TscertError {
  return new TscertError('response-invalid', `Cannot read the answer of "${data.host}": ${why}`, { data, cause });
}

function network(message: string, data: ErrorData, cause: unknown): TscertError {
  return new TscertError('network', message, { data, cause });
}

function altNames(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('cert' in error)) return undefined;
  const { cert } = error;
  if (typeof cert !== 'object' || cert === null || !('subjectaltname' in cert)) return undefined;
  return typeof cert.subjectaltname === 'string' ? cert.subjectaltname : undefined;
}
