/** So many at a time. */

/**
 * Gives a function that runs at most `limit` operations at a time, the others in the order in which they came. One that is aborted
 * while it waits rejects with the signal's reason and never runs.
 */
export function createLimiter(limit: number): <T>(operation: () => Promise<T>, signal: AbortSignal) => Promise<T> {
  let active = 0;
  const queue: (() => void)[] = [];
  const enter = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const onAbort = (): void => {
        queue.splice(queue.indexOf(start), 1);
        reject(signal.reason);
      };
      const start = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      queue.push(start);
    });
  return async (operation, signal) => {
    signal.throwIfAborted();
    if (active >= limit) await enter(signal);
    else active++;
    try {
      return await operation();
    } finally {
      const next = queue.shift();
      if (next === undefined) active--;
      else next();
    }
  };
}
