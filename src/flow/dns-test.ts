/** Tries a DNS provider out: a value is written, looked for at the name servers, and taken away, by the solver that `issue` uses. */
import { randomBytes } from 'node:crypto';
import { isObject } from '../acme/answer.js';
import type { Challenge, Solver, SolverPicker } from '../acme/solver.js';
import { beginStage } from '../acme/stage.js';
import { withdrawAll } from '../acme/withdraw.js';
import type { Clock } from '../base/clock.js';
import { TscertError } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import type { Member } from '../base/gathering.js';
import { openJournal } from '../store/journal.js';
import type { Store } from '../store/store.js';

/** What the tests of all names share. */
export interface DnsTestContext {
  readonly picker: SolverPicker;
  /** Names of the providers behind `picker`: what one has left is no business of another's test. */
  readonly providers: readonly string[];
  readonly store: Store;
  readonly member: Member;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** Where a value stood. */
export interface TestedName {
  readonly name: string;
  readonly provider: string;
  readonly zone: string;
  /** After aliases. */
  readonly record: string;
}

export interface DnsTestReport {
  readonly names: readonly TestedName[];
  /** Milliseconds. */
  readonly steps: { readonly write: number; readonly see: number; readonly remove: number };
}

/**
 * Writes a random value at `_acme-challenge` of each name (A-labels), where the least rights of a provider allow it, waits until it is
 * seen, and removes it, also when something fails or the run is aborted. The journal keeps what stands, so that after a kill
 * the next test of the same names takes it away.
 * @throws {TscertError} `solver-missing`, `locked`, what the provider throws, `propagation-timeout`, `provider-failed` for what cannot be removed
 */
export async function testDns(names: readonly string[], context: DnsTestContext): Promise<DnsTestReport> {
  const { store, signal, member } = context;
  const key = `dns-test ${[...new Set(context.providers)].sort().join(' ')} ${[...names].sort().join(' ')}`;
  const tasks = names.map((name) => ({ challenge: challengeFor(name), solver: solverFor(name, context.picker) }));
  const lock = await store.lock(key, { wait: 0, signal });
  try {
    return await testLocked(tasks, key, context);
  } finally {
    member.done('present');
    member.done('clean-up');
    await lock.release();
  }
}

async function testLocked(
  tasks: readonly { readonly challenge: Challenge; readonly solver: Solver }[],
  key: string,
  context: DnsTestContext,
): Promise<DnsTestReport> {
  const { store, clock, emit, signal, member } = context;
  const journal = await openJournal(store, key);
  const solverContext = { signal, emit, remember: journal.remember };
  const begin = clock.now();
  let [written, seen] = [begin, begin];
  await journal.add(tasks.map(({ challenge }) => challenge));
  let tested: TestedName[] = [];
  try {
    const present = beginStage('present', context);
    const values = tasks.map(({ challenge, solver }) => solver.present(challenge, solverContext));
    member.done('present');
    await all(values);
    present();
    written = clock.now();
    tested = tasks.map(({ challenge }) =>
      placeOf(challenge, journal.challenges.find((one) => one.challenge.token === challenge.token)?.note),
    );
    const check = beginStage('check', context);
    await all(tasks.map(({ challenge, solver }) => solver.check?.(challenge, solverContext)));
    check();
    seen = clock.now();
  } finally {
    await withdrawAll({ ...context, journal });
  }
  const left = journal.challenges.find((one) => tasks.some(({ challenge }) => challenge.token === one.challenge.token));
  if (left !== undefined) {
    const { record } = placeOf(left.challenge, left.note);
    throw new TscertError('provider-failed', `Cannot finish the test: the value at "${record}" still stands; the next test removes it`, {
      data: { name: record },
    });
  }
  return { names: tested, steps: { write: written - begin, see: seen - written, remove: clock.now() - seen } };
}

/** Waits for all of them before the first failure is told: none is left behind at work. */
async function all(works: readonly (Promise<void> | undefined)[]): Promise<void> {
  const results = await Promise.allSettled(works);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

function solverFor(name: string, picker: SolverPicker): Solver {
  const solver = picker({ type: 'dns', value: name }, true, ['dns-01']);
  if (solver !== undefined) return solver;
  throw new TscertError('solver-missing', `Cannot test the DNS of "${name}": no DNS provider is set up for it`, {
    data: { identifier: name },
  });
}

function challengeFor(name: string): Challenge {
  const token = randomBytes(32).toString('base64url');
  return { type: 'dns-01', identifier: { type: 'dns', value: name }, wildcard: false, token, keyAuthorization: token, digest: token };
}

/** What the solver has written down about a value. */
function placeOf({ identifier }: Challenge, note: unknown): TestedName {
  const { provider, zone, name } = isObject(note) ? note : {};
  const zoneName = isObject(zone) ? zone.name : undefined;
  return { name: identifier.value, provider: String(provider), zone: String(zoneName), record: String(name) };
}
