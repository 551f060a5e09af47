/**
 * Everything that a run has to say to one DNS provider: values of all certificates go out together, a change a zone, one
 * after the other in a zone and side by side between zones; failures are tried again, and one bad line does not harm the others.
 */
import type { Clock, Random } from '../base/clock.js';
import type { Emit } from '../base/events.js';
import type { Gathering, Phase } from '../base/gathering.js';
import { createBackoff } from './backoff.js';
import { createDelivery, type Line } from './delivery.js';
import type { Change, DnsProvider, TxtRecord, Zone } from './provider.js';
import { share } from './shared.js';

/** How long a batch waits for those that are still expected, when nothing new comes. Milliseconds. */
const PATIENCE = 5_000;
/** Zones that are changed at the same time. */
const PARALLEL_ZONES = 8;

/** A place kept in the batch for one line that is on its way. */
export interface Seat {
  /**
   * Brings the line's values, and gives the seat back. Resolves with the added records, ids included, when they stand.
   * Aborted before the change is sent, the line is left out of it; afterwards only the wait ends.
   * @throws {TscertError} as {@link DnsProvider.change}
   */
  change(zone: Zone, change: Change, signal: AbortSignal): Promise<readonly TxtRecord[]>;
  /** The line brings nothing (more); nobody waits for it. Harmless the second time. */
  leave(): void;
}

/**
 * The batch of one provider in one run. `zones` and `settled` are the provider's own with patience, where it has them; `settled` is
 * asked once for all lines of a change.
 */
export interface Batch extends Omit<DnsProvider, 'change'> {
  /** Announces a line; to be called before anything is awaited, so that the batch knows of it when its neighbours are done. */
  expect(phase: Phase): Seat;
}

interface ZoneQueue {
  readonly zone: Zone;
  waiting: Line[];
  busy: boolean;
}

