/** A run of `renew`: everything that is due, the same line as `issue`, told in few words. */
import { formatDuration, parseDuration } from '../base/duration.js';
import { messageOf } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import { createDeployer } from '../flow/deploy.js';
import { glanceAt, leftAlone, namesUnderWay } from '../flow/glance.js';
import type { Outcome } from '../flow/outcome.js';
import type { Counter } from '../flow/telemetry.js';
import { storedName } from '../store/name.js';
import type { Store } from '../store/store.js';
import type { Context } from './context.js';
import { saveCounts } from './counts.js';
import { exitCodeOfRun, issueRequests, type RunFlags, surroundingsOf, tellOutcomes } from './issue-run.js';
import { readOptions } from './options.js';
import { dataFolder } from './places.js';
import { findRenewals, type LeaveOut } from './renewals.js';
import { keepRun, nextRunAfter } from './timer.js';
import { outcomeDocument } from './ui/summary.js';
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
  const isTimer = names.length === 0 && !asked.force && !asked.dryRun;
  const run = { ...asked, patient: true, ...(isTimer ? { nextLook: await nextRunAfter(system.clock.now(), store) } : {}) };
  const surroundings = surroundingsOf(context, 'tscert renew');
  const tells = ui.json || globals.verbose === true;
  const quiet = await lookForQuiet(context, store, run, { counter: surroundings.counter, tells });
  const { groups, unknown, count } = await findRenewals(options, { names, store, system, dryRun: asked.dryRun, leaveOut: quiet.take });
  if (isTimer && count > 0) await rememberRun(context, store);
  const emitFor = tells ? surroundings.emitFor : (name: string) => withoutKept(surroundings.emitFor(name));
  const outcomes: Outcome[] = unknown.map(({ name, error }) => ({ name, stages: [], state: 'failed', error }));
  for (const { requests, config } of groups) outcomes.push(...(await issueRequests(requests, config, run, { ...surroundings, emitFor })));
  const shown = outcomes.filter(({ state }) => state !== 'kept' && state !== 'deferred');
  tellOutcomes(context, 'renew', outcomes, shown, { count: quiet.count(), documents: quiet.documents });
  if (!ui.json) ui.say(countWords(outcomes, quiet.count()));
  return saveCounts(context, surroundings, { command: 'renew', ...run, code: exitCodeOfRun(outcomes, signal, quiet.count()) });
}

/**
 * Counts the certificates for which there is nothing to do, and forgets them: of ten thousand, most are.
 * @param tells says of each that it is left alone
 */
export async function lookForQuiet(
  { system, ui }: Context,
  store: Store,
  run: RunFlags & { readonly patient: boolean },
  { counter, tells }: { readonly counter?: Counter | undefined; readonly tells: boolean },
): Promise<{ readonly take: LeaveOut; readonly documents: readonly Record<string, unknown>[]; count(): number }> {
  const { clock, env: environment } = system;
  const deployer = createDeployer({ records: store, clock, environment });
  const parts = { store, clock, deployer, ...run, asksForAdvice: true, underWay: await namesUnderWay(store) };
  const documents: Record<string, unknown>[] = [];
  let count = 0;
  return {
    documents,
    count: () => count,
    async take(request) {
      const name = storedName(request.name);
      // What cannot be read is told by its line.
      const kept = await glanceAt({ ...request, name }, parts).catch(() => undefined);
      if (kept === undefined) return false;
      count++;
      const outcome: Outcome = { name, stages: [], state: 'kept', ...kept };
      counter?.count([outcome]);
      if (ui.json) documents.push(outcomeDocument(outcome));
      if (tells) ui.emitFor(name)(leftAlone(name));
      return true;
    },
  };
}

/** A folder that cannot be written is no reason not to look at what is due: who needs it written says so. */
async function rememberRun({ system, ui }: Context, store: Store): Promise<void> {
  await keepRun(system.clock.now(), store).catch((error: unknown) => ui.warn(messageOf(error)));
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

function countWords(outcomes: readonly Outcome[], quiet: number): string {
  const all = outcomes.length + quiet;
  if (all === 0) return 'nothing to renew: no certificate is stored or configured';
  const count = (...states: readonly Outcome['state'][]): number => outcomes.filter(({ state }) => states.includes(state)).length;
  const parts = [
    [count('issued'), 'renewed'],
    [count('tested'), 'tried'],
    [count('kept') + quiet, 'not due'],
    [count('deferred'), 'to be tried later'],
    [count('pending'), 'waiting'],
    [count('failed'), 'failed'],
  ] as const;
  const words = parts.filter(([number]) => number > 0).map(([number, word]) => `${number} ${word}`);
  return `${all} ${all === 1 ? 'certificate' : 'certificates'}: ${words.join(', ')}`;
}
