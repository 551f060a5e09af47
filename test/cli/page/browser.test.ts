/** The status page in a real browser, served as `watch` serves it, with 0, 3 and 500 certificates: measured, not looked at. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { PAGE_POLICY, statusPage } from '../../../src/cli/page/page.js';
import type { CertificateOverview } from '../../../src/flow/overview.js';
import { type Answer, type Service, serve } from '../../../src/net/serve.js';
import { type Browser, type Page, startChromium } from '../../support/chromium.js';
import { skipUnless } from '../../support/servers.js';
import { LABELS, MARKS, type Marks, STICKING_OUT, TOO_FAINT } from './measure.js';
import { ALL, DAY, many, NOW, THREE } from './overviews.js';

const SETS: Readonly<Record<string, readonly CertificateOverview[]>> = { 0: [], 3: THREE, 500: many(500), all: ALL };
const BAD = `<!DOCTYPE html><body style="background: #fff"><p style="color: #999">faint</p><div class="wide">wide</div><svg role="img"></svg>
<style>.wide { width: 2000px }</style><script>document.title = 'ran'</script></body>`;

interface Contrast {
  readonly looked: number;
  readonly faint: readonly object[];
  readonly smallest: number;
}

describe('the status page in Chromium', { skip: skipUnless('chromium') }, () => {
  let service: Service;
  let browser: Browser;
  let page: Page;
  before(async () => {
    const html = 'text/html; charset=utf-8';
    service = await serve({ host: '127.0.0.1', port: 0 }, async (path): Promise<Answer | undefined> => {
      if (path === '/bad') return { status: 200, type: html, body: BAD, policy: "style-src 'unsafe-inline'" };
      if (path === '/refused') return { status: 200, type: html, body: BAD };
      const set = SETS[path.slice(1)];
      const body = set && statusPage(set, { now: NOW, version: '0.1.0', host: 'web-1.example.com', startedAt: NOW - DAY, lastPass: NOW });
      return body === undefined ? undefined : { status: 200, type: html, body, policy: PAGE_POLICY };
    });
    browser = await startChromium();
    page = await browser.page();
  });
  after(async () => {
    await browser?.close();
    await service?.close();
  });

  for (const name of Object.keys(SETS)) {
    for (const width of [360, 1_280]) {
      for (const scheme of ['light', 'dark'] as const) {
        test(`${name} certificates, ${width} wide, ${scheme}: all is within the page, every text can be read, nothing is complained of`, async () => {
          const said = page.complaints().length;
          assert.equal(await page.open(`${service.url}/${name}`, { width, scheme }), 200);
          assert.deepEqual(await page.evaluate(STICKING_OUT), []);
          const { looked, faint, smallest } = await page.evaluate<Contrast>(TOO_FAINT);
          assert.ok(looked >= 4, `${looked} kinds of text`);
          assert.deepEqual(faint, []);
          assert.ok(smallest >= 11.5, `${smallest} px`);
          assert.deepEqual(page.complaints().slice(said), []);
        });
      }
    }
  }

  test('the two schemes are two', async () => {
    const ground = async (scheme: 'light' | 'dark'): Promise<string> => {
      await page.open(`${service.url}/3`, { width: 1_280, scheme });
      return page.evaluate('getComputedStyle(document.body).backgroundColor');
    };
    assert.notEqual(await ground('light'), await ground('dark'));
  });

  for (const [name, width] of [
    ['all', 1_280],
    ['all', 360],
    ['500', 1_280],
  ] as const) {
    test(`the marks of ${name} certificates lie where the dates say, ${width} wide`, async () => {
      await page.open(`${service.url}/${name}`, { width, scheme: 'light' });
      const marks = await page.evaluate<readonly Marks[]>(MARKS);
      const set = (SETS[name] ?? []).filter(({ certificate }) => certificate !== undefined);
      assert.equal(marks.length, set.length);
      for (const mark of marks) {
        const overview = set.find(({ name: own }) => mark.name === own || (own.startsWith('<img') && mark.name.startsWith('<img')));
        assert.ok(overview?.certificate, mark.name);
        const { notBefore, notAfter } = overview.certificate;
        const [from, to] = mark.track;
        assert.ok(to - from > 100, `${mark.name}: ${from} to ${to}`);
        const expected = (at: number): number => from + ((at - notBefore) / (notAfter - notBefore)) * (to - from);
        const near = (found: number | undefined, at: number, what: string): void => {
          assert.ok(found !== undefined && Math.abs(found - expected(at)) < 1.5, `${mark.name}: ${what} at ${found}, not ${expected(at)}`);
        };
        near(mark.end, notAfter, 'end');
        near(mark.used[1], Math.min(Math.max(NOW, notBefore), notAfter), 'used');
        // What lies outside the lifetime is at the edge, outside the track.
        if (NOW < notBefore) assert.ok(mark.now < from, mark.name);
        else if (NOW > notAfter) assert.ok(mark.now > to, mark.name);
        else near(mark.now, NOW, 'now');
        if (overview.renewal !== undefined) near(mark.pick, overview.renewal.at, 'pick');
        assert.equal(mark.window === undefined, overview.renewal?.window === undefined, mark.name);
        if (overview.renewal?.window !== undefined && mark.window !== undefined) {
          near(mark.window[0], overview.renewal.window.start, 'window');
          near(mark.window[1], overview.renewal.window.end, 'window');
        }
        const { failure } = overview.ledger;
        if (failure === undefined) assert.equal(mark.next, undefined, mark.name);
        else near(mark.next, Date.parse(failure.nextAt), 'next attempt');
      }
    });
  }

  for (const width of [360, 1_280]) {
    test(`to a screen reader it is a table whose pictures have names, ${width} wide`, async () => {
      await page.open(`${service.url}/all`, { width, scheme: 'light' });
      const { roles, nameless } = await page.accessibility();
      assert.equal(nameless, 0);
      assert.equal(roles.table, 1);
      // A row for the heads, one a group, one a certificate, and one with what is known of it besides.
      assert.equal(roles.row, 1 + 3 + 2 * ALL.length);
      assert.equal(roles.rowheader, 3 + ALL.length);
      assert.equal(roles.columnheader, 6);
      assert.ok((roles.image ?? roles.img ?? 0) >= ALL.length - 2);
      const { heads, labels } = await page.evaluate<{ heads: number; labels: number }>(LABELS);
      if (width === 360) assert.deepEqual([heads, labels > 0], [0, true]);
      else assert.deepEqual([heads, labels], [6, 0]);
    });
  }

  test('the details open without a script', async () => {
    await page.open(`${service.url}/3`, { width: 1_280, scheme: 'light' });
    const height = 'document.querySelector("details").getBoundingClientRect().height';
    const before = await page.evaluate<number>(height);
    await page.evaluate('document.querySelector("summary").click()');
    assert.ok((await page.evaluate<number>(height)) > before + 50);
  });

  test('a page of 500 is not more than a browser likes', async () => {
    await page.open(`${service.url}/500`, { width: 1_280, scheme: 'light' });
    const [elements, rows] = await page.evaluate<[number, number]>(
      '[document.querySelectorAll("*").length, document.querySelectorAll("tbody tr:not(.group):not(.more)").length]',
    );
    assert.equal(rows, 500);
    assert.ok(elements < 15_000, `${elements} elements`);
  });

  test('the measurements themselves fail on a bad page', async () => {
    await page.open(`${service.url}/bad`, { width: 360, scheme: 'light' });
    assert.match(JSON.stringify(await page.evaluate(STICKING_OUT)), /wide/);
    const { faint } = await page.evaluate<Contrast>(TOO_FAINT);
    assert.match(JSON.stringify(faint), /faint/);
    assert.equal((await page.accessibility()).nameless, 1);
    assert.notEqual(await page.evaluate('document.title'), 'ran', 'scripts are off');
    const said = page.complaints().length;
    await page.open(`${service.url}/refused`, { width: 360, scheme: 'light' });
    assert.match(page.complaints().slice(said).join(), /Content Security Policy/);
  });
});
