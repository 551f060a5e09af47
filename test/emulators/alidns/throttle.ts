/** A token bucket a key: how the service's user flow control counts. */
export interface ThrottleOptions {
  /** Calls a second that are let through for good. */
  readonly perSecond: number;
  /** Calls that may come at once. */
  readonly burst: number;
  /** The actions that are counted, each for itself; all of them when absent. */
  readonly actions?: readonly string[];
  /** The time by which the bucket fills; the emulator's when absent. */
  readonly now?: () => number;
}

/** True when a call goes through. */
export function createThrottle(options: ThrottleOptions | undefined, now: () => number): (key: string, action: string) => boolean {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return (key, action) => {
    if (options === undefined || options.actions?.includes(action) === false) return true;
    const at = (options.now ?? now)();
    const bucket = buckets.get(`${key} ${action}`) ?? { tokens: options.burst, at };
    bucket.tokens = Math.min(options.burst, bucket.tokens + ((at - bucket.at) / 1_000) * options.perSecond);
    bucket.at = at;
    buckets.set(`${key} ${action}`, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  };
}
