/** What a preflight says. */
import type { CsrContent } from '../../pki/csr.js';

/** What a signer is asked for. */
export interface SignerQuestion {
  readonly csr: CsrContent;
  readonly signerName: string;
  /** `spec.usages`, in the words of certificates.k8s.io. */
  readonly usages: readonly string[];
  /** `spec.expirationSeconds`. */
  readonly expirationSeconds?: number;
  /** Who asks, as the API server names him; where it is known. */
  readonly requester?: { readonly username: string; readonly groups: readonly string[] };
}

/** A rule that the request breaks. */
export interface BrokenRule {
  /** A stable word: `organization`, `common-name`, `usages`... */
  readonly rule: string;
  /** Who refuses: the API server when the request is made, or the signer after it was approved (condition `Failed`, for good). */
  readonly by: 'server' | 'signer';
  /** A sentence without its full stop. */
  readonly message: string;
}

/** The signer that takes such a request, or what to do when none of Kubernetes does. */
export interface FittingSigner {
  /** Absent where only a signer of one's own takes it. */
  readonly signerName?: string;
  /** Other usages than those that were asked for, where the signer wants such. */
  readonly usages?: readonly string[];
  /** A sentence without its full stop. */
  readonly message: string;
}

export interface SignerVerdict {
  /** True when no rule is broken: such a request is signed once it is approved, as far as the rules are known. */
  readonly isSigned: boolean;
  /** `custom`: only the rules of the API server are known. */
  readonly kind: 'built-in' | 'custom' | 'unknown';
  readonly broken: readonly BrokenRule[];
  /** Only where a rule is broken. */
  readonly fits?: FittingSigner;
  /** What is worth knowing before it is sent; sentences without their full stops. */
  readonly notes: readonly string[];
}
