/**
 * What the runs of this store have counted, as one record (`telemetry`): the counters and durations of `tscert metrics`, which ends with
 * every run and must not begin at nothing every time. It never holds anything that a run depends on.
 */
import { TscertError } from '../base/errors.js';
import type { Json } from '../base/json.js';
import type { Records } from './store.js';

/** Names and values of labels. */
export type Labels = Readonly<Record<string, string>>;

/** How often something happened. */
export interface Counted {
  readonly labels: Labels;
  readonly count: number;
}

/** How often something happened, and how long it took in all. */
export interface Timed extends Counted {
  readonly seconds: number;
}

/** Also how many took at most so many seconds as {@link BOUNDS} says, not more than the bound before; the rest took longer. */
export interface Spread extends Timed {
  readonly within: readonly number[];
}

/** The last run of a command. */
export interface LastRun {
  readonly command: string;
  readonly result: string;
  /** RFC 3339: when it ended. */
  readonly at: string;
  readonly seconds: number;
  /** When one last ended with the result `done`. */
  readonly doneAt?: string;
}

export interface Telemetry {
  readonly version: 1;
  /** RFC 3339: when counting began. */
  readonly since: string;
  readonly lastRuns: readonly LastRun[];
  /** By `command` and `result`. */
  readonly runs: readonly Counted[];
  /** What became of certificates, by `result`. */
  readonly certificates: readonly Counted[];
  /** By `kind` and `code`. */
  readonly failures: readonly Counted[];
  /** By `stage`. */
  readonly stages: readonly Spread[];
  /** By `type` and `result`. */
  readonly challenges: readonly Spread[];
  /** By `scheme`, `host`, `action`, `method` and `status`. */
  readonly requests: readonly Timed[];
}

/** Seconds. They belong to the version of the record. */
export const BOUNDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800] as const;

export const TELEMETRY_KEY = 'telemetry';
const VERSION = 1;
/** A server that makes up hosts shall not make the record grow for ever. */
const MOST_SERIES = 500;
const COUNTED = ['runs', 'certificates', 'failures'] as const;
const SPREADS = ['stages', 'challenges'] as const;

/** Nothing counted yet. */
export function emptyTelemetry(now: number): Telemetry {
  const since = new Date(now).toISOString();
  return { version: VERSION, since, lastRuns: [], runs: [], certificates: [], failures: [], stages: [], challenges: [], requests: [] };
}

/**
 * What was counted; undefined when nothing was.
 * @throws {TscertError} `store-damaged` for a record that is not whole, or of a version that this tscert does not know
 */
export async function readTelemetry(records: Pick<Records, 'get'>): Promise<Telemetry | undefined> {
  const record = await records.get('ledger', TELEMETRY_KEY);
  if (record === undefined || isTelemetry(record)) return record as unknown as Telemetry | undefined;
  const version = isObject(record) ? record.version : undefined;
  const why =
    version === VERSION || version === undefined
      ? 'its record is damaged'
      : `its record has the unknown version ${JSON.stringify(version)}`;
  throw new TscertError('store-damaged', `Cannot read what earlier runs have counted: ${why}`, { data: { record: TELEMETRY_KEY } });
}

export async function writeTelemetry(telemetry: Telemetry, records: Pick<Records, 'put'>): Promise<void> {
  await records.put('ledger', TELEMETRY_KEY, JSON.parse(JSON.stringify(telemetry)) as Json);
}

/** Both together, as if all had been counted in one; the later run of a command is its last. */
export function addTelemetry(before: Telemetry, more: Telemetry): Telemetry {
  return {
    version: VERSION,
    since: Date.parse(more.since) < Date.parse(before.since) ? more.since : before.since,
    lastRuns: addRuns(before.lastRuns, more.lastRuns),
    runs: add(before.runs, more.runs, addCounted),
    certificates: add(before.certificates, more.certificates, addCounted),
    failures: add(before.failures, more.failures, addCounted),
    stages: add(before.stages, more.stages, addSpread),
    challenges: add(before.challenges, more.challenges, addSpread),
    requests: add(before.requests, more.requests, addTimed),
  };
}

function add<Item extends Counted>(before: readonly Item[], more: readonly Item[], sum: (a: Item, b: Item) => Item): Item[] {
  const all = new Map<string, Item>();
  for (const item of [...before, ...more]) {
    const key = keyOf(item.labels);
    const known = all.get(key);
    if (known !== undefined) all.set(key, sum(known, item));
    else if (all.size < MOST_SERIES) all.set(key, item);
  }
  return [...all.values()];
}

function addCounted<Item extends Counted>(a: Item, b: Item): Item {
  return { ...a, count: a.count + b.count };
}

function addTimed<Item extends Timed>(a: Item, b: Item): Item {
  return { ...addCounted(a, b), seconds: a.seconds + b.seconds };
}

function addSpread(a: Spread, b: Spread): Spread {
  return { ...addTimed(a, b), within: BOUNDS.map((_, at) => (a.within[at] ?? 0) + (b.within[at] ?? 0)) };
}

/** One that took so many seconds. */
export function spreadOf(labels: Labels, seconds: number): Spread {
  const first = BOUNDS.findIndex((bound) => seconds <= bound);
  return { labels, count: 1, seconds, within: BOUNDS.map((_, at) => (at === first ? 1 : 0)) };
}

function addRuns(before: readonly LastRun[], more: readonly LastRun[]): LastRun[] {
  const all = new Map(before.map((run) => [run.command, run]));
  for (const run of more) {
    const known = all.get(run.command);
    const [last, first] = known !== undefined && known.at > run.at ? [known, run] : [run, known];
    const doneAt = [last.doneAt, first?.doneAt]
      .filter((at) => at !== undefined)
      .sort()
      .at(-1);
    all.set(run.command, { ...last, ...(doneAt === undefined ? {} : { doneAt }) });
  }
  return [...all.values()];
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

type Members = { readonly [key: string]: Json | undefined };

function isTelemetry(record: Json): boolean {
  if (!isObject(record) || record.version !== VERSION || !isTime(record.since)) return false;
  const every = (value: Json | undefined, isOne: (item: Json) => boolean): boolean => Array.isArray(value) && value.every(isOne);
  return (
    every(record.lastRuns, isLastRun) &&
    COUNTED.every((list) => every(record[list], isCounted)) &&
    every(record.requests, isTimed) &&
    SPREADS.every((list) => every(record[list], isSpread))
  );
}

function isLastRun(value: Json): boolean {
  if (!isObject(value)) return false;
  const { command, result, at, seconds, doneAt } = value;
  return (
    typeof command === 'string' && typeof result === 'string' && isTime(at) && isAmount(seconds) && (doneAt === undefined || isTime(doneAt))
  );
}

function isCounted(value: Json): value is Members {
  return (
    isObject(value) &&
    isObject(value.labels) &&
    Object.values(value.labels).every((label) => typeof label === 'string') &&
    isCount(value.count)
  );
}

function isTimed(value: Json): value is Members {
  return isCounted(value) && isAmount(value.seconds);
}

function isSpread(value: Json): boolean {
  return isTimed(value) && Array.isArray(value.within) && value.within.length === BOUNDS.length && value.within.every(isCount);
}

function isObject(value: Json | undefined): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: Json | undefined): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isAmount(value: Json | undefined): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isTime(value: Json | undefined): boolean {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}
