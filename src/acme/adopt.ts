/** Takes over an account that another client has made: its key is all that the server asks for. */
import { publicKeyEquals } from '../pki/key.js';
import { readPrivateKey } from '../pki/key-reader.js';
import { type AccountRecord, accountName, readAccount } from './account-record.js';
import type { AcmeRecords } from './records.js';

/** How long a run that uses the account is waited for, in milliseconds. */
const LOCK_WAIT = 10_000;

/** What became of an account: kept now, kept already, or not, because another one has its place. */
export type Adopted = 'taken' | 'here' | 'other';

/**
 * Keeps an account under its directory and e-mail, so that the next order is made with it. An account that is kept there already is never
 * replaced. Asks no server.
 * @throws {TscertError} `locked`, `store-damaged`, `store-unwritable`
 */
export async function adoptAccount(
  account: Omit<AccountRecord, 'version' | 'candidate'>,
  { records, dryRun, signal }: { readonly records: AcmeRecords; readonly dryRun: boolean; readonly signal: AbortSignal },
): Promise<Adopted> {
  const name = accountName(account);
  const look = async (): Promise<Adopted> => {
    const found = readAccount(await records.get('accounts', name), name);
    if (found === undefined) return 'taken';
    return publicKeyEquals(readPrivateKey(found.key), readPrivateKey(account.key)) ? 'here' : 'other';
  };
  if (dryRun) return look();
  const lock = await records.lock(`account-${name}`, { wait: LOCK_WAIT, signal });
  try {
    const state = await look();
    if (state === 'taken') await records.put('accounts', name, { version: 1, ...account });
    return state;
  } finally {
    await lock.release();
  }
}
