/** Times in words; one that a damaged record has in its place is "at an unknown time". */
import { formatDuration } from '../../base/duration.js';

const UNKNOWN = 'at an unknown time';

/** `2026-11-22 10:30 UTC`. */
export function minuteWords(at: number): string {
  if (Number.isNaN(at)) return UNKNOWN;
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** `in 59d 3h`, `3h ago`. */
export function distanceWords(at: number, now: number): string {
  if (Number.isNaN(at)) return UNKNOWN;
  return at >= now ? `in ${formatDuration(at - now)}` : `${formatDuration(now - at)} ago`;
}

/** Both: `2026-11-22 10:30 UTC (in 59d 3h)`. */
export function timeWords(at: number, now: number): string {
  return Number.isNaN(at) ? UNKNOWN : `${minuteWords(at)} (${distanceWords(at, now)})`;
}
