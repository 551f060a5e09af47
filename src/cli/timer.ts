/** How often the timer of `renew` comes, by what its runs have left behind. */
import type { Json } from '../base/json.js';
import type { Records } from '../store/store.js';

const KEY = 'timer';
const VERSION = 1;
/** Whoever comes less often is not waited for. Milliseconds. */
const LONGEST = 24 * 3_600_000;

/**
 * When the next run is to be expected, in milliseconds since the epoch: as long after this one as this is after the last; now, where nothing
 * is known.
 */
export async function nextRunAfter(now: number, records: Pick<Records, 'get'>): Promise<number> {
  const since = now - lastOf(await records.get('ledger', KEY).catch(() => undefined));
  return since > 0 && since <= LONGEST ? now + since : now;
}

/** Keeps the time of this run for the next. */
export async function keepRun(now: number, records: Pick<Records, 'put'>): Promise<void> {
  await records.put('ledger', KEY, { version: VERSION, last: new Date(now).toISOString() });
}

function lastOf(record: Json | undefined): number {
  if (typeof record !== 'object' || record === null || !('last' in record)) return Number.NaN;
  return typeof record.last === 'string' ? Date.parse(record.last) : Number.NaN;
}
