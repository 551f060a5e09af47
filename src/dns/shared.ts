/** Work that several callers want at once, done once. */

/**
 * Wraps an operation so that all who ask while it runs share it; once it has succeeded its result stands, after a failure the next
 * caller starts it anew. A caller that aborts leaves with its signal's reason; the operation's own signal is aborted when all have left.
 */
export function share<T>(operation: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  interface Run {
    readonly promise: Promise<T>;
    readonly controller: AbortController;
    callers: number;
  }
  let current: Run | undefined;
  const start = (): Run => {
    const controller = new AbortController();
    const run: Run = { promise: operation(controller.signal), controller, callers: 0 };
    run.promise.catch(() => {
      if (current === run) current = undefined;
    });
    return run;
  };
  return (signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      current ??= start();
      const run = current;
      run.callers++;
      const onAbort = (): void => {
        run.callers--;
        if (run.callers === 0) {
          if (current === run) current = undefined;
          run.controller.abort(signal.reason);
        }
        reject(signal.reason);
      };
      const stay = (): void => signal.removeEventListener('abort', onAbort);
      signal.addEventListener('abort', onAbort, { once: true });
      run.promise.finally(stay).then(resolve, reject);
    });
}
