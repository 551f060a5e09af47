import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TscertError } from '../../src/base/errors.js';
import type { Event } from '../../src/base/events.js';
import { createGathering } from '../../src/base/gathering.js';
import { createBatch } from '../../src/dns/batch.js';
import type { Change, DnsProvider, TxtRecord, Zone } from '../../src/dns/provider.js';
import { createVirtualClock, settle } from '../support/clock.js';

const never = new AbortController().signal;
const zone: Zone = { name: 'example.com', id: 'Z1' };
const txt = (name: string, value = `v-${name}`): TxtRecord => ({ name: `${name}.example.com`, value });
const adding = (...add: TxtRecord[]): Change => ({ add, remove: [] });
const removing = (...remove: TxtRecord[]): Change => ({ add: [], remove });
const refused = (): TscertError => new TscertError('provider-failed', 'Cannot change: bad record');

interface Sent {
  readonly zone: string;
  readonly change: Change;
  readonly signal: AbortSignal;
}

/** A batch over a provider that writes down what comes, and carries it out when `handle` says so. */
function setUp(handle: (sent: Sent) => Promise<void> = async () => undefined, more: Partial<DnsProvider> = {}) {
  const clock = createVirtualClock(0);
  const gathering = createGathering();
  const events: Event[] = [];
  const sent: Sent[] = [];
  const provider: DnsProvider = {
    name: 'memory',
    async change(where, change, signal) {
      const one = { zone: where.name, change, signal };
      sent.push(one);
      await handle(one);
      return change.add.map((record) => ({ ...record, id: `id-${record.value}` }));
    },
    ...more,
  };
  const batch = createBatch({ provider, clock, random: () => 0.5, gathering, emit: (event) => void events.push(event) });
  return { clock, gathering, events, sent, batch };
}

