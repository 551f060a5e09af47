/** What `list`, `status`, `verify` and `metrics` look at: every stored and configured certificate. They change nothing. */
import type { Subject } from '../flow/overview.js';
import { storedName } from '../store/name.js';
import type { Store } from '../store/store.js';
import type { Context } from './context.js';
import { readOptions } from './options.js';
import { storePlace } from './places.js';
import { findRenewals, type Renewals } from './renewals.js';
import { openStore } from './wire.js';

export interface Sight {
  readonly store: Store;
  /** Sorted by the names under which they are stored, each once. */
  readonly subjects: readonly Subject[];
}

/**
 * Finds them.
 * @param names only these; empty means all
 * @throws {TscertError} `usage` for a name that is neither stored nor configured; `config-invalid`, `request-invalid`
 */
export async function findSubjects(context: Context, command: string, names: readonly string[] = []): Promise<Sight> {
  const { system, globals } = context;
  const store = openStore(system, storePlace(system, globals), command);
  const found = await findRenewals(await readOptions(context, {}), { names, store, system, dryRun: false });
  return { store, subjects: subjectsOf(found) };
}

/** What is renewed as what is looked at, sorted, each once. */
export function subjectsOf({ groups, unknown }: Renewals): Subject[] {
  return sorted([...groups.flatMap(({ requests }) => requests), ...unknown]);
}

/** Those that are stored alone, where it cannot be told which are wanted. */
export async function findStoredSubjects({ system, globals }: Context, command: string, error: unknown): Promise<Sight> {
  const store = openStore(system, storePlace(system, globals), command);
  return { store, subjects: sorted((await store.list()).map((name) => ({ name, error }))) };
}

function sorted(subjects: readonly Subject[]): Subject[] {
  const named = subjects.map((subject) => [storedName(subject.name), subject] as const);
  return [...new Map(named)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, subject]) => subject);
}
