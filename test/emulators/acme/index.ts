/**
 * A strict ACME server (RFC 8555, RFC 9773) within the process, behind the Http port and on the clock of the caller: what a year of
 * renewals is run against. Rules, limits and words are those of Boulder, which is Let's Encrypt's; where Boulder is laxer than the RFC
 * (GET beside POST-as-GET, a challenge that is looked at twice), the RFC holds.
 *
 *     const ca = createAcmeEmulator({ clock, random, txt: (name) => dns.values(name) });
 *     const session = createSession({ http: ca.connect(), directory: ca.directory, ... });
 */
import type { Clock, Random } from '../../../src/base/clock.js';
import { TscertError } from '../../../src/base/errors.js';
import type { Http, HttpRequest, HttpResponse } from '../../../src/net/http.js';
import { createAccounts } from './accounts.js';
import { createCertificates, type IssuedCertificate, type RenewalWindow } from './certificates.js';
import { createEdge } from './edge.js';
import { type Fault, lost, unreachable } from './faults.js';
import type { LedgerEntry, Tell } from './ledger.js';
import { createLimiter, LETS_ENCRYPT, LIMITLESS, type Limits } from './limits.js';
import { lastTwoLabels } from './names.js';
import { createNonces } from './nonces.js';
import { createOrders } from './orders.js';
import { PROFILES, type Profile } from './profiles.js';
import { createServer, type Reply } from './server.js';

export interface AcmeEmulatorOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** TXT values at a name, as the server's own resolver sees them; what it throws fails the validation. */
  readonly txt: (name: string) => Promise<readonly string[]> | readonly string[];
  /** `https://ca.test` unless given. */
  readonly origin?: string;
  /** Let's Encrypt's unless given. */
  readonly profiles?: Readonly<Record<string, Profile>>;
  /** Other limits than Let's Encrypt's, or none at all. */
  readonly limits?: Partial<Limits> | 'none';
  /** False: requests may come as fast as they like. True unless given. */
  readonly edge?: boolean;
  /** The domain under which certificates are counted; the last two labels unless given. */
  readonly registeredDomain?: (name: string) => string;
  /** Hand out valid authorizations again; false unless given. */
  readonly reuse?: boolean;
  /** Milliseconds from a response to its validation, and from finalize to the certificate; 0 unless given. */
  readonly validationDelay?: () => number;
  readonly issuanceDelay?: () => number;
  /** Milliseconds there and back; 0 unless given. */
  readonly roundTrip?: number;
  /** The share of good nonces that are refused; 0 unless given. */
  readonly badNonces?: number;
}

export interface AcmeEmulator {
  /** URL of the directory. */
  readonly directory: string;
  /** A client at an address, for whom limits count. */
  connect(address?: string): Http;
  /** PEM of the root that chains end in. */
  readonly root: string;
  /** Everything that happened. */
  readonly ledger: readonly LedgerEntry[];
  /** Requests that came in, by the first word of their path: `directory`, `new-order`, `order`, `authz`. */
  readonly requests: ReadonlyMap<string, number>;
  /** From now on, or for the time that it says, this goes wrong. */
  fail(...faults: readonly Fault[]): void;
  /** Moves the renewal window of a certificate, as for a revocation that is announced. */
  move(certificate: IssuedCertificate, window: RenewalWindow): void;
  /** A person lifts the pauses of an account. */
  unpause(account: number): void;
}

