/** What both ways of approving need: the flags, the policies of a file, the facts about a cluster. */
import path from 'node:path';
import { TscertError } from '../../base/errors.js';
import { type ClusterFacts, createClusterFacts } from '../../flow/approval/facts.js';
import type { Resolver } from '../../net/resolver.js';
import { readCertificates } from '../../pki/certificate.js';
import type { Policy } from '../../policy/approval/policy.js';
import type { Cluster, ClusterFlags } from '../cluster.js';
import type { Context } from '../context.js';
import { readTextFile } from '../files.js';

export interface ApproveFlags extends ClusterFlags {
  readonly allPending?: boolean;
  readonly signer?: string;
  readonly selector?: string;
  readonly policy?: string;
  readonly dryRun?: boolean;
  readonly reason?: string;
  readonly message?: string;
  readonly watch?: boolean;
  /** False for none. */
  readonly lease?: string | false;
  readonly listen?: string | false;
  readonly grace?: string;
}

/**
 * Reads the policies of a file.
 * @throws {TscertError} `file-unreadable`, `config-invalid`
 */
export async function readPolicyFile(
  context: Context,
  file: string,
): Promise<{ readonly text: string; readonly policies: readonly Policy[] }> {
  const text = await readTextFile(context.system, file);
  return { text, policies: await parsePolicies(context, file, text) };
}

/** @throws {TscertError} `config-invalid` */
export async function parsePolicies({ system }: Context, file: string, text: string): Promise<readonly Policy[]> {
  const { readPolicies } = await import('../../policy/approval/read.js');
  return await readPolicies(text, `"${path.relative(system.cwd, path.resolve(system.cwd, file)) || file}"`);
}

/** The reason of a condition; one word. */
export function reasonOf({ reason }: ApproveFlags, otherwise: string): string {
  if (reason === undefined) return otherwise;
  if (/^[A-Za-z](?:[A-Za-z0-9_,:]*[A-Za-z0-9_])?$/.test(reason) && reason.length <= 1_024) return reason;
  throw new TscertError('usage', `Cannot use "${reason}" as a reason: it wants one word, as in "NotOurs"`, { data: { value: reason } });
}

/** Facts about a cluster, its DNS and its servers. */
export function factsFor({ system, signal }: Context, { client, roots }: Cluster): ClusterFacts {
  let resolver: Promise<Resolver> | undefined;
  const makeResolver = async (): Promise<Resolver> => {
    const [{ createDnsClient }, { createResolver }, { parseServer }, { systemResolvers }] = await Promise.all([
      import('../../net/dns.js'),
      import('../../net/resolver.js'),
      import('../../net/dns-address.js'),
      import('../../net/system-resolvers.js'),
    ]);
    return createResolver({ client: createDnsClient(), servers: systemResolvers().map(parseServer) });
  };
  return createClusterFacts({
    client,
    async resolve(name) {
      resolver ??= makeResolver();
      const own = await resolver;
      const answers = await Promise.all((['A', 'AAAA'] as const).map((type) => own.lookUp(name, type, signal)));
      return answers.flatMap(({ records }) => records.map(({ value }) => value));
    },
    async shake(target) {
      const { handshake } = await import('../../net/tls.js');
      return (await handshake(target, { timeout: HANDSHAKE_TIME, signal })).chain;
    },
    roots: roots === undefined ? [] : readCertificates(roots),
    clock: system.clock,
    uptime: () => system.uptime(),
    signal,
  });
}

const HANDSHAKE_TIME = 10_000;
