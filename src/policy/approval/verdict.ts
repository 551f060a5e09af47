/** What judging comes to: of a rule, of a policy, of a request. */

/** `unknown` leaves a request without a verdict: the world gave no answer, or wants a person to look. */
export type RuleOutcome = 'passed' | 'broken' | 'unknown';

export interface RuleVerdict {
  /** A stable word: `whole`, `signer`, `common-name`, `dns-names`... */
  readonly rule: string;
  readonly outcome: RuleOutcome;
  /** A sentence without its full stop, whatever the outcome. */
  readonly message: string;
}

export interface PolicyVerdict {
  readonly policy: string;
  /** `not-selected`: it is not for such requests, and says nothing of this one. */
  readonly outcome: 'approves' | 'refuses' | 'undecided' | 'not-selected';
  /** Why it does not select; or in one sentence what it came to. */
  readonly message: string;
  readonly rules: readonly RuleVerdict[];
}

/** `Unprocessed` is no verdict: the request stays pending. */
export type Outcome = 'Approved' | 'Denied' | 'Unprocessed';

export interface Verdict {
  readonly outcome: Outcome;
  /** The policy that approved it. */
  readonly policy?: string;
  /** One sentence without its full stop: what stands in the condition. */
  readonly message: string;
  readonly policies: readonly PolicyVerdict[];
}

export const passed = (rule: string, message: string): RuleVerdict => ({ rule, outcome: 'passed', message });
export const broken = (rule: string, message: string): RuleVerdict => ({ rule, outcome: 'broken', message });
export const unknown = (rule: string, message: string): RuleVerdict => ({ rule, outcome: 'unknown', message });
