/** A run of `watch`: `renew`, again and again, whenever something is due; and a page to look at meanwhile. */
import { setMaxListeners } from 'node:events';
import { formatDuration, parseDuration } from '../base/duration.js';
import { messageOf, TscertError } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import type { Outcome } from '../flow/outcome.js';
import type { Subject } from '../flow/overview.js';
import { createRetries, nextWake } from '../flow/wake.js';
import { startWatch, type Watch } from '../flow/watch.js';
import type { ListenAddress, Service } from '../net/serve.js';
import type { Store } from '../store/store.js';
import type { Context } from './context.js';
import { saveCounts } from './counts.js';
import { EXIT } from './exit.js';
import { exitCodeOfRun, issueRequests, type RunSurroundings, surroundingsOf } from './issue-run.js';
import { subjectsOf } from './looking.js';
import { type Options, readOptions } from './options.js';
import { storePlace } from './places.js';
import { lookForQuiet } from './quiet.js';
import { findRenewals, type LeaveOut, type Renewals } from './renewals.js';
import { checkStoredOf } from './stored-checks.js';
import { minuteWords, timeWords } from './ui/times.js';
import { createWatchService, type WatchService, type WatchState } from './watch-service.js';
import { openStore } from './wire.js';

export interface WatchFlags {
  /** `HOST:PORT`; false for nothing. */
  readonly listen?: string | false;
  readonly grace?: string;
}

/** cert-manager serves its metrics there. */
const LISTEN = '127.0.0.1:9402';
const GRACE = '30s';
/** Milliseconds after which a pass that failed as a whole is tried again. */
const AGAIN = 10 * 60_000;
const RUN = { force: false, dryRun: false, patient: true };

/** Runs `watch` until somebody stops it, and gives its exit code. */
export async function runWatch(
  context: Context,
  { listen, grace, ...flags }: WatchFlags & Readonly<Record<string, unknown>>,
): Promise<number> {
  const { system, globals, ui, signal } = context;
  const patience = parseDuration(grace ?? GRACE);
  const store = openStore(system, storePlace(system, globals), 'tscert watch');
  const wanted = createWanted(context, flags, store);
  await wanted.read();
  const state: WatchState = { startedAt: system.clock.now(), beatAt: system.uptime(), isStopping: false };
  const service = createWatchService({ system, store, state, subjects: wanted.subjects });
  const server = await listenFor(listen ?? (system.env.TSCERT_LISTEN || LISTEN), service);
  ui.say(server === undefined ? 'watching' : `watching; status page at ${server.url}/`);

  const stop = new AbortController();
  const lines = new AbortController();
  const over = new AbortController();
  const ends = { stop: AbortSignal.any([stop.signal, signal]), lines: AbortSignal.any([lines.signal, signal]) };
  // Every request and wait of a pass listens.
  setMaxListeners(0, ends.lines);
  let watch: Watch | undefined;
  context.onSignals({
    hangUp: () => void wanted.reread(state).then(() => watch?.wake()),
    stop(name) {
      state.isStopping = true;
      ui.say(`${name}: stopping; what is under way has ${formatDuration(patience)}; once more stops at once`);
      stop.abort();
      system.clock.sleep(patience, over.signal).then(
        () => lines.abort(new TscertError('interrupted', `Cannot finish: interrupted by ${name}`, { data: { signal: name } })),
        () => undefined,
      );
    },
  });
  try {
    watch = startWatch({
      clock: system.clock,
      uptime: system.uptime,
      pass: createPass(context, { store, state, service, wanted, signal: ends.lines }),
      beat: () => {
        state.beatAt = system.uptime();
      },
      stop: ends.stop,
    });
    await watch.ended;
  } finally {
    over.abort();
    await server?.close();
  }
  signal.throwIfAborted();
  ui.say('stopped');
  return EXIT.done;
}

async function listenFor(listen: string | false, service: WatchService): Promise<Service | undefined> {
  if (listen === false) return undefined;
  const { parseListenAddress, serve } = await import('../net/serve.js');
  const address: ListenAddress = parseListenAddress(listen);
  return serve(address, service.answer);
}

/** What is wanted, as the configuration had it when it was last read and understood. */
interface Wanted {
  /** @throws {TscertError} `config-invalid`, `request-invalid` */
  read(): Promise<void>;
  /** Reads it again; one that cannot be read or understood changes nothing. */
  reread(state: WatchState): Promise<void>;
  /** @param leaveOut takes what has nothing to do out of it */
  find(leaveOut?: LeaveOut): Promise<Renewals>;
  subjects(): Promise<readonly Subject[]>;
}

