/**
 * The story of moving in: what another tool holds becomes what tscert keeps, without a word to any server. The account comes first, so that
 * the next renewal makes none, then the certificate, then how it was asked for; a run that was cut off is gone on with by the next one.
 */
import { type Adopted, adoptAccount } from '../acme/adopt.js';
import type { Clock } from '../base/clock.js';
import { isTscertError, TscertError } from '../base/errors.js';
import { issuerKeyOf } from '../issuer/issuer.js';
import { type ForeignAccount, type ForeignCertificate, type Held, type Holdings, isBroken, type Tool } from '../migration/holdings.js';
import { readCertificate } from '../pki/certificate.js';
import { encodePrivateKey } from '../pki/key.js';
import { metaOf } from '../policy/meta.js';
import { renewalTime } from '../policy/renewal.js';
import type { OwnOptions } from '../request/options.js';
import type { CertificateRequest, IssuerRequest } from '../request/request.js';
import { storedName } from '../store/name.js';
import type { Bundle, Store, Stored } from '../store/store.js';
import { keepGiven, readGiven } from './given.js';
import { type CheckedCertificate, checkForeign } from './import-check.js';
import { givenOf, lossesOf, withSaid } from './import-given.js';
import { openMemory } from './memory.js';
import { type Found, findStored } from './stored.js';

export interface ImportParts {
  readonly tool: Tool;
  readonly store: Store;
  readonly clock: Pick<Clock, 'now'>;
  readonly signal: AbortSignal;
  /** What was said in this run: it goes before what the tool keeps. */
  readonly said: OwnOptions;
  /** What the environment says: it fills what nobody else says. */
  readonly fallback: OwnOptions;
  /** The request of a certificate with these options, as `renew` is going to make it. */
  build(given: OwnOptions): CertificateRequest;
  /** The server and the contact that these options name. */
  issuerOf(options: Pick<OwnOptions, 'server' | 'email'>): IssuerRequest;
  /** Put it in the place of another certificate that is stored under its name. */
  readonly force: boolean;
  /** Change nothing. */
  readonly dryRun: boolean;
  /** Accounts of none of these certificates, too. */
  readonly allAccounts: boolean;
}

/** What became of a certificate. */
export type ImportedCertificate = {
  /** Under which it is stored. */
  readonly name: string;
  /** What the other tool calls it. */
  readonly origin: string;
} & (ImportedFacts | { readonly state: 'failed'; readonly error: unknown });

export interface ImportedFacts {
  /** Stored now; there already; a newer one is there; there already, and from now on renewed in another way. */
  readonly state: 'taken' | 'here' | 'newer' | 'updated';
  readonly request: CertificateRequest;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  readonly renewAt: number;
  /** What is not as it was with the other tool, as clauses; of what was here before none. */
  readonly losses: readonly string[];
}

/** What became of an account. `other`: one with another key is kept for its server and e-mail. */
export interface ImportedAccount {
  readonly id: string;
  readonly state: Adopted | 'failed';
  readonly directory?: string;
  readonly email?: string;
  readonly url?: string;
  readonly error?: unknown;
}

export interface Imported {
  readonly certificates: readonly ImportedCertificate[];
  readonly accounts: readonly ImportedAccount[];
}

/** How long a run of the same certificate in another process is waited for, in milliseconds. */
const LOCK_WAIT = 1_000;

/**
 * Takes certificates and accounts over; one that cannot be taken stops no other.
 * @throws {TscertError} `interrupted`; what was taken before stays
 */
export async function importHoldings(holdings: Holdings, parts: ImportParts): Promise<Imported> {
  const accounts = createAdoption(holdings.accounts, parts);
  const certificates: ImportedCertificate[] = [];
  for (const held of holdings.certificates) {
    parts.signal.throwIfAborted();
    certificates.push(await importOne(held, accounts, parts));
  }
  if (parts.allAccounts) await accounts.rest();
  return { certificates, accounts: accounts.results() };
}

