import { Route53Problem } from './problem.js';

/** One page of a list, and where the next one begins. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: T | undefined;
  readonly maxItems: number;
}

/**
 * Cuts the first page off a list; `maxItems` as the request has it, never more than `most`.
 * @throws {Route53Problem} `InvalidInput`
 */
export function applyPaging<T>(items: readonly T[], maxItems: string | null, most: number): Page<T> {
  if (maxItems !== null && !/^[1-9]\d*$/.test(maxItems)) throw new Route53Problem('InvalidInput', `Invalid MaxItems: ${maxItems}`);
  const size = Math.min(Number(maxItems ?? most), most);
  return { items: items.slice(0, size), next: items[size], maxItems: size };
}
