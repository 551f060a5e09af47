/** Clocks for tests: the real one, and one that moves only when told. */
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '../../src/base/clock.js';

/** The machine's clock. */
export const realClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    try {
      await wait(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      throw signal?.aborted === true ? signal.reason : error;
    }
  },
};

export interface VirtualClock extends Clock {
  /** Lets `ms` pass: wakes every sleeper on its time, in order, and lets what it does run until everything waits again. */
  advance(ms: number): Promise<void>;
  /** Lets time pass from sleeper to sleeper until the promise has settled; fails when nobody sleeps and it has not. */
  until<T>(promise: Promise<T>): Promise<T>;
  /** How many are asleep: 0 at the end of a test that leaves nothing behind. */
  sleepers(): number;
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Lets everything that can run without time passing run. For code without real input or output. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
}

/** A clock that stands still at `start` (milliseconds since the epoch) until it is advanced. */
export function createVirtualClock(start = Date.UTC(2026, 10, 22)): VirtualClock {
  let now = start;
  const sleepers = new Set<Sleeper>();
  const next = (): Sleeper | undefined => {
    let first: Sleeper | undefined;
    for (const sleeper of sleepers) if (first === undefined || sleeper.at < first.at) first = sleeper;
    return first;
  };
  const wakeNext = (): void => {
    const sleeper = next();
    if (sleeper === undefined) return;
    now = Math.max(now, sleeper.at);
    sleepers.delete(sleeper);
    sleeper.wake();
  };
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason);
        const onAbort = (): void => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        const sleeper: Sleeper = {
          at: now + Math.max(0, ms),
          wake: () => {
            signal?.removeEventListener('abort', onAbort);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
    async advance(ms) {
      const end = now + ms;
      await settle();
      for (let sleeper = next(); sleeper !== undefined && sleeper.at <= end; sleeper = next()) {
        wakeNext();
        await settle();
      }
      now = end;
    },
    async until(promise) {
      let settled = false;
      const mark = (): void => {
        settled = true;
      };
      promise.then(mark, mark);
      for (await settle(); !settled; await settle()) {
        if (sleepers.size === 0) throw new Error('nobody sleeps, and the promise has not settled');
        wakeNext();
      }
      return promise;
    },
    sleepers: () => sleepers.size,
  };
}
