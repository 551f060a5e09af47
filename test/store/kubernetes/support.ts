/** Stores in namespaces of a real cluster. */
import type { KubernetesClient } from '../../../src/kubernetes/client.js';
import { createKubernetesStore, type KubernetesStoreOptions } from '../../../src/store/kubernetes/store.js';
import type { Store } from '../../../src/store/store.js';
import { clientFor } from '../../kubernetes/world.js';
import { realClock } from '../../support/clock.js';
import type { ClusterUser, KubernetesCluster } from '../../support/kubernetes.js';

let namespaces = 0;

/** A namespace of its own. */
export async function makeNamespace(cluster: KubernetesCluster): Promise<string> {
  const name = `store-${namespaces++}`;
  await cluster.ask('POST', '/api/v1/namespaces', { metadata: { name } });
  return name;
}

export interface Opened {
  readonly store: Store;
  readonly client: KubernetesClient;
}

/** A store as another process has it. */
export async function openIn(
  cluster: KubernetesCluster,
  namespace: string,
  { user = 'admin', server, ...more }: Partial<KubernetesStoreOptions> & { readonly user?: ClusterUser; readonly server?: string } = {},
): Promise<Opened> {
  const client = await clientFor(
    { kubeconfig: cluster.kubeconfig(user, server === undefined ? {} : { cluster: { server } }) },
    { clock: more.clock ?? realClock },
  );
  const options = {
    client,
    namespace,
    process: { pid: process.pid, host: 'test', command: 'tscert test' },
    isAlive: () => true,
    seconds: 2,
    random: Math.random,
    uptime: () => performance.now(),
  };
  return { store: createKubernetesStore({ ...options, clock: realClock, background: realClock, ...more }), client: more.client ?? client };
}
