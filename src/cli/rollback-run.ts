/** A run of `rollback`: the history of a certificate, and the way back in it. */
import { createGathering } from '../base/gathering.js';
import { createDeployer } from '../flow/deploy.js';
import { historyOf } from '../flow/history.js';
import { type RolledBack, rollBack } from '../flow/rollback.js';
import type { Context } from './context.js';
import { EXIT, exitCodeOf } from './exit.js';
import { findRenewal, knownName } from './one-renewal.js';
import { readOptions } from './options.js';
import { storePlace } from './places.js';
import { entryDocument, entryLines, rolledBackLines } from './ui/history.js';
import { errorDocument } from './ui/words.js';
import { clustersOf, openStore } from './wire.js';

export interface RollbackFlags {
  readonly to?: string;
  readonly list?: boolean;
  readonly force?: boolean;
}

/** Runs `rollback` and gives its exit code. */
export async function runRollback(context: Context, given: string, flags: RollbackFlags): Promise<number> {
  const { system, globals, ui, signal } = context;
  const store = openStore(system, storePlace(system, globals), 'tscert rollback');
  const name = await knownName(given, store);
  const emit = ui.emitFor(name);
  if (flags.list === true) {
    const history = await historyOf(name, store, emit);
    if (ui.json) ui.document('history', { name, generations: history.map(entryDocument) });
    else ui.data(`${[ui.paint.strong(name), ...entryLines(history, system.clock.now())].join('\n')}\n`);
    return EXIT.done;
  }
  const { request, error } = await findRenewal(await readOptions(context, {}), name, { store, system });
  const clusters = clustersOf(system, storePlace(system, globals));
  const deployer = createDeployer({ records: store, clock: system.clock, environment: system.env, clusters });
  const result = await rollBack(
    name,
    { to: flags.to, force: flags.force === true },
    { store, clock: system.clock, deployer, request },
    { emit, signal, member: createGathering().join() },
  );
  ui.rest();
  if (request === undefined) ui.warn(`nothing is deployed: ${error instanceof Error ? error.message : 'it cannot be told how'}`);
  else if (result.kept === undefined) ui.warn(`nothing is deployed: the generation ${result.to.id} is damaged`);
  if (result.deployError !== undefined) ui.fail(result.deployError, name);
  if (ui.json) ui.document('rollback', documentOf(name, result));
  else if (globals.quiet !== true) ui.data(`${rolledBackLines(name, result, system.clock.now(), ui.paint).join('\n')}\n`);
  return result.deployError === undefined ? EXIT.done : exitCodeOf(result.deployError);
}

function documentOf(name: string, { state, from, to, kept, deployError }: RolledBack): Record<string, unknown> {
  return {
    name,
    state,
    ...(from === undefined ? {} : { from: entryDocument({ ...from, isCurrent: state === 'kept' }) }),
    to: entryDocument({ ...to, isCurrent: true }),
    ...(kept === undefined ? {} : { files: kept.stored.locations, renewAt: new Date(kept.renewAt).toISOString() }),
    ...(deployError === undefined ? {} : { deployError: errorDocument(deployError) }),
  };
}
