/** What a simulated year is asked for, and what it leaves: plain data, since it is lived through in a thread of its own. */

export const [HOUR, DAY] = [3_600_000, 86_400_000] as const;
/** Between two runs of a machine's timer. */
export const RHYTHM = 12 * HOUR;

/**
 * How a bad example differs: `window-start` renews as soon as a window begins, `forceful` in every run, `late` shortly before the end;
 * `hammering` tries what failed again and again, `forgetful` knows nothing of what an earlier run has begun, `careless` deploys once.
 */
export type Twist = 'window-start' | 'forceful' | 'late' | 'hammering' | 'forgetful' | 'careless';

export interface YearOptions {
  readonly seed: number;
  /** How many certificates of each profile. */
  readonly classic?: number;
  readonly tlsserver?: number;
  readonly shortlived?: number;
  readonly days: number;
  /** True: all that can go wrong does. */
  readonly trouble: boolean;
  readonly twist?: Twist;
}

/** A certificate that is wanted from a moment on. Times are milliseconds since the epoch. */
export interface Wanted {
  readonly name: string;
  readonly profile: string;
  readonly machine: number;
  readonly from: number;
}

/** Something that goes wrong for a time; `to` is not part of it. */
export interface Trouble {
  readonly kind: 'ca' | 'dns' | 'deploy';
  readonly what: string;
  readonly from: number;
  readonly to: number;
  /** Absent: all certificates. */
  readonly name?: string;
  /** False: nothing needs to fail for it. */
  readonly isFatal: boolean;
}

/** A certificate that came into the store, or into use. */
export interface Held {
  readonly name: string;
  readonly at: number;
  readonly serial: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** One run of `renew`. */
export interface Run {
  readonly machine: number;
  readonly from: number;
  readonly to: number;
  /** The power failed in the middle of it. */
  readonly isCut: boolean;
  /** How many certificates came to which end. */
  readonly states: Readonly<Record<string, number>>;
  readonly failures: readonly { readonly name: string; readonly code: string; readonly message: string }[];
}

/** A moment that was drawn in a window, when it was remembered first. */
export interface Pick {
  readonly name: string;
  readonly at: number;
  /** Certificate id. */
  readonly certificate: string;
  readonly start: number;
  readonly end: number;
  readonly pick: number;
}

/** What a CA did for a client, or refused. */
export type CaEvent = { readonly at: number } & (
  | { readonly kind: 'order'; readonly account: number; readonly names: readonly string[]; readonly exempt: string | undefined }
  | { readonly kind: 'failure'; readonly account: number; readonly name: string }
  | {
      readonly kind: 'issued';
      readonly names: readonly string[];
      readonly serial: string;
      readonly id: string;
      readonly notBefore: number;
      readonly notAfter: number;
      readonly replaces: string | undefined;
    }
  /** By a problem of this type; of the type `fault` by what was out of order, `edge` by what stands before the CA. */
  | { readonly kind: 'refused'; readonly path: string; readonly status: number; readonly type: string; readonly detail: string }
);

export interface History {
  readonly options: YearOptions;
  readonly start: number;
  readonly end: number;
  readonly wanted: readonly Wanted[];
  readonly troubles: readonly Trouble[];
  readonly runs: readonly Run[];
  readonly stored: readonly Held[];
  readonly served: readonly Held[];
  readonly picks: readonly Pick[];
  readonly ca: readonly CaEvent[];
  readonly staging: readonly CaEvent[];
  /** When the window of a certificate was moved, by serial number. */
  readonly moved: ReadonlyMap<string, number>;
  /** TXT values that stand at the end, and the most that stood at one name. */
  readonly leftInDns: readonly string[];
  readonly mostInDns: number;
  /** Journal records at the end. */
  readonly leftInJournals: readonly string[];
  /** Failures that are remembered at the end. */
  readonly failing: readonly string[];
}
