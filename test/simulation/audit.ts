/** What must hold in a year of renewals, each rule as a function that tells where it does not. */
import { usualWindow } from '../emulators/acme/certificates.js';
import { type CaEvent, DAY, type Held, type History, HOUR, type Pick, RHYTHM, type Run, type Trouble } from './history.js';
import { chiSquare } from './statistics.js';

/** What is wrong, in sentences; nothing, when all is well. */
type Faults = readonly string[];

const timeText = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** Runs that could have done everything for a certificate: not cut off, and nothing that it needs was out of order meanwhile. */
function healthyRuns({ runs, wanted, troubles }: History, name: string, ...kinds: readonly Trouble['kind'][]): Run[] {
  const machine = wanted.find((one) => one.name === name)?.machine;
  const own = troubles.filter((one) => one.isFatal && kinds.includes(one.kind) && (one.name === undefined || one.name === name));
  return runs.filter(
    (run) => run.machine === machine && !run.isCut && !own.some((trouble) => trouble.from <= run.to && run.from < trouble.to),
  );
}

/** Who has failed waits a day at most for the next try. */
function failedWithinADay({ runs }: History): (name: string, now: number) => boolean {
  const failures = new Map<string, number[]>();
  for (const run of runs) for (const { name } of run.failures) failures.set(name, [...(failures.get(name) ?? []), run.from]);
  return (name, now) => (failures.get(name) ?? []).some((at) => now - DAY < at && at < now);
}

function serialsById(ca: readonly CaEvent[]): Map<string, string> {
  return new Map(ca.flatMap((event) => (event.kind === 'issued' ? [[event.id, event.serial]] : [])));
}

/** When each certificate that was named as replaced was so. */
function successionsOf(ca: readonly CaEvent[]): Map<string, number> {
  return new Map(ca.flatMap((event) => (event.kind === 'issued' && event.replaces !== undefined ? [[event.replaces, event.at]] : [])));
}

function byName(held: readonly Held[], name: string): Held[] {
  return held.filter((one) => one.name === name);
}

/** When a certificate is due without a doubt: after the CA's window, once that is known, and by its dates with a third of its life left. */
function dueTimes({ picks, ca }: History): (held: Held) => number {
  const serials = serialsById(ca);
  const advised = new Map(picks.map(({ certificate, at, end }) => [serials.get(certificate), Math.max(at, end)]));
  return ({ serial, notBefore, notAfter }) => Math.min(advised.get(serial) ?? notAfter, notAfter - (notAfter - notBefore) / 3);
}

/**
 * No certificate that is in use ever expires that could have been renewed: once it is due, one run in which nothing was out of order is
 * enough, whatever failed before. One that is wanted and not there yet may wait a day for the next try.
 */
export function expiries(history: History): Faults {
  const { wanted, served, end } = history;
  const dueAt = dueTimes(history);
  const hasFailed = failedWithinADay(history);
  return wanted.flatMap(({ name, from }) => {
    const chances = healthyRuns(history, name, 'ca', 'dns', 'deploy');
    const all = byName(served, name);
    const first = chances.find((run) => run.from >= from && !hasFailed(name, run.from));
    const isLate = first !== undefined && (all[0]?.at ?? end) > first.to;
    const late = isLate ? [`${name} was not there after the run at ${timeText(first.from)}`] : [];
    const gaps = all.flatMap((held, at) => {
      const next = all[at + 1]?.at ?? end;
      const missed = next <= held.notAfter ? undefined : chances.find((run) => run.from > dueAt(held) && run.to < held.notAfter);
      if (missed === undefined) return [];
      return [`${name} expired at ${timeText(held.notAfter)}; the run at ${timeText(missed.from)} could have renewed it`];
    });
    return [...late, ...gaps];
  });
}

/** How long certificates were expired for reasons that nobody here could help, for the record. */
export function excusedExpiries({ wanted, served, end }: History): number {
  return wanted.flatMap(({ name }) => {
    const all = byName(served, name);
    return all.filter((held, at) => (all[at + 1]?.at ?? end) > held.notAfter);
  }).length;
}

type Issued = Extract<CaEvent, { readonly kind: 'issued' }>;

function issuedBySet({ ca }: History): Issued[][] {
  const sets = new Map<string, Issued[]>();
  for (const event of ca) {
    if (event.kind !== 'issued') continue;
    const key = event.names.join(' ');
    sets.set(key, [...(sets.get(key) ?? []), event]);
  }
  return [...sets.values()];
}

/**
 * None is renewed twice in a window: a certificate follows another one not before the last run ahead of that one's window, unless the CA
 * has moved the window, or the other one was lost with the power before anybody had it.
 */
export function doubles(history: History): Faults {
  const { moved, stored, runs } = history;
  const kept = new Set(stored.map(({ serial }) => serial));
  const wasLost = ({ serial, at }: Issued): boolean =>
    !kept.has(serial) && runs.some(({ isCut, from, to }) => isCut && from <= at && at <= to + HOUR);
  const replaced = history.ca.flatMap((event) => (event.kind === 'issued' && event.replaces !== undefined ? [event.replaces] : []));
  const twice = replaced
    .filter((serial, at) => replaced.indexOf(serial) !== at)
    .map((serial) => `the certificate ${serial} was replaced twice`);
  const early = issuedBySet(history).flatMap((all) =>
    all.slice(1).flatMap((event, at) => {
      const before = all[at];
      if (before === undefined || moved.has(before.serial) || wasLost(before)) return [];
      const earliest = usualWindow(before).start - RHYTHM;
      return event.at >= earliest
        ? []
        : [`${event.names[0]} was issued at ${timeText(event.at)}, and again was not due before ${timeText(earliest)}`];
    }),
  );
  return [...twice, ...early];
}