function latch(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

test('a single certificate never waits', async () => {
  const { clock, gathering, batch, sent, events } = setUp();
  const member = gathering.join();
  const seat = batch.expect('present');
  member.done('present');
  const added = await seat.change(zone, adding(txt('a')), never);
  assert.deepEqual(added, [{ ...txt('a'), id: 'id-v-a' }]);
  assert.equal(sent.length, 1);
  assert.deepEqual([clock.now(), clock.sleepers()], [0, 0]);
  assert.deepEqual(events, [{ type: 'dns-change', provider: 'memory', zone: 'example.com', added: 1, removed: 0 }]);
});

test('a hundred lines of one zone go out in one change, and each gets its own records back', async () => {
  const { clock, gathering, batch, sent } = setUp();
  const members = Array.from({ length: 100 }, () => gathering.join());
  const results: Promise<readonly TxtRecord[]>[] = [];
  for (const [at, member] of members.entries()) {
    const seat = batch.expect('present');
    member.done('present');
    await settle();
    results.push(seat.change(zone, adding(txt(`h${at}`)), never));
    await settle();
    assert.equal(sent.length, at === 99 ? 1 : 0);
  }
  const added = await Promise.all(results);
  assert.equal(sent[0]?.change.add.length, 100);
  assert.deepEqual(added[42], [{ ...txt('h42'), id: 'id-v-h42' }]);
  assert.deepEqual([clock.now(), clock.sleepers()], [0, 0]);
});

test('a line that is announced is waited for although its neighbours are done', async () => {
  const { gathering, batch, sent } = setUp();
  const member = gathering.join();
  const [slow, quick] = [batch.expect('present'), batch.expect('present')];
  member.done('present');
  const first = quick.change(zone, adding(txt('quick')), never);
  await settle();
  assert.equal(sent.length, 0);
  await Promise.all([first, slow.change(zone, adding(txt('slow')), never)]);
  assert.equal(sent.length, 1);
});

test('a line that leaves without values is not waited for', async () => {
  const { batch, sent } = setUp();
  const [gone, here] = [batch.expect('present'), batch.expect('present')];
  const change = here.change(zone, adding(txt('here')), never);
  await settle();
  assert.equal(sent.length, 0);
  gone.leave();
  gone.leave();
  await change;
  assert.equal(sent.length, 1);
});

test('a line that never comes costs five seconds, counted from the last news', async () => {
  const { clock, gathering, batch, sent } = setUp();
  gathering.join();
  const first = batch.expect('present').change(zone, adding(txt('a')), never);
  await clock.advance(4_000);
  const second = batch.expect('present').change(zone, adding(txt('b')), never);
  await clock.advance(4_999);
  assert.equal(sent.length, 0);
  await clock.advance(1);
  await Promise.all([first, second]);
  assert.equal(sent.length, 1);
  assert.equal(clock.sleepers(), 0);
});

test('the second change of a zone waits for the first, and gathers meanwhile; other zones do not wait', async () => {
  const { opened, open } = latch();
  const { batch, sent } = setUp(({ zone: where }) => (where === 'example.com' && sent.length === 1 ? opened : Promise.resolve()));
  const first = batch.expect('present').change(zone, adding(txt('a')), never);
  await settle();
  const later = [
    batch.expect('present').change(zone, adding(txt('b')), never),
    batch.expect('clean-up').change(zone, removing(txt('c')), never),
  ];
  await batch.expect('present').change({ name: 'example.org' }, adding(txt('d')), never);
  assert.deepEqual(
    sent.map((one) => one.zone),
    ['example.com', 'example.org'],
  );
  open();
  await Promise.all([first, ...later]);
  assert.deepEqual(
    sent.slice(2).map(({ change }) => [change.add.length, change.remove.length]),
    [[1, 1]],
  );
});

test('at most eight zones are changed at a time', async () => {
  const { opened, open } = latch();
  const { batch, sent } = setUp(() => opened);
  const all = Array.from({ length: 12 }, (_, at) => batch.expect('present').change({ name: `z${at}.test` }, adding(txt('a')), never));
  await settle();
  assert.equal(sent.length, 8);
  open();
  await Promise.all(all);
  assert.equal(sent.length, 12);
});

test('removals wait for the last line, or ride with values that go', async () => {
  const { gathering, batch, sent } = setUp();
  const [one, two] = [gathering.join(), gathering.join()];
  one.done('present');
  two.done('present');
  const first = batch.expect('clean-up').change(zone, removing(txt('a')), never);
  one.done('clean-up');
  await settle();
  assert.equal(sent.length, 0);
  const second = batch.expect('clean-up').change(zone, removing(txt('b')), never);
  two.done('clean-up');
  await Promise.all([first, second]);
  assert.deepEqual(
    sent.map(({ change }) => change.remove.length),
    [2],
  );

  gathering.join().done('present');
  const riding = batch.expect('clean-up').change(zone, removing(txt('c')), never);
  await batch.expect('present').change(zone, adding(txt('d')), never);
  await riding;
  assert.deepEqual([sent.length, sent[1]?.change.add.length, sent[1]?.change.remove.length], [2, 1, 1]);
});

test('a value that one line adds and another removes goes in two changes, in their order', async () => {
  const { batch, sent } = setUp();
  const block = batch.expect('present');
  const removal = batch.expect('clean-up').change(zone, removing(txt('a')), never);
  const both = [batch.expect('present').change(zone, adding(txt('a')), never)];
  block.leave();
  await Promise.all([removal, ...both]);
  assert.deepEqual(
    sent.map(({ change }) => [change.add.length, change.remove.length]),
    [
      [0, 1],
      [1, 0],
    ],
  );
});

test('two lines with the same value share it', async () => {
  const { batch, sent } = setUp();
  const block = batch.expect('present');
  const both = [1, 2].map(() => batch.expect('present').change(zone, adding(txt('a')), never));
  block.leave();
  const added = await Promise.all(both);
  assert.equal(sent[0]?.change.add.length, 1);
  assert.deepEqual(added[0], added[1]);
});

test('lines that one caller brings in one go share a change although nobody else is expected', async () => {
  const { batch, sent } = setUp();
  await Promise.all([1, 2, 3].map((at) => batch.expect('clean-up').change(zone, removing(txt(`h${at}`)), never)));
  assert.equal(sent.length, 1);
});

test('transient failures are tried again', async () => {
  let left = 2;
  const { clock, batch, sent } = setUp(async () => {
    if (left-- > 0) throw new TscertError('provider-failed', 'Cannot change: later', { data: { transient: true, throttled: true } });
  });
  await clock.until(batch.expect('present').change(zone, adding(txt('a')), never));
  assert.equal(sent.length, 3);
});

test('one bad line does not harm the others', async () => {
  const { batch, sent } = setUp(async ({ change }) => {
    if (change.add.some(({ value }) => value === 'v-h13')) throw refused();
  });
  const block = batch.expect('present');
  const all = Array.from({ length: 100 }, (_, at) => batch.expect('present').change(zone, adding(txt(`h${at}`)), never));
  block.leave();
  const outcomes = await Promise.allSettled(all);
  assert.deepEqual(
    outcomes.flatMap(({ status }, at) => (status === 'rejected' ? [at] : [])),
    [13],
  );
  assert.ok(sent.length < 20, `${sent.length} changes`);
});

test('when every change is refused all lines get the error, and the provider is not asked for each', async () => {
  const { batch, sent } = setUp(() => Promise.reject(new TscertError('provider-denied', 'Cannot change: not allowed')));
  const block = batch.expect('present');
  const all = Array.from({ length: 100 }, (_, at) => batch.expect('present').change(zone, adding(txt(`h${at}`)), never));
  block.leave();
  const outcomes = await Promise.allSettled(all);
  assert.ok(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason.code === 'provider-denied'));
  assert.ok(sent.length <= 12, `${sent.length} changes`);
});

