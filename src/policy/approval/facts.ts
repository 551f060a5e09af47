/**
 * What rules ask of the world. Each question is answered, or fails: a failure leaves the request without a verdict, it is never taken for a no.
 * Answers may be kept for the length of one pass.
 */
import type { GeneralName } from '../../base/names.js';

export interface ApprovalFacts {
  /** The addresses of a Node; undefined when there is none of that name. */
  node(name: string): Promise<NodeFacts | undefined>;
  /** The Services of a namespace; empty also when there is no such namespace. */
  services(namespace: string): Promise<readonly ServiceFacts[]>;
  /** The labels of a namespace; undefined when there is none of that name. */
  namespaceLabels(namespace: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** The addresses that a DNS name has now, in the form of names; empty when it does not exist. */
  resolve(name: string): Promise<readonly string[]>;
  /** The certificate that is served there now; undefined when nobody listens. */
  served(host: string, port: number): Promise<ServedFacts | undefined>;
  /** How many requests for this signer wait for a verdict. */
  pending(signerName: string): Promise<number>;
  /** Whether the requester may do this, by the cluster's own word (SubjectAccessReview). */
  mayDo(requester: AccessRequester, access: Access): Promise<boolean>;
  /** Other requests in the cluster with the same bytes or the same key. */
  alike(request: { readonly uid: string; readonly digest: string; readonly keyDigest: string }): Promise<readonly AlikeFacts[]>;
}

export interface NodeFacts {
  /** Types `Hostname`, `InternalIP`, `ExternalIP`, `InternalDNS`, `ExternalDNS`. */
  readonly addresses: readonly { readonly type: string; readonly address: string }[];
}

export interface ServiceFacts {
  readonly name: string;
  readonly clusterIps: readonly string[];
}

export interface ServedFacts {
  readonly commonName?: string;
  readonly names: readonly GeneralName[];
  /** Whether it chains to the cluster's CA and is valid now. */
  readonly isTrusted: boolean;
}

export interface AccessRequester {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface Access {
  readonly verb: string;
  readonly group?: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly name?: string;
  readonly namespace?: string;
}

export interface AlikeFacts {
  readonly name: string;
  readonly username: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly state: 'pending' | 'approved' | 'denied' | 'failed';
  readonly isSameRequest: boolean;
}
