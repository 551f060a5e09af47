/** Waits until changes are on all of Route53's name servers. The SDK's own waiter asks every 30 s and hides AccessDenied. */
import type { Clock } from '../../../base/clock.js';
import { isTscertError } from '../../../base/errors.js';
import type { Route53Api } from './api.js';

/** Seconds before each question: two minutes in all; the first when the self check has had time for two rounds. */
const PAUSES = [0.25, 1, 2, 3, 5, 8, 13, 21, 33, 33.75];

/**
 * Resolves when all changes are INSYNC, or after two minutes: it is a hint, the self check decides.
 * @throws {TscertError} `provider-denied` at once
 */
export async function waitForSync(api: Route53Api, changeIds: readonly string[], clock: Clock, signal: AbortSignal): Promise<void> {
  const open = [...changeIds];
  for (const pause of PAUSES) {
    if (open.length === 0) return;
    await clock.sleep(pause * 1_000, signal);
    // The newest last: when it has arrived, the others are asked about without a pause.
    for (let id = open.at(-1); id !== undefined && (await isInSync(api, id, signal)); id = open.at(-1)) open.pop();
  }
}

/** A question that went wrong for now is one that was not answered. */
async function isInSync(api: Route53Api, id: string, signal: AbortSignal): Promise<boolean> {
  try {
    return await api.isInSync(id, signal);
  } catch (error) {
    if (isTscertError(error) && error.data.transient === true) return false;
    throw error;
  }
}