/** The pick that decided for each certificate that was replaced, where its whole window lies within the year. */
function decidingPicks({ picks, ca, moved, end }: History): (Pick & { readonly replacedAt: number })[] {
  const successions = successionsOf(ca);
  const serials = serialsById(ca);
  const last = new Map<string, Pick & { readonly replacedAt: number }>();
  for (const pick of picks) {
    const serial = serials.get(pick.certificate) ?? '';
    const replacedAt = successions.get(serial);
    if (replacedAt === undefined || pick.at > replacedAt || pick.end > end - DAY || moved.has(serial)) continue;
    last.set(serial, { ...pick, replacedAt });
  }
  return [...last.values()];
}

/** Where in its window each renewal was set, from 0 to 1. */
export function positions(history: History): number[] {
  return decidingPicks(history).map(({ start, end, pick }) => (pick - start) / (end - start));
}

/** The spread inside the windows is uniform: so says the chi-square test, of which one in a thousand uniform years would say otherwise. */
export function spread(history: History): Faults {
  const all = positions(history);
  const { statistic, critical } = chiSquare(all, 10);
  return statistic <= critical
    ? []
    : [`the spread of ${all.length} renewals is not uniform: chi-square is ${statistic.toFixed(1)}, more than ${critical}`];
}

/**
 * Each renewal was in the last run before the moment that was drawn, or in the first one after it in which nothing was out of order; who has
 * failed waits a day at most before the next try.
 */
export function punctuality(history: History): Faults {
  const hasFailed = failedWithinADay(history);
  return decidingPicks(history).flatMap(({ name, pick, at: known, replacedAt: at }) => {
    // After a run that was cut off before it could note itself, the timer is taken to come half as often.
    const rhythm = history.runs.some((run) => run.isCut && run.from < at && run.from >= at - 2 * RHYTHM) ? 2 * RHYTHM : RHYTHM;
    if (at < pick - rhythm) return [`${name} was renewed at ${timeText(at)}, long before its moment ${timeText(pick)}`];
    const chances = healthyRuns(history, name, 'ca', 'dns').filter((run) => run.from > Math.max(pick, known) && run.to < at);
    const missed = chances.find((run) => !hasFailed(name, run.from));
    return missed === undefined
      ? []
      : [`${name} was renewed at ${timeText(at)}, and could have been by the run at ${timeText(missed.from)}`];
  });
}

/** Orders and failures stay within the CA's limits: it never had to say so, nor did what stands before it. */
export function limits({ ca, staging }: History): Faults {
  return [...ca, ...staging].flatMap((event) => {
    if (event.kind !== 'refused' || (event.type !== 'rateLimited' && event.type !== 'edge')) return [];
    return [`${event.path} was refused at ${timeText(event.at)}: ${event.status} ${event.type} ${event.detail}`];
  });
}

/** No order is made in vain: each is issued, or failed, or was lost with the power. */
export function waste({ ca, runs, troubles }: History): Faults {
  const count = (kind: CaEvent['kind']): number => ca.filter((event) => event.kind === kind).length;
  const failed = runs.reduce((sum, { failures }) => sum + failures.length, 0);
  const cuts = runs.filter(({ isCut }) => isCut).length;
  const lost = troubles.filter(({ what }) => what === 'lost').length;
  const most = count('issued') + failed + cuts + lost;
  return count('order') <= most
    ? []
    : [`${count('order')} orders were made for ${count('issued')} certificates, ${failed} failures and ${cuts} power cuts`];
}

/** What is stored comes into use by the next run in which it can, and by the end all of it is. */
export function deployments(history: History): Faults {
  const { wanted, stored, served, end } = history;
  return wanted.flatMap(({ name }) => {
    const used = new Map(byName(served, name).map(({ serial, at }) => [serial, at]));
    const chances = healthyRuns(history, name, 'deploy');
    const all = byName(stored, name);
    return all.flatMap(({ serial, at }, index) => {
      const chance = chances.find((run) => run.to >= at && run.to < (all[index + 1]?.at ?? end));
      const since = used.get(serial) ?? Number.POSITIVE_INFINITY;
      return chance === undefined || since <= chance.to
        ? []
        : [`${name} (${serial}) was not in use after the run at ${timeText(chance.from)}`];
    });
  });
}

/** In the end nothing is left: no TXT value, no journal, no failure that is remembered; and no name ever held more values than it needs. */
export function leftovers({ leftInDns, leftInJournals, failing, mostInDns }: History): Faults {
  return [
    ...leftInDns.map((record) => `a TXT value was left: ${record}`),
    ...leftInJournals.map((record) => `a journal was left: ${record}`),
    ...failing.map((name) => `a failure of ${name} is still remembered`),
    // The name and its wildcard, and those that a run left which was cut off.
    ...(mostInDns <= 4 ? [] : [`${mostInDns} values stood at one name`]),
  ];
}
