/** The certificates of a timer's run for which there is nothing to do: counted, and forgotten. */
import { createDeployer } from '../flow/deploy.js';
import { glanceAt, leftAlone, namesUnderWay } from '../flow/glance.js';
import type { QuietNotes } from '../flow/quiet-notes.js';
import type { Counter } from '../flow/telemetry.js';
import { storedName } from '../store/name.js';
import type { Store } from '../store/store.js';
import type { Context } from './context.js';
import type { RunFlags } from './issue-run.js';
import { storePlace } from './places.js';
import type { LeaveOut } from './renewals.js';
import { STAPLES } from './stored-checks.js';
import { keptDocument } from './ui/summary.js';
import { clustersOf } from './wire.js';

export interface Quiet {
  readonly take: LeaveOut;
  /** Takes a certificate by its name alone, where an earlier run has noted of it that there is nothing to do. */
  readonly takeNoted: (name: string) => Promise<boolean>;
  /** Keeps what was found for the next run. */
  note(): Promise<void>;
  /** With --json: one a certificate. */
  readonly documents: readonly Record<string, unknown>[];
  count(): number;
}

/**
 * Looks for the certificates for which there is nothing to do: of ten thousand, most are.
 * @param tells says of each that it is left alone
 */
export async function lookForQuiet(
  { system, globals, ui }: Context,
  store: Store,
  run: RunFlags & { readonly patient: boolean },
  { counter, tells, notes }: { readonly counter?: Counter | undefined; readonly tells: boolean; readonly notes?: QuietNotes | undefined },
): Promise<Quiet> {
  const { clock, env: environment } = system;
  const deployer = createDeployer({ records: store, clock, environment, clusters: clustersOf(system, storePlace(system, globals)) });
  const parts = { store, clock, deployer, ...run, asksForAdvice: true, revocation: STAPLES, underWay: await namesUnderWay(store) };
  const documents: Record<string, unknown>[] = [];
  const states = new Map<string, string>();
  let count = 0;
  const leave = (): void => {
    count++;
    counter?.countKept(1);
  };
  return {
    documents,
    count: () => count,
    async takeNoted(name) {
      if (notes === undefined || parts.underWay?.has(name) !== false) return false;
      const state = await notes.stateOf(name);
      if (state === undefined) return false;
      if (!notes.has(name, state)) {
        states.set(name, state);
        return false;
      }
      leave();
      return true;
    },
    async note() {
      await notes?.save();
    },
    async take(request) {
      const name = storedName(request.name);
      const state = states.get(name);
      states.delete(name);
      // What cannot be read is told by its line.
      const kept = await glanceAt({ ...request, name }, parts).catch(() => undefined);
      if (kept === undefined) return false;
      leave();
      // What others may change, or take away, is looked at each time.
      const isLive = request.revocation?.staple !== undefined || request.deploy.some(({ kind }) => kind === 'secret');
      if (state !== undefined && !isLive) notes?.add(name, state, kept);
      if (ui.json) documents.push(keptDocument(name, kept));
      if (tells) ui.emitFor(name)(leftAlone(name));
      return true;
    },
  };
}
