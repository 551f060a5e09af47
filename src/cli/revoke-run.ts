/** A run of `revoke`: which certificate, at which CA, signed by whom. */
import type { KeyObject } from 'node:crypto';
import { type KnownAccount, listAccounts } from '../acme/account-record.js';
import { parseRevocationReason, type RevocationReason } from '../acme/revocation.js';
import { isTscertError, TscertError } from '../base/errors.js';
import { parseName } from '../base/names.js';
import { printable } from '../base/printable.js';
import { type Attempt, type Revocable, type Revoked, revokeCertificate } from '../flow/revoke.js';
import { buildDnsOptions, buildIssuer } from '../request/build.js';
import type { ConfigOptions } from '../request/options.js';
import type { Store } from '../store/store.js';
import type { Context } from './context.js';
import { EXIT } from './exit.js';
import { checkStandardInput } from './files.js';
import { createIssuers } from './issuers.js';
import { readPassphrase } from './key-flags.js';
import { findRenewal } from './one-renewal.js';
import { type Options, readOptions } from './options.js';
import { storePlace } from './places.js';
import { buildHelp } from './requests.js';
import { findTarget, ownKey } from './revoke-target.js';
import { dateWords } from './ui/summary.js';
import { openStore, type Parts, wire } from './wire.js';

export interface RevokeFlags {
  readonly reason?: string;
  readonly key?: string;
  readonly passphraseFile?: string;
  readonly server?: string;
  readonly staging?: boolean;
  readonly email?: string;
  readonly dryRun?: boolean;
}

/** Where it is revoked. */
interface Authority {
  /** URL. */
  readonly directory: string;
  /** Of the account to prefer. */
  readonly email: string | undefined;
  readonly config: ConfigOptions;
}

/** Runs `revoke` and gives its exit code. */
export async function runRevoke(context: Context, target: string, flags: RevokeFlags): Promise<number> {
  const { system, globals, ui, signal } = context;
  const { reason: word = 'unspecified', key: file, passphraseFile, dryRun, ...issuerFlags } = flags;
  const reason = parseRevocationReason(word);
  checkStandardInput([target, file, passphraseFile]);
  const options = await readOptions(context, issuerFlags);
  const store = openStore(system, storePlace(system, globals), 'tscert revoke');
  const found = await findTarget(target, { store, system });
  const passphrase = await readPassphrase(system, passphraseFile);
  const given = file === undefined ? undefined : await ownKey(found, file, { system, passphrase });
  const authority = await authorityOf(context, found, { options, store });
  const emit = ui.emitFor(found.places[0]?.name ?? target);
  const parts = wire({
    system,
    place: storePlace(system, globals),
    command: 'tscert revoke',
    caBundle: authority.config.caBundle,
    dns: buildDnsOptions(authority.config),
    emit,
    expected: () => [],
  });
  try {
    const accounts = given === undefined ? await accountsAt(context, authority, flags.email, store) : [];
    const attempts = await attemptsOf(context, { authority, accounts, parts, reason, key: given ?? found.privateKey });
    const done =
      dryRun === true ? undefined : await revokeCertificate(found, reason, attempts, { store, clock: system.clock, emit, signal });
    ui.rest();
    const facts = { found, reason, directory: authority.directory, signedBy: done?.signedBy ?? attempts[0]?.title ?? 'nobody', done };
    if (ui.json) ui.document('revoke', documentOf(facts));
    else if (globals.quiet !== true) ui.data(`${linesOf(facts, context).join('\n')}\n`);
    return EXIT.done;
  } finally {
    await parts.close();
  }
}

/** The CA that issued it, as what is stored with it says; else that of the options. */
async function authorityOf(
  { system }: Context,
  { certificate, issuerKey, places }: Revocable,
  { options, store }: { readonly options: Options; readonly store: Store },
): Promise<Authority> {
  const [place] = places;
  const { request, config } =
    place === undefined ? { request: undefined, config: options.config } : await findRenewal(options, place.name, { store, system });
  const named = buildIssuer(options.own, config, buildHelp(system));
  if (issuerKey === undefined) return { directory: named.directory, email: named.email, config };
  const directory = /^acme:(.+)$/.exec(issuerKey)?.[1];
  if (directory === undefined) {
    throw new TscertError(
      'request-invalid',
      `Cannot revoke the certificate ${certificate.serialNumber}: it was issued by "${issuerKey}", and only ACME authorities revoke for tscert`,
      { data: { serialNumber: certificate.serialNumber, issuer: issuerKey } },
    );
  }
  return { directory, email: request?.issuer.directory === directory ? request.issuer.email : named.email, config };
}

