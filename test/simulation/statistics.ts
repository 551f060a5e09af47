/** The chi-square test of uniformity. */

/** By degrees of freedom: what one sample in a thousand is above. */
const CRITICAL: Readonly<Record<number, number>> = { 4: 18.47, 9: 27.88, 19: 43.82 };

/** The statistic of numbers in [0, 1) over equal bins, and what it may be at most. At least five must be expected in a bin. */
export function chiSquare(values: readonly number[], bins: number): { readonly statistic: number; readonly critical: number } {
  const critical = CRITICAL[bins - 1];
  const expected = values.length / bins;
  if (critical === undefined || expected < 5) throw new Error(`${values.length} values in ${bins} bins are not enough for a test`);
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    const bin = Math.min(bins - 1, Math.max(0, Math.floor(value * bins)));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return { statistic: counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0), critical };
}
