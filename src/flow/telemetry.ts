/** Counts what a run does, and adds it to what earlier runs have counted. Nothing of it may ever fail a run. */
import type { Clock } from '../base/clock.js';
import { isTscertError, messageOf } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import type { Observe } from '../net/http.js';
import { failureFacts } from '../policy/failure.js';
import type { Store } from '../store/store.js';
import {
  addTelemetry,
  emptyTelemetry,
  type Labels,
  type LastRun,
  readTelemetry,
  spreadOf,
  type Telemetry,
  writeTelemetry,
} from '../store/telemetry.js';
import type { Outcome } from './outcome.js';

/** What a run has counted so far. */
export interface Counter {
  /** Counts the events of one certificate, and passes them on. */
  emitFor(emit: Emit): Emit;
  /** Counts an exchange with an ACME server: one whose request says what it is for. */
  readonly observe: Observe;
  /** Counts what became of certificates. */
  count(outcomes: readonly Outcome[]): void;
  /** True while no certificate is counted. */
  isEmpty(): boolean;
  /**
   * Adds it all to the record in the store, as a run of this command with this result, and begins anew.
   * Never rejects: what went wrong comes back in words; what could not be added is kept for the next time.
   */
  save(store: Pick<Store, 'get' | 'put' | 'lock'>, run: { readonly command: string; readonly result: string }): Promise<string | undefined>;
}

/** How long another process that writes the record is waited for, in milliseconds. */
const LOCK_WAIT = 5_000;
const FINAL: ReadonlySet<string> = new Set(['valid', 'invalid', 'expired']);
/** What cert-manager counts an exchange as that brought no answer. */
const NO_ANSWER = 999;
const never = new AbortController().signal;

type News = Pick<Telemetry, 'stages' | 'challenges' | 'requests' | 'certificates' | 'failures'>;
const noNews = (): News => ({ stages: [], challenges: [], requests: [], certificates: [], failures: [] });
const MOST_WAITING = 500;

/** A counter for a run that begins now. */
export function createCounter(clock: Pick<Clock, 'now'>): Counter {
  let begun = clock.now();
  let counted = emptyTelemetry(begun);
  let news = noNews();
  let waiting = 0;
  /** Adding them one by one would cost more than many a run does. */
  const add = <List extends keyof News>(list: List, item: News[List][number]): void => {
    (news[list] as News[List][number][]).push(item);
    waiting += 1;
    if (waiting >= MOST_WAITING) fold();
  };
  const fold = (): Telemetry => {
    counted = addTelemetry(counted, { ...emptyTelemetry(begun), ...news });
    news = noNews();
    waiting = 0;
    return counted;
  };

  return {
    emitFor(emit) {
      const challenges = new Map<string, number>();
      return (event) => {
        if (event.type === 'stage' && event.state === 'end' && event.milliseconds !== undefined) {
          add('stages', spreadOf({ stage: event.stage }, event.milliseconds / 1_000));
        }
        if (event.type === 'challenge') {
          const key = `${event.challenge} ${event.identifier}`;
          const since = challenges.get(key) ?? clock.now();
          challenges.set(key, since);
          if (FINAL.has(event.state)) {
            challenges.delete(key);
            const labels = { type: event.challenge, result: event.state };
            add('challenges', spreadOf(labels, Math.max(0, clock.now() - since) / 1_000));
          }
        }
        emit(event);
      };
    },
    observe({ action, method, url, status, milliseconds }) {
      if (action === undefined || !URL.canParse(url)) return;
      const { protocol, host } = new URL(url);
      const labels = { scheme: protocol.slice(0, -1), host, action, method, status: String(status ?? NO_ANSWER) };
      add('requests', { labels, count: 1, seconds: milliseconds / 1_000 });
    },
    count(outcomes) {
      for (const outcome of outcomes) {
        add('certificates', { labels: { result: outcome.state }, count: 1 });
        if (outcome.state === 'failed') add('failures', { labels: failureLabels(outcome.error), count: 1 });
        else if ('deployError' in outcome && outcome.deployError !== undefined) {
          add('failures', { labels: failureLabels(outcome.deployError), count: 1 });
        }
      }
    },
    isEmpty: () => fold().certificates.length === 0,
    async save(store, { command, result }) {
      const now = clock.now();
      const at = new Date(now).toISOString();
      const run: LastRun = { command, result, at, seconds: Math.max(0, now - begun) / 1_000, ...(result === 'done' ? { doneAt: at } : {}) };
      const more = addTelemetry(fold(), { ...emptyTelemetry(begun), lastRuns: [run], runs: [{ labels: { command, result }, count: 1 }] });
      try {
        const trouble = await merge(store, more);
        begun = now;
        counted = emptyTelemetry(now);
        return trouble;
      } catch (error) {
        counted = { ...more, lastRuns: [] };
        return messageOf(error);
      }
    },
  };
}

async function merge(store: Pick<Store, 'get' | 'put' | 'lock'>, more: Telemetry): Promise<string | undefined> {
  const lock = await store.lock('telemetry', { wait: LOCK_WAIT, signal: never });
  try {
    let trouble: string | undefined;
    const before = await readTelemetry(store).catch((error: unknown) => {
      if (!isTscertError(error, 'store-damaged')) throw error;
      // Numbers that nobody can read are worth less than numbers from now on.
      trouble = `${messageOf(error)}; counting begins anew`;
      return undefined;
    });
    await writeTelemetry(before === undefined ? more : addTelemetry(before, more), store);
    return trouble;
  } finally {
    await lock.release();
  }
}

function failureLabels(error: unknown): Labels {
  return { kind: failureFacts(error)?.kind ?? 'none', code: isTscertError(error) ? error.code : 'internal' };
}
