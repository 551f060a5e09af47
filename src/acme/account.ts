/**
 * The account with an ACME server (RFC 8555 §7.3): made once for a directory and an e-mail, and found again by its key. The
 * key is on stable storage before the server hears of it.
 */
import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { isTscertError, TscertError } from '../base/errors.js';
import type { Json } from '../base/json.js';
import { type AccountDetails, detailsOf } from './account-details.js';
import { type AccountRecord, accountName, readAccount } from './account-record.js';
import { readObject, resolveUrl } from './answer.js';
import type { Signer } from './client.js';
import type { Directory } from './directory.js';
import type { AcmeRecords } from './records.js';
import type { Session } from './session.js';
import { createShared } from './wait.js';

/** How long another run may hold the account, in milliseconds. */
const LOCK_WAIT = 120_000;

/** External account binding with the key itself: base64url, as CAs hand it out. */
export interface Eab {
  readonly kid: string;
  readonly hmac: string;
}

export interface AccountOptions {
  readonly session: Session;
  readonly records: AcmeRecords;
  readonly email?: string;
  readonly agreeTos: boolean;
  readonly eab?: Eab;
}

export interface Account {
  /**
   * The signer of the account, which is made when there is none.
   * @throws {TscertError} `terms-not-agreed` with their URL, `eab-required`, `request-invalid` for a binding key that is no base64url
   */
  open(signal: AbortSignal): Promise<Signer>;
  /** True when the account was made in an earlier run; asks nobody. */
  isKnown(): Promise<boolean>;
  /** Forgets the account's URL, so that the next `open` asks the server for it by the key: after `account-unknown`. */
  relearn(signal: AbortSignal): Promise<void>;
  /** @throws {TscertError} `account-unknown` when there is none; so do all below */
  show(signal: AbortSignal): Promise<AccountDetails>;
  /** Changes the contact, and keeps the account under the new e-mail. */
  updateEmail(email: string, signal: AbortSignal): Promise<AccountDetails>;
  /** Gives the account a new key (RFC 8555 §7.3.5). A kill at any point leaves a key that works. */
  rollover(signal: AbortSignal): Promise<AccountDetails>;
  /** Ends the account for good (RFC 8555 §7.3.6), and forgets it. */
  deactivate(signal: AbortSignal): Promise<AccountDetails>;
}

