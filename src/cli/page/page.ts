/** The status page: every certificate on a line from issued to expires, the most urgent first. One document, without a script. */
import { createHash } from 'node:crypto';
import type { CertificateOverview } from '../../flow/overview.js';
import { distanceWords, minuteWords } from '../ui/times.js';
import { type Html, html, trusted } from './html.js';
import { COLUMNS, certificateRow } from './row.js';
import { STYLE } from './style.js';
import { byUrgency, MEANINGS, type Mood } from './urgency.js';

/** Who serves the page, and how its work goes. Times are milliseconds since the epoch. */
export interface PageOptions {
  readonly now: number;
  readonly version: string;
  /** Of this machine. */
  readonly host: string;
  readonly startedAt: number;
  /** When certificates were last looked at, and when they will be again. */
  readonly lastPass?: number;
  readonly nextPass?: number;
  /** What is wrong with the whole, in words: the configuration cannot be read. */
  readonly trouble?: string;
  /** Seconds after which a browser shall ask again. */
  readonly refresh?: number;
}

/** With more certificates than this, those that are well are told in one line each. */
const MOST_AT_EASE = 60;
/** A page with more rows than this serves nobody. */
const MOST_ROWS = 1_000;
const GROUPS: readonly { readonly mood: Mood; readonly title: string }[] = [
  { mood: 'bad', title: 'Need attention' },
  { mood: 'due', title: 'Due' },
  { mood: 'good', title: 'Ready' },
];
const ICON =
  "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><rect x='2' y='7' width='12' height='8' rx='2' fill='#1a6e3c'/><path d='M5 7V5a3 3 0 0 1 6 0v2' fill='none' stroke='#1a6e3c' stroke-width='2'/></svg>";

