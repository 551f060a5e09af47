/** A limit of time over a signal. */

export interface Deadline {
  /** Aborted by the caller's signal, with its reason, or when the time is over. */
  readonly signal: AbortSignal;
  clear(): void;
}

/** A deadline so many milliseconds ahead. It has to be cleared. */
export function startDeadline(signal: AbortSignal, milliseconds: number): Deadline {
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(() => controller.abort(), milliseconds);
  return {
    signal: controller.signal,
    clear() {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    },
  };
}

/** The promise, or a rejection with the signal's reason as soon as it is aborted. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
