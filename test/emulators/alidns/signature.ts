/**
 * Who asks: signatures of both versions that the service takes, ACS3-HMAC-SHA256 in headers and RPC HMAC-SHA1 in parameters,
 * verified by code that shares nothing with any SDK.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { MissingParameter, Refusal } from './refusal.js';
import { type ApiRequest, canonicalQuery, encode } from './request.js';

/** An access key that the emulator knows. */
export interface Credential {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** Makes it a temporary key (STS): requests must carry it. */
  readonly securityToken?: string;
  /** When the temporary key ends. Milliseconds since the epoch. */
  readonly expires?: number;
  /** The account that it belongs to; one account for all when absent. */
  readonly account?: string;
  /** What a RAM user may do; all when absent, as the account itself. */
  readonly policy?: { readonly Statement: readonly RamStatement[] };
}

interface RamStatement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}

/** The window in which a request's time must lie, to both sides. Milliseconds. */
const SKEW = 15 * 60_000;
const STAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

interface Verifier {
  /** @throws {Refusal} when the signature, key, token, time or nonce is not in order */
  verify(request: ApiRequest): { readonly action: string; readonly credential: Credential };
}

export function createVerifier(credentials: readonly Credential[], now: () => number): Verifier {
  const nonces = new Set<string>();

  function keyOf(id: string): Credential {
    const credential = credentials.find(({ accessKeyId }) => accessKeyId === id);
    if (credential === undefined) throw new Refusal('InvalidAccessKeyId.NotFound');
    return credential;
  }
  function checkStamp(stamp: string): void {
    if (!STAMP.test(stamp) || Math.abs(Date.parse(stamp) - now()) > SKEW) throw new Refusal('InvalidTimeStamp.Expired');
  }
  function checkToken(credential: Credential, token: string | undefined): void {
    if (credential.securityToken === undefined) {
      if (token !== undefined) throw new Refusal('InvalidSecurityToken.Malformed');
      return;
    }
    if (token === undefined || token === '') throw new Refusal('MissingSecurityToken');
    if (token !== credential.securityToken) {
      const known = credentials.some(({ securityToken }) => securityToken === token);
      throw new Refusal(known ? 'InvalidSecurityToken.MismatchWithAccessKey' : 'InvalidSecurityToken.Malformed');
    }
    if (credential.expires !== undefined && credential.expires <= now()) throw new Refusal('InvalidSecurityToken.Expired');
  }
  /** After the signature: a stranger must not be able to use up somebody's nonces. */
  function useNonce(nonce: string): void {
    if (nonces.has(nonce)) throw new Refusal('SignatureNonceUsed');
    nonces.add(nonce);
  }

  function verifyAcs3(request: ApiRequest, authorization: string): ReturnType<Verifier['verify']> {
    const parts = /^ACS3-HMAC-SHA256 +Credential=([^,]+), *SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})$/.exec(authorization);
    const [, id = '', names = '', signature = ''] = parts ?? [];
    if (parts === null) throw new Refusal('IncompleteSignature');
    const header = (name: string): string => {
      const value = request.headers[name];
      if (value === undefined || value === '') throw new MissingParameter(name);
      return value;
    };
    const signed = names.split(';');
    const required = ['host', ...Object.keys(request.headers).filter((name) => name.startsWith('x-acs-') || name === 'content-type')];
    for (const name of ['x-acs-action', 'x-acs-version', 'x-acs-date', 'x-acs-signature-nonce', 'x-acs-content-sha256']) header(name);
    if (required.some((name) => !signed.includes(name)) || signed.join() !== [...signed].sort().join()) {
      throw new Refusal('IncompleteSignature');
    }
    const credential = keyOf(id);
    checkStamp(header('x-acs-date'));
    const digest = createHash('sha256').update(request.body).digest('hex');
    const canonical = [
      request.method,
      request.path,
      canonicalQuery(request.query),
      ...signed.map((name) => `${name}:${(request.headers[name] ?? '').trim()}`),
      '',
      names,
      digest,
    ].join('\n');
    const toSign = `ACS3-HMAC-SHA256\n${createHash('sha256').update(canonical).digest('hex')}`;
    const expected = createHmac('sha256', credential.accessKeySecret).update(toSign).digest();
    if (header('x-acs-content-sha256') !== digest || !timingSafeEqual(Buffer.from(signature, 'hex'), expected)) {
      // The real service shows what it signed: the security token is in it, and it ends up in the SDK's error.
      throw new Refusal('SignatureDoesNotMatch', {
        message: `Specified signature is not matched with our calculation. server string to sign is:[${toSign}], server canonicalString is:[${canonical}]`,
      });
    }
    checkToken(credential, request.headers['x-acs-security-token']);
    if (header('x-acs-version') !== '2015-01-09') throw new Refusal('InvalidVersion');
    useNonce(header('x-acs-signature-nonce'));
    return { action: header('x-acs-action'), credential };
  }

  function verifyRpc(request: ApiRequest): ReturnType<Verifier['verify']> {
    const value = (name: string): string => {
      const found = request.parameters.get(name);
      if (found === undefined || found === '') throw new MissingParameter(name);
      return found;
    };
    const signature = value('Signature');
    if (value('SignatureMethod') !== 'HMAC-SHA1' || value('SignatureVersion') !== '1.0') throw new Refusal('IncompleteSignature');
    const credential = keyOf(value('AccessKeyId'));
    checkStamp(value('Timestamp'));
    const signed = new Map([...request.parameters].filter(([name]) => name !== 'Signature'));
    const toSign = `${request.method}&${encode('/')}&${encode(canonicalQuery(signed))}`;
    if (signature !== createHmac('sha1', `${credential.accessKeySecret}&`).update(toSign).digest('base64')) {
      throw new Refusal('SignatureDoesNotMatch', {
        message: `Specified signature is not matched with our calculation. server string to sign is:${toSign}`,
      });
    }
    checkToken(credential, request.parameters.get('SecurityToken'));
    if (value('Version') !== '2015-01-09') throw new Refusal('InvalidVersion');
    useNonce(value('SignatureNonce'));
    return { action: value('Action'), credential };
  }

  return {
    verify(request) {
      const { authorization } = request.headers;
      return authorization === undefined ? verifyRpc(request) : verifyAcs3(request, authorization);
    },
  };
}

/** RAM's answer (deny before allow before nothing) for an action on a domain, or on none. */
export function isAllowed({ policy, account = '' }: Credential, action: string, domainName: string | undefined): boolean {
  if (policy === undefined) return true;
  const resource = `acs:alidns:cn-hangzhou:${account}:${domainName === undefined ? '*' : `domain/${domainName}`}`;
  const fits = (statement: RamStatement): boolean =>
    [statement.Action].flat().some((pattern) => matches(pattern, `alidns:${action}`)) &&
    [statement.Resource].flat().some((pattern) => matches(pattern, resource));
  const fitting = policy.Statement.filter(fits);
  return fitting.some(({ Effect }) => Effect === 'Allow') && !fitting.some(({ Effect }) => Effect === 'Deny');
}

function matches(pattern: string, text: string): boolean {
  const source = pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${source}$`, 'i').test(text);
}
