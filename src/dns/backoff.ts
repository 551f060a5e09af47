/** Patience with one DNS provider: transient failures are tried again, and a provider that throttles is asked less often. */
import type { Clock, Random } from '../base/clock.js';
import { isTscertError } from '../base/errors.js';
import type { Emit } from '../base/events.js';

/** Milliseconds. */
const FIRST_DELAY = 250;
const LONGEST_DELAY = 20_000;
const TOTAL = 180_000;
const FIRST_SPACING = 100;
const LONGEST_SPACING = 5_000;

export interface Backoff {
  /**
   * Runs an operation until it succeeds, fails for good, or has failed transiently for three minutes; then its last error is thrown.
   * The signal ends a wait between two tries at once; an attempt that is under way is waited for.
   */
  run<T>(operation: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

/**
 * Exponential back-off with full jitter for each operation (250 ms doubling to 20 s), and a spacing between all operations
 * that doubles with every throttled answer and halves with every success.
 */
export function createBackoff(options: {
  readonly provider: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
}): Backoff {
  const { provider, clock, random, emit } = options;
  let strain = 0;
  let nextStart = 0;

  const turn = async (signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    if (strain === 0) return;
    const now = clock.now();
    const start = Math.max(now, nextStart);
    nextStart = start + Math.min(LONGEST_SPACING, FIRST_SPACING * 2 ** (strain - 1));
    if (start > now) await clock.sleep(start - now, signal);
  };

  return {
    async run(operation, signal) {
      const begin = clock.now();
      for (let failures = 0; ; failures++) {
        await turn(signal);
        try {
          const result = await operation();
          strain = Math.max(0, strain - 1);
          return result;
        } catch (error) {
          if (!isTransient(error) || clock.now() - begin >= TOTAL) throw error;
          if (isThrottled(error)) {
            strain = Math.min(strain + 1, 7);
            nextStart = Math.max(nextStart, clock.now() + FIRST_SPACING * 2 ** (strain - 1));
          }
          const delay = random() * Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** failures);
          emit({
            type: 'waiting',
            what: `${provider} ${isThrottled(error) ? 'limits requests' : 'failed for the moment'}`,
            milliseconds: delay,
          });
          await clock.sleep(delay, signal);
        }
      }
    },
  };
}

/** True when the provider said that a later try may work. */
export function isTransient(error: unknown): boolean {
  return isTscertError(error) && (error.data.transient === true || error.data.throttled === true);
}

function isThrottled(error: unknown): boolean {
  return isTscertError(error) && error.data.throttled === true;
}
