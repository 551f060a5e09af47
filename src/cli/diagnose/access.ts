/** The way to a cluster, from kubectl's options. */
import type { Command } from 'commander';
import { findAccess } from '../../kubernetes/access.js';
import { createKubernetesClient, type KubernetesClient } from '../../kubernetes/client.js';
import type { Context } from '../context.js';
import { readOptions } from '../options.js';
import { extraRoots, proxyOf } from '../wire.js';

export interface ClusterFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly as?: string;
}

/** Adds the options that every command with a cluster takes, with kubectl's meaning. */
export function addClusterOptions(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'how clusters are reached (KUBECONFIG; default ~/.kube/config, in a pod its service account)')
    .option('--context <name>', 'the context of the kubeconfig')
    .option('-n, --namespace <name>', 'the namespace; that of the context unless given')
    .option('--as <user>', 'act as somebody else');
}

/** A client; nothing is sent yet. @throws {TscertError} as {@link findAccess} */
export async function openCluster(context: Context, flags: ClusterFlags): Promise<KubernetesClient> {
  const { system, ui } = context;
  const { config } = await readOptions(context, {});
  const access = await findAccess(flags, {
    ...{ env: system.env, cwd: system.cwd, clock: system.clock, isTerminal: system.stdinIsTTY },
    roots: config.caBundle === undefined ? [] : extraRoots(system, config.caBundle),
    proxy: proxyOf(system.env),
    userAgent: `tscert/${system.version} (Node.js ${process.versions.node})`,
  });
  return createKubernetesClient({ access, clock: system.clock, random: system.random, onWarning: (message) => ui.warn(message) });
}
