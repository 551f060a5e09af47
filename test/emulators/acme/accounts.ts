/** Accounts (RFC 8555 §7.1.2, §7.3): one a key. */
import { isObject, type JsonObject } from '../../../src/acme/answer.js';
import { type Jws, openJws, type PublicJwk, readJwk, verifyJws } from './jws.js';
import type { Limiter } from './limits.js';
import { AcmeProblem, malformed, unauthorized } from './problem.js';

export interface Account {
  readonly id: number;
  readonly url: string;
  key: PublicJwk;
  contact: readonly string[];
  status: 'valid' | 'deactivated';
}

export interface Accounts {
  /** RFC 8555 §7.3 and §7.3.1. */
  create(key: PublicJwk, wanted: JsonObject, address: string): { readonly account: Account; readonly isNew: boolean };
  /** The account that a `kid` names. */
  byUrl(url: string): Account;
  /** RFC 8555 §7.3.2 and §7.3.6. */
  update(account: Account, wanted: JsonObject): void;
  /** RFC 8555 §7.3.5. */
  changeKey(account: Account, inner: unknown, url: string): void;
}

export function createAccounts({ base, limiter }: { readonly base: string; readonly limiter: Limiter }): Accounts {
  const byId = new Map<number, Account>();
  const byKey = new Map<string, Account>();

  return {
    create(key, wanted, address) {
      const known = byKey.get(key.thumbprint);
      if (known?.status === 'deactivated') throw unauthorized('An account with the provided public key exists but is deactivated');
      if (known !== undefined) return { account: known, isNew: false };
      if (wanted.onlyReturnExisting === true) {
        throw new AcmeProblem(400, 'accountDoesNotExist', 'No account exists with the provided key');
      }
      if (wanted.termsOfServiceAgreed !== true) throw malformed('must agree to terms of service');
      const contact = readContact(wanted.contact);
      limiter.account(address);
      const id = byId.size + 1;
      const account: Account = { id, url: `${base}${id}`, key, contact, status: 'valid' };
      byId.set(id, account);
      byKey.set(key.thumbprint, account);
      return { account, isNew: true };
    },
    byUrl(url) {
      const doing = 'Unable to validate JWS';
      const id = url.startsWith(base) ? url.slice(base.length) : undefined;
      if (id === undefined) throw malformed(`${doing} :: KeyID header contained an invalid account URL: "${url}"`);
      if (!/^\d+$/.test(id)) throw malformed(`${doing} :: Malformed account ID in KeyID header URL: "${url}"`);
      const account = byId.get(Number(id));
      if (account === undefined) throw new AcmeProblem(400, 'accountDoesNotExist', `${doing} :: Account "${url}" not found`);
      if (account.status !== 'valid') throw unauthorized(`${doing} :: Account is not valid, has status "${account.status}"`);
      return account;
    },
    update(account, { contact, status }) {
      if (status !== undefined && status !== 'valid' && status !== 'deactivated') {
        throw malformed(
          `Unable to update account :: invalid status "${status}" for account update request, must be "valid" or "deactivated"`,
        );
      }
      if (contact !== undefined) account.contact = readContact(contact);
      if (status !== undefined) account.status = status;
    },
    changeKey(account, inner, url) {
      const jws = openJws(inner);
      const key = readInnerKey(jws);
      verifyJws(jws, key, 'Inner JWS does not verify with embedded JWK');
      if (jws.header.url !== url)
        throw malformed(`Outer JWS 'url' value "${url}" does not match inner JWS 'url' value "${jws.header.url}"`);
      const { account: owner, oldKey } = readObject(jws.payload, 'Inner JWS payload did not parse as JSON key rollover object');
      if (owner !== account.url) {
        throw malformed(`Inner key rollover request specified Account "${owner}", but outer JWS has Key ID "${account.url}"`);
      }
      if (readJwk(oldKey).thumbprint !== account.key.thumbprint) {
        throw malformed('Inner JWS does not contain old key field matching current account key');
      }
      const other = byKey.get(key.thumbprint);
      if (other !== undefined) {
        throw new AcmeProblem(409, 'conflict', 'New key is already in use for a different account', { location: other.url });
      }
      byKey.delete(account.key.thumbprint);
      byKey.set(key.thumbprint, account);
      account.key = key;
    },
  };
}

function readInnerKey({ header }: Jws): PublicJwk {
  if (header.kid !== undefined || header.jwk === undefined) throw malformed('No embedded JWK in JWS header');
  if (header.nonce !== undefined) throw malformed('Inner JWS must not have a nonce');
  return readJwk(header.jwk);
}

/** The JSON object in a payload. */
export function readObject(payload: Buffer, failure: string): JsonObject {
  try {
    const value: unknown = JSON.parse(payload.toString('utf8'));
    if (isObject(value)) return value;
  } catch {
    // Told below.
  }
  throw malformed(failure);
}

function readContact(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || !value.every((one): one is string => typeof one === 'string')) throw malformed('Error unmarshaling JSON');
  for (const contact of value) {
    if (!contact.startsWith('mailto:')) {
      throw new AcmeProblem(400, 'unsupportedContact', "Error validating contact(s) :: only contact scheme 'mailto:' is supported");
    }
    if (!/^mailto:[^@?#\s]+@[^@?#\s]+\.[^@?#\s]+$/.test(contact)) {
      throw new AcmeProblem(400, 'invalidContact', 'Error validating contact(s) :: unparsable contact');
    }
  }
  return value;
}
