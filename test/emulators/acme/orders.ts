/** Orders, authorizations and challenges, and how they move from state to state (RFC 8555 §7.1.6), as Boulder has it. */
import { createHash, randomBytes } from 'node:crypto';
import type { JsonObject } from '../../../src/acme/answer.js';
import type { Clock } from '../../../src/base/clock.js';
import { messageOf } from '../../../src/base/errors.js';
import { type CsrContent, readCsr } from '../../../src/pki/csr.js';
import { keyTypeOf, publicKeyEquals } from '../../../src/pki/key.js';
import { commonNameOf } from '../../../src/pki/subject.js';
import type { Account } from './accounts.js';
import type { Certificates, IssuedCertificate } from './certificates.js';
import type { Tell } from './ledger.js';
import { type Limiter, setKey } from './limits.js';
import { readNames, refuseOverlap } from './names.js';
import { AcmeProblem, malformed, notFound, unauthorized } from './problem.js';
import { DEFAULT_PROFILE, type Profile } from './profiles.js';

export interface Challenge {
  readonly id: string;
  readonly token: string;
  status: 'pending' | 'processing' | 'valid' | 'invalid';
  validated: number | undefined;
  error: AcmeProblem | undefined;
}

export interface Authorization {
  readonly id: number;
  readonly account: Account;
  /** With `*.` for a wildcard. */
  readonly name: string;
  readonly profile: string;
  status: 'pending' | 'valid' | 'invalid' | 'deactivated';
  expires: number;
  readonly challenge: Challenge;
}

export interface Order {
  readonly id: number;
  readonly account: Account;
  readonly names: readonly string[];
  readonly profile: string;
  /** As the client named it. */
  readonly replaces: { readonly id: string; readonly serial: string } | undefined;
  readonly expires: number;
  readonly authorizations: readonly Authorization[];
  isProcessing: boolean;
  certificate: IssuedCertificate | undefined;
}

export type OrderStatus = 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';

export interface OrderOptions {
  readonly clock: Clock;
  readonly certificates: Certificates;
  readonly limiter: Limiter;
  readonly profiles: Readonly<Record<string, Profile>>;
  readonly tell: Tell;
  /** TXT values at a name, as the server's own resolver sees them. What it throws fails the validation. */
  readonly txt: (name: string) => Promise<readonly string[]> | readonly string[];
  /** Milliseconds from a response to its validation, and from finalize to the certificate. */
  readonly validationDelay: () => number;
  readonly issuanceDelay: () => number;
  /** Hand out valid authorizations again. */
  readonly reuse: boolean;
  /** Where a person lifts a pause. */
  readonly unpauseUrl: (account: number, names: readonly string[]) => string;
}

export interface Orders {
  create(account: Account, wanted: JsonObject): Order;
  order(account: Account, id: string): Order;
  statusOf(order: Order): OrderStatus;
  authorization(account: Account, id: string): Authorization;
  challenge(account: Account, authorization: string, id: string): Authorization;
  /** The client says that a challenge is ready (RFC 8555 §7.5.1). */
  respond(authorization: Authorization): void;
  /** RFC 8555 §7.5.2. */
  deactivate(authorization: Authorization, wanted: JsonObject): void;
  finalize(order: Order, wanted: JsonObject): void;
  /** Lifts all pauses of an account. */
  unpause(account: number): void;
}

const DAY = 86_400_000;
/** A set of names of which a certificate was issued within this is a renewal. */
const RENEWAL_MEMORY = 120 * DAY;
const KEY_TYPES: readonly unknown[] = ['ec256', 'ec384', 'rsa2048', 'rsa3072', 'rsa4096'];

