/**
 * One run's conversation with one ACME server (RFC 8555 §6): signed requests over a shared connection, nonces out of a pool,
 * tries again where that is safe, and every failure as a typed error.
 */
import type { Clock, Random } from '../base/clock.js';
import { isTscertError, TscertError } from '../base/errors.js';
import type { Json } from '../base/json.js';
import type { Http, HttpRequest } from '../net/http.js';
import { type Answer, retryAfter, unreadable } from './answer.js';
import { type Call, createSigners, type Signer } from './client.js';
import { createDirectory, type Directory } from './directory.js';
import { createNonces } from './nonces.js';
import { answerError, isProblem, problemOf } from './problem.js';
import type { AcmeRecords } from './records.js';

const TRIES = 5;
const NONCE_TRIES = 10;
/** A longer Retry-After is an error that says when; shorter ones are waited for. Milliseconds. */
const LONGEST_WAIT = 60_000;
const FIRST_WAIT = 250;
/** 2n + 7 requests and the polls for n names: what directory, order, finalize and certificate leave is for nonces. */
const NONCES_PER_ORDER = 3;
/** A chain of certificates, or an order with many names. */
const LARGEST_ANSWER = 4 * 1_048_576;
/** A clock that differs more from the server's makes good certificates look expired, or expired ones good. Milliseconds. */
const CLOCK_TOLERANCE = 6 * 3_600_000;

export interface Session {
  readonly url: string;
  directory(signal: AbortSignal, options?: { readonly fresh?: boolean }): Promise<Directory>;
  /** One GET that needs no signature, with the same patience. */
  read(url: string, call: Call): Promise<Answer>;
  /** Makes requests signed by `key` (PEM, EC or RSA), for the account at `accountUrl` where it is known. */
  signer(key: string, accountUrl?: string): Promise<Signer>;
  /** Connects and gets the first nonce while there is other work to do; what goes wrong is told by the first request that needs it. */
  warmUp(signal: AbortSignal): void;
  /** An order is about to be made: it may use a few nonces at once. */
  expectOrder(): void;
}

export interface SessionOptions {
  readonly http: Http;
  readonly clock: Clock;
  readonly random: Random;
  readonly records: AcmeRecords;
  /** URL of the directory. */
  readonly directory: string;
}

/** A session with the server behind a directory, shared by all lines of a run that use it. */
export function createSession({ http, clock, random, records, directory: url }: SessionOptions): Session {
  /** What the server's clock says is ahead of ours, in milliseconds, by its last answer; 0 until it has said so. */
  let ahead = 0;
  const send = async (request: HttpRequest): Promise<Answer> => {
    const answer = await http.request(request);
    const theirs = Date.parse(answer.headers.date ?? '') + (Number(answer.headers.age ?? 0) || 0) * 1_000;
    if (!Number.isNaN(theirs)) ahead = theirs - clock.now();
    return answer;
  };
  const read: Session['read'] = (target, { action = 'unnamed_action', ...call }) =>
    insist(() => send({ method: 'GET', url: target, action, signal: call.signal }), call);
  const directory = createDirectory({
    ...{ url, records, clock },
    ask: (target, doing, signal) => read(target, { doing, action: 'discover', signal }),
  });
  const nonces = createNonces({
    clock,
    async ask(signal) {
      const doing = 'get a nonce from the ACME server';
      const { newNonce } = await directory.get(signal);
      const answer = await read(newNonce, { doing, action: 'new_nonce', signal, expect: [200, 204] });
      const nonce = nonceOf(answer);
      if (nonce === undefined) throw unreadable(answer, doing, 'no Replay-Nonce header');
      return nonce;
    },
  });
  let ordered = false;
  let warm = false;

  /** Failures after which nothing is tried again, however many hands they pass through. */
  const final = new WeakSet<TscertError>();

  /** Repeats `send` while the server or the network is only unwell for the moment (5xx, 429, lost connections). */
  async function insist(send: () => Promise<Answer>, { doing, signal, expect = [200] }: Call): Promise<Answer> {
    for (let tries = 1; ; tries++) {
      const outcome = await send().catch((error: unknown): TscertError => {
        const isPassing = isTscertError(error, 'network') || isTscertError(error, 'timeout');
        if (signal.aborted || !isPassing || final.has(error)) throw error;
        return error;
      });
      const answer = outcome instanceof TscertError ? undefined : outcome;
      if (answer !== undefined && expect.includes(answer.status)) return answer;
      const failure = outcome instanceof TscertError ? outcome : answerError(outcome, doing, clock.now());
      const asked = answer === undefined ? 0 : waitAskedFor(answer, clock.now());
      if (tries === TRIES || asked > LONGEST_WAIT) {
        final.add(failure);
        throw failure;
      }
      await clock.sleep(Math.max(asked, FIRST_WAIT * 2 ** (tries - 1) * (0.5 + random())), signal);
    }
  }

  /** One signed request; a refused nonce is replaced by that of the refusal and costs no try. */
  async function exchange(
    target: string,
    sign: (nonce: string) => Json,
    { signal, accept, action = 'unnamed_action', atAnyTime }: Call,
  ): Promise<Answer> {
    for (let tries = 1; ; tries++) {
      const nonce = await nonces.take(signal);
      let brought: string | undefined;
      try {
        if (atAnyTime !== true) checkClock(url, clock.now(), ahead);
        const answer = await send({
          method: 'POST',
          url: target,
          action,
          headers: { 'content-type': 'application/jose+json', ...(accept === undefined ? {} : { accept }) },
          body: JSON.stringify(sign(nonce)),
          signal,
          maxBytes: LARGEST_ANSWER,
        });
        brought = nonceOf(answer);
        if (tries > NONCE_TRIES || answer.status !== 400 || !isProblem(problemOf(answer), 'badNonce')) return answer;
      } finally {
        nonces.settle(brought);
      }
    }
  }

  const signers = createSigners(url, (target, sign, call) => insist(() => exchange(target, sign, call), call));
  return {
    url,
    directory: (signal, options) => directory.get(signal, options),
    read,
    signer: signers,
    warmUp(signal) {
      if (warm) return;
      warm = true;
      nonces.take(signal).then(nonces.settle, () => undefined);
    },
    expectOrder() {
      nonces.allow(NONCES_PER_ORDER + (directory.isCached() && !ordered ? 1 : 0) - (ordered ? 0 : 1));
      ordered = true;
    },
  };
}

/** Nothing is ordered by a clock that is wrong: everything would look due, or nothing. */
function checkClock(url: string, now: number, ahead: number): void {
  if (Math.abs(ahead) <= CLOCK_TOLERANCE) return;
  const [ours, theirs] = [now, now + ahead].map((time) => new Date(time).toISOString());
  throw new TscertError('clock-wrong', `Cannot trust the clock of this machine: it says ${ours}, and the ACME server says ${theirs}`, {
    data: { url, ours, theirs },
  });
}

/** How long the server wants us to stay away before we ask the same again, in milliseconds; for ever when asking again is no use. */
function waitAskedFor(answer: Answer, now: number): number {
  if (answer.status < 500 && answer.status !== 429) return Number.POSITIVE_INFINITY;
  return retryAfter(answer, now) ?? (answer.status === 429 ? Number.POSITIVE_INFINITY : 0);
}

function nonceOf(answer: Answer): string | undefined {
  const nonce = answer.headers['replay-nonce'];
  return nonce !== undefined && /^[A-Za-z0-9_-]+$/.test(nonce) ? nonce : undefined;
}
