/** The life of one certificate as a line: from issued to expires, with its renewal window, the time picked in it, and now. */
import type { CertificateOverview } from '../../flow/overview.js';
import { minuteWords } from '../ui/times.js';
import { type Html, html } from './html.js';
import { MEANINGS } from './urgency.js';

/** How much of the line is kept free at either end for a "now" that lies outside the lifetime. */
const MARGIN = 0.06;

/** From a time to a place on the line, 0 to 1. The lifetime fills all but the margins; what lies beyond a margin stands at its end. */
export function placeOn(notBefore: number, notAfter: number): (at: number) => number {
  const lifetime = Math.max(1, notAfter - notBefore);
  return (at) => Math.min(1, Math.max(0, MARGIN + ((at - notBefore) / lifetime) * (1 - 2 * MARGIN)));
}

const percent = (place: number): string => `${(place * 100).toFixed(2)}%`;

/** An inline SVG that says in words what it shows; nothing for a certificate that is not there. */
export function timeline({ certificate, renewal, ledger, state }: CertificateOverview, now: number): Html | undefined {
  if (certificate === undefined) return undefined;
  const { notBefore, notAfter } = certificate;
  const place = placeOn(notBefore, notAfter);
  const span = (from: number, to: number): { x: string; width: string } => ({
    x: percent(place(from)),
    width: percent(Math.max(0, place(to) - place(from))),
  });
  const whole = span(notBefore, notAfter);
  const used = span(notBefore, Math.min(now, notAfter));
  const window = renewal?.window;
  const shaded = window && span(window.start, window.end);
  const next = ledger.failure === undefined ? undefined : Date.parse(ledger.failure.nextAt);
  const label = [
    `issued ${minuteWords(notBefore)}`,
    ...(window === undefined ? [] : [`renewal window ${minuteWords(window.start)} to ${minuteWords(window.end)}`]),
    ...(renewal === undefined ? [] : [`renews ${minuteWords(renewal.at)}`]),
    ...(next === undefined ? [] : [`next attempt ${minuteWords(next)}`]),
    `expires ${minuteWords(notAfter)}`,
    `now ${Math.round(((now - notBefore) / Math.max(1, notAfter - notBefore)) * 100)} % of its lifetime`,
  ].join(', ');
  return html`<svg class="line ${MEANINGS[state].mood}" role="img" aria-label="${label}"><rect class="track" x="${whole.x}" y="9" width="${whole.width}" height="6" rx="3"/>${
    shaded && html`<rect class="window" x="${shaded.x}" y="5" width="${shaded.width}" height="14" rx="2"/>`
  }<rect class="used" x="${used.x}" y="9" width="${used.width}" height="6" rx="3"/>${
    renewal && html`<svg class="pick" x="${percent(place(renewal.at))}" y="12"><path d="M0-5.5 5.5 0 0 5.5-5.5 0Z"/></svg>`
  }${
    next !== undefined && html`<circle class="next" cx="${percent(place(next))}" cy="12" r="4"/>`
  }<rect class="end" x="${percent(place(notAfter))}" y="5" width="2" height="14"/><rect class="now" x="${percent(place(now))}" y="0" width="2" height="24"/></svg>`;
}
