/** What is judged: a CertificateSigningRequest of a cluster, and who made it, as the API server wrote it down. */
import type { CsrContent } from '../../pki/csr.js';
import type { CsrDescription } from '../../pki/describe.js';

/** A pending request. `username` and `groups` are the API server's word, not the requester's. */
export interface ApprovalRequest {
  readonly name: string;
  readonly uid: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly signerName: string;
  readonly usages: readonly string[];
  readonly expirationSeconds?: number;
  readonly username: string;
  readonly userUid?: string;
  readonly groups: readonly string[];
  /** What else the API server knows of the user. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
  /** `spec.request`: the PEM text as octets. */
  readonly request: Buffer;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Who asks. A service account or node is one only where name and groups agree. */
export interface Requester {
  readonly username: string;
  readonly groups: readonly string[];
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
  readonly node?: string;
}

/** A request with its whole view: what rules look at. */
export interface Judged {
  readonly request: ApprovalRequest;
  readonly requester: Requester;
  readonly csr: CsrContent;
  readonly description: CsrDescription;
  /** SHA-256 of its DER, hex. */
  readonly digest: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export function requesterOf({ username, groups }: Pick<ApprovalRequest, 'username' | 'groups'>): Requester {
  const [, namespace = '', name = ''] =
    /^system:serviceaccount:([a-z0-9](?:[a-z0-9-]*[a-z0-9])?):([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)$/.exec(username) ?? [];
  const isAccount = name !== '' && groups.includes('system:serviceaccounts') && groups.includes(`system:serviceaccounts:${namespace}`);
  const node = /^system:node:(.+)$/.exec(username)?.[1];
  return {
    username,
    groups,
    ...(isAccount && { serviceAccount: { namespace, name } }),
    ...(node !== undefined && groups.includes('system:nodes') && { node }),
  };
}
