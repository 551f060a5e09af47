/**
 * The pods of a workload are started anew, as `kubectl rollout restart` does it: an annotation of its pod template changes, and its controller
 * does the rest. Which certificate it was for is kept beside it, so that a run that is killed and comes again restarts nothing twice.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import { decodePem } from '../base/pem.js';
import type { KubernetesClient } from '../kubernetes/client.js';
import { WORKLOADS } from '../kubernetes/workload.js';
import type { RolloutRequest } from '../request/request.js';
import type { Reloads } from './reloads.js';
import { type Target, targetFailure } from './target.js';

export interface RolloutParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly reloads: Reloads;
  clusters(context?: string): Promise<KubernetesClient>;
}

/** kubectl's own: `kubectl rollout history` and people know it. */
const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt';

export function rolloutTarget(request: RolloutRequest, { clock, reloads, clusters }: RolloutParts): Pick<Target, 'title' | 'bring'> {
  const { workload, name, namespace, context } = request;
  const place = `${namespace === undefined ? '' : `${namespace}/`}${workload}/${name}${context === undefined ? '' : `@${context}`}`;
  return {
    title: `rollout ${place}`,
    async bring({ stored }, { signal }) {
      const mark = markOf(stored.name, stored.certificate);
      try {
        const client = await clusters(context);
        const restart = async (): Promise<void> => restartOnce(client, request, mark, { clock, signal });
        await reloads(`rollout ${place} ${client.server}`, restart);
      } catch (error) {
        signal.throwIfAborted();
        throw targetFailure(`Cannot restart ${place} for "${stored.name}"`, messageOf(error), error);
      }
    },
  };
}

/** The annotation that says for which certificate it was: one for each that it is restarted for. */
function markOf(name: string, certificate: string): readonly [key: string, value: string] {
  const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');
  return [`tscert.io/restarted-for-${sha256(name).slice(0, 12)}`, sha256(decodePem(certificate)[0]?.der ?? '')];
}

/** What went wrong is thrown, in words that stand behind what was to be done. */
async function restartOnce(
  client: KubernetesClient,
  { workload, name, namespace }: RolloutRequest,
  [key, fingerprint]: readonly [string, string],
  { clock, signal }: { readonly clock: Pick<Clock, 'now'>; readonly signal: AbortSignal },
): Promise<void> {
  const kind = WORKLOADS[workload];
  if (kind === undefined) throw new Error(`there is no kind "${workload}" whose pods can be restarted`);
  const place = { name, ...(namespace === undefined ? {} : { namespace }) };
  const found = await client.get(kind, place, { signal });
  if (found === undefined) throw new Error(`there is no ${kind.kind} "${name}" in the namespace "${namespace ?? client.namespace}"`);
  if (found.spec.template.metadata?.annotations?.[key] === fingerprint) return;
  // Its pods would stay as they are, and nobody would know why.
  if (found.spec.paused === true) throw new Error('it is paused; resume it first: kubectl rollout resume');
  const annotations = { [RESTARTED_AT]: new Date(clock.now()).toISOString(), [key]: fingerprint };
  await client.patch(kind, place, { merge: { spec: { template: { metadata: { annotations } } } } }, { signal });
}