/** A batch; `gathering` knows who may still come. */
export function createBatch(options: {
  readonly provider: DnsProvider;
  readonly clock: Clock;
  readonly random: Random;
  readonly gathering: Gathering;
  readonly emit: Emit;
}): Batch {
  const { provider, clock, random, gathering, emit } = options;
  const traits = {
    name: provider.name,
    ...(provider.manual === undefined ? {} : { manual: provider.manual }),
    ...(provider.propagationTimeout === undefined ? {} : { propagationTimeout: provider.propagationTimeout }),
  };
  const backoff = createBackoff({ provider: provider.name, clock, random, emit });
  const change: DnsProvider['change'] = async (zone, wanted, signal) => {
    const records = await provider.change(zone, wanted, signal);
    // What was asked before this moment is about older changes.
    if (wanted.add.length > 0) settling.delete(keyOf(zone));
    return records;
  };
  const deliver = createDelivery({ provider: { ...traits, change }, backoff, clock, emit });
  const queues = new Map<string, ZoneQueue>();
  const seats: Record<Phase, number> = { present: 0, 'clean-up': 0 };
  const lastNews: Record<Phase, number> = { present: 0, 'clean-up': 0 };
  const watched = new Set<Phase>();
  const settling = new Map<string, (signal: AbortSignal) => Promise<void>>();
  let active = 0;
  let alarm: AbortController | undefined;
  let scheduled = false;

  const patienceLeft = (phase: Phase): number => lastNews[phase] + PATIENCE - clock.now();
  const isComplete = (phase: Phase): boolean => gathering.expected(phase) === 0 && seats[phase] === 0;
  const isReady = (phase: Phase): boolean => isComplete(phase) || patienceLeft(phase) <= 0;
  const phasesOf = (queue: ZoneQueue): Set<Phase> => new Set(queue.waiting.map((line) => line.phase));

  /** Lines that go out now: removals ride with values, but values never leave before their phase is ready. */
  const take = (queue: ZoneQueue): Line[] => {
    const phases = phasesOf(queue);
    const values = isReady('present');
    const removals = isReady('clean-up') || (values && phases.has('present'));
    const taken: Line[] = [];
    const left: Line[] = [];
    for (const line of queue.waiting) {
      const goes = line.phase === 'present' ? values : removals;
      if (goes && ![...taken, ...left].some((other) => contradicts(line, other))) taken.push(line);
      else left.push(line);
    }
    queue.waiting = left;
    return taken;
  };

  const send = async (queue: ZoneQueue, lines: readonly Line[]): Promise<void> => {
    queue.busy = true;
    active++;
    await deliver(queue.zone, lines);
    queue.busy = false;
    active--;
    soon();
  };

  /** Lets the caller finish first: what it brings in one go belongs into one change. */
  const soon = (): void => {
    if (scheduled) return;
    scheduled = true;
    void Promise.resolve().then(pump);
  };

  /** Sends what can go. */
  const pump = (): void => {
    scheduled = false;
    alarm?.abort();
    alarm = undefined;
    for (const [key, queue] of queues) {
      if (queue.busy) continue;
      if (queue.waiting.length === 0) {
        queues.delete(key);
        continue;
      }
      if (active >= PARALLEL_ZONES) return;
      const lines = take(queue);
      if (lines.length > 0) void send(queue, lines);
    }
    const idle = [...queues.values()].filter((queue) => !queue.busy && queue.waiting.length > 0);
    const waits = [...new Set(idle.flatMap((queue) => [...phasesOf(queue)]))].map(patienceLeft).filter((left) => left > 0);
    if (waits.length === 0) return;
    alarm = new AbortController();
    clock.sleep(Math.min(...waits), alarm.signal).then(soon, () => undefined);
  };

  const news = (phase: Phase): void => {
    lastNews[phase] = clock.now();
    if (watched.has(phase) || gathering.expected(phase) === 0) return;
    watched.add(phase);
    void gathering.complete(phase).then(() => {
      watched.delete(phase);
      soon();
    });
  };

  const enqueue = (zone: Zone, phase: Phase, change: Change, signal: AbortSignal): Promise<readonly TxtRecord[]> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const queue = queues.get(keyOf(zone)) ?? { zone, waiting: [], busy: false };
      queues.set(keyOf(zone), queue);
      const onAbort = (): void => {
        line.left = true;
        queue.waiting = queue.waiting.filter((other) => other !== line);
        reject(signal.reason);
        line.onLeft?.();
        soon();
      };
      const settle = (): void => signal.removeEventListener('abort', onAbort);
      const line: Line = {
        phase,
        change,
        left: false,
        succeed: (records) => {
          settle();
          resolve(records);
        },
        fail: (error) => {
          settle();
          reject(error);
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      queue.waiting.push(line);
    });

  return {
    ...traits,
    expect(phase) {
      let open = true;
      seats[phase]++;
      news(phase);
      const leave = (): void => {
        if (!open) return;
        open = false;
        seats[phase]--;
        soon();
      };
      return {
        leave,
        change(zone, change, signal) {
          const done = enqueue(zone, phase, change, signal);
          news(phase);
          leave();
          return done;
        },
      };
    },
    ...(provider.zones === undefined
      ? {}
      : { zones: (names, signal) => backoff.run(async () => (await provider.zones?.(names, signal)) ?? [], signal) }),
    ...(provider.settled === undefined
      ? {}
      : {
          settled(zone, signal) {
            const shared = settling.get(keyOf(zone)) ?? share((own) => backoff.run(async () => provider.settled?.(zone, own), own));
            settling.set(keyOf(zone), shared);
            return shared(signal);
          },
        }),
  };
}

const keyOf = (zone: Zone): string => `${zone.name} ${zone.id ?? ''}`;

/** True when one adds what the other removes: then they go one after the other. */
function contradicts(line: Line, other: Line): boolean {
  const meets = (one: readonly TxtRecord[], two: readonly TxtRecord[]): boolean =>
    one.some((a) => two.some((b) => a.name === b.name && a.value === b.value));
  return meets(line.change.add, other.change.remove) || meets(line.change.remove, other.change.add);
}