function createWanted(context: Context, flags: Readonly<Record<string, unknown>>, store: Store): Wanted {
  const { system, ui } = context;
  let options: Options | undefined;
  const findBy = (by: Options, leaveOut?: LeaveOut): Promise<Renewals> =>
    findRenewals(by, { names: [], store, system, dryRun: false, ...(leaveOut === undefined ? {} : { leaveOut }) });
  const read = async (): Promise<void> => {
    const read = await readOptions(context, flags);
    // What it asks for must make sense too.
    await findBy(read);
    options = read;
  };
  const find = async (leaveOut?: LeaveOut): Promise<Renewals> => findBy(options ?? (await readOptions(context, flags)), leaveOut);
  return {
    read,
    async reread(state) {
      try {
        await read();
        delete state.configTrouble;
        ui.say('SIGHUP: the configuration was read again');
      } catch (error) {
        state.configTrouble = `${messageOf(error)}; the one before stays in force`;
        ui.warn(state.configTrouble);
      }
    },
    find,
    subjects: async () => subjectsOf(await find()),
  };
}

interface PassParts {
  readonly store: Store;
  readonly state: WatchState;
  readonly service: WatchService;
  readonly wanted: Wanted;
  readonly signal: AbortSignal;
}

/** One look at everything, as `renew` takes it; nothing that goes wrong in it ends the watch. */
function createPass(context: Context, { store, state, service, wanted, signal }: PassParts): () => Promise<number> {
  const { system, globals, ui } = context;
  const { clock } = system;
  const { ask: _, ...shown } = surroundingsOf(context, 'tscert watch');
  const emitFor = globals.verbose === true ? shown.emitFor : (name: string) => withoutUsual(shown.emitFor(name));
  const alive =
    (emit: Emit): Emit =>
    (event) => {
      state.beatAt = system.uptime();
      emit(event);
    };
  const surroundings: RunSurroundings = { ...shown, signal, emitFor: (name) => alive(emitFor(name)) };
  const retries = createRetries();
  const told = new Map<string, string>();

  const tell = (outcome: Outcome): void => {
    const error = outcome.state === 'failed' ? outcome.error : 'deployError' in outcome ? outcome.deployError : undefined;
    if (error !== undefined) {
      // Not again and again: a certificate that nobody knows how to renew is found at every look.
      if (told.get(outcome.name) !== messageOf(error) || outcome.stages.length > 0) ui.fail(error, outcome.name);
      told.set(outcome.name, messageOf(error));
      return;
    }
    told.delete(outcome.name);
    if (outcome.state !== 'issued') return;
    const message = `issued: expires ${timeWords(outcome.notAfter, clock.now())}, renews ${timeWords(outcome.renewAt, clock.now())}`;
    ui.emitFor(outcome.name)({ type: 'note', message });
  };

  return async () => {
    const outcomes: Outcome[] = [];
    const begun = clock.now();
    let others = 0;
    try {
      const quiet = await lookForQuiet(context, store, RUN, { counter: shown.counter, tells: globals.verbose === true });
      const { groups, unknown } = await wanted.find(quiet.take);
      others = quiet.count();
      outcomes.push(...unknown.map(({ name, error }): Outcome => ({ name, stages: [], state: 'failed', error })));
      for (const { requests, config } of groups) {
        const options = { system, folder: surroundings.place.folder, caBundle: config.caBundle, store, signal };
        // What cannot be told stands in the ledger; it is not said at every look.
        const note = (message: string): void => (globals.verbose === true ? ui.say(message) : undefined);
        if (!signal.aborted) await checkStoredOf(requests, options, { emitFor: surroundings.emitFor, note });
        if (!signal.aborted) outcomes.push(...(await issueRequests(requests, config, RUN, surroundings)));
      }
      delete state.passTrouble;
    } catch (error) {
      state.passTrouble = messageOf(error);
      ui.fail(error);
    }
    ui.rest();
    for (const outcome of outcomes) tell(outcome);
    await saveCounts(context, surroundings, { command: 'watch', ...RUN, code: exitCodeOfRun(outcomes, signal, others) });
    const now = clock.now();
    const next = await service.look().then(
      (overviews) => nextWake(overviews, retries.take(outcomes, now), { begun, now }),
      () => now + AGAIN,
    );
    state.lastPass = now;
    state.nextPass = state.passTrouble === undefined ? next : Math.min(next, now + AGAIN);
    if (globals.verbose === true) ui.say(`next look at ${minuteWords(state.nextPass)}`);
    return state.nextPass;
  };
}

/** Who only looked has nothing to say. */
function withoutUsual(emit: Emit): Emit {
  return (event) => {
    if (event.type !== 'planned' || (event.action !== 'keep' && event.action !== 'defer')) emit(event);
  };
}
