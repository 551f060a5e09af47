/** The first links of every chain in a cluster: it answers, and we may read. */
import type { TscertError } from '../../base/errors.js';
import type { Call, KubernetesClient } from '../../kubernetes/client.js';
import { attempt, type Read, valueIn } from './attempt.js';
import { clause } from './grant.js';
import { broken, type Link, ok } from './link.js';
import { whoAmI } from './who.js';

/** A cluster as it was found. */
export interface ClusterEvidence {
  /** The name of the context, or `in-cluster`. */
  readonly name: string;
  readonly server: string;
  readonly who: Read<string>;
}

export async function readCluster(client: KubernetesClient, call: Call): Promise<ClusterEvidence> {
  return { name: client.name, server: client.server, who: await attempt(call.signal, () => whoAmI(client, call)) };
}

/** What a server that is there and knows us may answer to a question that not every user, or version, may ask. */
const ANSWERED: ReadonlySet<string> = new Set([
  'cluster-forbidden',
  'cluster-failed',
  'cluster-absent',
  'cluster-invalid',
  'response-invalid',
]);

export function clusterLink({ name, server, who }: ClusterEvidence): Link {
  const { error } = who;
  if (error !== undefined && !ANSWERED.has(error.code)) return broken('cluster', clause(error), nextFor(error));
  const username = valueIn(who);
  return ok('cluster', `"${name}" at ${server} answers${username === undefined ? '' : `; to it we are "${username}"`}`);
}

function nextFor({ code }: TscertError): string | undefined {
  switch (code) {
    case 'cluster-login':
      return 'log in anew: the token, client certificate or credential plugin of the context is not taken';
    case 'tls-untrusted':
      return 'look at certificate-authority-data of the kubeconfig: it must be the authority of this API server';
    case 'network':
    case 'timeout':
      return 'look at the address in the kubeconfig (kubectl config view --minify), and whether a VPN or a proxy is needed';
    default:
      return undefined;
  }
}
