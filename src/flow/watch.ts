/** The loop of the long-running mode: it works when something is due, and sleeps in short stretches, so that it notices a clock that was set. */
import type { Clock } from '../base/clock.js';

export interface WatchParts {
  readonly clock: Clock;
  /** Milliseconds since some moment; they go on evenly whatever is done to the clock. */
  uptime(): number;
  /**
   * Looks at everything and does what is due.
   * @returns when there is something to do next, milliseconds since the epoch; must not reject
   */
  pass(): Promise<number>;
  /** Is told that the loop is alive: before every pass and at least once a minute between them. */
  beat(): void;
  /** Ends the loop; a pass that is under way ends first. */
  readonly stop: AbortSignal;
}

export interface Watch {
  /** Resolves when the loop has stopped. */
  readonly ended: Promise<void>;
  /** Has the next pass begin at once, or right after the one that is under way. */
  wake(): void;
}

const STRETCH = 60_000;
/** A clock that goes on by so much more or less than time did was set. */
const JUMP = 30_000;

/** Begins to watch. */
export function startWatch(parts: WatchParts): Watch {
  let alarm = new AbortController();
  const run = async (): Promise<void> => {
    while (!parts.stop.aborted) {
      parts.beat();
      alarm = new AbortController();
      const next = await parts.pass();
      await sleepUntil(next, AbortSignal.any([parts.stop, alarm.signal]), parts);
    }
  };
  return { ended: run(), wake: () => alarm.abort() };
}

/** Returns early when the clock was set: then other things may be due. */
async function sleepUntil(time: number, signal: AbortSignal, { clock, uptime, beat }: WatchParts): Promise<void> {
  while (!signal.aborted) {
    const [now, up] = [clock.now(), uptime()];
    if (now >= time) return;
    await clock.sleep(Math.min(STRETCH, time - now), signal).catch(() => undefined);
    beat();
    if (Math.abs(clock.now() - now - (uptime() - up)) > JUMP) return;
  }
}
