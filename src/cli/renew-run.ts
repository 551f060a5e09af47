/** A run of `renew`: everything that is due, the same line as `issue`, told in few words. */
import type { Emit } from '../base/events.js';
import type { Outcome } from '../flow/outcome.js';
import type { Context } from './context.js';
import { exitCodeOfRun, issueRequests, type RunFlags, surroundingsOf, tellOutcomes } from './issue-run.js';
import { readOptions } from './options.js';
import { dataFolder } from './places.js';
import { findRenewals } from './renewals.js';
import { openStore } from './wire.js';

/** Runs `renew` and gives its exit code. */
export async function runRenew(
  context: Context,
  names: readonly string[],
  flags: Readonly<Record<string, unknown>>,
  run: RunFlags,
): Promise<number> {
  const { system, globals, ui, signal } = context;
  const options = await readOptions(context, flags);
  const store = openStore(system, dataFolder(system, globals), 'tscert renew');
  const { groups, unknown } = await findRenewals(options, { names, store, system, dryRun: run.dryRun });
  const surroundings = surroundingsOf(context, 'tscert renew');
  const emitFor = globals.verbose === true || ui.json ? surroundings.emitFor : (name: string) => withoutKept(surroundings.emitFor(name));
  const outcomes: Outcome[] = unknown.map(({ name, error }) => ({ name, stages: [], state: 'failed', error }));
  for (const { requests, config } of groups) outcomes.push(...(await issueRequests(requests, config, run, { ...surroundings, emitFor })));
  tellOutcomes(
    context,
    'renew',
    outcomes,
    outcomes.filter(({ state }) => state !== 'kept'),
  );
  if (!ui.json) ui.say(countWords(outcomes));
  return exitCodeOfRun(outcomes, signal);
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
    [count('pending'), 'waiting'],
    [count('failed'), 'failed'],
  ] as const;
  const words = parts.filter(([number]) => number > 0).map(([number, word]) => `${number} ${word}`);
  return `${outcomes.length} ${outcomes.length === 1 ? 'certificate' : 'certificates'}: ${words.join(', ')}`;
}
