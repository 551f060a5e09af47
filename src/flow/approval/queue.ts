/** Names that wait for their turn, each once, each not before its time; a name that comes back while it is worked on has another turn. */
import type { Clock } from '../../base/clock.js';

export interface TurnQueue {
  /** Has its turn come at `at` (by `uptime`), or earlier if it was to come earlier. */
  add(name: string, at: number): void;
  remove(name: string): void;
  /** Names that wait or are worked on. */
  readonly size: number;
  /** Works off what comes, so many at a time, until the signal is aborted; what is under way then is finished. `work` must not reject. */
  run(work: (name: string) => Promise<void>, workers: number, stop: AbortSignal): Promise<void>;
}

/** Longest wait at a time, in milliseconds. */
const STRETCH = 60_000;

export function createTurnQueue({ uptime, clock }: { readonly uptime: () => number; readonly clock: Pick<Clock, 'sleep'> }): TurnQueue {
  const due = new Map<string, number>();
  const busy = new Set<string>();
  let alarm = new AbortController();

  const next = (): { readonly name: string; readonly at: number } | undefined => {
    let first: { readonly name: string; readonly at: number } | undefined;
    for (const [name, at] of due) if (!busy.has(name) && (first === undefined || at < first.at)) first = { name, at };
    return first;
  };
  const wake = (): void => {
    alarm.abort();
    alarm = new AbortController();
  };
  return {
    add(name, at) {
      due.set(name, Math.min(at, due.get(name) ?? Number.POSITIVE_INFINITY));
      wake();
    },
    remove(name) {
      due.delete(name);
    },
    get size() {
      return new Set([...due.keys(), ...busy]).size;
    },
    async run(work, workers, stop) {
      const worker = async (): Promise<void> => {
        while (!stop.aborted) {
          const first = next();
          const wait = first === undefined ? STRETCH : first.at - uptime();
          if (first === undefined || wait > 0) {
            await clock.sleep(Math.min(STRETCH, wait), alarm.signal).catch(() => undefined);
            continue;
          }
          due.delete(first.name);
          busy.add(first.name);
          await work(first.name);
          busy.delete(first.name);
          // It may have come back meanwhile, and others may wait for it.
          if (due.has(first.name)) wake();
        }
      };
      // The end wakes all, too: no signal is made for each wait.
      stop.addEventListener('abort', wake, { once: true });
      try {
        await Promise.all(Array.from({ length: workers }, worker));
      } finally {
        stop.removeEventListener('abort', wake);
      }
    },
  };
}
