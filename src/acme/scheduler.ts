/**
 * Which challenges may run now: never two of the same identifier and type at once, in this run or another, and only so many
 * with the CA at a time.
 */
import { isTscertError } from '../base/errors.js';
import type { Challenge } from './solver.js';
import { untilAborted } from './wait.js';

/** Holds a key against everybody else, in all runs that share the store. */
export type Claim = (
  key: string,
  options: { readonly wait: number; readonly signal: AbortSignal },
) => Promise<{ release(): Promise<void> }>;

export interface Scheduler {
  /**
   * Claims all of these challenges; `onWait` is called once when somebody else has one of them. The function that comes back lets them go.
   * @throws {TscertError} `locked` when the other one does not finish within an hour
   */
  claim(challenges: readonly Challenge[], onWait: () => void, signal: AbortSignal): Promise<() => Promise<void>>;
  /** Takes one of the places for challenges that are accepted and not final; gives the function that frees it. */
  place(signal: AbortSignal): Promise<() => void>;
  /** True when somebody waits for a place. */
  isCrowded(): boolean;
}

const OTHERS_WAIT = 3_600_000;

/** A scheduler for one run. `limit` is how many challenges may be with the CA at a time. */
export function createScheduler({ claim, limit = 60 }: { readonly claim: Claim; readonly limit?: number }): Scheduler {
  const queue: (() => void)[] = [];
  let taken = 0;

  const release = async (locks: readonly { release(): Promise<void> }[]): Promise<void> => {
    await Promise.all(locks.map((lock) => lock.release()));
  };

  /** All at once when nobody has one of them. */
  async function claimFree(keys: readonly string[], signal: AbortSignal): Promise<{ release(): Promise<void> }[] | undefined> {
    const results = await Promise.allSettled(keys.map((key) => claim(key, { wait: 0, signal })));
    const locks = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    if (locks.length === keys.length) return locks;
    await release(locks);
    const failure = results.find((result) => result.status === 'rejected' && !isTscertError(result.reason, 'locked'));
    if (failure?.status === 'rejected') throw failure.reason;
    return undefined;
  }

  /** One after the other, in an order that is the same for everybody: nobody waits in a circle. */
  async function claimInTurn(keys: readonly string[], signal: AbortSignal): Promise<{ release(): Promise<void> }[]> {
    const locks: { release(): Promise<void> }[] = [];
    try {
      for (const key of keys) locks.push(await claim(key, { wait: OTHERS_WAIT, signal }));
      return locks;
    } catch (error) {
      await release(locks);
      throw error;
    }
  }

  const free = (): void => {
    const next = queue.shift();
    if (next === undefined) taken--;
    else next();
  };
  const once = (work: () => void): (() => void) => {
    let isDone = false;
    return () => {
      if (!isDone) work();
      isDone = true;
    };
  };

  return {
    async claim(challenges, onWait, signal) {
      const keys = [...new Set(challenges.map(claimKey))].sort();
      const free = await claimFree(keys, signal);
      if (free === undefined) onWait();
      const locks = free ?? (await claimInTurn(keys, signal));
      return () => release(locks);
    },
    async place(signal) {
      signal.throwIfAborted();
      if (taken < limit) {
        taken++;
        return once(free);
      }
      let enter: () => void = () => undefined;
      const turn = new Promise<void>((resolve) => {
        enter = resolve;
        queue.push(resolve);
      });
      try {
        await untilAborted(turn, signal);
      } catch (error) {
        const at = queue.indexOf(enter);
        if (at >= 0) queue.splice(at, 1);
        else free();
        throw error;
      }
      return once(free);
    },
    isCrowded: () => queue.length > 0,
  };
}

function claimKey({ type, identifier, wildcard }: Challenge): string {
  return `challenge-${type}-${wildcard ? '_.' : ''}${identifier.value}`;
}
