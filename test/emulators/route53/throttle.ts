/** A token bucket, as Route53 has one an account. */
export interface Bucket {
  /** Takes a token; false when there is none. */
  take(): boolean;
}

/** A full bucket of `capacity` tokens that refills by `refill` a second; `now` in milliseconds. */
export function createBucket({ capacity, refill }: { readonly capacity: number; readonly refill: number }, now: () => number): Bucket {
  let tokens = capacity;
  let at = now();
  return {
    take() {
      tokens = Math.min(capacity, tokens + ((now() - at) / 1_000) * refill);
      at = now();
      if (tokens < 1) return false;
      tokens--;
      return true;
    },
  };
}
