/** Calls that keep below the service's rates and come again when the service is busy. */
import type { Clock, Random } from '../../../base/clock.js';
import type { Send } from './client.js';
import { type CallSite, type Failure, toError } from './failure.js';

/** A call that failed for good carries its failure, so that the callers can tell codes that are no failures to them. */
export type Outcome = { readonly body: Readonly<Record<string, unknown>> } | { readonly refused: Failure; raise(): never };

/** One action; rejects with a `provider-failed` that is transient only after all its tries. */
export type Call = (site: CallSite, query: Readonly<Record<string, unknown>>, signal: AbortSignal) => Promise<Outcome>;

/** AliDNS takes 60 AddDomainRecord and 60 DeleteDomainRecord a second from an account; other programs want some of it too. */
const SHORTEST_GAP = 1_000 / 50;
const LONGEST_GAP = 1_000;
const TRIES = 9;
const TRIES_WITHOUT_ANSWER = 5;
const LONGEST_WAIT = 15_000;

/**
 * A caller over `send`: at most 50 calls a second over all its users, fewer after a throttled one; what is transient is tried nine
 * times (five when nothing answers) with a wait that doubles from half a second (half of it by chance), or as long as the service asks.
 */
export function createCaller({ send, clock, random }: { send: Send; clock: Clock; random: Random }): Call {
  let gap = SHORTEST_GAP;
  let nextAt = 0;

  async function turn(signal: AbortSignal): Promise<void> {
    const at = Math.max(clock.now(), nextAt);
    nextAt = at + gap;
    const wait = at - clock.now();
    if (wait > 0) await clock.sleep(wait, signal);
  }

  return async (site, query, signal) => {
    for (let tried = 1; ; tried++) {
      await turn(signal);
      const answer = await send(site, query, signal);
      if ('body' in answer) {
        gap = Math.max(SHORTEST_GAP, gap * 0.9);
        return answer;
      }
      const { failure } = answer;
      if (!failure.transient) {
        return {
          refused: failure,
          raise() {
            throw toError(failure, site);
          },
        };
      }
      if (failure.throttled) gap = Math.min(LONGEST_GAP, gap * 2);
      if (tried >= (failure.status === undefined ? TRIES_WITHOUT_ANSWER : TRIES)) throw toError(failure, site);
      const most = Math.min(LONGEST_WAIT, 500 * 2 ** (tried - 1));
      await clock.sleep(Math.min(60_000, Math.max(failure.retryAfter ?? 0, most / 2 + (random() * most) / 2)), signal);
    }
  };
}
