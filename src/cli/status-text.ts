/** All that is known of a certificate, in lines for people. Nothing that others wrote reaches the terminal raw. */
import { formatDuration } from '../base/duration.js';
import type { GeneralName } from '../base/names.js';
import { printable } from '../base/printable.js';
import { conditionsOf, type Step, stepsOf } from '../flow/condition.js';
import { issuerName } from '../flow/metrics.js';
import type { CertificateOverview, CertificateState } from '../flow/overview.js';
import type { FailureKind } from '../policy/failure.js';
import type { RevocationCheckRecord } from '../store/ledger.js';
import { tableLines } from './ui/columns.js';
import type { Paint } from './ui/paint.js';
import { distanceWords, minuteWords, timeWords } from './ui/times.js';
import { messageWords } from './ui/words.js';

/** A label and its values; each value is a line, none leaves the label out. */
type Row = readonly [label: string, ...values: (string | undefined)[]];

export interface StatusStyle {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly paint: Paint;
  colour(state: CertificateState, text: string): string;
}

const WIDTH = 13;
const DECIDES: Readonly<Record<NonNullable<CertificateOverview['renewal']>['by'], string>> = {
  ari: "the CA's renewal information (ARI)",
  renewBefore: 'renewBefore',
  lifetime: 'a third of its lifetime before it ends',
};
const KINDS: Readonly<Record<FailureKind, string>> = {
  'rate-limited': 'the CA limits how often it may be asked',
  paused: 'the CA has paused the account for these names',
  unavailable: 'the CA cannot be reached, or is unwell',
  validation: 'the CA could not validate a name',
  refused: 'the CA refuses the request',
  provider: 'the DNS provider, or the proof of control here',
  local: 'something on this machine',
  request: 'the request or the configuration',
};

/** The lines of one certificate, without a line feed at the end. */
export function statusText(overview: CertificateOverview, style: StatusStyle): string {
  const { name, state, trouble } = overview;
  const { paint, colour } = style;
  const sections: readonly (readonly [title: string, lines: readonly string[]])[] = [
    ['Certificate', rows(certificateRows(overview, style))],
    ['Renewal', rows(renewalRows(overview, style))],
    ['Under way', rows(underWayRows(overview))],
    ['Ledger', rows(ledgerRows(overview, style))],
    ['Targets', targetLines(overview, style)],
    ['Steps', stepLines(stepsOf(overview.ledger.events), style)],
    ['Events', eventLines(overview, style)],
  ];
  return [
    `${paint.strong(printable(name))}  ${colour(state, state)}`,
    ...(trouble === undefined ? [] : rows([['trouble', messageWords(trouble)]])),
    ...sections.flatMap(([title, lines]) => (lines.length === 0 ? [] : [paint.strong(`  ${title}`), ...lines.map((line) => `  ${line}`)])),
  ].join('\n');
}

function rows(all: readonly Row[]): string[] {
  return all.flatMap(([label, ...values]) =>
    values
      .filter((value) => value !== undefined)
      .map((value, at) => `  ${(at === 0 ? label : '').padEnd(WIDTH)} ${printable(value)}`.trimEnd()),
  );
}