async function importOne(held: Held<ForeignCertificate>, accounts: Adoption, parts: ImportParts): Promise<ImportedCertificate> {
  if (isBroken(held)) return { name: held.name, origin: held.name, state: 'failed', error: held.error };
  const { origin } = held;
  try {
    return { origin, ...(await importCertificate(held, accounts, parts)) };
  } catch (error) {
    parts.signal.throwIfAborted();
    return { name: held.name, origin, state: 'failed', error };
  }
}

async function importCertificate(
  foreign: ForeignCertificate,
  accounts: Adoption,
  parts: ImportParts,
): Promise<ImportedFacts & { readonly name: string }> {
  const { tool, store, clock, signal, dryRun } = parts;
  const name = storedName(foreign.name);
  const checked = checkForeign({ ...foreign, name }, clock.now());
  const { server } = foreign;
  if (server === undefined)
    throw new TscertError('config-invalid', `Cannot take over "${name}": ${tool} keeps no URL of an ACME server for it`, {
      data: { name },
    });
  const account = accounts.find(foreign.account);
  const given = givenOf({ ...foreign, name, server }, checked, account && !isBroken(account) ? account : undefined, parts);
  const requestOf = (options: OwnOptions): CertificateRequest => ({ ...parts.build(options), name, given: options });
  const request = requestOf(given);

  const work = async (): Promise<ImportedFacts> => {
    const found = placeOf(await findStored(name, store), checked, { name, force: parts.force });
    const accountLosses = await accounts.adopt(foreign.account, request.issuer);
    if (found !== undefined) {
      const kept = await keepHow(name, given, parts);
      return { state: kept.isNew ? 'updated' : found.state, ...factsOf(found.stored, requestOf(kept.options)), losses: [] };
    }
    const bundle: Bundle = {
      privateKey: encodePrivateKey(checked.privateKey),
      certificate: checked.leaf,
      chain: checked.intermediates,
      meta: metaOf(request, issuerKeyOf(request.issuer)),
    };
    if (!dryRun) {
      await store.save(name, bundle);
      await keepGiven(name, given, store);
      await remember(name, `Taken over from ${tool}, which calls it "${foreign.origin}"`, parts);
    }
    const losses = [...lossesOf(foreign, checked, request, { tool, said: parts.said, now: clock.now() }), ...accountLosses];
    return { state: 'taken', ...factsOf(bundle, request), losses };
  };
  if (dryRun) return { name, ...(await work()) };
  const lock = await store.lock(`certificate:${name}`, { wait: LOCK_WAIT, signal });
  try {
    return { name, ...(await work()) };
  } finally {
    await lock.release();
  }
}

/** What went wrong under this name before is over. */
async function remember(name: string, message: string, { store, clock }: ImportParts): Promise<void> {
  const memory = await openMemory(name, store, clock, { fresh: true });
  memory.kept();
  memory.note('Imported', message);
  await memory.save();
}

function factsOf({ certificate }: Bundle, request: CertificateRequest): Pick<ImportedFacts, 'request' | 'notAfter' | 'renewAt'> {
  const { notBefore, notAfter } = readCertificate(certificate);
  return {
    request,
    notAfter: notAfter.getTime(),
    renewAt: renewalTime(notBefore.getTime(), notAfter.getTime(), request.renewBefore),
  };
}

/** What is in the certificate's place and stays there: itself, or a newer one. */
function placeOf(
  found: Found | undefined,
  checked: CheckedCertificate,
  { name, force }: { readonly name: string; readonly force: boolean },
): { readonly state: 'here' | 'newer'; readonly stored: Stored } | undefined {
  if (found === undefined) return undefined;
  if (found.state === 'whole' && isSame(found.stored, checked)) return { state: 'here', stored: found.stored };
  if (force) return undefined;
  if (found.state === 'damaged')
    throw new TscertError('store-damaged', `${found.message}; --force puts this certificate in its place`, { data: { name } });
  const stored = readCertificate(found.stored.certificate);
  if (stored.notBefore.getTime() > checked.notBefore) return { state: 'newer', stored: found.stored };
  throw new TscertError(
    'file-exists',
    `Cannot take over "${name}": another certificate is stored under this name (valid until ${stored.notAfter.toISOString()}); --force puts this one in its place`,
    { data: { name } },
  );
}

