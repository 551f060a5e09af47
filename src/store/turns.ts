/** Turns within one process: who asks for the same key first gets it first. */
import type { Clock } from '../base/clock.js';

/** How long to wait for a turn, in milliseconds, and what ends the wait early. */
export interface Patience {
  readonly wait: number;
  readonly signal: AbortSignal;
}

interface Turns {
  /**
   * Waits for the turn of `key`: gives the function that ends it (harmless the second time), or `undefined` when `wait` is over.
   * Rejects with the signal's reason as soon as it is aborted.
   */
  take(key: string, patience: Patience): Promise<(() => void) | undefined>;
}

interface Ticket {
  begin(): void;
}

/** Fair queues, one for each key. */
export function createTurns(clock: Clock): Turns {
  const queues = new Map<string, Ticket[]>();

  const leave = (key: string, ticket: Ticket): void => {
    const queue = queues.get(key) ?? [];
    const at = queue.indexOf(ticket);
    if (at < 0) return;
    queue.splice(at, 1);
    if (queue.length === 0) queues.delete(key);
    else if (at === 0) queue[0]?.begin();
  };

  return {
    async take(key, { wait, signal }) {
      signal.throwIfAborted();
      const queue = queues.get(key) ?? [];
      queues.set(key, queue);
      const ticket: Ticket = { begin: () => undefined };
      const turn = new Promise<true>((resolve) => {
        ticket.begin = () => resolve(true);
      });
      queue.push(ticket);
      const end = (): void => leave(key, ticket);
      if (queue[0] === ticket) return end;

      const over = new AbortController();
      const patience = clock.sleep(wait, AbortSignal.any([signal, over.signal])).then(() => false);
      try {
        if (await Promise.race([turn, patience])) return end;
      } catch (error) {
        end();
        throw error;
      } finally {
        over.abort();
        patience.catch(() => undefined);
      }
      end();
      return undefined;
    },
  };
}
