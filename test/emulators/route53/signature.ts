/** AWS Signature Version 4, checked from the service's side: canonical request, string to sign, scope, age. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { PolicyDocument } from './policy.js';
import { Route53Problem } from './problem.js';

export interface Credential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Milliseconds since the epoch; the session token is refused afterwards. */
  readonly expires?: number;
  /** What this identity may do; everything when absent. */
  readonly policy?: PolicyDocument;
}

export interface SignedRequest {
  readonly method: string;
  /** As it came in, with its query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const SKEW = 300_000;
const REGION = 'us-east-1';

/**
 * Who signed the request.
 * @throws {Route53Problem} with AWS's codes for requests that are not signed, or not rightly
 */
export function authenticate(request: SignedRequest, credentials: readonly Credential[], now: number): Credential {
  const { headers } = request;
  if (headers.authorization === undefined) throw denied('MissingAuthenticationToken', 'Request is missing Authentication Token');
  const given =
    /^AWS4-HMAC-SHA256 Credential=([^/,\s]+)\/(\d{8})\/([^/]*)\/([^/]*)\/aws4_request,\s*SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})$/.exec(
      headers.authorization,
    );
  const stamp = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(headers['x-amz-date']));
  if (given === null || stamp === null) {
    throw new Route53Problem('IncompleteSignature', 'Authorization header requires Credential, SignedHeaders, Signature and X-Amz-Date');
  }
  const [, accessKeyId = '', day = '', region = '', service = '', signedHeaders = '', signature = ''] = given;
  const [, year, month, date, hour, minute, second] = stamp.map(Number);
  const time = Date.UTC(year ?? 0, (month ?? 0) - 1, date, hour, minute, second);
  if (Math.abs(now - time) > SKEW) {
    throw new Route53Problem(
      'RequestExpired',
      `Request timestamp: ${new Date(time).toUTCString()} expired. It must be within 300 secs/ of server time.`,
    );
  }
  const credential = credentials.find((one) => one.accessKeyId === accessKeyId);
  const token = headers['x-amz-security-token'];
  if (credential === undefined || credential.sessionToken !== token) {
    throw denied('InvalidClientTokenId', 'The security token included in the request is invalid.');
  }
  if (credential.expires !== undefined && now >= credential.expires) {
    throw denied('ExpiredToken', 'The security token included in the request is expired');
  }
  if (region !== REGION) throw denied('SignatureDoesNotMatch', `Credential should be scoped to a valid region, not '${region}'. `);
  if (service !== 'route53') throw denied('SignatureDoesNotMatch', `Credential should be scoped to correct service: 'route53'. `);
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonicalRequest(request, signedHeaders))].join('\n');
  const key = [day, region, service, 'aws4_request'].reduce<Buffer | string>(hmac, `AWS4${credential.secretAccessKey}`);
  if (!timingSafeEqual(hmac(key, toSign), Buffer.from(signature, 'hex')) || !String(headers['x-amz-date']).startsWith(day)) {
    throw denied(
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    );
  }
  return credential;
}

function canonicalRequest({ method, url, headers, body }: SignedRequest, signedHeaders: string): string {
  const names = signedHeaders.split(';');
  const mustBeSigned = Object.keys(headers).filter((name) => name === 'host' || name.startsWith('x-amz-'));
  if (mustBeSigned.some((name) => !names.includes(name))) {
    throw denied('SignatureDoesNotMatch', `'Host' or an 'X-Amz-' header is not signed. `);
  }
  const payload = sha256(body);
  if ((headers['x-amz-content-sha256'] ?? payload) !== payload) {
    throw new Route53Problem('XAmzContentSHA256Mismatch', 'The provided x-amz-content-sha256 header does not match what was computed.');
  }
  const { pathname, searchParams } = new URL(url, 'http://route53');
  const query = [...searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort();
  return [
    method,
    pathname.split('/').map(encode).join('/'),
    query.join('&'),
    ...names.map(
      (name) =>
        `${name}:${String(headers[name] ?? '')
          .trim()
          .replaceAll(/\s+/g, ' ')}`,
    ),
    '',
    signedHeaders,
    payload,
  ].join('\n');
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function denied(code: string, message: string): Route53Problem {
  return new Route53Problem(code, message, 403);
}
