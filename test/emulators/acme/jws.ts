/** Signed requests (RFC 8555 §6.2): a flattened JWS with one signature and nothing unprotected. */
import { createHash, createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { isObject, type JsonObject } from '../../../src/acme/answer.js';
import { AcmeProblem, malformed, unauthorized } from './problem.js';

export interface Jws {
  /** The protected header. */
  readonly header: JsonObject;
  readonly payload: Buffer;
  /** What is signed. */
  readonly signed: string;
  readonly signature: Buffer;
}

/** A public key as accounts have it. */
export interface PublicJwk {
  readonly key: KeyObject;
  /** RFC 7638. */
  readonly thumbprint: string;
  /** The one algorithm that it signs with. */
  readonly algorithm: Algorithm;
}

const LARGEST = 50_000;
const ALGORITHMS = ['RS256', 'ES256', 'ES384', 'ES512'] as const;
type Algorithm = (typeof ALGORITHMS)[number];
const CURVES: Readonly<Record<string, Algorithm>> = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' };
/** The members that a thumbprint is made of, in their order. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = { EC: ['crv', 'kty', 'x', 'y'], RSA: ['e', 'kty', 'n'] };

/** The JWS in a body. */
export function readJws(body: string): Jws {
  if (body.length > LARGEST) throw unauthorized('request body too large');
  return openJws(parse(body, 'Parse error reading JWS'));
}

/** The JWS that a JSON value is, as inside a key change. */
export function openJws(outer: unknown): Jws {
  if (!isObject(outer)) throw malformed('Parse error reading JWS');
  if (outer.header !== undefined) throw malformed('JWS "header" field not allowed. All headers must be in "protected" field');
  if (outer.signatures !== undefined) {
    throw malformed('JWS "signatures" field not allowed. Only the "signature" field should contain a signature');
  }
  const { protected: head, payload, signature } = outer;
  if (typeof head !== 'string' || typeof payload !== 'string' || typeof signature !== 'string') {
    throw malformed('Parse error reading JWS');
  }
  if (signature === '') throw malformed('POST JWS not signed');
  const header = parse(decode(head).toString('utf8'), 'Parse error reading JWS');
  if (!isObject(header) || header.crit !== undefined) throw malformed('Parse error reading JWS');
  return { header, payload: decode(payload), signed: `${head}.${payload}`, signature: decode(signature) };
}

/** Checks the signature; the key tells the one algorithm that may stand in the header. */
export function verifyJws({ header, signed, signature }: Jws, { key, algorithm }: PublicJwk, failure = 'JWS verification error'): void {
  if (!ALGORITHMS.some((known) => known === header.alg)) {
    const detail = `JWS signature header contains unsupported algorithm "${header.alg}", expected one of [${ALGORITHMS.join(' ')}]`;
    throw new AcmeProblem(400, 'badSignatureAlgorithm', detail, { algorithms: ALGORITHMS });
  }
  if (header.alg !== algorithm) {
    throw malformed(`JWS signature header algorithm "${header.alg}" does not match expected algorithm "${algorithm}" for JWK`);
  }
  const hash = `sha${algorithm.slice(2)}`;
  if (!verify(hash, Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }, signature)) throw malformed(failure);
}

/** The key in a header's `jwk` (RFC 7517). */
export function readJwk(value: unknown): PublicJwk {
  const jwk = isObject(value) ? value : {};
  const members = MEMBERS[String(jwk.kty)];
  if (members?.every((member) => typeof jwk[member] === 'string') !== true || 'd' in jwk) throw malformed('Invalid JWK in JWS header');
  const algorithm = jwk.kty === 'RSA' ? 'RS256' : CURVES[String(jwk.crv)];
  const publicJwk = Object.fromEntries(members.map((member) => [member, String(jwk[member])]));
  const key = importKey(publicJwk);
  const { modulusLength = 2048 } = key.asymmetricKeyDetails ?? {};
  if (algorithm === undefined || algorithm === 'ES512' || modulusLength < 2048) {
    throw new AcmeProblem(400, 'badPublicKey', 'invalid request signing key: it is of a kind that is not taken');
  }
  return { key, algorithm, thumbprint: createHash('sha256').update(JSON.stringify(publicJwk)).digest('base64url') };
}

function importKey(key: JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key, format: 'jwk' });
  } catch {
    throw malformed('Invalid JWK in JWS header');
  }
}

/** base64url without padding, and no other text for the same octets. */
function decode(text: string): Buffer {
  const octets = Buffer.from(text, 'base64url');
  if (octets.toString('base64url') !== text) throw malformed('Parse error reading JWS');
  return octets;
}

function parse(text: string, failure: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed(failure);
  }
}
