/** `manual`: a person makes the records, in this run or before the next one. */

import { TscertError } from '../../base/errors.js';
import type { Emit } from '../../base/events.js';
import type { DnsProvider, TxtRecord } from '../provider.js';

interface ManualOptions {
  readonly emit: Emit;
  /**
   * On a terminal: resolves when the person says that the records stand; rejects with the signal's reason. Absent: nobody is
   * there to wait for, and the run stops.
   */
  readonly wait?: ((records: readonly TxtRecord[], signal: AbortSignal) => Promise<void>) | undefined;
  /** Looks at DNS once: those of the records that do not stand at every authoritative server yet. Absent: all of them. */
  readonly missing?: ((records: readonly TxtRecord[], signal: AbortSignal) => Promise<readonly TxtRecord[]>) | undefined;
}

/**
 * Two phases with the same values. `change` first looks which of the records stand already; when all do, it is done, silently.
 * Those that do not are asked for in one `records-wanted` event. On a terminal it then waits for the person's word; without one
 * it rejects with `manual-pending`, so that the run ends and the order, with its key and its values, stays in the journal. The
 * second run presents the same challenges again (the values come out the same, for the order is the same), finds the records
 * standing, and goes on to the self check, which decides. What shall be removed is named in an event, and nobody is waited for.
 * @throws {TscertError} from `change`: `manual-pending`, with `records` in `data`
 */
export function createManual({ emit, wait, missing }: ManualOptions): DnsProvider {
  const lookFor = async (records: readonly TxtRecord[], signal: AbortSignal): Promise<readonly TxtRecord[]> => {
    if (missing === undefined || records.length === 0) return records;
    try {
      return await missing(records, signal);
    } catch (error) {
      // A look that failed is no reason not to tell the person what is wanted.
      if (signal.aborted) throw error;
      return records;
    }
  };
  return {
    name: 'manual',
    manual: true,
    async change(zone, change, signal) {
      signal.throwIfAborted();
      if (change.remove.length > 0) emit({ type: 'records-wanted', action: 'remove', records: change.remove.map(plain) });
      const wanted = (await lookFor(change.add, signal)).map(plain);
      if (wanted.length > 0) {
        emit({ type: 'records-wanted', action: 'add', records: wanted });
        if (wait === undefined) throw pending(zone.name, wanted);
        await wait(wanted, signal);
      }
      return change.add.map(plain);
    },
  };
}

const plain = ({ name, value }: TxtRecord): TxtRecord => ({ name, value });

function pending(zone: string, records: readonly TxtRecord[]): TscertError {
  const what = records.length === 1 ? '1 TXT record' : `${records.length} TXT records`;
  return new TscertError('manual-pending', `Cannot go on with the zone "${zone}" yet: ${what} must be made by hand first`, {
    data: { provider: 'manual', zone, records },
  });
}
