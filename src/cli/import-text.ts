/** What became of imported certificates and accounts, in a table and as data. */

import { authorityAt } from '../acme/authorities.js';
import { printable } from '../base/printable.js';
import type { ImportedAccount, ImportedCertificate } from '../flow/import.js';
import type { SolverRequest } from '../request/request.js';
import type { Paint } from './ui/paint.js';
import { errorDocument } from './ui/words.js';

type State = ImportedCertificate['state'];

const STATES: Readonly<Record<State, string>> = {
  taken: 'taken over',
  here: 'already here',
  newer: 'a newer one is here',
  updated: 'renewed otherwise',
  failed: 'not taken',
};

const HEAD = ['NAME', 'STATE', 'SERVER', 'EXPIRES', 'PROVEN BY'];

/** A line a certificate, with a head; none for none. */
export function certificateTable(
  certificates: readonly ImportedCertificate[],
  { now, dryRun, paint }: { readonly now: number; readonly dryRun: boolean; readonly paint: Paint },
): string[] {
  if (certificates.length === 0) return [];
  const rows = certificates.map((one) => {
    const state = stateWords(one.state, dryRun);
    if (one.state === 'failed') return [one.name, state, '', '', ''];
    const { issuer, solvers } = one.request;
    return [one.name, state, serverWords(issuer.directory), timeWords(one.notAfter, now), solvers.map(solverWords).join(', ') || '-'];
  });
  const cells = [HEAD, ...rows].map((row) => row.map(printable));
  const widths = HEAD.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  const lines = cells.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return lines.map((line, at) => (at === 0 ? paint.strong(line) : line));
}

function stateWords(state: State, dryRun: boolean): string {
  return dryRun && state === 'taken' ? 'would be taken' : STATES[state];
}

function serverWords(directory: string): string {
  return authorityAt(directory)?.name ?? directory;
}

function timeWords(at: number, now: number): string {
  return `${new Date(at).toISOString().replace('T', ' ').slice(0, 16)} UTC${at < now ? ' (expired)' : ''}`;
}

function solverWords(solver: SolverRequest): string {
  if (solver.type === 'dns-01') return `dns ${solver.provider}${solver.zone === undefined ? '' : `@${solver.zone}`}`;
  if (solver.type === 'tls-alpn-01') return `tls-alpn ${solver.port}`;
  return 'webroot' in solver ? `http webroot:${solver.webroot}` : `http standalone:${solver.port}`;
}

const ACCOUNT_STATES: Readonly<Record<ImportedAccount['state'], string>> = {
  taken: 'taken over',
  here: 'already here',
  other: 'not taken: another one of this server and e-mail is here',
  failed: '',
};

/** A line for an account; a failure is told as an error. */
export function accountLine({ id, directory, email, state }: ImportedAccount, dryRun: boolean): string[] {
  if (state === 'failed' || directory === undefined) return [];
  const words = dryRun && state === 'taken' ? 'would be taken' : ACCOUNT_STATES[state];
  return [printable(`account ${email ?? id} at ${serverWords(directory)}: ${words}`)];
}

/** How many of each. */
export function totals(certificates: readonly ImportedCertificate[], dryRun: boolean): string {
  if (certificates.length === 0) return 'nothing to import: there is no certificate in that folder';
  const count = (state: State): number => certificates.filter((one) => one.state === state).length;
  const words = (Object.keys(STATES) as State[])
    .filter((state) => count(state) > 0)
    .map((state) => `${count(state)} ${stateWords(state, dryRun)}`);
  return `${certificates.length} ${certificates.length === 1 ? 'certificate' : 'certificates'}: ${words.join(', ')}`;
}

/** A certificate as data. */
export function certificateDocument(one: ImportedCertificate): Record<string, unknown> {
  const { name, origin, state } = one;
  if (one.state === 'failed') return { name, origin, state, error: errorDocument(one.error) };
  const { issuer, spec, key, solvers, deploy, preHook, postHook } = one.request;
  const hooks = deploy.flatMap((target) => (target.kind === 'command' ? [target.command] : []));
  return {
    name,
    origin,
    state,
    server: issuer.directory,
    ...(issuer.email === undefined ? {} : { email: issuer.email }),
    domains: spec.names.map(({ value }) => value),
    keyType: key.type,
    reuseKey: key.reuse,
    provenBy: solvers.map(solverWords),
    ...(preHook === undefined ? {} : { preHook }),
    ...(postHook === undefined ? {} : { postHook }),
    ...(hooks.length === 0 ? {} : { deployHooks: hooks }),
    notAfter: new Date(one.notAfter).toISOString(),
    renewAt: new Date(one.renewAt).toISOString(),
    warnings: one.losses,
  };
}

/** An account as data. */
export function accountDocument({ id, directory, email, url, state, error }: ImportedAccount): Record<string, unknown> {
  return {
    id,
    state,
    ...(directory === undefined ? {} : { server: directory }),
    ...(email === undefined ? {} : { email }),
    ...(url === undefined ? {} : { url }),
    ...(error === undefined ? {} : { error: errorDocument(error) }),
  };
}
