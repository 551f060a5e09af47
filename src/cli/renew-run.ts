/** A run of `renew`: everything that is due, the same line as `issue`, told in few words. */
import { formatDuration, parseDuration } from '../base/duration.js';
import { messageOf } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import type { Json } from '../base/json.js';
import type { Outcome } from '../flow/outcome.js';
import { openQuietNotes, type QuietNotes } from '../flow/quiet-notes.js';
import type { Store } from '../store/store.js';
import type { Context } from './context.js';
import { saveCounts } from './counts.js';
import { exitCodeOfRun, issueRequests, type RunFlags, type RunSurroundings, surroundingsOf, tellOutcomes } from './issue-run.js';
import { type Options, readOptions } from './options.js';
import { storePlace } from './places.js';
import { lookForQuiet, type Quiet } from './quiet.js';
import { findRenewals, type Renewals } from './renewals.js';
import { checkStoredOf } from './stored-checks.js';
import { keepRun, nextRunAfter } from './timer.js';
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
  const store = openStore(system, storePlace(system, globals), 'tscert renew');
  const isTimer = names.length === 0 && !asked.force && !asked.dryRun;
  const run = { ...asked, patient: true, ...(isTimer ? { nextLook: await nextRunAfter(system.clock.now(), store) } : {}) };
  const surroundings = surroundingsOf(context, 'tscert renew');
  const tells = ui.json || globals.verbose === true;
  const notes = isTimer && !tells ? await openNotes(context, store, options, run.nextLook) : undefined;
  const quiet = await lookForQuiet(context, store, run, { counter: surroundings.counter, tells, notes });
  const { groups, unknown, count, refresh } = await findRenewals(options, {
    names,
    store,
    system,
    dryRun: asked.dryRun,
    leaveOut: quiet.take,
    leaveNoted: quiet.takeNoted,
  });
  if (isTimer && count > 0) await rememberRun(context, store, quiet);
  const emitFor = tells ? surroundings.emitFor : (name: string) => withoutKept(surroundings.emitFor(name));
  if (!asked.force && !asked.dryRun) await checkRevocations(groups, context, store, surroundings);
  const outcomes: Outcome[] = unknown.map(({ name, error }) => ({ name, stages: [], state: 'failed', error }));
  for (const { requests, config } of groups)
    outcomes.push(...(await issueRequests(requests, config, { ...run, refresh }, { ...surroundings, emitFor })));
  const shown = outcomes.filter(({ state }) => state !== 'kept' && state !== 'deferred');
  tellOutcomes(context, 'renew', outcomes, shown, { count: quiet.count(), documents: quiet.documents });
  if (!ui.json) ui.say(countWords(outcomes, quiet.count()));
  return saveCounts(context, surroundings, { command: 'renew', ...run, code: exitCodeOfRun(outcomes, signal, quiet.count()) });
}

/** The notes of earlier runs of the same tscert with the same options: others may find something to do. */
function openNotes({ system }: Context, store: Store, { own, config }: Options, nextLook: number | undefined): Promise<QuietNotes> {
  const basis = JSON.parse(JSON.stringify([system.version, own, config])) as Json;
  return openQuietNotes(store, { basis, now: system.clock.now(), nextLook });
}

async function checkRevocations(
  groups: Renewals['groups'],
  { system, globals, ui, signal }: Context,
  store: Store,
  { emitFor }: Pick<RunSurroundings, 'emitFor'>,
): Promise<void> {
  const { folder } = storePlace(system, globals);
  for (const { requests, config } of groups) {
    const options = { system, folder, caBundle: config.caBundle, store, signal };
    await checkStoredOf(requests, options, { emitFor, note: (message) => ui.say(message) });
  }
}

/** A folder that cannot be written is no reason not to look at what is due: who needs it written says so. */
async function rememberRun({ system, ui }: Context, store: Store, quiet: Quiet): Promise<void> {
  const write = async (): Promise<void> => {
    await keepRun(system.clock.now(), store);
    await quiet.note();
  };
  await write().catch((error: unknown) => ui.warn(messageOf(error)));
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
