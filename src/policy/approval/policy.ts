/** A policy as the engine has it, whatever it was written as. */
import type { ApprovalFacts } from './facts.js';
import type { Judged } from './request.js';
import type { RuleVerdict } from './verdict.js';

/** Says one thing of a request; gives several where one rule looks at several things. A throw is an answer that is missing. */
export interface Rule {
  readonly name: string;
  readonly judge: (judged: Judged, facts: ApprovalFacts) => RuleVerdict | Promise<RuleVerdict>;
}

/** Whether a policy is for a request: yes, or why not. */
export type Selection = { readonly isSelected: true } | { readonly isSelected: false; readonly why: string };

export interface Policy {
  readonly name: string;
  /** True for signers that this policy is for. */
  readonly isForSigner: (signerName: string) => boolean;
  /** Whether it is for this request, of such a signer. */
  readonly select: (judged: Pick<Judged, 'request' | 'requester'>, facts: ApprovalFacts) => Promise<Selection>;
  readonly rules: readonly Rule[];
  /** What becomes of a request of its signers that no policy selects. */
  readonly unmatched: 'deny' | 'leave';
}
