/** A run of `metrics`. */
import { isTscertError, messageOf } from '../base/errors.js';
import { createMetrics } from '../flow/metrics.js';
import { readOverviews } from '../flow/overview.js';
import type { Store } from '../store/store.js';
import { readTelemetry, type Telemetry } from '../store/telemetry.js';
import type { Context } from './context.js';
import { EXIT } from './exit.js';
import { writeFiles } from './files.js';
import { findStoredSubjects, findSubjects, type Sight } from './looking.js';

const COMMAND = 'tscert metrics';

/** Runs `metrics` and gives its exit code. */
export async function runMetrics(context: Context, { out }: { readonly out?: string }): Promise<number> {
  const { system, ui } = context;
  const { store, subjects, isConfigured } = await see(context);
  const { clock, version } = system;
  const metrics = createMetrics(await countedIn(store, context), { now: clock.now(), version, isConfigured });
  for await (const overview of readOverviews(subjects, { store, clock })) metrics.add(overview);
  const text = metrics.text();
  if (out !== undefined) await writeFiles(system, [{ file: out, text, secret: false }], false);
  if (ui.json) ui.document('metrics', { certificates: subjects.length, ...(out === undefined ? { text } : { file: out }) });
  else if (out === undefined) ui.data(text);
  return EXIT.done;
}

/** What monitoring sees must not vanish with a slip of the pen in the configuration: then it sees what is stored, and that. */
async function see(context: Context): Promise<Sight & { readonly isConfigured: boolean }> {
  try {
    return { ...(await findSubjects(context, COMMAND)), isConfigured: true };
  } catch (error) {
    if (!isTscertError(error)) throw error;
    context.ui.warn(messageOf(error));
    return { ...(await findStoredSubjects(context, COMMAND, error)), isConfigured: false };
  }
}

async function countedIn(store: Store, { ui }: Context): Promise<Telemetry | undefined> {
  try {
    return await readTelemetry(store);
  } catch (error) {
    ui.warn(messageOf(error));
    return undefined;
  }
}
