/** Waiting for things that several lines of a run share, while each line can be aborted on its own. */

/** Gives what `promise` gives, or rejects with the signal's reason as soon as it is aborted; the promise itself goes on. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let leave: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

/**
 * Makes something once for all who ask: the first asker's work serves the others. A failure is not kept, and when the first
 * asker is aborted, the next one does the work anew.
 */
export function createShared<T>(make: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  let current: { readonly work: Promise<T>; readonly owner: AbortSignal } | undefined;
  return async (signal) => {
    for (;;) {
      signal.throwIfAborted();
      const taken = current ?? { work: make(signal), owner: signal };
      current = taken;
      try {
        return await untilAborted(taken.work, signal);
      } catch (error) {
        if (current === taken && (taken.owner === signal || !signal.aborted)) current = undefined;
        if (signal.aborted || !taken.owner.aborted) throw error;
      }
    }
  };
}
