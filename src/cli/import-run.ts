/** A run of `import`: what another tool holds, and what became of it. */
import path from 'node:path';
import { TscertError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { printable } from '../base/printable.js';
import { type Imported, type ImportedCertificate, type ImportParts, importHoldings } from '../flow/import.js';
import { type ForeignCertificate, type Held, type Holdings, isBroken, type MigrationHelp, type Tool } from '../migration/holdings.js';
import { buildIssuer, buildRequests } from '../request/build.js';
import { CERTIFICATE_KEYS, type ConfigOptions, type OwnOptions, RUN_KEYS } from '../request/options.js';
import type { CertificateRequest } from '../request/request.js';
import { storedName } from '../store/name.js';
import type { Context } from './context.js';
import { EXIT, exitCodeOf } from './exit.js';
import { fromAnywhere } from './from-anywhere.js';
import { accountDocument, accountLine, certificateDocument, certificateTable, totals } from './import-text.js';
import type { RunFlags } from './issue-run.js';
import { type Options, readOptions } from './options.js';
import { dataFolder, storePlace } from './places.js';
import { checkProviderName, PROVIDERS } from './registry.js';
import { buildHelp } from './requests.js';
import { openStore } from './wire.js';

/** What is to be imported. */
export interface ImportTarget {
  readonly tool: Tool;
  readonly folder: string;
  /** Only these; empty means all. */
  readonly names: readonly string[];
}

/** Runs `import` and gives its exit code. */
export async function runImport(
  context: Context,
  { tool, folder, names }: ImportTarget,
  flags: Readonly<Record<string, unknown>>,
  run: RunFlags,
): Promise<number> {
  const { system, globals, ui, signal } = context;
  const options = await readOptions(context, flags);
  const help = buildHelp(system);
  const { said, fallback, server } = wordsOf(options, flags, system.cwd);
  for (const entry of said.dns ?? []) checkProviderName((typeof entry === 'string' ? entry : entry.provider).replace(/@.*$/, ''));
  const holdings = await READERS[tool](path.resolve(system.cwd, folder), {
    providers: PROVIDERS,
    server: server === undefined ? undefined : help.directoriesOf({ server, staging: false }).directory,
    email: said.email,
  });
  const data = dataFolder(system, globals);
  const parts: ImportParts = {
    ...{ tool, said, fallback, signal, ...run },
    store: openStore(system, storePlace(system, globals), 'tscert import'),
    clock: system.clock,
    allAccounts: names.length === 0,
    build: (given) => requestOf(given, options.config, help),
    issuerOf: (wanted) => buildIssuer(wanted, options.config, help),
  };
  const imported = await importHoldings({ ...holdings, certificates: chosen(holdings.certificates, names) }, parts);
  tell(context, tool, imported, holdings, run.dryRun);
  if (!ui.json && !run.dryRun && imported.certificates.some(({ state }) => state === 'taken'))
    ui.say(`next: let servers read ${path.join(data, 'live', 'NAME')}, look at tscert plan, and stop the timer of ${tool}`);
  return exitCodeOfImport(imported);
}

/** Each is loaded when it is named. */
const READERS: Readonly<Record<Tool, (folder: string, help: MigrationHelp) => Promise<Holdings>>> = {
  certbot: async (folder, help) => (await import('../migration/certbot.js')).readCertbot(folder, help),
  lego: async (folder, help) => (await import('../migration/lego.js')).readLego(folder, help),
  'acme.sh': async (folder, help) => (await import('../migration/acme-sh.js')).readAcmeSh(folder, help),
};

/** What flags say goes before what the other tool keeps, what the environment says after it. */
function wordsOf(
  { own, given, config }: Options,
  flags: Readonly<Record<string, unknown>>,
  cwd: string,
): { readonly said: OwnOptions; readonly fallback: OwnOptions; readonly server: string | undefined } {
  const all = Object.entries(fromAnywhere(given, cwd));
  const isSaid = (key: string): boolean => flags[key] !== undefined;
  return {
    said: Object.fromEntries(all.filter(([key]) => isSaid(key))) as OwnOptions,
    fallback: Object.fromEntries(all.filter(([key]) => !isSaid(key))) as OwnOptions,
    server: own.server ?? config.server,
  };
}

/** As `renew` is going to build it. */
function requestOf(given: OwnOptions, config: ConfigOptions, help: Parameters<typeof buildRequests>[2]): CertificateRequest {
  const of = (keys: readonly (keyof OwnOptions)[]): object =>
    Object.fromEntries(keys.filter((key) => given[key] !== undefined).map((key) => [key, given[key]]));
  const [request] = buildRequests(of(CERTIFICATE_KEYS), { ...config, ...of(RUN_KEYS) }, help);
  if (request === undefined) throw new TscertError('internal', 'Cannot ask for a certificate without names');
  return request;
}

/** Those of these names, under which they are stored or which the other tool has for them. */
function chosen(all: readonly Held<ForeignCertificate>[], names: readonly string[]): readonly Held<ForeignCertificate>[] {
  if (names.length === 0) return all;
  const namesOf = (held: Held<ForeignCertificate>): string[] => (isBroken(held) ? [held.name] : [held.name, held.origin]);
  const isNamed = (held: Held<ForeignCertificate>, name: string): boolean =>
    namesOf(held).some((one) => one === name || one.toLowerCase() === storedName(name));
  const stranger = names.find((name) => !all.some((held) => isNamed(held, name)));
  if (stranger === undefined) return all.filter((held) => names.some((name) => isNamed(held, name)));
  const meant = nearest(stranger, all.flatMap(namesOf));
  throw new TscertError(
    'usage',
    `Cannot find the certificate "${stranger}" in that folder${meant === undefined ? '' : ` (did you mean ${meant}?)`}`,
    { data: { name: stranger } },
  );
}

function tell({ globals, ui, system }: Context, tool: Tool, imported: Imported, { losses }: Holdings, dryRun: boolean): void {
  const { certificates, accounts } = imported;
  if (ui.json) {
    ui.document('import', {
      tool,
      dryRun,
      certificates: certificates.map(certificateDocument),
      accounts: accounts.map(accountDocument),
      warnings: losses,
    });
  } else if (globals.quiet !== true) {
    const lines = [
      ...certificateTable(certificates, { now: system.clock.now(), dryRun, paint: ui.paint }),
      ...accounts.flatMap((one) => accountLine(one, dryRun)),
    ];
    if (lines.length > 0) ui.data(`${lines.join('\n')}\n`);
  }
  for (const loss of losses) ui.warn(printable(loss));
  for (const one of certificates) {
    if (one.state === 'failed') ui.fail(one.error, one.name);
    else for (const loss of one.losses) ui.warn(printable(`${one.name}: ${loss}`));
  }
  for (const { id, state, error } of accounts) if (state === 'failed') ui.fail(error, `account ${id}`);
  if (!ui.json) ui.say(totals(certificates, dryRun));
}

/** Everything here now, or already: done; some of it: partly. */
function exitCodeOfImport({ certificates, accounts }: Imported): number {
  const failures = [...certificates, ...accounts].filter(
    (one): one is Extract<ImportedCertificate, { state: 'failed' }> => one.state === 'failed',
  );
  if (failures.length === 0) return EXIT.done;
  if (failures.length < certificates.length + accounts.length) return EXIT.partly;
  const codes = new Set(failures.map(({ error }) => exitCodeOf(error)));
  const [only] = codes;
  return codes.size === 1 && only !== undefined ? only : EXIT.failed;
}
