/** Keeps what a run has counted, for `metrics`. */
import type { Counter } from '../flow/telemetry.js';
import type { Context } from './context.js';
import { EXIT } from './exit.js';
import type { StorePlace } from './places.js';
import { openStore } from './wire.js';

/** Exit codes as results of runs. */
const RESULTS: Readonly<Record<number, string>> = {
  [EXIT.done]: 'done',
  [EXIT.failed]: 'failed',
  [EXIT.usage]: 'refused',
  [EXIT.partly]: 'partly-failed',
  [EXIT.deployFailed]: 'deploy-failed',
  [EXIT.later]: 'later',
  [EXIT.interrupted]: 'interrupted',
  [EXIT.terminated]: 'interrupted',
};

/**
 * Adds what was counted to what earlier runs have counted, and gives back the exit code: nothing of this fails a run. A trial does not count,
 * nor does a run that was about nothing.
 */
export async function saveCounts(
  { system, globals, ui }: Context,
  { command: process, place, counter }: { readonly command: string; readonly place: StorePlace; readonly counter?: Counter },
  { command, code, dryRun }: { readonly command: string; readonly code: number; readonly dryRun: boolean },
): Promise<number> {
  if (counter === undefined || dryRun || counter.isEmpty()) return code;
  const store = openStore(system, place, process);
  const trouble = await counter.save(store, { command, result: RESULTS[code] ?? 'failed' });
  if (trouble !== undefined && globals.verbose === true) ui.say(`what this run has counted is not kept: ${trouble}`);
  return code;
}
