/** What the long-running mode serves: metrics, health, the status page. Everything comes from one look at the certificates, kept for a moment. */
import { messageOf } from '../base/errors.js';
import { createMetrics } from '../flow/metrics.js';
import { type CertificateOverview, type OverviewParts, readOverviews, type Subject } from '../flow/overview.js';
import type { Answer } from '../net/serve.js';
import type { Store } from '../store/store.js';
import { readTelemetry } from '../store/telemetry.js';
import { statusDocument } from './overview-document.js';
import { PAGE_POLICY, statusPage } from './page/page.js';
import type { System } from './system.js';

/** How the watch is going. Times are milliseconds since the epoch. */
export interface WatchState {
  readonly startedAt: number;
  lastPass?: number;
  nextPass?: number;
  /** What is wrong with the configuration since it was last read. */
  configTrouble?: string;
  /** What went wrong in the last pass as a whole. */
  passTrouble?: string;
  /** Of `uptime`: when the loop last gave a sign of life. */
  beatAt: number;
  isStopping: boolean;
}

export interface WatchServiceParts {
  readonly system: Pick<System, 'clock' | 'uptime' | 'version' | 'host'>;
  readonly store: Store;
  readonly state: WatchState;
  /** What to look at now. */
  subjects(): Promise<readonly Subject[]>;
}

export interface WatchService {
  answer(path: string, query: URLSearchParams): Promise<Answer | undefined>;
  /** Looks at everything, now. */
  look(): Promise<readonly CertificateOverview[]>;
}

/** Milliseconds for which a look is good: whoever asks more often gets the same again. */
const FRESH = 5_000;
/** A hook may take ten minutes; a loop that is silent for longer hangs. */
const SILENT = 15 * 60_000;
/** Seconds between two looks of a browser. */
const REFRESH = { least: 5, most: 3_600 };

export function createWatchService({ system, store, state, subjects }: WatchServiceParts): WatchService {
  const { clock, uptime, version, host } = system;
  let last: { readonly at: number; readonly seen: Promise<readonly CertificateOverview[]> } | undefined;
  const look = (): Promise<readonly CertificateOverview[]> => {
    const seen = lookAt(subjects, { store, clock });
    last = { at: uptime(), seen };
    return seen;
  };
  const overviews = (): Promise<readonly CertificateOverview[]> => (last === undefined || uptime() - last.at > FRESH ? look() : last.seen);

  const routes: Readonly<Record<string, (query: URLSearchParams) => Promise<Answer>>> = {
    async '/'(query) {
      const seconds = Number(query.get('refresh') ?? Number.NaN);
      const trouble = [state.configTrouble, state.passTrouble].filter((words) => words !== undefined).join('; ');
      const body = statusPage(await overviews(), {
        ...{ now: clock.now(), version, host, startedAt: state.startedAt },
        ...(state.lastPass === undefined ? {} : { lastPass: state.lastPass }),
        ...(state.nextPass === undefined ? {} : { nextPass: state.nextPass }),
        ...(trouble === '' ? {} : { trouble }),
        ...(seconds >= REFRESH.least && seconds <= REFRESH.most ? { refresh: Math.round(seconds) } : {}),
      });
      return { status: 200, type: 'text/html; charset=utf-8', body, policy: PAGE_POLICY };
    },
    async '/status.json'() {
      const time = (at: number | undefined): string | undefined => (at === undefined ? undefined : new Date(at).toISOString());
      const body = {
        ...{ version: 1, kind: 'watch', time: time(clock.now()), host, startedAt: time(state.startedAt) },
        ...{ lastPass: time(state.lastPass), nextPass: time(state.nextPass) },
        ...{ configTrouble: state.configTrouble, passTrouble: state.passTrouble },
        certificates: (await overviews()).map(statusDocument),
      };
      return { status: 200, type: 'application/json', body: `${JSON.stringify(body)}\n` };
    },
    async '/metrics'() {
      const telemetry = await readTelemetry(store).catch(() => undefined);
      const metrics = createMetrics(telemetry, { now: clock.now(), version, isConfigured: state.configTrouble === undefined });
      for (const overview of await overviews()) metrics.add(overview);
      return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: metrics.text() };
    },
    async '/healthz'() {
      const silent = uptime() - state.beatAt;
      return silent > SILENT ? text(503, `nothing has happened for ${Math.round(silent / 60_000)} minutes`) : text(200, 'ok');
    },
    async '/readyz'() {
      if (state.isStopping) return text(503, 'stopping');
      if (state.lastPass === undefined) return text(503, 'the certificates are looked at for the first time');
      try {
        await overviews();
      } catch (error) {
        return text(503, messageOf(error));
      }
      return text(200, 'ok');
    },
  };
  return {
    look,
    answer: async (path, query) => (Object.hasOwn(routes, path) ? routes[path]?.(query) : undefined),
  };
}

async function lookAt(subjects: WatchServiceParts['subjects'], parts: OverviewParts): Promise<CertificateOverview[]> {
  const seen: CertificateOverview[] = [];
  for await (const overview of readOverviews(await subjects(), parts)) seen.push(overview);
  return seen;
}

function text(status: number, words: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${words}\n` };
}
