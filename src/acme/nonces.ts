/**
 * Anti-replay nonces (RFC 8555 §6.5). Every answer brings one, so a run needs few of its own; who finds none waits for an
 * answer that is on its way instead of asking for another.
 */
import type { Clock } from '../base/clock.js';
import { untilAborted } from './wait.js';

/** A nonce that lies longer is likely to be refused: it is dropped. Milliseconds. */
const AGE_LIMIT = 5 * 60_000;

/** More than these are never asked for, however many orders there are: Let's Encrypt hands out ten at once, and refuses more for a second. */
const MOST = 10;

export interface Nonces {
  /** A nonce for one request; afterwards `settle` must be called once, with what the answer brought. */
  take(signal: AbortSignal): Promise<string>;
  /** The request is over; its answer brought this nonce, or none. */
  settle(nonce: string | undefined): void;
  /** So many more may be asked for while answers are under way. */
  allow(count: number): void;
}

/** A pool over `ask`, which asks the server for one nonce. */
export function createNonces({ clock, ask }: { readonly clock: Clock; readonly ask: (signal: AbortSignal) => Promise<string> }): Nonces {
  const pool: { readonly nonce: string; readonly since: number }[] = [];
  let allowed = 1;
  let fetched = 0;
  let underWay = 0;
  let waiting: (() => void)[] = [];

  const wake = (): void => {
    const all = waiting;
    waiting = [];
    for (const resolve of all) resolve();
  };
  const newest = (): string | undefined => {
    const found = pool.pop();
    if (found === undefined || clock.now() - found.since <= AGE_LIMIT) return found?.nonce;
    pool.length = 0;
    return undefined;
  };

  return {
    async take(signal) {
      for (;;) {
        signal.throwIfAborted();
        const nonce = newest();
        if (nonce !== undefined) {
          underWay++;
          return nonce;
        }
        if (fetched < Math.min(allowed, MOST) || underWay === 0) {
          fetched++;
          underWay++;
          try {
            return await ask(signal);
          } catch (error) {
            underWay--;
            wake();
            throw error;
          }
        }
        await untilAborted(new Promise<void>((resolve) => waiting.push(resolve)), signal);
      }
    },
    settle(nonce) {
      underWay--;
      if (nonce !== undefined) pool.push({ nonce, since: clock.now() });
      wake();
    },
    allow(count) {
      allowed += count;
      wake();
    },
  };
}
