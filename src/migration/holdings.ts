/** What the folder of another tool holds: its certificates and accounts, and how each was asked for, in tscert's words. */
import type { TscertError } from '../base/errors.js';
import type { OwnOptions } from '../request/options.js';

export const TOOLS = ['certbot', 'lego', 'acme.sh'] as const;

export type Tool = (typeof TOOLS)[number];

export interface Holdings {
  readonly certificates: readonly Held<ForeignCertificate>[];
  readonly accounts: readonly Held<ForeignAccount>[];
  /** What is lost of the folder as a whole; see {@link ForeignCertificate.losses}. */
  readonly losses: readonly string[];
}

/** Something that was read, or the name of what could not be, and why. */
export type Held<Value> = Value | Broken;

export interface Broken {
  readonly name: string;
  readonly error: TscertError;
}

/** True for what could not be read. */
export function isBroken(held: Held<ForeignCertificate> | Held<ForeignAccount>): held is Broken {
  return 'error' in held;
}

/** How names are proven, as far as tscert does the same. */
export interface Proof {
  readonly options: Pick<OwnOptions, 'dns' | 'http' | 'tlsAlpn'>;
  readonly losses: readonly string[];
}

/** A certificate as another tool keeps it. Nothing in it was checked: the files are anybody's. */
export interface ForeignCertificate {
  /** Under which it is to be stored. */
  readonly name: string;
  /** What the tool calls it. */
  readonly origin: string;
  /** PEM, as it stands in the file. */
  readonly privateKey: string;
  /** PEM of the leaf and its chain, in any order. */
  readonly certificates: string;
  /** URL of the ACME directory; absent where the tool keeps no word of it. */
  readonly server?: string;
  /** The `id` of its account. */
  readonly account?: string;
  /** The names that the tool was asked for, where it keeps them. */
  readonly names?: readonly string[];
  readonly options: Pick<
    OwnOptions,
    'caBundle' | 'cn' | 'deployHook' | 'dnsResolver' | 'mustStaple' | 'notAfter' | 'preferredChain' | 'profile' | 'renewBefore' | 'reuseKey'
  >;
  /** Commands that the tool runs around a renewal. */
  readonly around?: { readonly pre?: string; readonly post?: string };
  /** Milliseconds after its beginning at which the tool renews it, where somebody said so. */
  readonly renewAfter?: number;
  readonly proof: Proof;
  /** What tscert cannot do as the tool did it, and what to do instead: clauses that end without a full stop. */
  readonly losses: readonly string[];
}

/** An ACME account as another tool keeps it. */
export interface ForeignAccount {
  /** What certificates call it; of one kind within the folder. */
  readonly id: string;
  /** URL of the ACME directory; absent where the tool keeps no word of it. */
  readonly server?: string;
  readonly email?: string;
  /** Absent when it is not known: then it is found by its key. */
  readonly url?: string;
  /** PKCS#8 PEM of a kind that signs for ACME. */
  readonly privateKey: string;
  /** Key id of the external account that it was bound to. */
  readonly eab?: string;
}

/** What reading a folder needs beside it. */
export interface MigrationHelp {
  /** Names of the DNS providers that tscert has. */
  readonly providers: readonly string[];
  /** URL of the ACME directory where the folder does not tell it, and the account to prefer among several. */
  readonly server?: string | undefined;
  readonly email?: string | undefined;
}