/** The account of a directory and an e-mail. */
export function createAccount({ session, records, email, agreeTos, eab }: AccountOptions): Account {
  const nameOf = (address: string | undefined): string =>
    accountName({ directory: session.url, ...(address === undefined ? {} : { email: address }) });
  const name = nameOf(email);
  const who = email === undefined ? `the account at ${session.url}` : `the account of ${email} at ${session.url}`;
  const read = async (): Promise<AccountRecord | undefined> => readAccount(await records.get('accounts', name), name);
  const write = async (record: AccountRecord): Promise<AccountRecord> => {
    await records.put('accounts', name, { ...record });
    return record;
  };
  const locked = async <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    const lock = await records.lock(`account-${name}`, { wait: LOCK_WAIT, signal });
    try {
      return await work();
    } finally {
      await lock.release();
    }
  };

  /** Asks whose account `key` is; `undefined` when the server does not know it. */
  async function findByKey(key: string, signal: AbortSignal): Promise<string | undefined> {
    const { newAccount } = await session.directory(signal);
    const doing = `find ${who}`;
    const signer = await session.signer(key);
    try {
      const answer = await signer.post(
        newAccount,
        { onlyReturnExisting: true },
        { doing, action: 'get_registration', signal, byKey: true },
      );
      return resolveUrl(answer.headers.location, answer, doing, 'Location header');
    } catch (error) {
      if (isTscertError(error, 'account-unknown')) return undefined;
      throw error;
    }
  }

  /** Finds out which key the server has after a key change that was cut off. */
  async function settle(record: AccountRecord, signal: AbortSignal): Promise<AccountRecord> {
    const { candidate, ...settled } = record;
    if (candidate === undefined) return record;
    const url = await findByKey(candidate, signal);
    return write(url === undefined ? settled : { ...settled, key: candidate, url });
  }

  async function register(key: string, signal: AbortSignal): Promise<string> {
    const directory = await session.directory(signal);
    const doing = `make ${who}`;
    checkTerms(directory, agreeTos, doing);
    checkBinding(directory, eab, doing);
    const signer = await session.signer(key);
    const payload: Json = {
      termsOfServiceAgreed: agreeTos,
      ...(email === undefined ? {} : { contact: [`mailto:${email}`] }),
      ...(eab === undefined ? {} : { externalAccountBinding: signer.bind(eab.kid, bindingKey(eab.hmac), directory.newAccount) }),
    };
    const answer = await signer.post(directory.newAccount, payload, {
      doing,
      action: 'register_account',
      signal,
      byKey: true,
      expect: [200, 201],
    });
    return resolveUrl(answer.headers.location, answer, doing, 'Location header');
  }

  async function findOrMake(signal: AbortSignal): Promise<AccountRecord> {
    const directory = await session.directory(signal);
    const found = await read();
    if (found === undefined) {
      checkTerms(directory, agreeTos, `make ${who}`);
      checkBinding(directory, eab, `make ${who}`);
    }
    const record =
      found === undefined
        ? await write({ version: 1, directory: session.url, ...(email === undefined ? {} : { email }), key: await makeKey() })
        : await settle(found, signal);
    if (record.url !== undefined) return record;
    const url = (found === undefined ? undefined : await findByKey(record.key, signal)) ?? (await register(record.key, signal));
    return write({ ...record, url, ...(found === undefined && eab !== undefined ? { eab: eab.kid } : {}) });
  }

  async function openOnce(signal: AbortSignal): Promise<Signer> {
    const found = await read();
    const isReady = found?.url !== undefined && found.candidate === undefined;
    const record = isReady ? found : await locked(signal, () => findOrMake(signal));
    return session.signer(record.key, record.url);
  }
  let open = createShared(openOnce);

  /** The account that is there already, for those who manage it; the lock is held. */
  async function existing(signal: AbortSignal): Promise<{ record: AccountRecord; url: string; signer: Signer }> {
    const found = await read();
    const record = found && (await settle(found, signal));
    const url = record && (record.url ?? (await findByKey(record.key, signal)));
    if (record === undefined || url === undefined) {
      throw new TscertError('account-unknown', `Cannot find ${who}: none was made here`, { data: { directory: session.url, email } });
    }
    return { record, url, signer: await session.signer(record.key, url) };
  }

  async function update(
    payload: Json,
    doing: string,
    signal: AbortSignal,
    check?: (record: AccountRecord) => void,
  ): Promise<{ record: AccountRecord; details: AccountDetails }> {
    const { record, url, signer } = await existing(signal);
    check?.(record);
    const answer = await signer.post(url, payload, { doing, action: 'update_registration', signal });
    const known = { ...record, url };
    return { record: known, details: await detailsOf(readObject(answer, doing), known, signer) };
  }

  /** A record with the same key is what a run left that was cut off while it moved the account to its new e-mail. */
  function refuseSecond(record: AccountRecord, other: AccountRecord, address: string): void {
    if (record.key === other.key) return;
    throw new TscertError('request-invalid', `Cannot update ${who}: there is another account of ${address}`, { data: { email: address } });
  }

  /** True when the server knows the key no more, or refuses its holder. */
  async function isEnded(key: string, signal: AbortSignal): Promise<boolean> {
    try {
      return (await findByKey(key, signal)) === undefined;
    } catch (error) {
      if (isRefusal(error)) return true;
      throw error;
    }
  }

  return {
    open: (signal) => open(signal),
    isKnown: async () => (await read())?.url !== undefined,
    relearn: (signal) =>
      locked(signal, async () => {
        open = createShared(openOnce);
        const record = await read();
        if (record === undefined) return;
        const { url: _, ...rest } = record;
        await write(rest);
      }),
    show: (signal) => locked(signal, async () => (await update(null, `show ${who}`, signal)).details),
    updateEmail: (address, signal) =>
      locked(signal, async () => {
        const newName = nameOf(address);
        const other = newName === name ? undefined : readAccount(await records.get('accounts', newName), newName);
        const { record, details } = await update(
          { contact: [`mailto:${address}`] },
          `update ${who}`,
          signal,
          other === undefined ? undefined : (known) => refuseSecond(known, other, address),
        );
        await records.put('accounts', newName, { ...record, email: address });
        if (newName !== name) await records.delete('accounts', name);
        open = createShared(openOnce);
        return details;
      }),
    rollover: (signal) =>
      locked(signal, async () => {
        const doing = `change the key of ${who}`;
        const { record, url, signer } = await existing(signal);
        const { keyChange } = await session.directory(signal);
        if (keyChange === undefined) {
          throw new TscertError('request-invalid', `Cannot ${doing}: the server offers no key change`, {
            data: { directory: session.url },
          });
        }
        const candidate = await makeKey();
        await write({ ...record, url, candidate });
        const newSigner = await session.signer(candidate, url);
        const refused = await signer
          .post(keyChange, newSigner.takeOver(keyChange, url, signer.jwk), { doing, action: 'account_key_rollover', signal })
          .then(() => undefined)
          .catch((error: unknown) => {
            if (isTscertError(error, 'acme-problem')) return error;
            throw error;
          });
        const settled = await settle({ ...record, url, candidate }, signal);
        open = createShared(openOnce);
        if (refused !== undefined && settled.key !== candidate) throw refused;
        return (await update(null, `show ${who}`, signal)).details;
      }),
    deactivate: (signal) =>
      locked(signal, async () => {
        const doing = `deactivate ${who}`;
        const { record, url, signer } = await existing(signal);
        // An account that is ended already answers like one that is somebody else's: its key tells them apart.
        const answer = await signer
          .post(url, { status: 'deactivated' }, { doing, action: 'deactivate_registration', signal })
          .catch(async (error: unknown) => {
            if (!isRefusal(error) || !(await isEnded(record.key, signal))) throw error;
            return undefined;
          });
        const body = answer === undefined ? { status: 'deactivated' } : readObject(answer, doing);
        const details = await detailsOf(body, { ...record, url }, signer);
        await records.delete('accounts', name);
        open = createShared(openOnce);
        return details;
      }),
  };
}

