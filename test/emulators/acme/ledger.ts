/** What happened at the server, for assertions. Times are milliseconds since the epoch. */
import type { IssuedCertificate } from './certificates.js';

export type LedgerEntry = { readonly at: number } & (
  | { readonly kind: 'account'; readonly account: number; readonly address: string }
  | {
      readonly kind: 'order';
      readonly account: number;
      readonly order: number;
      readonly names: readonly string[];
      /** Serial number of the certificate that it replaces. */
      readonly replaces: string | undefined;
      /** Why limits did not hold for it: all of them with `ari`, those of orders and domains with `renewal`. */
      readonly exempt: 'ari' | 'renewal' | undefined;
      /** True when an order that stood already was handed out. */
      readonly isReused: boolean;
    }
  | {
      readonly kind: 'validation';
      readonly account: number;
      readonly name: string;
      readonly isValid: boolean;
      /** Why it failed. */
      readonly detail?: string;
    }
  /** A pending authorization was given back: it counts as a failure. */
  | { readonly kind: 'given-back'; readonly account: number; readonly name: string }
  | { readonly kind: 'paused'; readonly account: number; readonly name: string }
  | {
      readonly kind: 'issued';
      readonly account: number;
      readonly order: number;
      readonly names: readonly string[];
      readonly replaces: string | undefined;
      readonly certificate: IssuedCertificate;
    }
  | { readonly kind: 'revoked'; readonly certificate: IssuedCertificate }
  /** A request that was answered with a problem, or not at all. */
  | { readonly kind: 'refused'; readonly path: string; readonly status: number; readonly type: string; readonly detail: string }
);

type WithoutTime<Entry> = Entry extends unknown ? Omit<Entry, 'at'> : never;

/** Writes down what happened now. */
export type Tell = (entry: WithoutTime<LedgerEntry>) => void;
