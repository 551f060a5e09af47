/**
 * What happens along the line, as values. Flows and adapters emit; the command line renders lines, progress or JSON.
 * An event never holds a secret.
 */

/** The steps of one issuance, in their order. */
export type Stage =
  | 'plan'
  | 'account'
  | 'order'
  | 'present'
  | 'check'
  | 'validate'
  | 'finalize'
  | 'download'
  | 'store'
  | 'clean-up'
  | 'deploy';

/** The states of a challenge, in cert-manager's words. */
export type ChallengeState = 'queued' | 'scheduled' | 'presented' | 'checked' | 'accepted' | 'valid' | 'invalid' | 'expired';

/** What one authoritative server said about one TXT name in one round. */
export interface ServerAnswer {
  /** Host name of the name server, as the NS record has it. */
  readonly server: string;
  /** Address and port that were asked: `192.0.2.53:53`, `[2001:db8::53]:53`. */
  readonly address: string;
  readonly holds: boolean;
  /** In words: "has the value", "NXDOMAIN", "2 other values", "timed out". */
  readonly answer: string;
}

export type Event =
  | { readonly type: 'planned'; readonly action: 'keep' | 'issue' | 'resume' | 'defer'; readonly reason: string; readonly message: string }
  | {
      readonly type: 'stage';
      readonly stage: Stage;
      readonly state: 'begin' | 'end';
      readonly detail?: string;
      readonly milliseconds?: number;
    }
  | {
      readonly type: 'challenge';
      readonly identifier: string;
      readonly challenge: string;
      readonly state: ChallengeState;
      readonly detail?: string;
    }
  | {
      readonly type: 'propagation';
      readonly fqdn: string;
      readonly zone: string;
      readonly round: number;
      readonly servers: readonly ServerAnswer[];
    }
  | { readonly type: 'dns-change'; readonly provider: string; readonly zone: string; readonly added: number; readonly removed: number }
  | {
      readonly type: 'records-wanted';
      readonly records: readonly { readonly name: string; readonly value: string }[];
      readonly action: 'add' | 'remove';
    }
  | { readonly type: 'waiting'; readonly what: string; readonly milliseconds: number }
  | { readonly type: 'note'; readonly message: string }
  | { readonly type: 'warning'; readonly message: string };

/** Takes an event; must not throw and must not block. */
export type Emit = (event: Event) => void;
