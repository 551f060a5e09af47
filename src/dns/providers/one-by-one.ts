/** Changes that can only be made a value at a time, as those of programs. */
import type { DnsProvider, TxtRecord } from '../provider.js';

/** Adds or removes one value. */
type RunOne = (action: 'present' | 'cleanup', record: TxtRecord, signal: AbortSignal) => Promise<void>;

/**
 * A `change` of runs, one value at a time over all zones: removals first, all of them whatever fails; additions until one fails.
 */
export function createOneByOne(run: RunOne): DnsProvider['change'] {
  const queue = createQueue();
  return (_zone, change, signal) =>
    queue(async () => {
      signal.throwIfAborted();
      const failures: unknown[] = [];
      for (const record of change.remove) {
        await run('cleanup', record, signal).catch((error: unknown) => failures.push(error));
        signal.throwIfAborted();
      }
      if (failures.length > 0) throw failures[0];
      for (const record of change.add) await run('present', record, signal);
      return change.add.map(({ name, value }) => ({ name, value }));
    });
}

/** Runs what it is given one after the other, for programs are rarely re-entrant; one failure does not stop the next. */
function createQueue(): <T>(act: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (act) => {
    const result = last.then(act);
    last = result.catch(() => undefined);
    return result;
  };
}
