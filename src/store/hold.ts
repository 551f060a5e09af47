/** That a CA, or an account with it, wants nobody to ask before a time: so that one refusal is one for all certificates of it. */
import type { Json } from '../base/json.js';
import type { Records } from './store.js';

/** Who is not to be asked. */
export interface Held {
  /** As {@link Issuer.key}. */
  readonly issuer: string;
  /** Of the account; absent: the server as a whole, or an account without e-mail. */
  readonly email?: string;
}

export interface Hold {
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** The CA's own words. */
  readonly message: string;
}

const VERSION = 1;
/** What was to last longer was written by a clock that was wrong. Milliseconds. */
const LONGEST = 8 * 86_400_000;
const keyOf = ({ issuer, email }: Held): string => `hold:${issuer}|${email?.toLowerCase() ?? ''}`;

/** The hold that is in force; a record that cannot be read, or is over, is as good as none: the CA will say so again. */
export async function readHold(held: Held, now: number, records: Pick<Records, 'get'>): Promise<Hold | undefined> {
  const record = await records.get('ledger', keyOf(held)).catch(() => undefined);
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return undefined;
  const { version, until, message } = record as { readonly [key: string]: Json | undefined };
  const time = typeof until === 'string' ? Date.parse(until) : Number.NaN;
  if (version !== VERSION || typeof message !== 'string' || !(time > now && time <= now + LONGEST)) return undefined;
  return { until: time, message };
}

export async function writeHold(held: Held, { until, message }: Hold, records: Pick<Records, 'put'>): Promise<void> {
  await records.put('ledger', keyOf(held), { version: VERSION, until: new Date(until).toISOString(), message });
}

/** Forgets a hold: the CA has been asked, and has not minded. */
export async function dropHold(held: Held, records: Pick<Records, 'delete'>): Promise<void> {
  await records.delete('ledger', keyOf(held));
}
