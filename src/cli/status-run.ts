/** A run of `status`: all that is known of some certificates. */
import { conditionsOf, stepsOf } from '../flow/condition.js';
import { readOverviews } from '../flow/overview.js';
import type { Context } from './context.js';
import { EXIT } from './exit.js';
import { findSubjects } from './looking.js';
import { statusDocument } from './overview-document.js';
import { statusText } from './status-text.js';
import { paintOfOutput, paintOfState } from './ui/states.js';

/** Runs `status` and gives its exit code. */
export async function runStatus(context: Context, names: readonly string[]): Promise<number> {
  const { system, globals, ui } = context;
  const { store, subjects } = await findSubjects(context, 'tscert status', names);
  const style = { now: system.clock.now(), paint: await paintOfOutput(system, globals), colour: await paintOfState(system, globals) };
  const documents: Record<string, unknown>[] = [];
  let shown = 0;
  for await (const overview of readOverviews(subjects, { store, clock: system.clock })) {
    if (ui.json)
      documents.push({ ...statusDocument(overview), conditions: conditionsOf(overview), steps: stepsOf(overview.ledger.events) });
    else ui.data(`${shown++ === 0 ? '' : '\n'}${statusText(overview, style)}\n`);
  }
  if (ui.json) ui.document('status', { certificates: documents });
  return EXIT.done;
}
