/** Generations of a certificate in words, and as data. */
import { formatDuration } from '../../base/duration.js';
import { printable } from '../../base/printable.js';
import type { HistoryEntry } from '../../flow/history.js';
import type { RolledBack } from '../../flow/rollback.js';
import type { Paint } from './paint.js';
import { dateWords } from './summary.js';

/** So many names tell generations apart, mostly. */
const MOST_NAMES = 3;

/** The history, newest first, one line each. */
export function entryLines(history: readonly HistoryEntry[], now: number): string[] {
  return [...history].reverse().map((entry) => `  ${entry.id}  ${entryWords(entry, now)}${entry.isCurrent ? ', current' : ''}`);
}

/** What became of a rollback. */
export function rolledBackLines(name: string, { state, from, to, kept }: RolledBack, now: number, paint: Paint): string[] {
  const isThere = state === 'kept';
  const what = isThere ? `is at the generation ${to.id} already; nothing to do` : `is at the generation ${to.id} now`;
  return [
    `${paint.good('✔')} ${paint.strong(name)} ${what}`,
    ...(from === undefined || isThere ? [] : [`  from         ${from.id}, ${entryWords(from, now)}`]),
    ...(isThere ? [] : [`  to           ${to.id}, ${entryWords(to, now)}`]),
    ...(kept === undefined ? [] : [`  certificate  ${kept.stored.locations.fullchain}`, `  renews       ${dateWords(kept.renewAt, now)}`]),
  ];
}

/** A generation as data. */
export function entryDocument(entry: HistoryEntry): Record<string, unknown> {
  const { id, storedAt, isCurrent, certificate, damage, revoked, isCompromised } = entry;
  return {
    generation: id,
    storedAt: new Date(storedAt).toISOString(),
    current: isCurrent,
    ...(certificate === undefined
      ? {}
      : {
          names: certificate.extensions.names.map(({ value }) => value),
          serialNumber: certificate.serialNumber,
          notBefore: certificate.notBefore.toISOString(),
          notAfter: certificate.notAfter.toISOString(),
        }),
    ...(damage === undefined ? {} : { damage }),
    ...(revoked === undefined ? {} : { revoked: { at: revoked.at, reason: revoked.reason } }),
    ...(isCompromised ? { compromised: true } : {}),
  };
}

function entryWords({ storedAt, certificate, damage, revoked, isCompromised }: HistoryEntry, now: number): string {
  const end = certificate?.notAfter.getTime();
  const words = [
    certificate && namesWords(certificate.extensions.names.map(({ value }) => printable(value))),
    `stored ${minuteWords(storedAt)}`,
    end === undefined ? undefined : end < now ? `EXPIRED ${formatDuration(now - end)} ago` : `expires ${dateWords(end, now)}`,
    certificate && `serial ${certificate.serialNumber}`,
    revoked && `REVOKED ${minuteWords(Date.parse(revoked.at))} (${printable(revoked.reason)})`,
    isCompromised ? 'KEY COMPROMISED' : undefined,
    damage === undefined ? undefined : `DAMAGED: ${printable(damage)}`,
  ];
  return words.filter((word) => word !== undefined).join(', ');
}

/** The first names, and how many more there are. */
function namesWords(names: readonly string[]): string | undefined {
  const shown = names.slice(0, MOST_NAMES).join(' ');
  if (names.length === 0) return undefined;
  return names.length > MOST_NAMES ? `${shown} and ${names.length - MOST_NAMES} more` : shown;
}

function minuteWords(at: number): string {
  return Number.isNaN(at) ? 'at some time' : `${new Date(at).toISOString().replace('T', ' ').slice(0, 16)} UTC`;
}
