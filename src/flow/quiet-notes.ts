/**
 * What earlier runs have found quiet: there is nothing to do for a certificate before a time, as long as nothing of it is changed. Who finds that
 * noted need not read it, nor what it was asked for with. A note that is lost, or that does not fit any more, costs a look and nothing else.
 */
import { createHash } from 'node:crypto';
import type { Json } from '../base/json.js';
import { deployKey } from '../store/deployments.js';
import { ledgerKey } from '../store/ledger.js';
import type { Store } from '../store/store.js';
import { givenKey } from './given.js';
import type { Quiet } from './glance.js';

export interface QuietNotes {
  /** The state of a certificate as it is now, to be had before it is looked at; `undefined` where that cannot be told. */
  stateOf(name: string): Promise<string | undefined>;
  /** True when this state was found quiet, and is still. */
  has(name: string, state: string): boolean;
  /** Notes what was found of this state. */
  add(name: string, state: string, quiet: Pick<Quiet, 'askAt' | 'renewAt'>): void;
  /** Keeps the notes of all names that were asked for since, where they are others than before. */
  save(): Promise<void>;
}

const KEY = 'quiet';
const VERSION = 1;

/** @param options everything else that the finding rests on; `now` and `nextLook` as in `GlanceParts` */
export async function openQuietNotes(
  store: Store,
  { basis, now, nextLook = now }: { readonly basis: Json; readonly now: number; readonly nextLook?: number | undefined },
): Promise<QuietNotes> {
  const by = createHash('sha256').update(JSON.stringify(basis)).digest('hex');
  const before = notesIn(await store.get('cache', KEY).catch(() => undefined), by, now);
  const after = new Map<string, string>();
  return {
    stateOf: (name) => store.mark(name, [ledgerKey(name), givenKey(name), deployKey(name)]),
    has(name, state) {
      const note = before.get(name);
      if (note === undefined || !note.endsWith(` ${state}`)) return false;
      const [askAt, renewAt] = note.split(' ', 2).map(Number);
      const isStill = now < (askAt ?? 0) && Math.max(now, nextLook) < (renewAt ?? 0);
      if (isStill) after.set(name, note);
      return isStill;
    },
    add(name, state, { askAt, renewAt }) {
      after.set(name, `${askAt ?? Number.MAX_SAFE_INTEGER} ${renewAt} ${state}`);
    },
    async save() {
      const isSame = after.size === before.size && [...after].every(([name, note]) => before.get(name) === note);
      if (!isSame) await store.put('cache', KEY, { version: VERSION, by, at: now, notes: Object.fromEntries(after) });
    },
  };
}

/** The notes of a record that rest on the same, and were not written by a clock that was ahead. */
function notesIn(record: Json | undefined, by: string, now: number): ReadonlyMap<string, string> {
  const none = new Map<string, string>();
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return none;
  const { version, by: known, at, notes } = record as { readonly [key: string]: Json | undefined };
  if (version !== VERSION || known !== by || typeof at !== 'number' || at > now) return none;
  if (typeof notes !== 'object' || notes === null || Array.isArray(notes)) return none;
  return new Map(Object.entries(notes).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