/** The accounts that may sign, the one that probably got the certificate first. That they cannot be read leaves the key. */
async function accountsAt(
  { ui }: Context,
  { directory, email: preferred }: Authority,
  email: string | undefined,
  store: Store,
): Promise<KnownAccount[]> {
  try {
    const known = await listAccounts(store, directory);
    if (email !== undefined) {
      const address = parseName(`email:${email}`).value;
      return known.filter((one) => one.email?.toLowerCase() === address.toLowerCase());
    }
    const isPreferred = (one: KnownAccount): boolean => one.email?.toLowerCase() === preferred?.toLowerCase();
    return [...known.filter(isPreferred), ...known.filter((one) => !isPreferred(one))];
  } catch (error) {
    if (!isTscertError(error, 'store-damaged')) throw error;
    ui.warn(error.message);
    return [];
  }
}

/** With a compromised key the key itself goes first: it proves to the CA that it is known. */
async function attemptsOf(
  { system }: Context,
  {
    authority: { directory },
    accounts,
    parts,
    reason,
    key,
  }: {
    readonly authority: Authority;
    readonly accounts: readonly KnownAccount[];
    readonly parts: Parts;
    readonly reason: RevocationReason;
    readonly key: KeyObject | undefined;
  },
): Promise<Attempt[]> {
  const issuers = createIssuers(system, parts);
  const issuerFor = (email: string | undefined): Promise<Attempt['issuer']> =>
    issuers.issuerFor({ issuer: { kind: 'acme', directory, agreeTos: false, ...(email === undefined ? {} : { email }) }, solvers: [] });
  const byAccount = await Promise.all(
    accounts.map(async ({ email }): Promise<Attempt> => {
      const title = email === undefined ? 'the account without e-mail' : `the account of ${email}`;
      return { issuer: await issuerFor(email), by: 'account', title };
    }),
  );
  if (key === undefined) {
    if (byAccount.length > 0) return byAccount;
    throw new TscertError(
      'account-unknown',
      `Cannot revoke at ${directory}: no account of it is kept here, and the private key is not at hand; give it with --key FILE`,
      { data: { directory } },
    );
  }
  const byKey: Attempt = { issuer: await issuerFor(undefined), by: { privateKey: key }, title: "the certificate's own key" };
  return reason === 'keyCompromise' ? [byKey, ...byAccount] : [...byAccount, byKey];
}

/** What there is to tell. */
interface Facts {
  readonly found: Revocable;
  readonly reason: RevocationReason;
  readonly directory: string;
  readonly signedBy: string;
  /** Absent in a trial. */
  readonly done: Revoked | undefined;
}

function linesOf({ found, reason, directory, signedBy, done }: Facts, { system, ui: { paint } }: Context): string[] {
  const { certificate, places } = found;
  const heads = { revoked: 'is revoked', 'already-revoked': 'had been revoked already' } as const;
  const head = done === undefined ? 'would be revoked' : heads[done.state];
  const names = certificate.extensions.names.map(({ value }) => printable(value));
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['names', names.length === 0 ? undefined : names.join(', ')],
    ['expires', dateWords(certificate.notAfter.getTime(), system.clock.now())],
    ['reason', reason],
    ['at', directory],
    ['signed by', signedBy],
    ['stored', places.length === 0 ? undefined : places.map(({ name, generation }) => `${name}, generation ${generation}`).join('; ')],
    ['next', done === undefined || done.due.length === 0 ? undefined : `tscert renew ${done.due.join(' ')} (with a new key)`],
  ];
  return [
    `${done === undefined ? paint.warn('…') : paint.good('✔')} the certificate ${paint.strong(certificate.serialNumber)} ${head}`,
    ...rows.flatMap(([label, text]) => (text === undefined ? [] : [`  ${label.padEnd(12)} ${text}`])),
  ];
}

function documentOf({ found: { certificate, places }, reason, directory, signedBy, done }: Facts): Record<string, unknown> {
  return {
    state: done?.state ?? 'tested',
    serialNumber: certificate.serialNumber,
    names: certificate.extensions.names.map(({ value }) => value),
    notAfter: certificate.notAfter.toISOString(),
    reason,
    directory,
    signedBy,
    stored: places,
    due: done?.due ?? [],
  };
}
