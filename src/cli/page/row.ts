/** One certificate in the table of the status page: a row, and below it what is wrong and what else there is to know. */
import { formatDuration } from '../../base/duration.js';
import { issuerName } from '../../flow/metrics.js';
import type { CertificateOverview } from '../../flow/overview.js';
import { lastErrorOf } from '../overview-document.js';
import { distanceWords, minuteWords } from '../ui/times.js';
import { type Html, html, trusted } from './html.js';
import { timeline } from './timeline.js';
import { MEANINGS, type Mood } from './urgency.js';

export const COLUMNS = 6;
/** Names of one certificate that are shown; there may be hundreds. */
const MOST_NAMES = 12;

const ICONS: Readonly<Record<Mood, Html>> = {
  good: trusted('<svg viewBox="0 0 12 12" aria-hidden="true"><path d="M2 6.5 4.8 9.2 10 3.2"/></svg>'),
  due: trusted('<svg viewBox="0 0 12 12" aria-hidden="true"><circle cx="6" cy="6" r="4.6"/><path d="M6 3.4V6l1.8 1.4"/></svg>'),
  bad: trusted('<svg viewBox="0 0 12 12" aria-hidden="true"><path d="M3 3l6 6M9 3l-6 6"/></svg>'),
};

const DECIDES: Readonly<Record<NonNullable<CertificateOverview['renewal']>['by'], string>> = {
  ari: 'as the CA advises',
  renewBefore: 'as configured',
  lifetime: 'at 2/3 of its life',
};

/** @param isDense in few lines, without what only a person who looks closely wants to know */
export function certificateRow(overview: CertificateOverview, now: number, isDense: boolean): Html {
  const { name, certificate, renewal, state } = overview;
  const { mood, word } = MEANINGS[state];
  const sub = (words: string): Html | undefined => (isDense ? undefined : html`<span class="sub">${words}</span>`);
  const line = certificate && html`${timeline(overview, now)}${!isDense && ends(certificate)}`;
  const renews = renewal && html`${at(renewal.at, renewalWords(renewal.at, now))}${sub(DECIDES[renewal.by])}`;
  const expires =
    certificate && html`${at(certificate.notAfter, distanceWords(certificate.notAfter, now))}${sub(minute(certificate.notAfter))}`;
  return html`<tr role="row" class="${mood}"><th role="rowheader" scope="row">${name}<span class="sub">${subtitle(overview)}</span></th>
<td role="cell"><span class="badge ${mood}">${ICONS[mood]}${word}</span></td>
${cell('cell-line', line ?? html`<span class="sub">nothing is stored that can be read</span>`)}
${cell('cell-when', renews, 'Renews')}
${cell('cell-when', expires, 'Expires')}
${cell('cell-targets', targets(overview, isDense))}</tr>
${more(overview, now, isDense)}`;
}

/** @param label what a narrow page, which has no heads of columns, says in front */
function cell(name: string, content: Html | undefined, label?: string): Html {
  if (content === undefined) return html`<td role="cell" class="cell-none">–</td>`;
  return html`<td role="cell" class="${name}"${label !== undefined && html` data-label="${label}"`}>${content}</td>`;
}

/** The dates at the ends of the line, which the line itself says to those who do not see it. */
function ends({ notBefore, notAfter }: { readonly notBefore: number; readonly notAfter: number }): Html {
  return html`<div class="ends" aria-hidden="true"><span>${day(notBefore)}</span><span>${day(notAfter)}</span></div>`;
}

function renewalWords(time: number, now: number): string {
  return time >= now ? `in ${formatDuration(time - now)}` : `due for ${formatDuration(now - time)}`;
}

function more(overview: CertificateOverview, now: number, isDense: boolean): Html | undefined {
  const trouble = troubles(overview, now);
  if (trouble.length === 0 && isDense) return undefined;
  return html`<tr role="row" class="more"><td role="cell" colspan="${COLUMNS}">${trouble}${!isDense && details(overview)}</td></tr>
`;
}

