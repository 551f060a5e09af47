/** A run of `renew`: everything that is due, the same line as `issue`, told in few words. */
import { formatDuration, parseDuration } from '../base/duration.js';
import { messageOf } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import type { Outcome } from '../flow/outcome.js';
import type { Store } from '../store/store.js';
import type { Context } from './context.js';
import { exitCodeOfRun, issueRequests, type RunFlags, surroundingsOf, tellOutcomes } from './issue-run.js';
import { readOptions } from './options.js';
import { dataFolder } from './places.js';
import { findRenewals } from './renewals.js';
import { expectNextRun } from './timer.js';
import { openStore } from './wire.js';

/** Runs `renew` and gives its exit code. */
export async function runRenew(
  context: Context,
  names: readonly string[],
  flags: Readonly<Record<string, unknown>>,
  { jitter, ...asked }: RunFlags & { readonly jitter?: string },
): Promise<number> {
  const { system, globals, ui, signal } = context;
  const options = await readOptions(context, flags);
  if (jitter !== undefined) await waitAtRandom(parseDuration(jitter), context);
  const store = openStore(system, dataFolder(system, globals), 'tscert renew');
  const { groups, unknown, refresh } = await findRenewals(options, { names, store, system, dryRun: asked.dryRun });
  const isTimer = names.length === 0 && !asked.force && !asked.dryRun && groups.length > 0;
  const run = { ...asked, patient: true, refresh, ...(isTimer ? { nextLook: await nextLook(context, store) } : {}) };
  const surroundings = surroundingsOf(context, 'tscert renew');
  const emitFor = globals.verbose === true || ui.json ? surroundings.emitFor : (name: string) => withoutKept(surroundings.emitFor(name));
  const outcomes: Outcome[] = unknown.map(({ name, error }) => ({ name, stages: [], state: 'failed', error }));
  for (const { requests, config } of groups) outcomes.push(...(await issueRequests(requests, config, run, { ...surroundings, emitFor })));
  tellOutcomes(
    context,
    'renew',
    outcomes,
    outcomes.filter(({ state }) => state !== 'kept' && state !== 'deferred'),
  );
  if (!ui.json) ui.say(countWords(outcomes));
  return exitCodeOfRun(outcomes, signal);
}

/** A folder that cannot be written is no reason not to look at what is due: who needs it written says so. */
async function nextLook({ system, ui }: Context, store: Store): Promise<number> {
  const now = system.clock.now();
  return expectNextRun(now, store).catch((error: unknown) => {
    ui.warn(messageOf(error));
    return now;
  });
}

/** So that the timers of a fleet do not ask the CA in the same second. */
async function waitAtRandom(longest: number, { system, ui, signal }: Context): Promise<void> {
  const wait = Math.floor(system.random() * longest);
  ui.say(`waiting ${formatDuration(wait)} before beginning (--jitter)`);
  await system.clock.sleep(wait, signal);
}

/** Nobody wants to read every day that nothing had to be done. */
function withoutKept(emit: Emit): Emit {
  return (event) => {
    if (event.type !== 'planned' || event.action !== 'keep') emit(event);
  };
}

function countWords(outcomes: readonly Outcome[]): string {
  if (outcomes.length === 0) return 'nothing to renew: no certificate is stored or configured';
  const count = (...states: readonly Outcome['state'][]): number => outcomes.filter(({ state }) => states.includes(state)).length;
  const parts = [
    [count('issued'), 'renewed'],
    [count('tested'), 'tried'],
    [count('kept'), 'not due'],
    [count('deferred'), 'to be tried later'],
    [count('pending'), 'waiting'],
    [count('failed'), 'failed'],
  ] as const;
  const words = parts.filter(([number]) => number > 0).map(([number, word]) => `${number} ${word}`);
  return `${outcomes.length} ${outcomes.length === 1 ? 'certificate' : 'certificates'}: ${words.join(', ')}`;
}
