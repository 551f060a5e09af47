/** Orders and authorizations (RFC 8555 §7.1.3, §7.1.4, §7.4): made, asked for, finalized. */
import type { Clock } from '../base/clock.js';
import { isTscertError, TscertError } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import type { Json } from '../base/json.js';
import { type Answer, isObject, type JsonObject, linksOf, readObject, resolveUrl, retryAfter, unreadable } from './answer.js';
import type { Signer } from './client.js';
import { isProblem, type Problem, readProblem, wordsOf } from './problem.js';
import type { Session } from './session.js';

const FIRST_POLL = 250;
const POLL_GROWTH = 1.3;
const LONGEST_POLL = 5_000;
/** The longest Retry-After of a poll that is followed to the letter, in milliseconds. */
const LONGEST_RETRY_AFTER = 60_000;
const CERTIFICATE_TRIES = 8;

const ORDER_STATES = ['pending', 'ready', 'processing', 'valid', 'invalid'] as const;
const AUTHORIZATION_STATES = ['pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked'] as const;

export interface Identifier {
  readonly type: 'dns' | 'ip';
  readonly value: string;
}

export interface Order {
  readonly url: string;
  readonly status: (typeof ORDER_STATES)[number];
  readonly identifiers: readonly { readonly type: string; readonly value: string }[];
  readonly authorizations: readonly string[];
  readonly finalize: string;
  readonly certificate?: string;
  readonly error?: Problem;
}

export interface Authorization {
  readonly url: string;
  readonly status: (typeof AUTHORIZATION_STATES)[number];
  readonly identifier: { readonly type: string; readonly value: string };
  readonly wildcard: boolean;
  readonly challenges: readonly {
    readonly type: string;
    readonly url: string;
    readonly status: string;
    readonly token?: string;
    readonly error?: Problem;
  }[];
}

export interface OrderRequest {
  readonly identifiers: readonly Identifier[];
  readonly profile?: string;
  readonly notAfter?: Date;
  /** Certificate id of the one that this order replaces (RFC 9773 §5); left out when the server does not take it. */
  readonly replaces?: string;
}