/** What is wrong and when it is tried again; why it is due, where nothing is wrong. */
function troubles(overview: CertificateOverview, now: number): Html[] {
  const { due, ledger, targets: all, trouble, renewal, state } = overview;
  const { failure, revocation } = ledger;
  const blocks: Html[] = [];
  const block = (mood: Mood, message: string, after?: Html): void => {
    blocks.push(html`<div class="trouble ${mood}"><p>${message}</p>${after && html`<span class="sub">${after}</span>`}</div>`);
  };
  if (failure !== undefined) {
    const { count, since, at: last, nextAt, message, unpauseUrl } = failure;
    const times = count === 1 ? `tried ${distanceWords(Date.parse(last), now)}` : `${count} failures since ${minute(Date.parse(since))}`;
    block(
      state === 'waiting' ? 'due' : 'bad',
      message,
      html`${times}; next attempt ${distanceWords(Date.parse(nextAt), now)}${link(unpauseUrl, 'lift the pause')}`,
    );
  }
  if (trouble !== undefined) block('bad', trouble);
  for (const { title, state: result, message } of all) {
    if (result === 'failed') block('bad', `${title}: ${message ?? 'it failed'}`, html`tried again by the next run`);
  }
  if (revocation !== undefined) block('bad', `revoked (${revocation.reason}) at ${minute(Date.parse(revocation.at))}`);
  const explained = link(renewal?.explanationUrl, 'why the CA wants it renewed');
  if (due !== undefined && lastErrorOf(overview) === undefined) block('due', `${due.reason}: ${due.message}`, explained);
  else if (explained !== undefined) blocks.push(html`<p class="sub">${explained}</p>`);
  return blocks;
}

function details({ certificate, issuer, underWay, ledger }: CertificateOverview): Html {
  const row = (label: string, value: Html | string | undefined): Html | undefined =>
    value === undefined || value === '' ? undefined : html`<dt>${label}</dt><dd>${value}</dd>`;
  const events = ledger.events.slice(-5).reverse();
  return html`<details><summary>Details</summary><dl>${row('Names', certificate && namesOf(certificate.names))}${row(
    'Authority',
    issuer && `${issuer.kind} ${issuer.name}`,
  )}${row('Signed by', certificate?.signedBy)}${row('Key', certificate?.keyType)}${row('Serial number', certificate && html`<code>${certificate.serialNumber}</code>`)}${row(
    'SHA-256',
    certificate && html`<code>${certificate.fingerprint}</code>`,
  )}${row('Generation', certificate?.generation)}${row('File', certificate && html`<code>${certificate.fullchain}</code>`)}${row(
    'Under way',
    underWay && (underWay.order ?? 'before the order'),
  )}${row('Issued, failed', `${ledger.counts.issued}, ${ledger.counts.failed} times`)}${row(
    'Last events',
    events.length === 0
      ? undefined
      : html`${events.map(({ at: time, reason, message }) => html`${minute(Date.parse(time))} ${reason}: ${message}<br>`)}`,
  )}</dl></details>`;
}

function subtitle({ certificate, issuer, name }: CertificateOverview): string {
  const others = (certificate?.names ?? []).filter(({ value }) => value !== name);
  const [first] = others;
  const words = first === undefined ? [] : [others.length === 1 ? first.value : `${first.value} and ${others.length - 1} more`];
  return [...words, issuerName(issuer)].filter((word) => word !== '').join(' · ');
}

function namesOf(names: NonNullable<CertificateOverview['certificate']>['names']): string {
  const shown = names.slice(0, MOST_NAMES).map(({ type, value }) => (type === 'dns' ? value : `${type}:${value}`));
  return [...shown, ...(names.length > MOST_NAMES ? [`and ${names.length - MOST_NAMES} more`] : [])].join(', ');
}

function targets({ targets: all }: CertificateOverview, isDense: boolean): Html | undefined {
  if (all.length === 0) return undefined;
  const failed = all.filter(({ state }) => state === 'failed');
  const title =
    failed.length === 0 ? `${all.length === 1 ? 'target' : `all ${all.length}`} done` : `${failed.length} of ${all.length} failed`;
  if (isDense) return html`${title}`;
  return html`${title}<ul class="targets">${all.slice(0, 4).map(({ title: one, state }) => html`<li class="${state} sub">${state === 'done' ? '✓' : '✕'} ${one}</li>`)}${
    all.length > 4 && html`<li class="sub">and ${all.length - 4} more</li>`
  }</ul>`;
}

function at(time: number, words: string): Html {
  return html`<time datetime="${new Date(time).toISOString()}">${words}</time>`;
}

/** The foot of the page says that all times are UTC. */
function minute(time: number): string {
  return minuteWords(time).replace(' UTC', '');
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** A link to where the CA says; it wrote the address, so that only https is followed. */
function link(url: string | undefined, words: string): Html | undefined {
  if (url === undefined) return undefined;
  const isSafe = URL.canParse(url) && new URL(url).protocol === 'https:';
  return isSafe ? html` <a href="${url}" rel="noopener noreferrer">${words}</a>` : html` ${words}: ${url}`;
}
