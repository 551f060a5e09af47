/** An ACME client with no manners: it signs by itself, and every part of a request can be bent. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { isObject, type JsonObject } from '../../src/acme/answer.js';
import type { Http } from '../../src/net/http.js';

export interface Bend {
  /** Members of the protected header; `undefined` leaves one out. */
  readonly header?: Readonly<Record<string, unknown>>;
  /** Members of the JWS. */
  readonly jws?: Readonly<Record<string, unknown>>;
  /** HTTP headers; `undefined` leaves one out. */
  readonly http?: Readonly<Record<string, string | undefined>>;
  readonly signature?: (signed: Buffer, key: KeyObject) => Buffer;
  /** The whole body. */
  readonly body?: string;
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** What the text says as JSON; empty for other texts. */
  readonly json: JsonObject;
  /** The type of the problem without its namespace. */
  readonly problem: string | undefined;
}

export interface JwsClient {
  readonly key: KeyObject;
  /** URL of the account, once there is one. */
  kid: string | undefined;
  get(url: string, method?: string): Promise<Answered>;
  /** A signed request, by the account where there is one; `null` is a POST-as-GET. */
  post(url: string, payload: unknown, bend?: Bend): Promise<Answered>;
  /** The JWS alone. */
  sign(url: string, payload: unknown, bend?: Bend): Promise<Readonly<Record<string, unknown>>>;
  /** The directory. */
  readonly urls: () => Promise<Readonly<Record<string, string>>>;
  nonce(): Promise<string>;
}

const never = new AbortController().signal;

export function newKey(namedCurve = 'P-256'): KeyObject {
  return generateKeyPairSync('ec', { namedCurve }).privateKey;
}

/** A client with a P-256 key, and as yet without an account. */
export function createJwsClient(http: Http, directory: string, key = newKey()): JwsClient {
  let fresh: string | undefined;
  let known: Readonly<Record<string, string>> | undefined;
  const send = async (method: string, url: string, headers: Record<string, string> = {}, body?: string): Promise<Answered> => {
    const answer = await http.request({ method, url, headers, ...(body === undefined ? {} : { body }), signal: never });
    fresh = answer.headers['replay-nonce'] ?? fresh;
    const text = answer.body.toString();
    const value: unknown = /json/.test(answer.headers['content-type'] ?? '') && text !== '' ? JSON.parse(text) : undefined;
    const json = isObject(value) ? value : {};
    const type = typeof json.type === 'string' ? json.type.replace('urn:ietf:params:acme:error:', '') : undefined;
    return { status: answer.status, headers: answer.headers, text, json, problem: answer.status < 400 ? undefined : type };
  };
  const urls = async (): Promise<Readonly<Record<string, string>>> => {
    known ??= (await send('GET', directory)).json as Record<string, string>;
    return known;
  };
  const client: JwsClient = {
    key,
    kid: undefined,
    urls,
    get: (url, method = 'GET') => send(method, url),
    async nonce() {
      const taken = fresh ?? (await send('GET', (await urls()).newNonce ?? '')).headers['replay-nonce'];
      fresh = undefined;
      return taken ?? '';
    },
    async sign(url, payload, { header = {}, jws = {}, signature = signRaw } = {}) {
      const { crv, kty, x, y } = key.asymmetricKeyType === 'ec' ? publicJwk(key) : { ...publicJwk(key) };
      const own = client.kid === undefined ? { jwk: kty === 'EC' ? { crv, kty, x, y } : publicJwk(key) } : { kid: client.kid };
      const nonce = 'nonce' in header ? undefined : await client.nonce();
      const head = { alg: 'ES256', ...own, nonce, url, ...header };
      const payloadText = payload === null ? '' : typeof payload === 'string' ? payload : JSON.stringify(payload);
      const parts = { protected: encode(JSON.stringify(head)), payload: encode(payloadText) };
      const signed = Buffer.from(`${parts.protected}.${parts.payload}`);
      return { ...parts, signature: signature(signed, key).toString('base64url'), ...jws };
    },
    async post(url, payload, bend = {}) {
      const body = bend.body ?? JSON.stringify(await client.sign(url, payload, bend));
      const headers = Object.entries({ 'content-type': 'application/jose+json', ...bend.http });
      return send('POST', url, Object.fromEntries(headers.filter((one): one is [string, string] => one[1] !== undefined)), body);
    },
  };
  return client;
}

function signRaw(signed: Buffer, key: KeyObject): Buffer {
  return sign('sha256', signed, { key, dsaEncoding: 'ieee-p1363' });
}

/** The public half as a JWK. */
export function publicJwk(key: KeyObject): Readonly<Record<string, unknown>> {
  const { d: _, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...jwk } = key.export({ format: 'jwk' });
  return jwk;
}

const encode = (text: string): string => Buffer.from(text).toString('base64url');
