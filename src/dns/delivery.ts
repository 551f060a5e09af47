/** One change of one zone, brought to the provider for several lines at once. */
import type { Clock } from '../base/clock.js';
import { isTscertError } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import type { Phase } from '../base/gathering.js';
import { type Backoff, isTransient } from './backoff.js';
import type { Change, DnsProvider, TxtRecord, Zone } from './provider.js';

/** How long a request that nobody waits for any more may still run, so that its outcome is known before the next one. Milliseconds. */
const GRACE = 10_000;
/** A provider that has refused so many changes and taken none refuses all of them. */
const HOPELESS = 12;

/** What one line wants, and how it hears of it. */
export interface Line {
  readonly phase: Phase;
  readonly change: Change;
  /** It was aborted. */
  left: boolean;
  /** Called when it is aborted while its change is under way. */
  onLeft?: () => void;
  succeed(records: readonly TxtRecord[]): void;
  fail(error: unknown): void;
}

/**
 * Gives the function that carries lines of a zone to the provider and tells each its outcome; it never rejects. A change that is refused for good
 * is halved until the bad lines stand alone: the others must not suffer for them.
 */
export function createDelivery(options: {
  readonly provider: DnsProvider;
  readonly backoff: Backoff;
  readonly clock: Clock;
  readonly emit: Emit;
}): (zone: Zone, lines: readonly Line[]) => Promise<void> {
  const { provider, backoff, clock, emit } = options;

  const attempt = async (zone: Zone, lines: readonly Line[]): Promise<readonly TxtRecord[]> => {
    const change = merge(lines);
    const abandoned = new AbortController();
    const cut = new AbortController();
    const finished = new AbortController();
    const onLeft = (): void => {
      if (abandoned.signal.aborted || !lines.every((line) => line.left)) return;
      const reason = new DOMException('nobody waits for this change any more', 'AbortError');
      abandoned.abort(reason);
      clock.sleep(provider.manual === true ? 0 : GRACE, finished.signal).then(
        () => cut.abort(reason),
        () => undefined,
      );
    };
    for (const line of lines) line.onLeft = onLeft;
    try {
      const records = await backoff.run(() => provider.change(zone, change, cut.signal), abandoned.signal);
      emit({ type: 'dns-change', provider: provider.name, zone: zone.name, added: change.add.length, removed: change.remove.length });
      return records;
    } finally {
      finished.abort();
    }
  };

  return async (zone, lines) => {
    const groups = [lines];
    let refused = 0;
    let taken = 0;
    for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
      const present = group.filter((line) => !line.left);
      if (present.length === 0) continue;
      try {
        const records = await attempt(zone, present);
        taken++;
        for (const line of present)
          line.succeed(line.change.add.map((wanted) => records.find((record) => isSame(record, wanted)) ?? wanted));
      } catch (error) {
        refused++;
        const hopeless = taken === 0 && refused >= HOPELESS;
        if (present.length > 1 && isRefusal(error) && !hopeless) {
          const half = Math.ceil(present.length / 2);
          groups.push(present.slice(0, half), present.slice(half));
        } else {
          for (const line of hopeless ? [...present, ...groups.splice(0).flat()] : present) line.fail(error);
        }
      }
    }
  };
}

/** A change refused for what stands in it; more tries of the whole change are in vain. */
function isRefusal(error: unknown): boolean {
  return (isTscertError(error, 'provider-failed') || isTscertError(error, 'provider-denied')) && !isTransient(error);
}

function isSame(one: TxtRecord, two: TxtRecord): boolean {
  return one.name === two.name && one.value === two.value;
}

function merge(lines: readonly Line[]): Change {
  const unique = (records: readonly TxtRecord[]): TxtRecord[] =>
    records.filter((record, at) => records.findIndex((other) => isSame(record, other)) === at);
  return {
    add: unique(lines.flatMap((line) => line.change.add)),
    remove: unique(lines.flatMap((line) => line.change.remove)),
  };
}