export function createAcmeEmulator(options: AcmeEmulatorOptions): AcmeEmulator {
  const { clock, random, origin = 'https://ca.test', profiles = PROFILES, limits = {}, edge = true } = options;
  const { registeredDomain = lastTwoLabels, validationDelay = () => 0, issuanceDelay = () => 0 } = options;
  const { reuse = false, roundTrip = 0, badNonces = 0 } = options;
  const { host } = new URL(origin);
  const ledger: LedgerEntry[] = [];
  const requests = new Map<string, number>();
  const faults: Fault[] = [];
  const tell: Tell = (entry) => void ledger.push({ at: clock.now(), ...entry });
  const limiter = limits === 'none' ? LIMITLESS : createLimiter({ ...LETS_ENCRYPT, ...limits }, { clock, random, registeredDomain });
  const admits = edge ? createEdge(clock) : () => true;
  const certificates = createCertificates(clock);
  const accounts = createAccounts({ base: `${origin}/acme/acct/`, limiter });
  const orders = createOrders({
    ...{ clock, certificates, limiter, profiles, tell, validationDelay, issuanceDelay, reuse, txt: options.txt },
    unpauseUrl: (account, names) => `${origin}/sfe/v1/unpause?jwt=${Buffer.from(`${account} ${names}`).toString('base64url')}`,
  });
  const serve = createServer({ origin, random, profiles, nonces: createNonces(), accounts, orders, certificates, tell, badNonces });

  /** What a server that does not get to the request answers. */
  const answerOf = (fault: Fault | undefined, path: string, address: string): Reply | undefined => {
    if (fault?.kind === 'status') return edgeReply(fault.status, fault.retryAfter);
    if (fault?.kind === 'problem') {
      const { status, type, detail, retryAfter } = fault;
      const body = JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail, status });
      return { status, headers: { 'content-type': 'application/problem+json', ...retryHeader(retryAfter) }, body };
    }
    return admits(path, address) ? undefined : edgeReply(503, 1);
  };

  const exchange = async (request: HttpRequest, address: string): Promise<HttpResponse> => {
    const { method, url, headers = {}, body = '', signal } = request;
    signal.throwIfAborted();
    const target = new URL(url);
    if (target.host !== host) {
      throw new TscertError('network', `Cannot find the host "${target.host}": the name has no address`, {
        data: { host: target.host, phase: 'dns', code: 'ENOTFOUND' },
      });
    }
    const path = `${target.pathname}${target.search}`;
    if (roundTrip > 0) await clock.sleep(roundTrip / 2, signal);
    const now = clock.now();
    const fault = faults.find(({ from, to, on }) => from <= now && now < to && (on?.({ method, path }) ?? true));
    if (fault?.kind === 'unreachable') throw unreachable(host);
    const word = path.split('/')[path.startsWith('/acme/') ? 2 : 1] ?? '';
    requests.set(word, (requests.get(word) ?? 0) + 1);
    const early = answerOf(fault, path, address);
    if (early !== undefined)
      tell({ kind: 'refused', path, status: early.status, type: fault === undefined ? 'edge' : 'fault', detail: '' });
    const names = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
    const reply = early ?? serve({ method, path, headers: Object.fromEntries(names), body: body.toString(), address });
    if (roundTrip > 0) await clock.sleep(roundTrip / 2, signal);
    signal.throwIfAborted();
    if (fault?.kind === 'lost') throw lost(host, method);
    return { status: reply.status, headers: reply.headers, body: Buffer.from(reply.body), url };
  };

  return {
    directory: `${origin}/directory`,
    connect: (address = '192.0.2.1') => ({ request: (request) => exchange(request, address), close: async () => undefined }),
    root: certificates.root,
    ledger,
    requests,
    fail: (...more) => void faults.push(...more),
    move(certificate, window) {
      certificate.window = window;
    },
    unpause: (account) => orders.unpause(account),
  };
}

/** Several servers as one network: a request goes to the one whose origin it names. */
export function createNetwork(...servers: readonly { readonly origin: string; readonly http: Http }[]): Http {
  const [first] = servers;
  if (first === undefined) throw new Error('a network needs a server');
  return {
    request: (request) => (servers.find(({ origin }) => request.url.startsWith(`${origin}/`)) ?? first).http.request(request),
    close: async () => undefined,
  };
}

/** What stands before the server answers for it, with no problem document. */
function edgeReply(status: number, retryAfter: number | undefined): Reply {
  const headers = { 'content-type': 'text/html', ...retryHeader(retryAfter) };
  return { status, headers, body: `<html><head><title>${status} Service Temporarily Unavailable</title></head></html>` };
}

function retryHeader(seconds: number | undefined): Readonly<Record<string, string>> {
  return seconds === undefined ? {} : { 'retry-after': String(seconds) };
}
