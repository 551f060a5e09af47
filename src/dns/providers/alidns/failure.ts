/** What went wrong in a call, read out of whatever the SDK threw, and without anything secret in it. */
import { type ErrorCode, messageOf, systemCodeOf, TscertError } from '../../../base/errors.js';

/** A failed call in the service's own words. */
export interface Failure {
  /** The service's code (`Throttling.User`), a system code (`ECONNRESET`), or `unreadable-answer`. */
  readonly code: string;
  readonly message: string;
  readonly status?: number;
  readonly requestId?: string;
  /** Milliseconds that the service asks to wait. */
  readonly retryAfter?: number;
  readonly throttled: boolean;
  readonly transient: boolean;
}

/** Where a call went: for the message and for the RAM resource. */
export interface CallSite {
  readonly action: string;
  /** The zone as AliDNS names it; absent for calls over the whole account. */
  readonly domainName?: string;
}

const ZONE = /^(IncorrectDomainUser|InvalidDomainName)\b/;
const DENIED = /^(Forbidden|NoPermission|Unauthorized|AccessDenied)/;
const KEY = /^(InvalidAccessKey|InactiveAccessKey|SignatureDoesNotMatch|IncompleteSignature|InvalidSecurityToken|MissingSecurityToken)/;
const CLOCK = /^(InvalidTimeStamp|IllegalTimestamp)/;
/** Codes of Node.js for a certificate that no root vouches for, or that is for another host. */
const TLS = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/;
/** LastOperationNotFinished comes when several records of one domain are written at once. */
const AGAIN = /^(ServiceUnavailable|InternalError|UnKnownError|SystemBusy|LastOperationNotFinished|SignatureNonceUsed)/;

/**
 * Reads a thrown value. `secrets` are replaced wherever they stand, and the service's copy of the string to sign, which holds the
 * security token, is cut off; so is the request that the SDK's HTTP client appends.
 */
export function failureOf(error: unknown, secrets: Iterable<string>): Failure {
  const { code, status, data, requestId, retryAfter } = partsOf(error);
  const service = status !== undefined && code !== undefined && code !== 'undefined';
  const text =
    service && typeof data?.Message === 'string'
      ? data.Message
      : error instanceof Error
        ? messageOf(error)
        : 'the call failed without a word';
  const system = systemCodeOf(error);
  const untrusted = status === undefined && TLS.test(system ?? '');
  const throttled = service && (/Throttling|FlowControl/.test(code) || status === 429);
  return {
    code: service ? code : (system ?? (status === undefined ? 'no-answer' : 'unreadable-answer')),
    message: withoutSecrets(text, secrets),
    ...(status === undefined ? {} : { status }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
    throttled,
    transient: throttled || (service ? status >= 500 || AGAIN.test(code) : !untrusted),
  };
}

/** The failure as the port's error: `zone-unknown`, `provider-denied`, `tls-untrusted` or `provider-failed`. */
export function toError(failure: Failure, site: CallSite): TscertError {
  const resource = ramResource(site.domainName);
  const data = {
    provider: 'alidns',
    action: site.action,
    serviceCode: failure.code,
    ...(failure.status === undefined ? {} : { status: failure.status }),
    ...(failure.requestId === undefined ? {} : { requestId: failure.requestId }),
    ...(failure.transient ? { transient: true } : {}),
    ...(failure.throttled ? { throttled: true } : {}),
  };
  const where = site.domainName === undefined ? '' : ` for "${site.domainName}"`;
  const fail = (code: ErrorCode, why: string, more: object = {}): TscertError =>
    new TscertError(code, `Cannot carry out ${site.action}${where} at AliDNS: ${why}`, { data: { ...data, ...more } });

  if (failure.transient) return fail('provider-failed', `${failure.code}: ${failure.message}`);
  if (failure.status === undefined) return fail('tls-untrusted', `${failure.code}: ${failure.message}`);
  if (ZONE.test(failure.code)) {
    return fail('zone-unknown', `${failure.code}: the domain is not in the account of this access key`, { zone: site.domainName });
  }
  if (DENIED.test(failure.code)) {
    return fail('provider-denied', `${failure.code}: the key lacks the RAM action "alidns:${site.action}" on "${resource}"`, {
      ramAction: `alidns:${site.action}`,
      resource,
    });
  }
  if (KEY.test(failure.code))
    return fail('provider-denied', `${failure.code}: the access key, its secret or the security token is refused`);
  if (CLOCK.test(failure.code)) return fail('provider-failed', `${failure.code}: the clock of this machine differs from the service's`);
  return fail('provider-failed', `${failure.code}: ${failure.message}`);
}

/** The RAM resource of a domain, in any account; of the whole service without one. */
export function ramResource(domainName?: string): string {
  return domainName === undefined ? 'acs:alidns:*:*:*' : `acs:alidns:*:*:domain/${domainName}`;
}

function withoutSecrets(text: string, secrets: Iterable<string>): string {
  let clean = text;
  for (const secret of secrets) if (secret !== '') clean = clean.replaceAll(secret, '[hidden]');
  const [own = ''] = clean.split(/,?\s*server (?:string ?to ?sign|canonical)|\.?\s*POST https?:/i);
  return own.slice(0, 500).trim().replace(/\.$/, '');
}

interface ErrorParts {
  readonly code?: string;
  readonly status?: number;
  readonly requestId?: string;
  readonly retryAfter?: number;
  readonly data?: Readonly<Record<string, unknown>>;
}

function partsOf(error: unknown): ErrorParts {
  if (typeof error !== 'object' || error === null) return {};
  const fields = error as Readonly<Record<string, unknown>>;
  const text = (name: string): string | undefined => (typeof fields[name] === 'string' ? fields[name] : undefined);
  const number = (name: string): number | undefined => (typeof fields[name] === 'number' ? fields[name] : undefined);
  const [code, status, requestId, retryAfter] = [text('code'), number('statusCode'), text('requestId'), number('retryAfter')];
  return {
    ...(code === undefined ? {} : { code }),
    ...(status === undefined ? {} : { status }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(typeof fields.data === 'object' && fields.data !== null ? { data: fields.data as Readonly<Record<string, unknown>> } : {}),
  };
}
