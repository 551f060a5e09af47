/** The loop of the long-running mode and when it wakes, by a clock that moves when told. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TscertError } from '../../src/base/errors.js';
import type { Outcome } from '../../src/flow/outcome.js';
import { createRetries, nextWake } from '../../src/flow/wake.js';
import { startWatch } from '../../src/flow/watch.js';
import { emptyLedger } from '../../src/store/ledger.js';
import { DAY, failureOf, NOW, overviewOf } from '../cli/page/overviews.js';
import { createVirtualClock, settle } from '../support/clock.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const iso = (time: number): string => new Date(time).toISOString();

describe('the loop', () => {
  /** A watch whose passes are counted; the wall clock can be set while time goes on evenly. */
  const begin = (nextOf: (now: number) => number) => {
    const clock = createVirtualClock(NOW);
    const stop = new AbortController();
    let set = 0;
    const passes: number[] = [];
    let beats = 0;
    let during: Promise<void> = Promise.resolve();
    const wall = { now: () => clock.now() + set, sleep: clock.sleep };
    const watch = startWatch({
      clock: wall,
      uptime: () => clock.now(),
      async pass() {
        passes.push(wall.now());
        await during;
        return nextOf(wall.now());
      },
      beat: () => {
        beats += 1;
      },
      stop: stop.signal,
    });
    return {
      ...{ clock, watch, stop, passes },
      beats: () => beats,
      setClock: (by: number) => {
        set += by;
      },
      hold: (until: Promise<void>) => {
        during = until;
      },
    };
  };

  test('works at once, then exactly when the pass said, and beats every minute between', async () => {
    const { clock, watch, stop, passes, beats } = begin((now) => now + 3 * HOUR + 7);
    await settle();
    assert.deepEqual(passes, [NOW]);
    await clock.advance(3 * HOUR);
    assert.deepEqual(passes, [NOW]);
    assert.ok(beats() >= 180, `${beats()} beats`);
    await clock.advance(7);
    assert.deepEqual(passes, [NOW, NOW + 3 * HOUR + 7]);
    stop.abort();
    await watch.ended;
    assert.equal(clock.sleepers(), 0);
  });

  test('notices within a minute that the clock was set, forward and back', async () => {
    for (const by of [400 * DAY, -400 * DAY, 5 * MINUTE]) {
      const { clock, watch, stop, passes, setClock } = begin((now) => now + 12 * HOUR);
      await clock.advance(HOUR);
      setClock(by);
      await clock.advance(MINUTE);
      assert.equal(passes.length, 2, String(by));
      assert.ok(Math.abs((passes[1] ?? 0) - (NOW + HOUR + by)) <= MINUTE);
      // The clock stands again: nothing more is to be noticed.
      await clock.advance(HOUR);
      assert.equal(passes.length, 2, String(by));
      stop.abort();
      await watch.ended;
    }
  });

  test('is woken from its sleep; a call during a pass has the next one follow it', async () => {
    const { clock, watch, stop, passes, hold } = begin((now) => now + 12 * HOUR);
    await settle();
    watch.wake();
    await settle();
    assert.equal(passes.length, 2);
    let release: () => void = () => undefined;
    hold(
      new Promise((resolve) => {
        release = resolve;
      }),
    );
    watch.wake();
    await settle();
    assert.equal(passes.length, 3);
    watch.wake();
    watch.wake();
    await settle();
    assert.equal(passes.length, 3, 'no two passes at once');
    release();
    hold(Promise.resolve());
    await settle();
    assert.equal(passes.length, 4);
    await clock.advance(HOUR);
    assert.equal(passes.length, 4);
    stop.abort();
    await watch.ended;
  });

  test('ends after the pass that is under way', async () => {
    const { watch, stop, passes, hold } = begin((now) => now + 12 * HOUR);
    await settle();
    let release: () => void = () => undefined;
    hold(
      new Promise((resolve) => {
        release = resolve;
      }),
    );
    watch.wake();
    await settle();
    stop.abort();
    let ended = false;
    void watch.ended.then(() => {
      ended = true;
    });
    await settle();
    assert.equal(ended, false);
    release();
    await watch.ended;
    assert.equal(passes.length, 2);
  });
});

