/** What the SDK throws, in tscert's words. */
import { messageOf, systemCodeOf, TscertError } from '../../../base/errors.js';

/** What was tried, for the words: `Cannot <doing>: ...`, and for the one who repairs the policy. */
export interface Attempt {
  /** The profile that was asked for, if one was. */
  readonly profile?: string | undefined;
  readonly doing: string;
  /** The IAM action, `route53:GetChange`. */
  readonly action: string;
  /** The ARN that the action is on; `*` when it is on none. */
  readonly resource: string;
}

/** Route53 refused a batch as it stands; nothing of it was carried out. */
export class BatchRefused extends Error {
  override readonly name = 'BatchRefused';
}

const THROTTLED = /^(Throttling|ThrottlingException|ThrottledException|RequestLimitExceeded|TooManyRequestsException|SlowDown)$/;
const DENIED = /^(AccessDenied|AccessDeniedException|UnauthorizedOperation|NotAuthorized)$/;
const UNKNOWN_IDENTITY =
  /^(InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|InvalidSignatureException|ExpiredToken|ExpiredTokenException|MissingAuthenticationToken|IncompleteSignature|RequestExpired|AuthFailure|OptInRequired)$/;
const NO_CREDENTIALS = /^(CredentialsProviderError|TokenProviderError|ProviderError)$/;
const LOOKED_FOR =
  'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (not read when AWS_PROFILE is set), the files in ~/.aws, web identity, container and EC2 instance role';

/** Turns anything that a call threw into an error of the port, or {@link BatchRefused}. */
export function toFailure(error: unknown, { doing, action, resource, profile }: Attempt): Error {
  const { name, status, text } = factsOf(error);
  const data = { provider: 'route53', action, ...(name === undefined ? {} : { awsCode: name }) };
  const fail = (code: TscertError['code'], why: string, more: TscertError['data'] = {}): TscertError =>
    new TscertError(code, `Cannot ${doing}: ${why}`, { data: { ...data, ...more }, cause: error });

  if (name === 'InvalidChangeBatch') return new BatchRefused(text, { cause: error });
  if (name === 'NoSuchHostedZone') return fail('zone-unknown', `Route53 has no such hosted zone (${text})`, { resource });
  if (NO_CREDENTIALS.test(name ?? '')) {
    return fail(
      'credentials-missing',
      `no AWS credentials were found (${text}; looked for ${profile === undefined ? LOOKED_FOR : `the profile "${profile}"`})`,
    );
  }
  if (DENIED.test(name ?? ''))
    return fail('provider-denied', `the IAM identity may not ${action} on ${resource}`, { resource, answer: text });
  if (UNKNOWN_IDENTITY.test(name ?? '')) return fail('provider-denied', `AWS does not accept the credentials (${name}: ${text})`);
  if (THROTTLED.test(name ?? '') || status === 429)
    return fail('provider-failed', `Route53 throttles (${text})`, { transient: true, throttled: true });
  if (name === 'PriorRequestNotComplete')
    return fail('provider-failed', 'a prior change of the zone is still under way', { transient: true });
  if (status === undefined || status >= 500)
    return fail('provider-failed', text, { transient: true, ...(status === undefined ? {} : { status }) });
  return fail('provider-failed', `Route53 refused it (${name ?? status}: ${text})`, { status });
}

function factsOf(error: unknown): { readonly name: string | undefined; readonly status: number | undefined; readonly text: string } {
  if (!(error instanceof Error)) return { name: undefined, status: undefined, text: String(error) };
  const { $metadata: metadata, messages } = error as Error & {
    readonly $metadata?: { readonly httpStatusCode?: number };
    /** Route53's other form of InvalidChangeBatch lists its reasons here. */
    readonly messages?: readonly string[];
  };
  const text = [error.message, ...(messages ?? [])].filter((part) => part !== '' && part !== 'UnknownError').join(', ');
  return {
    name: error.name === 'Error' ? systemCodeOf(error) : error.name,
    status: metadata?.httpStatusCode,
    text: (text === '' ? messageOf(error) || error.name : text).replace(/\.$/, ''),
  };
}
