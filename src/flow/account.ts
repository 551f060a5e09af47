/** What can be done with the ACME account itself: seen, changed, given a new key, ended. */
import type { Account } from '../acme/account.js';
import type { AccountDetails } from '../acme/account-details.js';
import type { KnownAccount } from '../acme/account-record.js';
import type { Session } from '../acme/session.js';
import { TscertError } from '../base/errors.js';

export type AccountAction =
  | { readonly kind: 'show' | 'rollover' | 'deactivate' }
  /** The contact becomes this address. */
  | { readonly kind: 'update'; readonly email: string };

export interface AccountReport extends AccountDetails {
  readonly directory: string;
  /** URL of the terms of service. */
  readonly terms?: string;
  /** The thumbprint before a key change. */
  readonly oldThumbprint?: string;
}

/**
 * Carries an action out with an account that was made before.
 * @throws {TscertError} `account-unknown`, `request-invalid`, and what the server refuses
 */
export async function manageAccount(
  action: AccountAction,
  { session, account }: { readonly session: Session; readonly account: Account },
  signal: AbortSignal,
): Promise<AccountReport> {
  const { termsOfService } = await session.directory(signal);
  const about = { directory: session.url, ...(termsOfService === undefined ? {} : { terms: termsOfService }) };
  switch (action.kind) {
    case 'show':
      return { ...about, ...(await account.show(signal)) };
    case 'update':
      return { ...about, ...(await account.updateEmail(action.email, signal)) };
    case 'rollover': {
      const { thumbprint } = await account.show(signal);
      return { ...about, ...(await account.rollover(signal)), oldThumbprint: thumbprint };
    }
    case 'deactivate':
      return { ...about, ...(await account.deactivate(signal)) };
  }
}

/**
 * Which of the accounts kept for a directory is meant: that of `email`, else the only one. `preferred` is an e-mail that
 * nobody gave for this command: it decides only among several.
 * @throws {TscertError} `account-unknown` when there is none, `usage` when several could be meant
 */
export function chooseAccount(
  known: readonly KnownAccount[],
  {
    directory,
    email,
    preferred,
  }: { readonly directory: string; readonly email?: string | undefined; readonly preferred?: string | undefined },
): KnownAccount {
  const of = (address: string): KnownAccount | undefined => known.find((one) => one.email?.toLowerCase() === address.toLowerCase());
  const [only] = known;
  const found =
    email === undefined ? ((preferred === undefined ? undefined : of(preferred)) ?? (known.length === 1 ? only : undefined)) : of(email);
  if (found !== undefined) return found;
  const names = known.map((one) => one.email ?? 'one without e-mail').join(', ');
  if (email !== undefined || known.length === 0) {
    const which = email === undefined ? 'an account' : `the account of ${email}`;
    const others = known.length === 0 ? 'none was made here' : `here are ${names}`;
    throw new TscertError('account-unknown', `Cannot find ${which} at ${directory}: ${others}`, { data: { directory, email } });
  }
  throw new TscertError('usage', `Cannot tell which account at ${directory} is meant: there are ${names}`, { data: { directory } });
}
