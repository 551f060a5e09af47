/** Where things are when nobody says otherwise. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { TscertError } from '../base/errors.js';
import type { ClusterFlags, GlobalOptions } from './globals.js';
import type { System } from './system.js';

/** The folder where everything is kept, absolute: `--dir`, TSCERT_DIR, /etc/tscert for root, else $XDG_DATA_HOME/tscert. */
export function dataFolder(system: System, globals: GlobalOptions): string {
  const { env } = system;
  const given = globals.dir ?? env.TSCERT_DIR;
  if (given !== undefined && given !== '') return path.resolve(system.cwd, given);
  if (system.isRoot) return '/etc/tscert';
  return path.join(env.XDG_DATA_HOME || path.join(env.HOME || system.cwd, '.local', 'share'), 'tscert');
}

/** Where certificates and everything that belongs to them are kept, and which cluster is meant where one is. */
export interface StorePlace {
  /** On disk. */
  readonly folder: string;
  /** In a namespace of the cluster instead. */
  readonly isInCluster: boolean;
  readonly cluster: ClusterFlags;
  readonly caBundle?: string | undefined;
}

/** Where a pod has the token of its service account. */
const POD_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * `--store`, TSCERT_STORE; without them the cluster in a pod that may speak to it and was given no folder, else the disk.
 * @throws {TscertError} `usage`
 */
export function storePlace(system: System, globals: GlobalOptions, isThere: (file: string) => boolean = existsSync): StorePlace {
  const { env } = system;
  const kind = globals.store ?? (env.TSCERT_STORE || undefined);
  if (kind !== undefined && kind !== 'disk' && kind !== 'kubernetes') {
    throw new TscertError('usage', `Cannot use the store "${kind}": there are disk and kubernetes`, { data: { store: kind } });
  }
  const isPod = Boolean(env.KUBERNETES_SERVICE_HOST) && !(globals.dir ?? env.TSCERT_DIR) && isThere(POD_TOKEN);
  const { kubeconfig, context, namespace, as, asGroup, caBundle = env.TSCERT_CA_BUNDLE || undefined } = globals;
  return {
    folder: dataFolder(system, globals),
    isInCluster: kind === undefined ? isPod : kind === 'kubernetes',
    cluster: {
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(context === undefined ? {} : { context }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(as === undefined ? {} : { as }),
      ...(asGroup === undefined ? {} : { asGroup }),
    },
    caBundle,
  };
}
