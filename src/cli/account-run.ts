/** A run of `account`. */
import { listAccounts } from '../acme/account-record.js';
import { TscertError } from '../base/errors.js';
import { parseName } from '../base/names.js';
import { printable } from '../base/printable.js';
import { type AccountAction, type AccountReport, chooseAccount, manageAccount } from '../flow/account.js';
import { buildDnsOptions, buildIssuer } from '../request/build.js';
import type { Context } from './context.js';
import { EXIT } from './exit.js';
import { createIssuers } from './issuers.js';
import { readOptions } from './options.js';
import { storePlace } from './places.js';
import { buildHelp } from './requests.js';
import { wire } from './wire.js';

type Flags = Readonly<Record<string, unknown>>;

/** Shows, re-keys or ends the account of `--email`, else that of the configuration's e-mail, else the only one. */
export function runAccount(context: Context, kind: 'show' | 'rollover' | 'deactivate', { email, ...flags }: Flags): Promise<number> {
  return manage(context, flags, textOf(email), () => ({ kind }));
}

/** Gives an account another contact: that of `--email`, else the configuration's. */
export function runUpdate(context: Context, { email, currentEmail, ...flags }: Flags): Promise<number> {
  return manage(context, flags, textOf(currentEmail), (configured) => {
    const address = textOf(email) ?? configured;
    if (address !== undefined) return { kind: 'update', email: parseName(`email:${address}`).value };
    throw new TscertError('usage', 'Cannot update the account: there is no --email and none in the configuration');
  });
}

async function manage(
  context: Context,
  flags: Flags,
  email: string | undefined,
  actionFor: (configured: string | undefined) => AccountAction,
): Promise<number> {
  const { system, globals, ui, signal } = context;
  const { own, config } = await readOptions(context, flags);
  const request = buildIssuer(own, config, buildHelp(system));
  const action = actionFor(request.email);
  const parts = wire({
    system,
    place: storePlace(system, globals),
    command: `tscert account ${action.kind}`,
    caBundle: config.caBundle,
    dns: buildDnsOptions(config),
    emit: ui.emitFor('account'),
    expected: () => [],
  });
  try {
    const { directory } = request;
    const chosen = chooseAccount(await listAccounts(parts.store(), directory), { directory, email, preferred: request.email });
    const { email: _, ...rest } = request;
    const opened = await createIssuers(system, parts).accountFor({
      ...rest,
      ...(chosen.email === undefined ? {} : { email: chosen.email }),
    });
    const report = await manageAccount(action, opened, signal);
    if (ui.json) ui.document('account', { action: action.kind, ...report });
    else if (globals.quiet !== true || action.kind === 'show') ui.data(`${linesOf(action, report, ui.paint.strong).join('\n')}\n`);
    return EXIT.done;
  } finally {
    await parts.close();
  }
}

const HEADS: Readonly<Record<AccountAction['kind'], string>> = {
  show: 'the account',
  update: 'the account has a new contact',
  rollover: 'the account has a new key',
  deactivate: 'the account is deactivated, and forgotten here',
};

function linesOf({ kind }: AccountAction, report: AccountReport, strong: (text: string) => string): string[] {
  const { directory, url, status, contact, terms, termsAgreed, key, thumbprint, oldThumbprint, eab } = report;
  const agreed = termsAgreed === undefined ? '' : termsAgreed ? ' (agreed)' : ' (not agreed)';
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['directory', directory],
    ['account', url],
    ['status', status],
    ['contact', contact.length === 0 ? 'none' : contact.map((one) => one.replace(/^mailto:/, '')).join(', ')],
    ['terms', terms === undefined ? undefined : `${terms}${agreed}`],
    ['key', `${key}, thumbprint ${thumbprint}`],
    ['before', oldThumbprint === undefined ? undefined : `thumbprint ${oldThumbprint}`],
    ['external', eab === undefined ? undefined : `bound to ${eab}`],
  ];
  return [strong(HEADS[kind]), ...rows.flatMap(([name, text]) => (text === undefined ? [] : [`  ${name.padEnd(12)} ${printable(text)}`]))];
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
