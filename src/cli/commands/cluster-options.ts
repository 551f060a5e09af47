/** The flags of every command that talks to a cluster: kubectl's words. */
import type { Command } from 'commander';

const collect = (value: string, previous: readonly string[] = []): string[] => [...previous, value];

/** The flags of every command that reads or writes what is kept. */
export function addStoreOptions(command: Command): Command {
  command
    .optionsGroup('Where everything is kept:')
    .option('--store <kind>', 'disk, or kubernetes: Secrets and Leases of a namespace (TSCERT_STORE; default disk, in a pod kubernetes)');
  addClusterOptions(command);
  return command.optionsGroup('Everywhere:');
}

export function addClusterOptions(command: Command): Command {
  return command
    .optionsGroup('Which cluster:')
    .option('--kubeconfig <file>', 'kubeconfig (KUBECONFIG; default ~/.kube/config, in a pod its service account)')
    .option('--context <name>', 'a context of it (default: its current one)')
    .option('-n, --namespace <name>', 'namespace (default: that of the context)')
    .option('--as <user>', 'act as this user')
    .option('--as-group <group>', 'act as one of this group; repeatable', collect);
}
