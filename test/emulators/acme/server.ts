/** The resources of the server (RFC 8555 §7.1) by path, and who may ask for them how (§6.2, §6.3, §6.5). */
import type { JsonObject } from '../../../src/acme/answer.js';
import type { Random } from '../../../src/base/clock.js';
import { type Account, type Accounts, readObject } from './accounts.js';
import type { Certificates } from './certificates.js';
import { type Jws, readJwk, readJws, verifyJws } from './jws.js';
import type { Tell } from './ledger.js';
import type { Nonces } from './nonces.js';
import type { Authorization, Order, Orders } from './orders.js';
import { AcmeProblem, malformed, notFound, problemDocument, unauthorized } from './problem.js';
import type { Profile } from './profiles.js';

export interface Request {
  readonly method: string;
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly address: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface ServerOptions {
  /** As `https://ca.test`. */
  readonly origin: string;
  readonly random: Random;
  readonly profiles: Readonly<Record<string, Profile>>;
  readonly nonces: Nonces;
  readonly accounts: Accounts;
  readonly orders: Orders;
  readonly certificates: Certificates;
  readonly tell: Tell;
  /** The share of good nonces that are refused. */
  readonly badNonces: number;
}

/** Seconds. */
const ORDER_RETRY_AFTER = 3;
const RENEWAL_INFO_RETRY_AFTER = 6 * 3_600;
const TERMS = '/terms/v1';

type Answer = { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown };
/** A request by an account; a payload of `undefined` is a POST-as-GET. */
type Signed = { readonly account: Account; readonly payload: JsonObject | undefined; readonly url: string };

export function createServer(options: ServerOptions): (request: Request) => Reply {
  const { origin, random, nonces, accounts, orders, certificates, tell } = options;
  const at = (path: string): string => `${origin}${path}`;
  const link = (url: string, relation: string): string => `<${url}>;rel="${relation}"`;

  const authorizationUrl = ({ account, id }: Authorization): string => at(`/acme/authz/${account.id}/${id}`);
  const challengeDocument = ({ account, id, challenge }: Authorization): object => ({
    type: 'dns-01',
    url: at(`/acme/chall/${account.id}/${id}/${challenge.id}`),
    status: challenge.status,
    token: challenge.token,
    ...(challenge.validated === undefined ? {} : { validated: timeText(challenge.validated) }),
    ...(challenge.error === undefined ? {} : { error: problemDocument(challenge.error) }),
  });
  const authorizationDocument = (authorization: Authorization): object => ({
    identifier: { type: 'dns', value: authorization.name.replace(/^\*\./, '') },
    status: authorization.status,
    expires: timeText(authorization.expires),
    challenges: [challengeDocument(authorization)],
    ...(authorization.name.startsWith('*.') ? { wildcard: true } : {}),
  });
  const orderAnswer = (order: Order, status: number): Answer => {
    const { id, account, names, profile, replaces, expires, authorizations, certificate } = order;
    const state = orders.statusOf(order);
    return {
      status,
      headers: {
        location: at(`/acme/order/${account.id}/${id}`),
        ...(state === 'processing' ? { 'retry-after': String(ORDER_RETRY_AFTER) } : {}),
      },
      body: {
        status: state,
        expires: timeText(expires),
        identifiers: names.map((value) => ({ type: 'dns', value })),
        profile,
        authorizations: authorizations.map(authorizationUrl),
        finalize: at(`/acme/finalize/${account.id}/${id}`),
        ...(state === 'valid' ? { certificate: at(`/acme/cert/${certificate?.serial}`) } : {}),
        ...(replaces === undefined ? {} : { replaces: replaces.id }),
      },
    };
  };
  const accountAnswer = ({ url, contact, status }: Account, code: number): Answer => ({
    status: code,
    headers: { location: url, ...(code === 201 ? { link: link(at(TERMS), 'terms-of-service') } : {}) },
    body: { status, contact, orders: `${url}/orders` },
  });

  const resources: Readonly<Record<string, (signed: Signed, parts: readonly string[]) => Answer>> = {
    'new-order': ({ account, payload }) => orderAnswer(orders.create(account, needed(payload)), 201),
    acct({ account, payload, url }) {
      if (url !== account.url) throw unauthorized('Request signing key did not match account key');
      if (payload !== undefined) accounts.update(account, payload);
      return accountAnswer(account, 200);
    },
    'key-change'({ account, payload, url }) {
      accounts.changeKey(account, payload, url);
      return accountAnswer(account, 200);
    },
    order({ account, payload }, [owner, id = '']) {
      refusePayload(payload);
      if (owner !== String(account.id)) throw notFound(`No order found for account ID ${owner}`);
      return orderAnswer(orders.order(account, id), 200);
    },
    authz({ account, payload }, [, id = '']) {
      const authorization = orders.authorization(account, id);
      if (payload !== undefined) orders.deactivate(authorization, payload);
      return { body: authorizationDocument(authorization) };
    },
    chall({ account, payload }, [, id = '', challenge = '']) {
      const authorization = orders.challenge(account, id, challenge);
      if (payload !== undefined) orders.respond(authorization);
      return { headers: { link: link(authorizationUrl(authorization), 'up') }, body: challengeDocument(authorization) };
    },
    finalize({ account, payload }, [owner, id = '']) {
      if (owner !== String(account.id)) throw malformed('Mismatched account ID');
      const order = orders.order(account, id);
      orders.finalize(order, needed(payload));
      return orderAnswer(order, 200);
    },
    cert({ account, payload }, [serial = '']) {
      refusePayload(payload);
      const certificate = certificates.bySerial(serial);
      if (certificate === undefined) throw notFound('Certificate not found');
      if (certificate.account !== account.id) throw unauthorized('Account in use did not issue specified certificate');
      return { headers: { 'content-type': 'application/pem-certificate-chain' }, body: certificate.chain };
    },
  };

  const redeem = (nonce: unknown): void => {
    const isGood = nonces.redeem(nonce);
    if (isGood && (options.badNonces === 0 || random() >= options.badNonces)) return;
    throw new AcmeProblem(400, 'badNonce', 'Unable to validate JWS :: JWS has an invalid anti-replay nonce');
  };
  /** The payload of a JWS by this key, for this URL, with a good nonce. */
  const verified = (jws: Jws, key: Parameters<typeof verifyJws>[1], url: string): JsonObject | undefined => {
    verifyJws(jws, key, 'Unable to validate JWS :: JWS verification error');
    redeem(jws.header.nonce);
    if (typeof jws.header.url !== 'string') throw malformed("Unable to validate JWS :: JWS header parameter 'url' required");
    if (jws.header.url !== url) {
      throw malformed(`Unable to validate JWS :: JWS header parameter 'url' incorrect. Expected "${url}" got "${jws.header.url}"`);
    }
    if (jws.payload.length === 0) return undefined;
    return readObject(jws.payload, 'Unable to validate JWS :: Request payload did not parse as JSON');
  };
  const readSigned = (request: Request): Jws => {
    const type = request.headers['content-type'];
    if (type !== 'application/jose+json') {
      const words = type === undefined ? 'No' : 'Invalid';
      throw malformed(`Unable to validate JWS :: ${words} Content-Type header on POST. Content-Type must be "application/jose+json"`);
    }
    if (request.headers['replay-nonce'] !== undefined) {
      throw malformed('Unable to validate JWS :: HTTP requests should NOT contain Replay-Nonce header. Use JWS nonce field');
    }
    const jws = readJws(request.body);
    if (jws.header.kid !== undefined && jws.header.jwk !== undefined) {
      throw malformed('Unable to validate JWS :: jwk and kid header fields are mutually exclusive');
    }
    return jws;
  };
  const byAccount = (request: Request): Signed => {
    const jws = readSigned(request);
    const { kid } = jws.header;
    if (typeof kid !== 'string') throw malformed('Unable to validate JWS :: No Key ID in JWS header');
    const account = accounts.byUrl(kid);
    const url = at(request.path);
    return { account, payload: verified(jws, account.key, url), url };
  };

  const newAccount = (request: Request): Answer => {
    const jws = readSigned(request);
    if (jws.header.jwk === undefined) throw malformed('Unable to validate JWS :: No embedded JWK in JWS header');
    const key = readJwk(jws.header.jwk);
    const payload = needed(verified(jws, key, at(request.path)));
    const { account, isNew } = accounts.create(key, payload, request.address);
    if (isNew) tell({ kind: 'account', account: account.id, address: request.address });
    return accountAnswer(account, isNew ? 201 : 200);
  };

  /** By the account that has the certificate, or by the certificate's own key (RFC 8555 §7.6). */
  const revoke = (request: Request): Answer => {
    const jws = readSigned(request);
    const own = jws.header.jwk === undefined ? undefined : readJwk(jws.header.jwk);
    const account = own === undefined ? byKid(jws) : undefined;
    const { certificate: der, reason } = needed(verified(jws, own ?? account?.key ?? readJwk(undefined), at(request.path)));
    if (typeof der !== 'string') throw malformed('Unable to JSON parse revoke request');
    const certificate = certificates.revoke(Buffer.from(der, 'base64url'), reason, (found) =>
      own === undefined ? found.account === account?.id : found.publicKey.equals(own.key),
    );
    tell({ kind: 'revoked', certificate });
    return {};
  };
  const byKid = ({ header: { kid } }: Jws): Account => {
    if (typeof kid !== 'string') throw malformed('Malformed JWS, no KeyID or embedded JWK');
    return accounts.byUrl(kid);
  };

  const renewalInfo = (id: string): Answer => {
    const { certificate } = certificates.byId(id, 'While parsing ARI CertID an error occurred');
    if (certificate === undefined) throw notFound('Requested certificate was not found');
    const { start, end, explanationUrl } = certificates.windowOf(certificate);
    const seconds = Math.floor(RENEWAL_INFO_RETRY_AFTER * (1 + 0.2 * (2 * random() - 1)));
    return {
      headers: { 'retry-after': String(seconds) },
      body: {
        suggestedWindow: { start: timeText(start), end: timeText(end) },
        ...(explanationUrl === undefined ? {} : { explanationURL: explanationUrl }),
      },
    };
  };

  const directory = (): Answer => ({
    body: {
      newNonce: at('/acme/new-nonce'),
      newAccount: at('/acme/new-acct'),
      newOrder: at('/acme/new-order'),
      revokeCert: at('/acme/revoke-cert'),
      keyChange: at('/acme/key-change'),
      renewalInfo: at('/acme/renewal-info'),
      [`random${Math.floor(random() * 1e9)}`]: 'https://community.letsencrypt.org/t/adding-random-entries-to-the-directory/33417',
      meta: {
        termsOfService: at(TERMS),
        website: origin,
        caaIdentities: [new URL(origin).hostname],
        profiles: Object.fromEntries(Object.entries(options.profiles).map(([name, { description }]) => [name, description])),
      },
    },
  });

  const route = (request: Request): Answer => {
    const { method, path } = request;
    const isRead = method === 'GET' || method === 'HEAD';
    if (path === '/directory' && isRead) return directory();
    const [, room, resource = '', ...parts] = path.split('/');
    if (room !== 'acme') throw notFound('Page not found');
    if (resource === 'new-nonce' && isRead) return { status: method === 'GET' ? 204 : 200, headers: { 'cache-control': 'no-store' } };
    if (resource === 'renewal-info' && isRead) return renewalInfo(parts.join('/'));
    if (method !== 'POST') throw new AcmeProblem(405, 'malformed', 'Method not allowed');
    if (resource === 'new-acct') return newAccount(request);
    if (resource === 'revoke-cert') return revoke(request);
    const answer = resources[resource];
    if (answer === undefined) throw notFound('Page not found');
    return answer(byAccount(request), parts);
  };

  return (request) => {
    const { method, path } = request;
    const common = {
      ...(path === '/directory' ? {} : { link: link(at('/directory'), 'index') }),
      ...(method === 'POST' || path === '/acme/new-nonce' ? { 'replay-nonce': nonces.issue() } : {}),
      'cache-control': 'public, max-age=0, no-cache',
    };
    try {
      const { status = 200, headers = {}, body } = route(request);
      const links = [common.link, headers.link].filter((one) => one !== undefined).join(', ');
      return {
        status,
        headers: { 'content-type': 'application/json', ...common, ...headers, ...(links === '' ? {} : { link: links }) },
        body: method === 'HEAD' || body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body),
      };
    } catch (error) {
      if (!(error instanceof AcmeProblem)) throw error;
      const { retryAfter, location } = error.more;
      tell({ kind: 'refused', path, status: error.status, type: error.type, detail: error.message });
      return {
        status: error.status,
        headers: {
          ...common,
          'content-type': 'application/problem+json',
          ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
          ...(location === undefined ? {} : { location }),
        },
        body: JSON.stringify(problemDocument(error)),
      };
    }
  };
}

function needed(payload: JsonObject | undefined): JsonObject {
  if (payload === undefined) throw malformed('Error unmarshaling JSON');
  return payload;
}

function refusePayload(payload: JsonObject | undefined): void {
  if (payload !== undefined) throw malformed('Unable to validate JWS :: POST-as-GET requests must have an empty payload');
}

function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}