test('a failure that is nobody’s record is given to all without more tries', async () => {
  const { batch, sent } = setUp(() => Promise.reject(new TscertError('credentials-missing', 'Cannot change: no credentials')));
  const block = batch.expect('present');
  const all = [1, 2, 3].map((at) => batch.expect('present').change(zone, adding(txt(`h${at}`)), never));
  block.leave();
  const outcomes = await Promise.allSettled(all);
  assert.ok(outcomes.every(({ status }) => status === 'rejected'));
  assert.equal(sent.length, 1);
});

test('a line aborted before the change is sent is left out of it', async () => {
  const { batch, sent, clock } = setUp();
  const block = batch.expect('present');
  const abort = new AbortController();
  const leaving = batch.expect('present').change(zone, adding(txt('leaving')), abort.signal);
  const staying = batch.expect('present').change(zone, adding(txt('staying')), never);
  abort.abort(new Error('enough'));
  await assert.rejects(leaving, /enough/);
  block.leave();
  await staying;
  assert.deepEqual(
    sent.map(({ change }) => change.add),
    [[txt('staying')]],
  );
  await assert.rejects(batch.expect('present').change(zone, adding(txt('late')), AbortSignal.abort(new Error('before'))), /before/);
  assert.equal(clock.sleepers(), 0);
});

test('a line aborted after its change is sent stops waiting; the change and the other lines go on, and its removal comes after', async () => {
  const { opened, open } = latch();
  const { batch, sent, clock } = setUp(() => (sent.length === 1 ? opened : Promise.resolve()));
  const abort = new AbortController();
  const block = batch.expect('present');
  const leaving = batch.expect('present').change(zone, adding(txt('leaving')), abort.signal);
  const staying = batch.expect('present').change(zone, adding(txt('staying')), never);
  block.leave();
  await settle();
  abort.abort(new Error('enough'));
  await assert.rejects(leaving, /enough/);
  const removal = batch.expect('clean-up').change(zone, removing(txt('leaving')), never);
  await clock.advance(60_000);
  assert.equal(sent[0]?.signal.aborted, false);
  assert.equal(sent.length, 1, 'the removal waits');
  open();
  await Promise.all([staying, removal]);
  assert.deepEqual(sent[1]?.change, removing(txt('leaving')));
});

test('a request that nobody waits for may end for ten seconds, and is cut then', async () => {
  const { batch, sent, clock } = setUp(
    ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  );
  const abort = new AbortController();
  const leaving = batch.expect('present').change(zone, adding(txt('a')), abort.signal);
  await settle();
  abort.abort(new Error('enough'));
  await assert.rejects(leaving, /enough/);
  await clock.advance(9_999);
  assert.equal(sent[0]?.signal.aborted, false);
  await clock.advance(1);
  assert.equal(sent[0]?.signal.aborted, true);
});

test('a back-off that nobody waits for ends at once', async () => {
  const { batch, sent, clock } = setUp(async ({ change }) => {
    if (change.add.length > 0) throw new TscertError('provider-failed', 'Cannot change: later', { data: { transient: true } });
  });
  const abort = new AbortController();
  const leaving = batch.expect('present').change(zone, adding(txt('a')), abort.signal);
  await settle();
  abort.abort(new Error('enough'));
  await assert.rejects(leaving, /enough/);
  await batch.expect('clean-up').change(zone, removing(txt('a')), never);
  assert.deepEqual([sent.length, clock.now()], [2, 0]);
});

test('whether a change has settled is asked once for all its lines, and anew after the next change', async () => {
  let asked = 0;
  const settled = async (): Promise<void> => {
    asked++;
    await settle();
  };
  const { batch } = setUp(undefined, { settled });
  await batch.expect('present').change(zone, adding(txt('a')), never);
  await Promise.all(Array.from({ length: 50 }, () => batch.settled?.(zone, never)));
  await batch.settled?.(zone, never);
  assert.equal(asked, 1);
  await batch.expect('clean-up').change(zone, removing(txt('a')), never);
  await batch.settled?.(zone, never);
  assert.equal(asked, 1, 'nobody waits for removals');
  await batch.expect('present').change(zone, adding(txt('b')), never);
  await batch.settled?.(zone, never);
  assert.equal(asked, 2);
});

test('the provider’s zones are asked for with patience, and what it lacks the batch lacks', async () => {
  let left = 1;
  const { batch, clock } = setUp(undefined, {
    zones: async () => {
      if (left-- > 0) throw new TscertError('provider-failed', 'Cannot list: later', { data: { transient: true } });
      return [zone];
    },
    propagationTimeout: 7,
  });
  assert.deepEqual(await clock.until(batch.zones?.(['a'], never) ?? Promise.reject(new Error('no zones'))), [zone]);
  assert.deepEqual([batch.name, batch.manual, batch.propagationTimeout, batch.settled], ['memory', undefined, 7, undefined]);
  assert.equal(setUp().batch.zones, undefined);
});
