/** The history of a certificate: which of its generations have had their time. */
import { TscertError } from '../base/errors.js';
import type { Generation, Retention } from './store.js';

/** certbot keeps five old versions, lego archives for thirty days: what either of them would keep is kept. */
export const DEFAULT_RETENTION: Retention = { count: 5, age: 30 * 86_400_000 };

/**
 * The ids of the generations that may go: neither among the newest `count`, nor younger than `age`, nor current, nor the one before the
 * current one. One from the future is young, for the clock was wrong then, or is now. Without a current one none may go.
 * @param generations oldest first
 * @param now milliseconds since the epoch
 */
export function outlived(generations: readonly Generation[], { count, age }: Retention, now: number): string[] {
  const current = generations.findIndex(({ isCurrent }) => isCurrent);
  if (current < 0) return [];
  const newest = generations.length - Math.max(1, count);
  return generations
    .filter(({ storedAt }, at) => at < newest && at !== current && at !== current - 1 && now - storedAt >= age)
    .map(({ id }) => id);
}

/** The `store-damaged` for a generation that shall become current and is not there. */
export function noGeneration(name: string, id: string): TscertError {
  return new TscertError('store-damaged', `Cannot go back to the generation "${id}" of "${name}": it is not there`, { data: { name, id } });
}
