/** A run of `list`: one line a certificate. */
import { printable } from '../base/printable.js';
import { issuerName } from '../flow/metrics.js';
import { type CertificateOverview, type CertificateState, readOverviews } from '../flow/overview.js';
import type { Context } from './context.js';
import { EXIT } from './exit.js';
import { findSubjects } from './looking.js';
import { lastErrorOf, listDocument } from './overview-document.js';
import { type Column, tableLines } from './ui/columns.js';
import { paintOfState } from './ui/states.js';
import { distanceWords } from './ui/times.js';
import { messageWords } from './ui/words.js';

/** Runs `list` and gives its exit code. */
export async function runList(context: Context): Promise<number> {
  const { system, globals, ui } = context;
  const { store, subjects } = await findSubjects(context, 'tscert list');
  const now = system.clock.now();
  const rows: string[][] = [];
  const states: CertificateState[] = [];
  const documents: Record<string, unknown>[] = [];
  for await (const overview of readOverviews(subjects, { store, clock: system.clock })) {
    states.push(overview.state);
    if (ui.json) documents.push(listDocument(overview));
    else rows.push(rowOf(overview, now).map(printable));
  }
  if (ui.json) ui.document('list', { certificates: documents });
  else if (rows.length > 0) {
    const paint = await paintOfState(system, globals);
    const columns: readonly Column[] = [
      { title: 'NAME', least: 16 },
      { title: 'NAMES', least: 12, dispensable: 1 },
      { title: 'ISSUER', least: 8, dispensable: 2 },
      { title: 'EXPIRES' },
      { title: 'RENEWS', dispensable: 4 },
      { title: 'STATE', paint: (text, row) => paint(states[row] ?? 'ready', text) },
      { title: 'LAST ERROR', least: 10, dispensable: 3 },
    ];
    // A person wants the table to fit; a pipe wants all of it.
    ui.data(`${tableLines(columns, rows, system.stdout.isTTY ? (system.stdout.columns ?? 80) : undefined).join('\n')}\n`);
  }
  if (!ui.json) ui.say(countWords(states));
  return EXIT.done;
}

function rowOf(overview: CertificateOverview, now: number): string[] {
  const { name, state, certificate, wantedNames = [], issuer, renewal } = overview;
  const names = (certificate?.names ?? wantedNames).map(({ value }) => value);
  const [first = '-', ...others] = names;
  const error = lastErrorOf(overview);
  return [
    name,
    others.length === 0 ? first : `${first} +${others.length}`,
    issuerName(issuer) || '-',
    certificate === undefined ? '-' : `${day(certificate.notAfter)} ${distance(certificate.notAfter, now)}`,
    renewal === undefined ? '-' : distance(renewal.at, now),
    state,
    error === undefined ? '' : messageWords(error),
  ];
}

const DAY = 86_400_000;

/** In days where hours say nothing. */
function distance(at: number, now: number): string {
  const days = Math.floor(Math.abs(at - now) / DAY);
  if (days < 2) return distanceWords(at, now);
  return at >= now ? `in ${days}d` : `${days}d ago`;
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function countWords(states: readonly CertificateState[]): string {
  if (states.length === 0) return 'no certificate is stored or configured';
  const counts = new Map<CertificateState, number>();
  for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  const words = [...counts].sort(([, a], [, b]) => b - a).map(([state, count]) => `${count} ${state}`);
  return `${states.length} ${states.length === 1 ? 'certificate' : 'certificates'}: ${words.join(', ')}`;
}
