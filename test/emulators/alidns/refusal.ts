/** The codes with which the real service refuses, their texts and HTTP states, as its users have logged them. */

const CATALOGUE = {
  DomainRecordConflict: [400, 'The DNS record is conflict with other records.'],
  DomainRecordDuplicate: [400, 'The DNS record already exists.'],
  DomainRecordLocked: [400, 'The DNS record has been locked.'],
  DomainRecordNotBelongToUser: [400, 'The DNS record does not exist in your account.'],
  'Forbidden.RAM': [400, "User not authorized to operate on the specified resource, or this API doesn't support RAM."],
  IncompleteSignature: [400, 'The request signature does not conform to Aliyun standards.'],
  IncorrectDomainUser: [
    400,
    'The domain name belongs to other users. Transfer the domain name to the current user and then try the binding and setting actions.',
  ],
  'InvalidAccessKeyId.NotFound': [404, 'Specified access key is not found.'],
  'InvalidAction.NotFound': [404, 'Specified api is not found, please check your url and method.'],
  'InvalidDomainName.Format': [400, 'Invalid domain name.'],
  'InvalidDomainName.NoExist': [400, 'The specified domain name does not exist. Refresh the page and try again.'],
  InvalidParameter: [400, 'Specified parameter is not valid.'],
  'InvalidSecurityToken.Expired': [400, 'Specified SecurityToken is expired.'],
  'InvalidSecurityToken.Malformed': [400, 'Specified SecurityToken is malformed.'],
  'InvalidSecurityToken.MismatchWithAccessKey': [400, 'Specified SecurityToken mismatch with the AccessKey.'],
  'InvalidTimeStamp.Expired': [400, 'Specified time stamp or date value is expired.'],
  InvalidVersion: [400, 'Specified parameter Version is not valid.'],
  LastOperationNotFinished: [400, 'The last operation is not finished. Please try again later.'],
  MissingParameter: [400, 'A parameter is mandatory for this action.'],
  MissingSecurityToken: [400, 'SecurityToken is mandatory for this action.'],
  'QuotaExceeded.Record': [400, 'The number of records of this type, host and line has reached its maximum.'],
  'QuotaExceeded.TTL': [400, 'The specified TTL is invalid.'],
  ServiceUnavailable: [503, 'The request has failed due to a temporary failure of the server.'],
  SignatureDoesNotMatch: [400, 'Specified signature is not matched with our calculation.'],
  SignatureNonceUsed: [400, 'Specified signature nonce was used already.'],
  Throttling: [400, 'Request was denied due to request throttling.'],
  'Throttling.Api': [400, 'Request was denied due to api flow control.'],
  'Throttling.User': [400, 'Request was denied due to user flow control.'],
} as const satisfies Readonly<Record<string, readonly [number, string]>>;

export type RefusalCode = keyof typeof CATALOGUE;

/** A request that the service refuses; `more` stands beside the code in its answer, `headers` above it. */
export class Refusal extends Error {
  readonly code: string;
  readonly status: number;
  readonly more: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: RefusalCode,
    options: { message?: string; more?: Readonly<Record<string, unknown>>; headers?: Readonly<Record<string, string>> } = {},
  ) {
    const [status, text] = CATALOGUE[code];
    super(options.message ?? text);
    this.code = code;
    this.status = status;
    this.more = options.more ?? {};
    this.headers = options.headers ?? {};
  }
}

/** Requests of gateways lack parameters in one form: "MissingDomainName", "DomainName is mandatory for this action." */
export class MissingParameter extends Refusal {
  override readonly code: string;

  constructor(parameter: string) {
    super('MissingParameter', { message: `${parameter} is mandatory for this action.` });
    this.code = `Missing${parameter}`;
  }
}
