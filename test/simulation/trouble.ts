/** What goes wrong in a year, by chance, after the first ten days and before the last twenty. */
import type { Random } from '../../src/base/clock.js';
import type { Fault } from '../emulators/acme/faults.js';
import type { DnsFault } from './dns.js';
import { DAY, HOUR, type Trouble, type Wanted } from './history.js';
import type { Cut } from './power.js';

interface Span {
  readonly from: number;
  readonly to: number;
}

export interface Plan {
  readonly ca: readonly (Fault & { readonly isFatal: boolean })[];
  readonly dns: readonly DnsFault[];
  readonly deploy: readonly (Span & { readonly name: string })[];
  /** When the CA wants a share of all certificates replaced at once. */
  readonly moves: readonly { readonly at: number; readonly share: number }[];
}

export const PEACE: Plan = { ca: [], dns: [], deploy: [], moves: [] };

/** One run in this many is cut off. */
const RUNS_PER_CUT = 12;
/** Nothing that a run of a machine does goes on for more acts than this. */
const MOST_ACTS = 150;

export function planTrouble(random: Random, { start, end, wanted }: { start: number; end: number; wanted: readonly Wanted[] }): Plan {
  const [first, last] = [start + 10 * DAY, end - 20 * DAY];
  const moment = (): number => first + Math.floor(random() * Math.max(0, last - first));
  const during = (length: number): Span => {
    const from = moment();
    return { from, to: from + length };
  };
  const many = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);
  /** A hundredth of the certificates of each profile, and one at least. */
  const some = (): Wanted[] =>
    ['classic', 'tlsserver', 'shortlived'].flatMap((profile) => {
      const all = wanted.filter((one) => one.profile === profile);
      return all.length === 0
        ? []
        : many(Math.ceil(all.length / 100), () => all[Math.floor(random() * all.length)]).filter((one) => one !== undefined);
    });
  const on =
    (word: string) =>
    ({ path }: { readonly path: string }) =>
      path.includes(word);
  const busy = { kind: 'problem', status: 429, type: 'rateLimited', detail: 'Service busy; retry later.', retryAfter: 3_600 } as const;
  return {
    ca: [
      ...many(8, () => ({ kind: 'unreachable', ...during(3 * HOUR), isFatal: true }) as const),
      ...many(2, () => ({ kind: 'unreachable', ...during(2 * DAY), isFatal: true }) as const),
      ...many(2, () => ({ kind: 'status', status: 503, ...during(DAY), isFatal: true }) as const),
      ...many(2, () => ({ kind: 'status', status: 503, retryAfter: 1_800, ...during(DAY), isFatal: true }) as const),
      ...many(2, () => ({ ...busy, ...during(DAY), on: on('/new-order'), isFatal: true })),
      ...many(2, () => ({ kind: 'status', status: 503, ...during(4 * DAY), on: on('/renewal-info/'), isFatal: false }) as const),
      ...many(4, () => ({ kind: 'lost', ...during(DAY), on: () => random() < 0.05, isFatal: false }) as const),
    ],
    dns: (['api', 'servers', 'view'] as const).flatMap((kind) =>
      some().map(({ name, profile }) => ({ kind, domain: name, ...during((profile === 'shortlived' ? 2 + random() * 3 : 12) * DAY) })),
    ),
    deploy: many(5, some)
      .flat()
      .map(({ name }) => ({ name, ...during((1 + random() * 3) * DAY) })),
    moves: many(1, () => ({ at: moment(), share: 0.2 })),
  };
}

/** The plan as it is told afterwards. */
export function troublesOf({ ca, dns, deploy }: Plan): Trouble[] {
  return [
    ...ca.map(({ kind, from, to, isFatal }) => ({ kind: 'ca', what: kind, from, to, isFatal }) as const),
    ...dns.map(({ kind, domain, from, to }) => ({ kind: 'dns', what: kind, name: domain, from, to, isFatal: true }) as const),
    ...deploy.map(({ name, from, to }) => ({ kind: 'deploy', what: 'hook', name, from, to, isFatal: true }) as const),
  ];
}

/** Whether, and where in what it does, the power of a run fails. */
export function cutOf(random: Random): Cut | undefined {
  const [hit, at, half] = [random(), random(), random()];
  return hit * RUNS_PER_CUT < 1 ? { act: 1 + Math.floor(at * MOST_ACTS), after: half < 0.5 } : undefined;
}