function isSame(stored: Stored, checked: CheckedCertificate): boolean {
  return readCertificate(stored.certificate).der.equals(checked.der) && stored.privateKey === encodePrivateKey(checked.privateKey);
}

/** Keeps how a certificate that is there is renewed: where it is not known, or somebody says it anew. */
async function keepHow(
  name: string,
  given: OwnOptions,
  { store, said, force, dryRun }: ImportParts,
): Promise<{ readonly options: OwnOptions; readonly isNew: boolean }> {
  const known = await readGiven(name, store).catch((error: unknown) => {
    if (isTscertError(error, 'store-damaged')) return undefined;
    throw error;
  });
  const options = known === undefined || force ? given : withSaid(known, said);
  const isNew = canonical(known) !== canonical(options);
  if (isNew && !dryRun) await keepGiven(name, options, store);
  return { options, isNew };
}

function canonical(options: OwnOptions | undefined): string {
  return JSON.stringify(Object.entries(options ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
}

interface Adoption {
  find(id: string | undefined): Held<ForeignAccount> | undefined;
  /** Keeps the account of this id for an issuer, once; what is to be told of it, as clauses. */
  adopt(id: string | undefined, issuer: IssuerRequest): Promise<string[]>;
  /** Keeps those that no certificate has named. */
  rest(): Promise<void>;
  results(): readonly ImportedAccount[];
}

function createAdoption(held: Holdings['accounts'], { tool, store, said, fallback, issuerOf, dryRun, signal }: ImportParts): Adoption {
  const results = new Map<string, ImportedAccount>();
  const idOf = (account: Held<ForeignAccount>): string => (isBroken(account) ? account.name.replace(/^account /, '') : account.id);
  const find = (id: string | undefined): Held<ForeignAccount> | undefined => held.find((account) => idOf(account) === id);

  const keep = async (account: ForeignAccount, { directory, email }: IssuerRequest): Promise<ImportedAccount> => {
    const { id, url, privateKey, eab } = account;
    const record = { directory, ...(email === undefined ? {} : { email }), ...(url === undefined ? {} : { url }) };
    try {
      const wanted = { ...record, key: privateKey, ...(eab === undefined ? {} : { eab }) };
      return { id, ...record, state: await adoptAccount(wanted, { records: store, dryRun, signal }) };
    } catch (error) {
      signal.throwIfAborted();
      return { id, ...record, state: 'failed', error };
    }
  };
  const once = async (account: Held<ForeignAccount>, issuer: () => IssuerRequest): Promise<ImportedAccount> => {
    const id = idOf(account);
    const result = results.get(id) ?? (isBroken(account) ? { id, state: 'failed', error: account.error } : await keep(account, issuer()));
    results.set(id, result);
    return result;
  };

  return {
    find,
    async adopt(id, issuer) {
      const account = find(id);
      if (account === undefined) return [`${tool} keeps no account for it: the next renewal makes one`];
      const { state } = await once(account, () => issuer);
      if (state === 'failed') return ['its account cannot be taken over: the next renewal makes one'];
      return state === 'other' ? ['another account of its server and e-mail is here already: the next renewal goes with that one'] : [];
    },
    async rest() {
      for (const account of held) {
        signal.throwIfAborted();
        if (isBroken(account)) await once(account, () => issuerOf({}));
        else if (account.server !== undefined) {
          const { server } = account;
          const email = said.email ?? account.email ?? fallback.email;
          await once(account, () => issuerOf({ server, ...(email === undefined ? {} : { email }) }));
        }
      }
    },
    results: () => [...results.values()],
  };
}
