/**
 * A year of renewals with all that goes wrong in one. Forty certificates in the usual run, half of them for 90 days, most others for 45, the
 * rest for six; SIMULATED_CERTIFICATES=500 is for the night (with TSCERT_TEST_TIMEOUT=7200), and SIMULATED_SEED is for another year.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { createSeeded } from '../support/seeded.js';
import { deployments, doubles, excusedExpiries, expiries, leftovers, limits, positions, punctuality, spread, waste } from './audit.js';
import { DAY, type History, HOUR, RHYTHM, type YearOptions } from './history.js';
import { live } from './live.js';
import { chiSquare } from './statistics.js';

const COUNT = Number(process.env.SIMULATED_CERTIFICATES ?? 40);
const SEED = Number(process.env.SIMULATED_SEED ?? 2_026);
const shortlived = Math.round(COUNT * 0.1);
const tlsserver = Math.round(COUNT * 0.4);
const YEAR: YearOptions = { seed: SEED, classic: COUNT - shortlived - tlsserver, tlsserver, shortlived, days: 365, trouble: true };
/** Years in which one thing is done wrong, small ones. */
const BAD = (['window-start', 'forceful', 'late', 'hammering', 'forgetful', 'careless'] as const).map(
  (twist): YearOptions => ({
    seed: 1,
    shortlived: 8,
    days: twist === 'forceful' ? 12 : 60,
    trouble: !/window|forceful|late/.test(twist),
    twist,
  }),
);
const GOOD: YearOptions = { seed: 3, shortlived: 8, days: 60, trouble: true };

const year = live(YEAR);
const others = live(GOOD, GOOD, ...BAD);

describe(`a year of ${COUNT} certificates (SIMULATED_SEED=${SEED})`, () => {
  let history: History;
  before(async () => {
    const [lived] = await year;
    assert.ok(lived !== undefined);
    history = lived;
  });

  test('no certificate ever expires that could have been renewed', () => assert.deepEqual(expiries(history), []));
  test('none is renewed twice in a window', () => assert.deepEqual(doubles(history), []));
  test('the spread inside the windows is uniform', (t) => {
    const { statistic, critical } = chiSquare(positions(history), 10);
    t.diagnostic(`chi-square of ${positions(history).length} renewals: ${statistic.toFixed(1)}, at most ${critical}`);
    assert.deepEqual(spread(history), []);
  });
  test('each is renewed at its moment, or in the first run after it that can', () => assert.deepEqual(punctuality(history), []));
  test('orders and failures stay within the limits', () => assert.deepEqual(limits(history), []));
  test('no order is made in vain', () => assert.deepEqual(waste(history), []));
  test('what is stored comes into use, and a failed deployment is tried again without a new certificate', () =>
    assert.deepEqual(deployments(history), []));
  test('nothing is left behind: no TXT value, no journal, no failure', () => assert.deepEqual(leftovers(history), []));

  test('all of it went wrong that was to', (t) => {
    const { runs, ca, staging, stored, served, moved } = history;
    const failures = runs.flatMap((run) => run.failures);
    const counts = {
      ...Object.fromEntries(
        ['issued', 'kept', 'failed', 'deferred'].map((state) => [state, runs.reduce((sum, run) => sum + (run.states[state] ?? 0), 0)]),
      ),
      'power cuts': runs.filter(({ isCut }) => isCut).length,
      'moved windows': moved.size,
      'orders at the staging directory': staging.filter(({ kind }) => kind === 'order').length,
      'failed validations': ca.filter(({ kind }) => kind === 'failure').length,
      'late deployments': served.filter(({ serial, at }) => stored.some((one) => one.serial === serial && at > one.at + HOUR)).length,
      ...Object.fromEntries(
        ['network', 'rate-limited', 'response-invalid', 'provider-failed', 'propagation-timeout', 'order-invalid'].map((code) => [
          code,
          failures.filter((failure) => failure.code === code).length,
        ]),
      ),
    };
    t.diagnostic(`${JSON.stringify(counts)}; expired without help: ${excusedExpiries(history)}`);
    assert.deepEqual(
      Object.entries(counts).filter(([, count]) => count === 0),
      [],
    );
  });
});