/** What talks about one order: who signs, and what ends the wait. */
export interface OrderContext {
  readonly signer: Signer;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/**
 * Makes an order.
 * @throws {TscertError} `identifiers-differ` when the server's order is for other names; `acme-problem`, `rate-limited`
 */
export async function createOrder(session: Session, request: OrderRequest, { signer, signal }: OrderContext): Promise<Order> {
  const doing = 'make the order';
  const { newOrder, renewalInfo } = await session.directory(signal);
  session.expectOrder();
  const replaced = renewalInfo === undefined ? undefined : request.replaces;
  const payload = (replaces: string | undefined): Json => ({
    identifiers: request.identifiers.map(({ type, value }) => ({ type, value })),
    ...(request.profile === undefined ? {} : { profile: request.profile }),
    ...(request.notAfter === undefined ? {} : { notAfter: request.notAfter.toISOString() }),
    ...(replaces === undefined ? {} : { replaces }),
  });
  const post = (replaces: string | undefined): Promise<Answer> =>
    signer.post(newOrder, payload(replaces), { doing, action: 'authorize_order', signal, expect: [201] });
  const answer = await post(replaced).catch((error: unknown) => {
    if (replaced === undefined || !mayBeAboutReplacing(error)) throw error;
    return post(undefined);
  });
  const order = readOrder(answer, resolveUrl(answer.headers.location, answer, doing, 'Location header'), doing);
  if (!isFor(order, request.identifiers)) {
    const asked = request.identifiers.map(({ value }) => value);
    const got = order.identifiers.map(({ value }) => value);
    throw new TscertError(
      'identifiers-differ',
      `Cannot go on with the order: asked for ${asked.join(', ')}, but it is for ${got.join(', ')}`,
      {
        data: { url: order.url, asked, got },
      },
    );
  }
  return order;
}

/**
 * The certificate is replaced already, or the CA does not know it, or as another account's, or fails to look it up: that is no reason not to
 * renew. What was wrong with the order itself is said again without it.
 */
function mayBeAboutReplacing(error: unknown): boolean {
  if (!isTscertError(error, 'acme-problem')) return false;
  const problem = readProblem(error.data.problem);
  return (
    ['alreadyReplaced', 'malformed', 'unauthorized', 'serverInternal'].some((name) => isProblem(problem, name)) || error.data.status === 404
  );
}

/** True when the order is for exactly these identifiers. */
export function isFor(order: Order, identifiers: readonly Identifier[]): boolean {
  const keys = (list: Order['identifiers']): string => [...new Set(list.map(keyOf))].sort().join(' ');
  return keys(order.identifiers) === keys(identifiers);
}

function keyOf({ type, value }: { readonly type: string; readonly value: string }): string {
  const isIpv6 = type === 'ip' && value.includes(':') && URL.canParse(`http://[${value}]/`);
  return `${type}:${isIpv6 ? new URL(`http://[${value}]/`).hostname.slice(1, -1) : value.toLowerCase()}`;
}

/** Asks for an order. */
export async function readOrderAt(url: string, { signer, signal }: OrderContext): Promise<Order> {
  const doing = 'look at the order';
  return readOrder(await signer.post(url, null, { doing, action: 'get_order', signal }), url, doing);
}

/**
 * Asks for an order until it has left the states in `while`: at once, then when Retry-After says so, else after 0.25 s growing to 5 s.
 * @throws {TscertError} `order-timeout` after `limit` milliseconds
 */
export async function awaitOrder(
  url: string,
  wait: { readonly while: readonly Order['status'][]; readonly limit: number; readonly what: string },
  { signer, clock, signal, emit }: OrderContext,
): Promise<Order> {
  const doing = `wait for ${wait.what}`;
  const begin = clock.now();
  for (let pause = FIRST_POLL; ; pause = Math.min(pause * POLL_GROWTH, LONGEST_POLL)) {
    const answer = await signer.post(url, null, { doing, action: 'wait_order', signal });
    const order = readOrder(answer, url, doing);
    if (!wait.while.includes(order.status)) return order;
    const left = wait.limit - (clock.now() - begin);
    if (left <= 0) {
      const seconds = Math.round(wait.limit / 1_000);
      throw new TscertError('order-timeout', `Cannot ${doing}: the order is still ${order.status} after ${seconds} seconds`, {
        data: { url, status: order.status, milliseconds: wait.limit },
      });
    }
    const asked = Math.min(retryAfter(answer, clock.now()) ?? 0, LONGEST_RETRY_AFTER);
    const milliseconds = Math.min(Math.max(asked, asked > 0 ? 0 : pause), left);
    emit({ type: 'waiting', what: wait.what, milliseconds });
    await clock.sleep(milliseconds, signal);
  }
}

/** Sends the CSR (DER). An error after which the order is under way all the same is none: an answer may have been lost. */
export async function finalizeOrder(order: Order, csr: Buffer, context: OrderContext): Promise<Order> {
  const doing = 'finalize the order';
  const { signer, signal } = context;
  try {
    const answer = await signer.post(order.finalize, { csr: csr.toString('base64url') }, { doing, action: 'create_order_cert', signal });
    return readOrder(answer, order.url, doing);
  } catch (error) {
    if (!isTscertError(error, 'acme-problem')) throw error;
    const now = await readOrderAt(order.url, context);
    if (now.status === 'processing' || now.status === 'valid') return now;
    throw error;
  }
}

/** A downloaded chain (PEM, leaf first) and where its alternates are. */
export interface Download {
  readonly chain: string;
  readonly alternates: readonly string[];
}

/**
 * Downloads a certificate (RFC 8555 §7.4.2). A certificate that is not there yet is asked for a few times more.
 * @throws {TscertError} `response-invalid` when what comes is no PEM certificate
 */
export async function downloadCertificate(url: string, { signer, clock, signal }: OrderContext): Promise<Download> {
  const doing = 'download the certificate';
  const accept = 'application/pem-certificate-chain';
  for (let tries = 1; ; tries++) {
    const answer = await signer.post(url, null, { doing, action: 'fetch_cert', signal, accept }).catch((error: unknown) => {
      const isAbsent = (isTscertError(error, 'acme-problem') || isTscertError(error, 'response-invalid')) && error.data.status === 404;
      if (!isAbsent || tries === CERTIFICATE_TRIES) throw error;
      return undefined;
    });
    if (answer !== undefined) {
      const chain = answer.body.toString('utf8');
      if (!/^-----BEGIN CERTIFICATE-----\r?\n/m.test(chain)) throw unreadable(answer, doing, 'no PEM certificate');
      return { chain, alternates: linksOf(answer, 'alternate') };
    }
    await clock.sleep(FIRST_POLL * POLL_GROWTH ** tries, signal);
  }
}

/** Asks for an authorization. */
export async function readAuthorizationAt(url: string, { signer, signal }: OrderContext): Promise<Authorization> {
  const doing = 'look at the authorization';
  return readAuthorization(await signer.post(url, null, { doing, action: 'get_authorization', signal }), url, doing);
}

/**
 * Reads an order; URLs become absolute.
 * @throws {TscertError} `response-invalid`
 */
export function readOrder(answer: Answer, url: string, doing: string): Order {
  const body = readObject(answer, doing);
  const status = ORDER_STATES.find((state) => state === body.status);
  if (status === undefined || !Array.isArray(body.identifiers) || !Array.isArray(body.authorizations)) {
    throw unreadable(answer, doing, 'no order');
  }
  const error = readProblem(body.error);
  return {
    url,
    status,
    identifiers: body.identifiers.map((one: unknown) => readIdentifier(one) ?? fail(answer, doing)),
    authorizations: body.authorizations.map((one: unknown) => resolveUrl(one, answer, doing, 'authorization URL')),
    finalize: resolveUrl(body.finalize, answer, doing, 'finalize URL'),
    ...(body.certificate === undefined ? {} : { certificate: resolveUrl(body.certificate, answer, doing, 'certificate URL') }),
    ...(error === undefined ? {} : { error }),
  };
}

/**
 * Reads an authorization; challenges without type or URL are passed over.
 * @throws {TscertError} `response-invalid`
 */
export function readAuthorization(answer: Answer, url: string, doing: string): Authorization {
  const body = readObject(answer, doing);
  const status = AUTHORIZATION_STATES.find((state) => state === body.status);
  const identifier = readIdentifier(body.identifier);
  if (status === undefined || identifier === undefined || !Array.isArray(body.challenges))
    throw unreadable(answer, doing, 'no authorization');
  const challenges = body.challenges.filter((one: unknown): one is JsonObject => isObject(one) && typeof one.type === 'string');
  return {
    url,
    status,
    identifier,
    wildcard: body.wildcard === true,
    challenges: challenges.map((challenge) => {
      const error = readProblem(challenge.error);
      return {
        type: String(challenge.type),
        url: resolveUrl(challenge.url, answer, doing, 'challenge URL'),
        status: typeof challenge.status === 'string' ? challenge.status : 'pending',
        ...(typeof challenge.token === 'string' && /^[A-Za-z0-9_-]+$/.test(challenge.token) ? { token: challenge.token } : {}),
        ...(error === undefined ? {} : { error }),
      };
    }),
  };
}

function readIdentifier(value: unknown): { readonly type: string; readonly value: string } | undefined {
  if (!isObject(value) || typeof value.type !== 'string' || typeof value.value !== 'string') return undefined;
  return { type: value.type, value: value.value };
}

function fail(answer: Answer, doing: string): never {
  throw unreadable(answer, doing, 'no identifier');
}

/** What failed in an invalid order, and why: the CA's own words for each name. */
export interface Failure {
  readonly identifier: string;
  /** Challenge type, where one was tried. */
  readonly type?: string;
  readonly problem?: Problem;
}

/** The error for an order that became invalid. */
export function orderInvalid(order: Order, failures: readonly Failure[]): TscertError {
  const words = failures.map(({ identifier, type, problem }) => {
    const how = type === undefined ? '' : ` (${type})`;
    return `"${identifier}"${how}: ${problem === undefined ? 'no reason given' : wordsOf(problem)}`;
  });
  const why = words.length > 0 ? words.join('; ') : order.error === undefined ? 'the server gives no reason' : wordsOf(order.error);
  return new TscertError('order-invalid', `Cannot complete the order: ${why}`, {
    data: { url: order.url, failures, ...(order.error === undefined ? {} : { problem: order.error }) },
  });
}