/** What the page may load: its own style and its icon. A Content-Security-Policy. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Renders the page. */
export function statusPage(overviews: readonly CertificateOverview[], options: PageOptions): string {
  const { now, host, trouble, refresh } = options;
  const sorted = byUrgency(overviews);
  const { markup } = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${refresh !== undefined && html`<meta http-equiv="refresh" content="${refresh}">\n`}<title>${titleOf(sorted)} · ${host}</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
<style>${trusted(STYLE)}</style>
</head>
<body>
<div class="page">
<header><h1>Certificates of ${host}</h1><p class="at">as of <time datetime="${new Date(now).toISOString()}">${minuteWords(now)}</time></p></header>
<main>
${trouble !== undefined && html`<p class="alert" role="alert">${trouble}</p>\n`}${
  sorted.length === 0 ? nothingYet() : [summary(sorted, now), legend(), table(sorted, now)]
}
</main>
${foot(options)}
</div>
</body>
</html>
`;
  return markup;
}

const countOf = (overviews: readonly CertificateOverview[], mood: Mood): number =>
  overviews.filter(({ state }) => MEANINGS[state].mood === mood).length;

/** The tab of the browser tells the worst. */
function titleOf(overviews: readonly CertificateOverview[]): string {
  const bad = countOf(overviews, 'bad');
  if (bad > 0) return `${bad} of ${overviews.length} need attention`;
  return overviews.length === 0 ? 'No certificate yet' : `${overviews.length} ${overviews.length === 1 ? 'certificate' : 'certificates'}`;
}

function summary(overviews: readonly CertificateOverview[], now: number): Html {
  const tile = (mood: Mood, word: string): Html => {
    const count = countOf(overviews, mood);
    return html`<div class="${mood}${count > 0 ? ' some' : ''}"><dt>${word}</dt><dd>${count}</dd></div>`;
  };
  let from = 0;
  const parts = GROUPS.map(({ mood }) => {
    const width = (countOf(overviews, mood) / overviews.length) * 100;
    const part = html`<rect class="${mood}" x="${from.toFixed(3)}%" width="${width.toFixed(3)}%" height="6"/>`;
    from += width;
    return part;
  });
  return html`<dl class="summary">${tile('bad', 'Need attention')}${tile('due', 'Due')}${tile('good', 'Ready')}<div class="next"><dt>Next</dt><dd>${nextWords(overviews, now)}</dd></div></dl>
<svg class="share" aria-hidden="true">${parts}</svg>
`;
}

/** The first renewal and the first end that lie ahead. */
function nextWords(overviews: readonly CertificateOverview[], now: number): Html {
  const first = (timeOf: (overview: CertificateOverview) => number | undefined): Html | undefined => {
    const [next] = overviews
      .map((overview) => ({ name: overview.name, at: timeOf(overview) ?? Number.NaN }))
      .filter(({ at }) => at >= now)
      .sort((a, b) => a.at - b.at);
    return next && html`<b>${next.name}</b> ${distanceWords(next.at, now)}`;
  };
  const renews = first(({ renewal }) => renewal?.at);
  const expires = first(({ certificate }) => certificate?.notAfter);
  return html`${renews && html`renews: ${renews}<br>`}${expires && html`expires: ${expires}`}${renews === undefined && expires === undefined && 'nothing lies ahead'}`;
}

function legend(): Html {
  return trusted(`<ul class="legend" aria-label="Marks of the timeline">
<li><svg class="line good" aria-hidden="true"><rect class="track" y="5" width="22" height="6" rx="3"/><rect class="used" y="5" width="13" height="6" rx="3"/></svg>lifetime, and what is over of it</li>
<li><svg aria-hidden="true"><rect class="window" x="1" y="1" width="20" height="14" rx="2"/></svg>renewal window of the CA</li>
<li><svg aria-hidden="true"><svg class="pick" x="11" y="8"><path d="M0-5.5 5.5 0 0 5.5-5.5 0Z"/></svg></svg>renews</li>
<li><svg aria-hidden="true"><circle class="next" cx="11" cy="8" r="4"/></svg>next attempt after a failure</li>
<li><svg aria-hidden="true"><rect class="now" x="10" y="-2" width="2" height="20"/></svg>now</li>
</ul>
`);
}

function table(overviews: readonly CertificateOverview[], now: number): Html {
  const shown = overviews.slice(0, MOST_ROWS);
  const hidden = overviews.length - shown.length;
  const groups = GROUPS.map(({ mood, title }) => {
    const members = shown.filter(({ state }) => MEANINGS[state].mood === mood);
    const isDense = mood === 'good' && overviews.length > MOST_AT_EASE;
    return (
      members.length > 0 &&
      html`<tbody role="rowgroup"><tr role="row" class="group"><th role="rowheader" scope="rowgroup" colspan="${COLUMNS}">${title} <span class="count">${countOf(overviews, mood)}</span></th></tr>
${members.map((overview) => certificateRow(overview, now, isDense))}</tbody>
`
    );
  });
  return html`<table role="table"${overviews.length > MOST_AT_EASE && trusted(' class="dense"')}><caption>Certificates, the most urgent first</caption>
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col" class="c-name">Certificate</th><th role="columnheader" scope="col" class="c-state">State</th><th role="columnheader" scope="col">Issued to expires</th><th role="columnheader" scope="col" class="c-when">Renews</th><th role="columnheader" scope="col" class="c-when">Expires</th><th role="columnheader" scope="col" class="c-targets">Targets</th></tr></thead>
${groups}</table>
${
  hidden > 0 &&
  html`<p class="sub">${hidden} more, less urgent, are shown by <code>tscert list</code></p>
`
}`;
}

function nothingYet(): Html {
  return trusted(`<section class="empty"><h2>No certificate yet</h2>
<p>Get the first one; it appears here:</p>
<pre><code>tscert issue -d example.com --dns route53</code></pre>
<p>Or write several into <code>tscert.yaml</code> in the data folder and send this process SIGHUP: it gets those that are missing.</p></section>`);
}

function foot({ version, startedAt, lastPass, nextPass, now, refresh }: PageOptions): Html {
  return html`<footer><span>tscert ${version}, running since ${minuteWords(startedAt).replace(' UTC', '')}</span><span>${
    lastPass === undefined ? 'looking for the first time' : `looked ${distanceWords(lastPass, now)}`
  }${nextPass !== undefined && `, again ${distanceWords(Math.max(now, nextPass), now)}`}</span><span>all times are UTC</span><a href="/status.json">as JSON</a><a href="/metrics">metrics</a>${
    refresh === undefined ? html`<a href="/?refresh=60">refresh every minute</a>` : html`<a href="/">stop refreshing</a>`
  }</footer>`;
}
