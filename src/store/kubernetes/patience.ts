/** API servers are restarted every now and then: a store waits for them as long as that takes, and no longer. */
import type { Clock, Random } from '../../base/clock.js';
import { isTscertError, type TscertError } from '../../base/errors.js';
import type { KubernetesClient } from '../../kubernetes/client.js';

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 4_000;
/** Milliseconds until an outage is told: of a server that has answered before, and of one that may be none at all. */
const PATIENCE = 40_000;
const FIRST_PATIENCE = 4_000;

/**
 * The same client, whose calls are made again while the server cannot be reached or has a fault. A write whose answer was lost may so be made
 * twice: who writes says which state it takes the place of, and looks when it is told that this one is gone.
 */
export function patiently(
  client: KubernetesClient,
  { clock, uptime, random }: { readonly clock: Clock; readonly uptime: () => number; readonly random: Random },
): KubernetesClient {
  let hasAnswered = false;
  const again = async <T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    const begun = uptime();
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      try {
        const answer = await call();
        hasAnswered = true;
        return answer;
      } catch (error) {
        if (!isPassing(error) || uptime() + pause > begun + (hasAnswered ? PATIENCE : FIRST_PATIENCE)) throw error;
        await clock.sleep(pause * (0.75 + random() * 0.5), signal);
      }
    }
  };
  return {
    ...client,
    get: (kind, ref, call) => again(() => client.get(kind, ref, call), call.signal),
    list: (kind, query, call) => again(() => client.list(kind, query, call), call.signal),
    create: (kind, object, call) => again(() => client.create(kind, object, call), call.signal),
    replace: (kind, object, call) => again(() => client.replace(kind, object, call), call.signal),
    apply: (kind, object, call) => again(() => client.apply(kind, object, call), call.signal),
    remove: (kind, ref, call) => again(() => client.remove(kind, ref, call), call.signal),
  };
}

function isPassing(error: unknown): error is TscertError {
  if (!isTscertError(error)) return false;
  if (error.code === 'network' || error.code === 'timeout') return true;
  return error.code === 'cluster-failed' && Number(error.data.status) >= 500;
}
