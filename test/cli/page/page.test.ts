/** The status page as text: what it says, in which order, and that nothing breaks out of it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { html } from '../../../src/cli/page/html.js';
import { PAGE_POLICY, type PageOptions, statusPage } from '../../../src/cli/page/page.js';
import { placeOn, timeline } from '../../../src/cli/page/timeline.js';
import { byUrgency } from '../../../src/cli/page/urgency.js';
import type { CertificateOverview } from '../../../src/flow/overview.js';
import { ALL, DAY, many, NOW, overviewOf, THREE } from './overviews.js';

const options: PageOptions = {
  now: NOW,
  version: '0.1.0',
  host: 'web-1',
  startedAt: NOW - 3 * DAY,
  lastPass: NOW - 60_000,
  nextPass: NOW + DAY / 2,
};
const namesIn = (page: string): string[] => [...page.matchAll(/scope="row">([^<]+)</g)].map(([, name]) => name ?? '');

describe('the status page', () => {
  test('says what to do first where there is nothing', () => {
    const page = statusPage([], options);
    assert.match(page, /No certificate yet/);
    assert.match(page, /tscert issue -d example\.com --dns route53/);
    assert.doesNotMatch(page, /<table/);
  });

  test('has the counts, the most urgent first, and what is wrong with the next attempt', () => {
    const page = statusPage(THREE, options);
    assert.match(page, /<title>1 of 3 need attention · web-1<\/title>/);
    assert.deepEqual(namesIn(page), ['shop.example.com', 'api.example.com', 'www.example.com']);
    assert.match(page, /Cannot prove &quot;shop\.example\.com&quot;.*\n?.*3 failures since 2026-11-24 16:30; next attempt in 21h 36m/);
    assert.match(page, /Renewing: The CA advises to renew it between/);
    assert.match(page, /all 2 done/);
    assert.match(page, /tscert 0\.1\.0, running since 2026-11-22 04:30/);
    assert.match(page, /looked 1m ago, again in 12h/);
  });

  test('sorts by state, then by what comes first', () => {
    const states = byUrgency([...ALL].reverse()).map(({ state }) => state);
    assert.deepEqual(states.slice(0, 7), ['expired', 'missing', 'damaged', 'failing', 'deploy-failed', 'due', 'waiting']);
    const [soon, late] = [overviewOf({ name: 'z', age: 50 }), overviewOf({ name: 'a', age: 10 })];
    assert.deepEqual(byUrgency([late, soon]), [soon, late]);
  });

  test('tells what is wrong with the whole, and refreshes only when asked to', () => {
    const page = statusPage(THREE, { ...options, trouble: 'Cannot read "<tscert.yaml>"', refresh: 60 });
    assert.match(page, /role="alert">Cannot read &quot;&lt;tscert\.yaml&gt;&quot;</);
    assert.match(page, /<meta http-equiv="refresh" content="60">/);
    assert.doesNotMatch(statusPage(THREE, options), /http-equiv="refresh"|role="alert"/);
  });

  test('allows its own style and nothing else, and has no script, no foreign address and no inline style', () => {
    const page = statusPage(ALL, options);
    const [, style = ''] = /<style>([\s\S]*?)<\/style>/.exec(page) ?? [];
    assert.ok(PAGE_POLICY.includes(`'sha256-${createHash('sha256').update(style).digest('base64')}'`));
    const tags = page.replace(style, '').match(/<[^>]*>/g) ?? [];
    for (const tag of tags) assert.doesNotMatch(tag, /^<(script|iframe|object|embed|img|form|base)|\s(on\w+|style)=|javascript:/i, tag);
    assert.doesNotMatch(style, /@import|url\(|expression/i);
    const links = [...page.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, link = '']) => link);
    for (const link of links) assert.match(link, /^(data:image\/svg|\/|https:\/\/ca\.example\/unpause)/);
  });

  test('stays small and knows every certificate, however many there are', () => {
    const all = many(500);
    const page = statusPage(all, options);
    assert.ok(page.length < 1_000_000, `${page.length} characters`);
    assert.deepEqual(namesIn(page).sort(), all.map(({ name }) => name).sort());
    const long = many(10_000);
    const cut = statusPage(long, options);
    assert.ok(cut.length < 2_500_000, `${cut.length} characters`);
    assert.match(cut, /9000 more, less urgent/);
    const urgent = long.filter(({ state }) => state !== 'ready').slice(0, 900);
    const shown = new Set(namesIn(cut));
    assert.equal(shown.size, 1_000);
    assert.deepEqual(
      urgent.filter(({ name }) => !shown.has(name)),
      [],
    );
  });

  test('nothing that others wrote becomes markup', () => {
    const text = fc.string({ unit: 'grapheme' }).map((one) => `${one}<b onclick="x">'&\u202e\u0000`);
    fc.assert(
      fc.property(text, text, text, (name, message, host) => {
        const overview: CertificateOverview = {
          ...overviewOf({ name, names: [message], state: 'failing' }),
          issuer: { kind: message, name: host },
          due: { reason: 'Renewing', message },
          trouble: message,
          targets: [{ id: name, title: name, state: 'failed', certificate: '', at: '2026-01-01T00:00:00Z', message }],
        };
        const page = statusPage([overview], { ...options, host, trouble: message });
        assert.doesNotMatch(page, /<b |onclick="/);
        for (const hidden of ['\u202e', '\u0000']) assert.ok(!page.includes(hidden));
      }),
    );
  });
});

describe('the timeline', () => {
  test('puts times where they belong: the ends at the ends, the middle in the middle, what lies outside at the edge', () => {
    const place = placeOn(NOW, NOW + 90 * DAY);
    assert.ok(place(NOW) > 0 && place(NOW + 90 * DAY) < 1);
    assert.equal(place(NOW + 45 * DAY), 0.5);
    assert.equal(place(NOW - 400 * DAY), 0);
    assert.equal(place(NOW + 400 * DAY), 1);
    fc.assert(
      fc.property(fc.integer({ min: -1e13, max: 1e13 }), fc.integer({ min: -1e13, max: 1e13 }), (a, b) => {
        assert.ok(a <= b === place(a) <= place(b) || place(a) === place(b));
      }),
    );
    assert.ok(Number.isFinite(placeOn(NOW, NOW)(NOW)));
  });

  test('says in words what it shows', () => {
    const [www] = THREE;
    assert.ok(www);
    const { markup = '' } = timeline(www, NOW) ?? {};
    assert.match(
      markup,
      /role="img" aria-label="issued 2026-11-05 04:30 UTC, renewal window 2027-01-02 04:30 UTC to 2027-01-04 04:30 UTC, renews 2027-01-02 20:30 UTC, expires 2027-02-03 04:30 UTC, now 22 % of its lifetime"/,
    );
    assert.equal(timeline({ ...www, certificate: undefined } as unknown as CertificateOverview, NOW), undefined);
  });
});

test('a template escapes text, and takes markup as it is', () => {
  assert.equal(
    html`<p title="${'"\'<&>'}">${html`<b>${'<'}</b>`}${undefined}${false}${0}${['a', html`<i>`]}</p>`.markup,
    '<p title="&quot;&#39;&lt;&amp;&gt;"><b>&lt;</b>0a<i></p>',
  );
});
