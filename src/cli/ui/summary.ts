/** The end of a run: for people where the files are and when they expire, for programs one document. */
import path from 'node:path';
import { formatDuration } from '../../base/duration.js';
import type { Quiet } from '../../flow/glance.js';
import type { Outcome, StageTime } from '../../flow/outcome.js';
import type { Paint } from './paint.js';
import { errorDocument, messageWords } from './words.js';

/** Lines for one certificate; none for a failure, which is told as an error. */
export function summaryOf(outcome: Outcome, now: number, paint: Paint): string[] {
  switch (outcome.state) {
    case 'kept':
    case 'issued': {
      const { locations } = outcome.stored;
      const beside = [locations.certificate, locations.chain].map((file) => path.basename(file)).join(', ');
      return [
        outcome.state === 'issued'
          ? `${paint.good('✔')} ${paint.strong(outcome.name)} is issued${totalTime(outcome.stages)}`
          : `${paint.good('✔')} ${paint.strong(outcome.name)} is good; nothing to do`,
        ...(outcome.stored.privateKey === undefined ? [] : [`  key          ${locations.privateKey}`]),
        `  certificate  ${locations.fullchain} (${beside} beside it)`,
        `  expires      ${dateWords(outcome.notAfter, now)}`,
        `  renews       ${dateWords(outcome.renewAt, now)}`,
        ...(outcome.state === 'issued'
          ? [`  took         ${outcome.stages.map(({ stage, milliseconds }) => `${stage} ${formatDuration(milliseconds)}`).join(', ')}`]
          : []),
      ];
    }
    case 'tested':
      return [`${paint.good('✔')} ${paint.strong(outcome.name)}: the dry run went through${totalTime(outcome.stages)}; nothing was stored`];
    case 'deferred':
      return [
        `${paint.warn('…')} ${paint.strong(outcome.name)} is due, but not tried before ${dateWords(outcome.until, now)}`,
        `  why          ${messageWords(outcome.reason)}`,
        '  now          with --force',
      ];
    case 'pending':
      return [
        `${paint.warn('…')} ${paint.strong(outcome.name)}: ${messageWords(outcome.reason)}`,
        '  next         run the same command again: it goes on with the same order',
      ];
    case 'failed':
      return [];
  }
}

/** The same as data. */
export function outcomeDocument(outcome: Outcome): Record<string, unknown> {
  const common = { name: outcome.name, state: outcome.state, stages: outcome.stages };
  switch (outcome.state) {
    case 'kept':
    case 'issued':
      return {
        ...common,
        ...storedDocument({ ...outcome, ...outcome.stored }),
        ...(outcome.deployError === undefined ? {} : { deployError: errorDocument(outcome.deployError) }),
      };
    case 'tested':
      return {
        ...common,
        ...(outcome.notBefore === undefined ? {} : { notBefore: new Date(outcome.notBefore).toISOString() }),
        ...(outcome.notAfter === undefined ? {} : { notAfter: new Date(outcome.notAfter).toISOString() }),
      };
    case 'deferred':
      return {
        ...{ ...common, until: new Date(outcome.until).toISOString(), reason: outcome.reason },
        ...(outcome.deployError === undefined ? {} : { deployError: errorDocument(outcome.deployError) }),
      };
    case 'pending':
      return { ...common, reason: outcome.reason };
    case 'failed':
      return { ...common, error: errorDocument(outcome.error) };
  }
}

/** A certificate for which there was nothing to do, as data. */
export function keptDocument(name: string, quiet: Quiet): Record<string, unknown> {
  return { name, state: 'kept', stages: [], ...storedDocument(quiet) };
}

function storedDocument({ generation, locations, notBefore, notAfter, renewAt }: Quiet): Record<string, unknown> {
  return {
    generation,
    files: locations,
    notBefore: new Date(notBefore).toISOString(),
    notAfter: new Date(notAfter).toISOString(),
    renewAt: new Date(renewAt).toISOString(),
  };
}

function totalTime(stages: readonly StageTime[]): string {
  return ` in ${formatDuration(stages.reduce((sum, { milliseconds }) => sum + milliseconds, 0))}`;
}

/** A time, and how far away it is. */
export function dateWords(at: number, now: number): string {
  const day = new Date(at).toISOString().replace('T', ' ').slice(0, 16);
  return `${day} UTC (${at >= now ? `in ${formatDuration(at - now)}` : `${formatDuration(now - at)} ago`})`;
}