describe('the next look', () => {
  const ready = overviewOf({ name: 'a.example.com' });

  test('is at least every twelve hours, and at most once a minute', () => {
    assert.equal(nextWake([], [], { begun: NOW, now: NOW }), NOW + 12 * HOUR);
    assert.equal(nextWake([ready], [], { begun: NOW, now: NOW }), NOW + 12 * HOUR);
    assert.equal(nextWake([], [NOW + 1], { begun: NOW, now: NOW }), NOW + MINUTE);
  });

  test('is the first of what any certificate waits for', () => {
    const at = NOW + 5 * HOUR;
    const withLedger = (more: object) => ({ ...ready, ledger: { ...emptyLedger(), ...more } });
    const renewalInfo = { certificate: 'x', checkAt: iso(at) };
    assert.equal(nextWake([ready, { ...ready, renewal: { at, by: 'ari' } }], [], { begun: NOW, now: NOW }), at);
    assert.equal(nextWake([withLedger({ renewalInfo }), ready], [], { begun: NOW, now: NOW }), at);
    assert.equal(nextWake([withLedger({ failure: failureOf({ nextAt: iso(at) }) })], [], { begun: NOW, now: NOW }), at);
    assert.equal(nextWake([ready], [at, at + 1], { begun: NOW, now: NOW }), at);
    assert.equal(nextWake([overviewOf({ name: 'b', lifetime: 1, age: 1 - 5 / 24 })], [], { begun: NOW, now: NOW }), at);
  });

  test('comes soon for what came due while the pass went on: it may have been looked at too early', () => {
    const due = { ...ready, renewal: { at: NOW - MINUTE, by: 'ari' } } as const;
    assert.equal(nextWake([due], [], { begun: NOW - 2 * MINUTE, now: NOW }), NOW + MINUTE);
  });

  test('is not for what is past: that was looked at just now', () => {
    assert.equal(nextWake([{ ...ready, renewal: { at: NOW - DAY, by: 'lifetime' } }], [NOW], { begun: NOW, now: NOW }), NOW + 12 * HOUR);
  });
});

describe('retries', () => {
  const outcome = (more: object): Outcome => ({ name: 'a', stages: [], state: 'failed', ...more }) as unknown as Outcome;
  const failedDeploy = outcome({ state: 'kept', deployError: new TscertError('hook-failed', 'Cannot deploy') });

  test('of a deployment come after 1, 10 and 100 minutes, then rarely, and begin anew after a success', () => {
    const { take } = createRetries();
    const waits = Array.from({ length: 4 }, () => (take([failedDeploy], NOW)[0] ?? 0) - NOW);
    assert.deepEqual(waits, [MINUTE, 10 * MINUTE, 100 * MINUTE, 12 * HOUR]);
    assert.deepEqual(take([outcome({ state: 'kept' })], NOW), []);
    assert.deepEqual(take([failedDeploy], NOW), [NOW + MINUTE]);
  });

  test('wait for another run, for a person, and for as long as a CA wants', () => {
    const { take } = createRetries();
    assert.deepEqual(take([outcome({ error: new TscertError('locked', 'Cannot lock') })], NOW), [NOW + 5 * MINUTE]);
    assert.deepEqual(take([outcome({ state: 'pending', reason: 'x' })], NOW), [NOW + HOUR]);
    assert.deepEqual(take([outcome({ state: 'deferred', until: NOW + 7 * HOUR, reason: 'x' })], NOW), [NOW + 7 * HOUR]);
    // The ledger says when.
    assert.deepEqual(take([outcome({ error: new TscertError('network', 'Cannot reach it') })], NOW), []);
  });
});
