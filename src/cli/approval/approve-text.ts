/** What became of requests, in lines for people and as plain data. */
import { formatDuration } from '../../base/duration.js';
import { printable } from '../../base/printable.js';
import { BY_HAND } from '../../flow/approval/by-hand.js';
import type { Review } from '../../flow/approval/review.js';
import type { CertificateSigningRequest } from '../../kubernetes/csr.js';
import type { RuleVerdict, Verdict } from '../../policy/approval/verdict.js';
import { lookAt } from '../../policy/whole/look.js';
import { foundText } from '../inspect-text.js';
import type { Paint } from '../ui/paint.js';
import { errorDocument, messageWords } from '../ui/words.js';

export interface LineOptions {
  readonly paint: Paint;
  readonly dryRun: boolean;
  /** Every rule, not only those that were not met. */
  readonly verbose: boolean;
}

/** What is asked for, and by whom: shown before a person's word on it is written. */
export function requestLines({ metadata, spec }: CertificateSigningRequest, paint: Paint): string[] {
  const { description, faults } = lookAt(Buffer.from(spec.request, 'base64'));
  const groups = spec.groups ?? [];
  const rows: readonly (readonly [string, string])[] = [
    ['signer', spec.signerName],
    ['asked by', `${spec.username ?? ''}${groups.length === 0 ? '' : ` (${groups.join(', ')})`}`],
    ['usages', (spec.usages ?? []).join(', ')],
    ['duration', typeof spec.expirationSeconds === 'number' ? formatDuration(spec.expirationSeconds * 1_000) : "the signer's own"],
    ['made', metadata.creationTimestamp ?? ''],
  ];
  return [
    paint.strong(printable(metadata.name)),
    ...rows.map(([label, text]) => `  ${label.padEnd(13)} ${printable(text)}`),
    ...(description === undefined
      ? []
      : foundText({ type: 'csr', ...description }, undefined)
          .split('\n')
          .slice(1)),
    ...faults.map(({ message }) => `  ${paint.bad('NOT WHOLE')}     ${printable(message)}`),
  ];
}

/** One line of what became of it, and the rules that decided. */
export function linesOf(review: Review, { paint, dryRun, verbose }: LineOptions): string[] {
  const name = paint.strong(printable(review.name));
  const would = dryRun ? 'would be ' : '';
  // The message has every rule that was not met already.
  const policies = verbose && 'verdict' in review ? (review.verdict?.policies ?? []) : [];
  const rules = policies.flatMap(({ rules: all, policy }) => ruleLines(all, policy, paint));
  switch (review.state) {
    case 'approved':
      return [`${paint.good('✔')} ${name} ${would}approved${why(review.verdict)}`, ...rules];
    case 'denied':
      return [`${paint.bad('✘')} ${name} ${would}denied${why(review.verdict)}`, ...rules];
    case 'unprocessed':
      return [`${paint.warn('–')} ${name} left as it is: ${printable(review.verdict.message)}`, ...rules];
    case 'not-carried-out':
      return [`${paint.warn('–')} ${name} left as it is; it would be approved: ${printable(review.verdict.message)}`, ...rules];
    case 'settled':
      return [`${paint.warn('–')} ${name} is ${review.found} already`];
    case 'gone':
      return [`${paint.warn('–')} ${name} is gone`];
    case 'failed':
      return [`${paint.bad('!')} ${name} ${printable(messageWords(review.error))}`, ...rules];
  }
}

/** A person needs no reason. */
function why({ message, policies }: Verdict): string {
  return policies.every(({ policy }) => policy === BY_HAND) ? '' : `: ${printable(message)}`;
}

const MARKS = { passed: '✔', broken: '✘', unknown: '–' } as const;
const COLOURS = { passed: 'good', broken: 'bad', unknown: 'warn' } as const;

function ruleLines(rules: readonly RuleVerdict[], policy: string, paint: Paint): string[] {
  return rules.map(
    ({ rule, outcome, message }) => `    ${paint[COLOURS[outcome]](MARKS[outcome])} ${printable(policy)}: ${rule}: ${printable(message)}`,
  );
}

/** The same as data: the verdict with every rule, and the request as it is read. */
export function documentOf(review: Review): Record<string, unknown> {
  const { csr, state, name, conflicts } = review;
  const { spec, metadata } = csr;
  const look = lookAt(Buffer.from(spec.request, 'base64'));
  return {
    name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    state,
    ...(state === 'settled' && { found: review.found }),
    ...('verdict' in review && review.verdict !== undefined && { verdict: review.verdict }),
    ...(state === 'failed' && { error: errorDocument(review.error) }),
    conflicts,
    signerName: spec.signerName,
    username: spec.username,
    groups: spec.groups,
    usages: spec.usages,
    ...(typeof spec.expirationSeconds === 'number' && { expirationSeconds: spec.expirationSeconds }),
    isWhole: look.isWhole,
    faults: look.faults,
    request: look.description,
  };
}
