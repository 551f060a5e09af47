/** ACME and a cluster: the command keeps everything in a namespace, and nothing on disk. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type AcmeWorld, type AcmeWorldOptions, startAcmeWorld } from '../../support/acme-world.js';
import type { CommandOptions, Finished, Started } from '../../support/command.js';
import { type ClusterUser, type KubernetesCluster, startKubernetes } from '../../support/kubernetes.js';

export interface ClusterWorld {
  readonly acme: AcmeWorld;
  readonly cluster: KubernetesCluster;
  /** A namespace of its own, and how the command is run there. */
  room(name: string, options?: { readonly user?: ClusterUser; readonly server?: string }): Promise<Room>;
  close(): Promise<void>;
}

export interface Room {
  readonly namespace: string;
  /** Of the command's environment. */
  readonly env: Readonly<Record<string, string>>;
  start(args: readonly string[], env?: Readonly<Record<string, string>>, more?: Omit<CommandOptions, 'env'>): Started;
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Finished>;
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  secret(name: string): Promise<any>;
  change(name: string, patch: unknown): Promise<void>;
  remove(name: string): Promise<void>;
  /** Everything of a resource in the namespace. */
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  all(resource: 'secrets' | 'leases'): Promise<any[]>;
  /** True when the command has made its folder on disk. */
  usesDisk(): boolean;
}

export async function startClusterWorld(options: AcmeWorldOptions = {}): Promise<ClusterWorld> {
  const [acme, cluster] = await Promise.all([startAcmeWorld(options), startKubernetes({ controllers: false })]);
  return {
    acme,
    cluster,
    async room(namespace, { user = 'admin', server } = {}) {
      await cluster.ask('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
      const folder = path.join(acme.folder, '..', `disk-of-${namespace}`);
      const more = { namespace, ...(server === undefined ? {} : { cluster: { server } }) };
      const env = { KUBECONFIG: cluster.kubeconfig(user, more), TSCERT_STORE: 'kubernetes', TSCERT_DIR: folder };
      const place = (name: string): string => `/api/v1/namespaces/${namespace}/secrets/${name}`;
      const start: Room['start'] = (args, own = {}, others = {}) => acme.start(args, { ...env, ...own }, others);
      return {
        namespace,
        env,
        start,
        run: (args, own) => start(args, own).finished,
        async secret(name) {
          const { status, body } = await cluster.ask('GET', place(name));
          return status === 404 ? undefined : body;
        },
        async change(name, patch) {
          const { status, body } = await cluster.ask('PATCH', place(name), patch, { type: 'application/merge-patch+json' });
          if (status !== 200) throw new Error(JSON.stringify(body));
        },
        async remove(name) {
          await cluster.ask('DELETE', place(name));
        },
        async all(resource) {
          const root = resource === 'secrets' ? '/api/v1' : '/apis/coordination.k8s.io/v1';
          return (await cluster.ask('GET', `${root}/namespaces/${namespace}/${resource}`)).body.items;
        },
        usesDisk: () => existsSync(folder),
      };
    },
    async close() {
      await Promise.all([acme.close(), cluster.stop()]);
    },
  };
}
