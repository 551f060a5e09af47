/** How often the timer of `renew` comes, by what its runs have left behind. */
import type { Json } from '../base/json.js';
import type { Records } from '../store/store.js';

const KEY = 'timer';
const VERSION = 1;
/** Whoever comes less often is not waited for. Milliseconds. */
const LONGEST = 24 * 3_600_000;

/**
 * When the next run is to be expected, in milliseconds since the epoch: as long after this one as this is after the last; now, where nothing
 * is known. Keeps the time of this run for the next.
 */
export async function expectNextRun(now: number, records: Pick<Records, 'get' | 'put'>): Promise<number> {
  const last = lastOf(await records.get('ledger', KEY).catch(() => undefined));
  await records.put('ledger', KEY, { version: VERSION, last: new Date(now).toISOString() });
  return nextOf(last, now);
}

/** The same without keeping anything. */
export async function nextRunAfter(now: number, records: Pick<Records, 'get'>): Promise<number> {
  return nextOf(lastOf(await records.get('ledger', KEY).catch(() => undefined)), now);
}

function lastOf(record: Json | undefined): number {
  if (typeof record !== 'object' || record === null || !('last' in record)) return Number.NaN;
  return typeof record.last === 'string' ? Date.parse(record.last) : Number.NaN;
}

function nextOf(last: number, now: number): number {
  const since = now - last;
  return since > 0 && since <= LONGEST ? now + since : now;
}
