/** The cluster that the flags of a command name, by kubectl's rules. */
import { findAccess } from '../kubernetes/access.js';
import { createKubernetesClient, type KubernetesClient } from '../kubernetes/client.js';
import type { Context } from './context.js';
import { extraRoots, proxyOf } from './wire.js';

/** kubectl's words. */
export interface ClusterFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly as?: string;
  readonly asGroup?: readonly string[];
}

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
  const access = await findAccess(flags, {
    env: system.env,
    cwd: system.cwd,
    clock: system.clock,
    isTerminal: system.stdinIsTTY,
    roots: caBundle === undefined ? [] : extraRoots(system, caBundle),
    proxy: proxyOf(system.env),
    userAgent: `tscert/${system.version}`,
  });
  const client = createKubernetesClient({ access, clock: system.clock, random: system.random, onWarning: (message) => ui.warn(message) });
  return { client, roots: access.roots };
}