export function createOrders(options: OrderOptions): Orders {
  const { clock, certificates, limiter, profiles, tell } = options;
  const orders: Order[] = [];
  const authorizations: Authorization[] = [];
  /** By account and names: the newest order. */
  const latest = new Map<string, Order>();
  /** By account, name and profile: the newest authorization. */
  const proven = new Map<string, Authorization>();
  /** By set of names: when a certificate of them was issued last. */
  const lastIssued = new Map<string, number>();
  /** By serial number: the order that replaces the certificate. */
  const replacements = new Map<string, Order>();
  const paused = new Set<string>();

  const statusOf = ({ expires, authorizations: all, certificate, isProcessing }: Order): OrderStatus => {
    const now = clock.now();
    const isAlive = ({ status, expires: end }: Authorization): boolean => (status === 'pending' || status === 'valid') && end >= now;
    if (expires < now || !all.every(isAlive)) return 'invalid';
    if (all.some(({ status }) => status === 'pending')) return 'pending';
    if (certificate !== undefined) return 'valid';
    return isProcessing ? 'processing' : 'ready';
  };
  const isRenewal = (names: readonly string[]): boolean =>
    (lastIssued.get(setKey(names)) ?? Number.NEGATIVE_INFINITY) > clock.now() - RENEWAL_MEMORY;

  /** The certificate that an order may replace: Boulder's validateReplacementOrder. */
  const readReplaces = (account: Account, names: readonly string[], id: unknown): IssuedCertificate | undefined => {
    if (id === undefined || id === '') return undefined;
    const doing = "Could not validate ARI 'replaces' field";
    if (typeof id !== 'string') throw malformed('Unable to unmarshal NewOrder request body');
    const { serial, certificate } = certificates.byId(id, doing);
    const other = replacements.get(serial);
    if (certificate?.isReplaced === true || (other !== undefined && statusOf(other) !== 'invalid')) {
      const detail = `${doing} :: cannot indicate an order replaces certificate with serial "${serial}", which already has a replacement order`;
      throw new AcmeProblem(409, 'alreadyReplaced', detail);
    }
    if (certificate === undefined) {
      throw notFound(`${doing} :: request included \`replaces\` field, but no current certificate with serial "${serial}" exists`);
    }
    if (certificate.account !== account.id) {
      throw unauthorized(`${doing} :: requester account did not request the certificate being replaced by this order`);
    }
    if (!names.some((name) => certificate.names.some((old) => old === name || old === `*${name.slice(name.indexOf('.'))}`))) {
      throw malformed(`${doing} :: identifiers in this order do not match any identifiers in the certificate being replaced`);
    }
    return certificate;
  };

  const profileOf = (wanted: unknown): [name: string, profile: Profile] => {
    const name = wanted === undefined || wanted === '' ? DEFAULT_PROFILE : String(wanted);
    const profile = profiles[name];
    if (profile === undefined) throw new AcmeProblem(400, 'invalidProfile', `profile name "${name}" not recognized`);
    return [name, profile];
  };

  const authorize = (account: Account, name: string, profile: string, { pendingLifetime, orderLifetime }: Profile): Authorization => {
    const key = `${account.id} ${name} ${profile}`;
    const known = proven.get(key);
    const soon = clock.now() + Math.min(Math.max(orderLifetime / 8, DAY / 24), DAY);
    if (options.reuse && known?.status === 'valid' && known.expires > soon) return known;
    const id = authorizations.length + 1;
    const token = randomBytes(32).toString('base64url');
    const challenge: Challenge = { id: token.slice(0, 6), token, status: 'pending', validated: undefined, error: undefined };
    const expires = toSecond(clock.now() + pendingLifetime);
    const authorization: Authorization = { id, account, name, profile, status: 'pending', expires, challenge };
    authorizations.push(authorization);
    proven.set(key, authorization);
    return authorization;
  };

  const countFailure = ({ account, name }: Authorization): void => {
    if (!limiter.failed(account.id, name)) return;
    paused.add(`${account.id} ${name}`);
    tell({ kind: 'paused', account: account.id, name });
  };

  const validate = async (authorization: Authorization): Promise<void> => {
    const { account, name, challenge, profile } = authorization;
    await clock.sleep(options.validationDelay());
    const error = await look(authorization);
    if (authorization.status !== 'pending') return;
    challenge.error = error;
    challenge.status = authorization.status = error === undefined ? 'valid' : 'invalid';
    const detail = error === undefined ? {} : { detail: error.message };
    tell({ kind: 'validation', account: account.id, name, isValid: error === undefined, ...detail });
    if (error !== undefined) return countFailure(authorization);
    challenge.validated = clock.now();
    authorization.expires = toSecond(clock.now() + (profiles[profile]?.validLifetime ?? 0));
    limiter.validated(account.id, name);
  };

  /** RFC 8555 §8.4. */
  const look = async ({ account, name, challenge }: Authorization): Promise<AcmeProblem | undefined> => {
    const place = `_acme-challenge.${name.replace(/^\*\./, '')}`;
    const digest = createHash('sha256').update(`${challenge.token}.${account.key.thumbprint}`).digest('base64url');
    try {
      const values = await options.txt(place);
      if (values.includes(digest)) return undefined;
      const [first] = values;
      if (first === undefined) return unauthorized(`No TXT record found at ${place}`);
      const more = values.length > 1 ? ` (and ${values.length - 1} more)` : '';
      return unauthorized(`Incorrect TXT record "${first}"${more} found at ${place}`);
    } catch (error) {
      return new AcmeProblem(400, 'dns', `DNS problem: ${messageOf(error)} looking up TXT for ${place}`);
    }
  };

  const issue = async (order: Order, { publicKey }: CsrContent): Promise<void> => {
    const delay = options.issuanceDelay();
    if (delay > 0) await clock.sleep(delay);
    const { account, names, profile, replaces } = order;
    const isAgain = isRenewal(names);
    const lifetime = profiles[profile]?.lifetime ?? 0;
    order.certificate = certificates.issue({ account: account.id, names, publicKey, lifetime });
    limiter.issued(names, isAgain);
    lastIssued.set(setKey(names), clock.now());
    const replaced = replaces && certificates.bySerial(replaces.serial);
    if (replaced !== undefined) replaced.isReplaced = true;
    tell({ kind: 'issued', account: account.id, order: order.id, names, replaces: replaces?.serial, certificate: order.certificate });
  };

  return {
    create(account, wanted) {
      const names = readNames(wanted.identifiers);
      if (wanted.notBefore !== undefined || wanted.notAfter !== undefined) throw malformed('NotBefore and NotAfter are not supported');
      const held = names.filter((name) => paused.has(`${account.id} ${name}`));
      if (held.length > 0) {
        const detail = `Your account is temporarily prevented from requesting certificates for ${held.join(', ')} and possibly others. Please visit: ${options.unpauseUrl(account.id, held)}`;
        throw new AcmeProblem(429, 'rateLimited', detail);
      }
      const replaced = readReplaces(account, names, wanted.replaces);
      const [profileName, profile] = profileOf(wanted.profile);
      if (names.length > profile.mostNames) {
        throw malformed(`Error creating new order :: Order cannot contain more than ${profile.mostNames} identifiers`);
      }
      refuseOverlap(names);
      const exempt =
        replaced !== undefined && isWithin(clock.now(), certificates.windowOf(replaced)) ? 'ari' : isRenewal(names) ? 'renewal' : undefined;
      if (exempt !== 'ari') limiter.order(account.id, names, exempt === 'renewal');

      const key = `${account.id} ${setKey(names)}`;
      const standing = latest.get(key);
      const isStanding = standing?.profile === profileName && /^(pending|ready)$/.test(statusOf(standing));
      const replaces = replaced && { id: replaced.id, serial: replaced.serial };
      const entry = { kind: 'order', account: account.id, names, replaces: replaces?.serial, exempt } as const;
      if (standing !== undefined && isStanding) {
        tell({ ...entry, order: standing.id, isReused: true });
        return standing;
      }
      const all = names.map((name) => authorize(account, name, profileName, profile));
      const order: Order = {
        ...{ id: orders.length + 1, account, names, replaces, authorizations: all },
        profile: profileName,
        expires: Math.min(toSecond(clock.now() + profile.orderLifetime), ...all.map(({ expires }) => expires)),
        isProcessing: false,
        certificate: undefined,
      };
      orders.push(order);
      latest.set(key, order);
      if (replaces !== undefined) replacements.set(replaces.serial, order);
      tell({ ...entry, order: order.id, isReused: false });
      return order;
    },
    order(account, id) {
      const order = orders[Number(id) - 1];
      if (order?.account !== account) throw notFound(`No order for ID ${id}`);
      return order;
    },
    statusOf,
    authorization(account, id) {
      const authorization = authorizations[Number(id) - 1];
      if (authorization === undefined) throw notFound('No such authorization');
      if (authorization.expires < clock.now()) throw notFound('Expired authorization');
      if (authorization.account !== account) throw unauthorized("Account ID doesn't match ID for authorization");
      return authorization;
    },
    challenge(account, id, challenge) {
      const authorization = authorizations[Number(id) - 1];
      if (authorization?.challenge.id !== challenge) throw notFound('No such challenge');
      if (authorization.expires < clock.now()) throw notFound('Expired authorization');
      if (authorization.account !== account) throw unauthorized("User account ID doesn't match account ID in authorization");
      return authorization;
    },
    respond(authorization) {
      const { status, challenge } = authorization;
      if (status === 'valid' || challenge.status === 'processing') return;
      if (status !== 'pending') throw malformed('Unable to update challenge :: authorization must be pending');
      challenge.status = 'processing';
      void validate(authorization);
    },
    deactivate(authorization, { status }) {
      if (status !== 'deactivated') throw malformed('Invalid status value');
      const { account, name } = authorization;
      const wasPending = authorization.status === 'pending';
      if (!wasPending && authorization.status !== 'valid') return;
      authorization.status = 'deactivated';
      if (!wasPending) return;
      tell({ kind: 'given-back', account: account.id, name });
      countFailure(authorization);
    },
    finalize(order, { csr }) {
      const status = statusOf(order);
      if (status !== 'ready') {
        throw new AcmeProblem(403, 'orderNotReady', `Order's status ("${status}") is not acceptable for finalization`);
      }
      const content = readWantedCsr(csr);
      checkCsr(content, order);
      order.isProcessing = true;
      void issue(order, content);
    },
    unpause(account) {
      for (const key of paused) {
        const [owner, name = ''] = key.split(' ');
        if (Number(owner) !== account) continue;
        paused.delete(key);
        limiter.validated(account, name);
      }
    },
  };
}