describe('the rules themselves', () => {
  let good: History;
  let again: History;
  const bad = new Map<string | undefined, History>();
  const badYear = (twist: string): History => bad.get(twist) ?? assert.fail(twist);
  before(async () => {
    const [first, second, ...rest] = await others;
    assert.ok(first !== undefined && second !== undefined);
    [good, again] = [first, second];
    for (const history of rest) bad.set(history.options.twist, history);
  });

  test('a small year keeps them all', () => {
    for (const audit of [expiries, doubles, spread, punctuality, limits, waste, deployments, leftovers]) {
      assert.deepEqual(audit(good), [], audit.name);
    }
  });
  test('the same seed gives the same year', () => {
    const shape = ({ runs, picks, stored }: History) => [
      runs,
      picks.map(({ name, pick }) => [name, pick]),
      stored.map(({ name, at }) => [name, at]),
    ];
    assert.deepEqual(shape(again), shape(good));
  });

  const refused = (audit: (history: History) => readonly string[], history: History, words: RegExp): void => {
    const faults = audit(history);
    assert.ok(faults.length > 0, `${audit.name} sees nothing`);
    assert.match(faults.join('\n'), words);
  };
  test('who renews as soon as the window begins does not spread', () => refused(spread, badYear('window-start'), /is not uniform/));
  test('who renews in every run renews twice in a window, and meets a limit', () => {
    refused(doubles, badYear('forceful'), /again was not due before/);
    refused(limits, badYear('forceful'), /too many certificates \(5\) already issued for this exact set/);
  });
  test('who waits for the end lets certificates expire', () => refused(expiries, badYear('late'), /could have renewed it/));
  test('who tries again and again meets a limit', () => refused(limits, badYear('hammering'), /too many failed authorizations \(5\)/));
  test('who forgets what was begun leaves something behind', () => refused(leftovers, badYear('forgetful'), /a TXT value was left/));
  test('who deploys once leaves certificates unused', () => refused(deployments, badYear('careless'), /was not in use after the run/));

  test('a moment that was missed is seen, and an order too many, and what is not there at all', () => {
    refused(
      punctuality,
      { ...good, picks: good.picks.map((pick) => ({ ...pick, pick: pick.pick - 3 * DAY, end: pick.end - 2 * DAY })) },
      /could have been/,
    );
    refused(punctuality, { ...good, picks: good.picks.map((pick) => ({ ...pick, pick: pick.pick + 3 * DAY })) }, /long before its moment/);
    const orders = good.ca.filter(({ kind }) => kind === 'order');
    refused(waste, { ...good, ca: [...good.ca, ...orders] }, /orders were made for/);
    refused(expiries, { ...good, served: [] }, /was not there after/);
    const [issued] = good.ca.flatMap((event) => (event.kind === 'issued' && event.replaces !== undefined ? [event] : []));
    assert.ok(issued !== undefined);
    refused(doubles, { ...good, ca: [...good.ca, issued] }, /was replaced twice/);
    refused(limits, { ...good, staging: [{ at: 0, kind: 'refused', path: '/', status: 503, type: 'edge', detail: '' }] }, /refused at/);
    refused(leftovers, { ...good, leftInJournals: ['x'], failing: ['y'], mostInDns: 9 }, /x[\s\S]*y[\s\S]*9 values/);
  });

  test('who draws anew in every run does not spread either', () => {
    const random = createSeeded(SEED);
    const window = 1.8 * DAY;
    /** The first run by which the moment of that run has come, as most clients have it. */
    const drawnAnew = (): number => {
      for (let run = -random() * RHYTHM; ; run += RHYTHM) {
        const pick = random() * window;
        if (pick <= run + RHYTHM) return pick / window;
      }
    };
    const sample = (draw: () => number): ReturnType<typeof chiSquare> => chiSquare(Array.from({ length: 500 }, draw), 10);
    const [anew, once] = [sample(drawnAnew), sample(random)];
    assert.ok(anew.statistic > anew.critical, `${anew.statistic}`);
    assert.ok(once.statistic <= once.critical, `${once.statistic}`);
  });

  test('the test of uniformity knows its numbers', () => {
    const even = Array.from({ length: 100 }, (_, at) => at / 100);
    assert.equal(chiSquare(even, 10).statistic, 0);
    assert.equal(chiSquare([...even, ...Array.from({ length: 10 }, () => 0.05)], 10).statistic, 9 ** 2 / 11 + (9 * 1) / 11);
    assert.throws(() => chiSquare(even.slice(0, 49), 10), /not enough/);
    assert.throws(() => chiSquare(even, 7), /not enough/);
  });
});
