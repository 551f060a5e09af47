/**
 * The Store in a namespace of a cluster: Secrets for certificates and records, Leases for locks, and no disk. Whatever keeps the API server from
 * answering (403, 5xx, silence) is thrown and never taken for "absent".
 */
import { TscertError } from '../../base/errors.js';
import { type Right, rightWords } from '../../kubernetes/failure.js';
import { missingRights } from '../../kubernetes/review.js';
import { type FileSystem, nodeFileSystem } from '../files.js';
import { createJudge, describeOwner, type IsAlive } from '../owner.js';
import type { RecordKind, Store } from '../store.js';
import { createCertificates } from './certificates.js';
import { type ClusterLockOptions, createClusterLocks } from './locks.js';
import { patiently } from './patience.js';
import { createClusterRecords } from './records.js';
import type { Cluster } from './state.js';

export interface KubernetesStoreOptions extends Omit<ClusterLockOptions, 'seconds' | 'self' | 'command' | 'isDead'> {
  /** This process: its id, its host's name, and what it does in a word (no secrets), for those who wait for its locks. */
  readonly process: { readonly pid: number; readonly host: string; readonly command: string };
  readonly isAlive: IsAlive;
  readonly fs?: FileSystem;
  readonly client: Cluster['client'];
  readonly namespace: string;
  /** Of a lock's Lease; 15 unless given. */
  readonly seconds?: number;
}

const DEFAULT_SECONDS = 15;

/** What the store does, and so must be allowed to. */
export function storeRights(namespace: string): readonly Right[] {
  const of = (group: string, resource: string, verbs: readonly string[]): Right[] =>
    verbs.map((verb) => ({ verb, group, resource, names: [], namespace }));
  return [
    ...of('', 'secrets', ['get', 'list', 'create', 'update', 'delete']),
    ...of('coordination.k8s.io', 'leases', ['get', 'create', 'update', 'delete']),
  ];
}

export function createKubernetesStore(options: KubernetesStoreOptions): Store {
  const { namespace, clock, seconds = DEFAULT_SECONDS, isAlive, fs = nodeFileSystem } = options;
  const self = describeOwner(fs, options.process);
  const isDead = createJudge({ self, clock, isAlive, fs });
  const { signal } = new AbortController();
  const cluster: Cluster = { client: patiently(options.client, options), namespace, signal };
  const records = createClusterRecords(cluster);
  const { names, markOf, ...certificates } = createCertificates(cluster, clock);
  let probing: Promise<void> | undefined;

  const probe = async (): Promise<void> => {
    const missing = await missingRights(cluster.client, storeRights(namespace), { signal });
    const [first, ...others] = missing;
    if (first === undefined) return;
    const more = others.length === 0 ? '' : `, and ${others.length} more: ${others.map(rightWords).join(', ')}`;
    throw new TscertError(
      'store-unwritable',
      `Cannot keep anything in the namespace "${namespace}": the right ${rightWords(first)} is missing${more}`,
      {
        data: { namespace, rights: missing },
      },
    );
  };

  return {
    ...certificates,
    get: records.get,
    put: records.put,
    delete: records.delete,
    ...createClusterLocks(cluster, { ...options, ...{ seconds, self, isDead, command: options.process.command } }),
    async list(kind?: RecordKind) {
      return kind === undefined ? await names() : await records.list(kind);
    },
    async mark(name, ledger) {
      const [own, ...parts] = await Promise.all([markOf(name), ...ledger.map((key) => records.mark('ledger', key))]);
      return own && [own, ...parts].join(' ');
    },
    /** Once it has said yes it is believed: rights are seldom taken away within a run, and then the write says so. */
    probe() {
      probing ??= probe().catch((error: unknown) => {
        probing = undefined;
        throw error;
      });
      return probing;
    },
  };
}