function readWantedCsr(csr: unknown): CsrContent {
  if (typeof csr !== 'string' || Buffer.from(csr, 'base64url').toString('base64url') !== csr) {
    throw malformed('Error unmarshaling finalize order request');
  }
  try {
    return readCsr(Buffer.from(csr, 'base64url'));
  } catch (error) {
    throw malformed(`Error parsing certificate request: ${messageOf(error)}`);
  }
}

function checkCsr({ extensions, subject, publicKey, signatureValid }: CsrContent, { account, names }: Order): void {
  const doing = 'Error finalizing order';
  const badCsr = (why: string): AcmeProblem => new AcmeProblem(400, 'badCSR', `${doing} :: ${why}`);
  if (extensions.mustStaple) {
    throw unauthorized(`${doing} :: OCSP must-staple extension is no longer available: see https://letsencrypt.org/2024/12/05/ending-ocsp`);
  }
  if (!KEY_TYPES.includes(keyTypeOf(publicKey))) throw badCsr('invalid public key in CSR: unsupported key type');
  if (!signatureValid) throw badCsr('invalid signature on CSR');
  const commonName = commonNameOf(subject);
  const others = extensions.names.filter(({ type }) => type !== 'dns');
  if (others.length + extensions.unknownNames.length > 0) throw badCsr('CSR contains names of other kinds than DNS');
  const all = [...extensions.names.map(({ value }) => value), ...(commonName === undefined ? [] : [commonName])];
  if (all.length === 0) throw badCsr('at least one identifier is required');
  if (setKey(all) !== setKey(names)) throw unauthorized(`${doing} :: CSR does not specify same identifiers as Order`);
  if (publicKeyEquals(publicKey, account.key.key)) {
    throw malformed(`${doing} :: certificate public key must be different than account key`);
  }
}

const isWithin = (now: number, { start, end }: { readonly start: number; readonly end: number }): boolean => start <= now && now < end;
const toSecond = (milliseconds: number): number => Math.floor(milliseconds / 1_000) * 1_000;
