/** What the CA sees at once: at most 60 challenges, and never two of one name and type. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Solver } from '../../src/acme/solver.js';
import type { Store } from '../../src/store/store.js';
import { issue, makeCsr, type Run, startRun, wantedFor } from '../acme/kit.js';
import { type Pebble, startPebble, whyNoPebble } from '../support/pebble.js';

describe('challenges with the CA at once', { skip: await whyNoPebble() }, () => {
  let pebble: Pebble;
  before(async () => {
    pebble = await startPebble({ alwaysValid: true, sleep: 2, nonceReject: 20 });
  });
  after(() => pebble?.stop());

  /** Most validations that were begun and not decided, by Pebble's own log since `from`. */
  const mostAtOnce = (from: number): number => {
    let [now, most] = [0, 0];
    for (const [line] of pebble
      .log()
      .slice(from)
      .matchAll(/Pulled a task from the Tasks queue|authz \S+ set (?:VALID|INVALID)/g)) {
      now += line.startsWith('Pulled') ? 1 : -1;
      most = Math.max(most, now);
    }
    return most;
  };
  const nothing: Solver = { type: 'dns-01', present: async () => undefined, cleanUp: async () => undefined };
  const start = (store?: Store): Promise<Run> => startRun({ ...pebble, picker: () => nothing, ...(store === undefined ? {} : { store }) });

  it('are at most 60, for 90 names in one certificate', async () => {
    const from = pebble.log().length;
    const run = await start();
    await issue(
      run,
      Array.from({ length: 90 }, (_, at) => `n${at}.one.example`),
    );
    await run.close();
    await pebble.settled();
    const most = mostAtOnce(from);
    assert.ok(most > 20 && most <= 60, `${most} at once`);
  });

  it('are at most 60, for 90 certificates of one run', async () => {
    const from = pebble.log().length;
    const run = await start();
    await Promise.all(Array.from({ length: 90 }, (_, at) => issue(run, [`n${at}.many.example`])));
    await run.close();
    await pebble.settled();
    const most = mostAtOnce(from);
    assert.ok(most > 20 && most <= 60, `${most} at once`);
  });

  it('are never two of one name and type, in two runs at once; a wildcard and its apex are two names', async () => {
    const from = pebble.log().length;
    const one = await start();
    const two = await start(one.store);
    const names = ['same.example', '*.same.example'];
    const lines = [one, two, one, two].map(async (run, at) => {
      const wanted = { ...wantedFor(pebble, names), name: `line${at}` };
      const line = run.line();
      const { state } = await run.issuer.sign(await makeCsr(names), wanted, line);
      await run.issuer.abandon(wanted.name, line);
      return state;
    });
    assert.deepEqual(await Promise.all(lines), ['issued', 'issued', 'issued', 'issued']);
    await one.close();
    await two.close();
    await pebble.settled();
    assert.equal(mostAtOnce(from), 2);
  });
});
