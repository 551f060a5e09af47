/** Buckets by the generic cell rate algorithm, as Boulder has them (ratelimits/gcra.go): all that is kept of one is when it is full again. */
import type { Clock } from '../../../src/base/clock.js';

/** `burst` at once, and then one every `period / count` milliseconds. */
export interface Limit {
  readonly burst: number;
  readonly count: number;
  readonly period: number;
}

export interface Buckets {
  /** Milliseconds until one could be spent; 0 when it could be now. */
  wait(limit: Limit, key: string): number;
  /** Spends one; false, and nothing is spent, where there is none. */
  spend(limit: Limit, key: string): boolean;
  /** Fills a bucket. */
  fill(key: string): void;
}

export function createBuckets(clock: Clock): Buckets {
  const full = new Map<string, number>();
  const look = ({ burst, count, period }: Limit, key: string): { readonly next: number; readonly wait: number } => {
    const now = clock.now();
    const emission = period / count;
    const next = Math.max(now, full.get(key) ?? now) + emission;
    return { next, wait: Math.max(0, next - now - emission * burst) };
  };
  return {
    wait: (limit, key) => look(limit, key).wait,
    spend(limit, key) {
      const { next, wait } = look(limit, key);
      if (wait === 0) full.set(key, next);
      return wait === 0;
    },
    fill: (key) => void full.delete(key),
  };
}