/** True for what a server answers to the holder of a key that it does not let in (RFC 8555 §6.7 `unauthorized`, §7.3.6). */
function isRefusal(error: unknown): boolean {
  return isTscertError(error, 'account-unknown') || (isTscertError(error, 'acme-problem') && /^40[13]$/.test(String(error.data.status)));
}

async function makeKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** @throws {TscertError} `terms-not-agreed` with the URL of the terms when there are some and nobody agreed */
function checkTerms({ termsOfService }: Directory, agreed: boolean, doing: string): void {
  if (termsOfService === undefined || agreed) return;
  throw new TscertError('terms-not-agreed', `Cannot ${doing}: its terms of service are not agreed to: ${termsOfService}`, {
    data: { url: termsOfService },
  });
}

/** @throws {TscertError} `eab-required` when the directory wants a binding (RFC 8555 §7.1.1) and there is none */
function checkBinding({ externalAccountRequired }: Directory, eab: Eab | undefined, doing: string): void {
  if (!externalAccountRequired || eab !== undefined) return;
  throw new TscertError('eab-required', `Cannot ${doing}: the server wants an external account binding (a key id and an HMAC key)`, {});
}

/**
 * The binding key without white space and padding.
 * @throws {TscertError} `request-invalid` without a word of the key
 */
function bindingKey(text: string): string {
  const key = text.replaceAll(/\s/g, '').replace(/=+$/, '');
  if (/^[A-Za-z0-9_+/-]+$/.test(key) && key.length % 4 !== 1) return key;
  throw new TscertError('request-invalid', 'Cannot bind the account: the HMAC key is not base64url', {});
}
