/** ACME accounts as they are kept. */
import { TscertError } from '../base/errors.js';
import type { Json } from '../base/json.js';
import { isObject } from './answer.js';
import { type AcmeRecords, recordKey } from './records.js';

/** One account. */
export interface AccountRecord {
  readonly version: 1;
  readonly directory: string;
  readonly email?: string;
  /** PKCS#8 PEM. */
  readonly key: string;
  readonly url?: string;
  /** A key change is under way: the server has either `key` or this one. */
  readonly candidate?: string;
  /** Key id of the external account that it was bound to. */
  readonly eab?: string;
}

/** An account that is kept here. */
export interface KnownAccount {
  readonly directory: string;
  readonly email?: string;
}

/** The name of the record of an account. */
export function accountName({ directory, email }: KnownAccount): string {
  return recordKey(directory, email?.toLowerCase() ?? '');
}

/** The accounts with a directory that are kept here, sorted by e-mail; one that two e-mails lead to is told once. */
export async function listAccounts(
  records: Pick<AcmeRecords, 'get'> & { list(kind: 'accounts'): Promise<string[]> },
  directory: string,
): Promise<KnownAccount[]> {
  const all = await Promise.all(
    (await records.list('accounts')).map(async (name) => readAccount(await records.get('accounts', name), name)),
  );
  const here = all.filter((record) => record?.directory === directory).filter((record) => record !== undefined);
  const unique = new Map(here.map((record) => [record.key, record]));
  return [...unique.values()]
    .map(({ email }) => ({ directory, ...(email === undefined ? {} : { email }) }))
    .sort((a, b) => (a.email ?? '').localeCompare(b.email ?? ''));
}

/**
 * The record of this name.
 * @throws {TscertError} `store-damaged` for one of a form that this version does not know
 */
export function readAccount(value: Json | undefined, name: string): AccountRecord | undefined {
  if (value === undefined) return undefined;
  if (isObject(value) && value.version === 1 && typeof value.key === 'string') return value as unknown as AccountRecord;
  throw new TscertError('store-damaged', `Cannot read the account "${name}": it is not in a form that this version knows`, {
    data: { name },
  });
}
