/** The cluster that the flags of a command name, by kubectl's rules. */
import { findAccess } from '../kubernetes/access.js';
import { createKubernetesClient, type KubernetesClient } from '../kubernetes/client.js';
import type { Context } from './context.js';
import type { ClusterFlags } from './globals.js';
import { extraRoots, proxyOf } from './outside.js';
import type { StorePlace } from './places.js';
import type { System } from './system.js';

export type { ClusterFlags } from './globals.js';

export interface Cluster {
  readonly client: KubernetesClient;
  /** PEM of its own authorities; undefined where it is trusted by the roots of this machine. */
  readonly roots: string | undefined;
}

/**
 * Finds the way to it; nothing is sent yet.
 * @throws {TscertError} `kubeconfig-invalid`, `cluster-unknown`, `usage`, `config-invalid`
 */
export async function openCluster({ system, globals, ui }: Context, flags: ClusterFlags): Promise<Cluster> {
  const caBundle = globals.caBundle ?? (system.env.TSCERT_CA_BUNDLE || undefined);
  return connect(system, flags, caBundle, (message) => ui.warn(message));
}

/** The ways that this process has found. */
const found = new WeakMap<System, Map<string, Promise<Cluster>>>();

/**
 * The API server that the flags of a command name, or that of another context of the same kubeconfig; the same client for the same one.
 * @throws {TscertError} as {@link openCluster}
 */
export async function clusterOf(system: System, { cluster, caBundle }: StorePlace, context?: string): Promise<KubernetesClient> {
  const known = found.get(system) ?? new Map<string, Promise<Cluster>>();
  found.set(system, known);
  // A namespace that was named is one of the context that was named with it.
  const { namespace: _, ...others } = cluster;
  const flags = context === undefined || context === cluster.context ? cluster : { ...others, context };
  const key = JSON.stringify([flags, caBundle]);
  const way = known.get(key) ?? connect(system, flags, caBundle);
  known.set(key, way);
  return (await way).client;
}

async function connect(
  system: System,
  flags: ClusterFlags,
  caBundle: string | undefined,
  onWarning?: (message: string) => void,
): Promise<Cluster> {
  const access = await findAccess(flags, {
    env: system.env,
    cwd: system.cwd,
    clock: system.clock,
    isTerminal: system.stdinIsTTY,
    roots: caBundle === undefined ? [] : extraRoots(system, caBundle),
    proxy: proxyOf(system.env),
    userAgent: `tscert/${system.version}`,
  });
  const { clock, random } = system;
  const client = createKubernetesClient({ access, clock, random, ...(onWarning === undefined ? {} : { onWarning }) });
  return { client, roots: access.roots };
}