function certificateRows(overview: CertificateOverview, { now }: StatusStyle): readonly Row[] {
  const { certificate, wantedNames, issuer } = overview;
  const conditions = conditionsOf(overview).map(({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`);
  const short = issuerName(issuer);
  const issuerRow: Row = ['issuer', issuer && (short === issuer.name ? short : `${short} (${issuer.kind} ${issuer.name})`)];
  const nameRow = (names: readonly GeneralName[] = []): Row => [
    'names',
    ...names.map(({ type, value }) => (type === 'dns' ? value : `${type}:${value}`)),
  ];
  if (certificate === undefined) return [['conditions', ...conditions], nameRow(wantedNames), issuerRow];
  const { names, notBefore, notAfter, keyType, signedBy, serialNumber, fingerprint, generation, fullchain } = certificate;
  return [
    ['conditions', ...conditions],
    nameRow(names),
    issuerRow,
    ['signed by', signedBy],
    ['valid', `${minuteWords(notBefore)} to ${minuteWords(notAfter)} (${distanceWords(notAfter, now)})`],
    ['key', keyType],
    ['serial', serialNumber.replaceAll(/(..)(?=.)/g, '$1:')],
    ['fingerprint', `SHA-256 ${fingerprint.toUpperCase().replaceAll(/(..)(?=.)/g, '$1:')}`],
    ['files', `${fullchain} (generation ${generation})`],
  ];
}

function renewalRows({ renewal, due, deferral }: CertificateOverview, { now }: StatusStyle): readonly Row[] {
  const dueRows: readonly Row[] = [
    ['due', due && `${due.reason}: ${due.message}`],
    ['waits', deferral && `until ${timeWords(deferral.until, now)}: ${deferral.reason}`],
  ];
  if (renewal === undefined) return dueRows;
  const { at, by, window, explanationUrl } = renewal;
  return [
    ['renews', timeWords(at, now)],
    ['decided by', DECIDES[by]],
    ['window', window && `${minuteWords(window.start)} to ${minuteWords(window.end)} (${formatDuration(window.end - window.start)})`],
    ['explanation', explanationUrl],
    ...dueRows,
  ];
}

function underWayRows({ underWay }: CertificateOverview): readonly Row[] {
  if (underWay === undefined) return [];
  const { order, isFinalizing, challenges } = underWay;
  return [
    ['order', order === undefined ? 'a key is made, nothing is ordered yet' : `${order}${isFinalizing ? ' (finalizing)' : ''}`],
    ['challenges', ...challenges.map(({ type, domain }) => `${type} ${domain}`)],
    ['next', 'the next renew or issue goes on with it, or takes it back'],
  ];
}

function ledgerRows({ certificate, ledger }: CertificateOverview, { now }: StatusStyle): readonly Row[] {
  const { failure, revocation, revocationCheck, counts } = ledger;
  const total: Row = ['in all', counts.issued + counts.failed === 0 ? undefined : `${counts.issued} issued, ${counts.failed} failed`];
  const revoked: Row = [
    'revoked',
    revocation && `${timeWords(Date.parse(revocation.at), now)}: ${revocation.reason} (said by ${revocation.by})`,
  ];
  const checked = revocationCheck?.serialNumber === certificate?.serialNumber ? revocationCheck : undefined;
  const checks: readonly Row[] = [
    ['revocation', checked && checkWords(checked, now)],
    ['staple', checked?.staple && stapleWords(checked.staple, now)],
  ];
  if (failure === undefined) return [revoked, ...checks, total];
  const { count, since, at, nextAt, kind, message, unpauseUrl } = failure;
  const times = count === 1 ? `1, ${timeWords(Date.parse(at), now)}` : `${count} in a row since ${minuteWords(Date.parse(since))}`;
  return [
    ['failures', times],
    ['last', count === 1 ? undefined : timeWords(Date.parse(at), now)],
    ['kind', `${kind}: ${KINDS[kind]}`],
    ['error', messageWords(message)],
    ['next attempt', Date.parse(nextAt) > now ? `not before ${timeWords(Date.parse(nextAt), now)}` : 'with the next renew'],
    ['unpause', unpauseUrl],
    revoked,
    ...checks,
    total,
  ];
}

function checkWords({ status, by, at, checkAt, message }: RevocationCheckRecord, now: number): string {
  const words = {
    good: 'good',
    revoked: 'revoked',
    unknown: 'unknown to its CA',
    unchecked: 'not known',
    'no-way': 'nobody tells',
  } as const;
  const who = by === undefined ? '' : ` by ${by === 'ocsp' ? 'OCSP' : 'its CRL'}`;
  const why = message === undefined ? '' : `: ${messageWords(message)}`;
  return `${words[status]}${who} ${distanceWords(Date.parse(at), now)}, asked again ${timeWords(Date.parse(checkAt), now)}${why}`;
}

function stapleWords({ file, until }: NonNullable<RevocationCheckRecord['staple']>, now: number): string {
  return until === undefined ? `${file}: no response yet` : `${file}, good until ${timeWords(Date.parse(until), now)}`;
}

function targetLines({ targets, certificate }: CertificateOverview, { now, paint }: StatusStyle): string[] {
  return targets.flatMap(({ title, state, at, message, certificate: brought }) => {
    const isOld = certificate !== undefined && brought !== certificate.fingerprint;
    const mark = state === 'failed' ? paint.bad('✘') : isOld ? paint.warn('…') : paint.good('✔');
    const when = `${state === 'failed' ? 'failed' : 'done'} ${distanceWords(Date.parse(at), now)}${isOld ? ', with an older certificate' : ''}`;
    return [
      `  ${mark} ${printable(title)}: ${when}`,
      ...(message === undefined || state === 'done' ? [] : [`    ${printable(messageWords(message))}`]),
    ];
  });
}

function stepLines(steps: readonly Step[], { paint }: StatusStyle): string[] {
  if (steps.length === 0) return [];
  const marks = { done: paint.good('✔'), failed: paint.bad('✘'), open: paint.dim('·') };
  return [`  ${steps.map(({ step, state }) => `${marks[state]} ${step}`).join('  ')}`];
}

function eventLines({ ledger: { events } }: CertificateOverview, { now, paint }: StatusStyle): string[] {
  if (events.length === 0) return [];
  const texts = events.map(({ at, type, reason, message }) => [type, reason, distanceWords(Date.parse(at), now), message].map(printable));
  const columns = [
    { title: 'TYPE', paint: (text: string) => (text === 'Warning' ? paint.warn(text) : text) },
    { title: 'REASON' },
    { title: 'WHEN' },
    { title: 'MESSAGE' },
  ];
  return tableLines(columns, texts, undefined).map((line) => `  ${line}`);
}
