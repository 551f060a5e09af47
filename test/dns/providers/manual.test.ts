import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TscertError } from '../../../src/base/errors.js';
import type { Event } from '../../../src/base/events.js';
import type { TxtRecord } from '../../../src/dns/provider.js';
import { createManual } from '../../../src/dns/providers/manual.js';
import { dnsProviderContract } from '../../contract/dns-provider.js';
import { createMemoryDns } from '../../support/memory-dns.js';

const zone = { name: 'example.com' };
const records = ['one', 'two'].map((value) => ({ name: '_acme-challenge.example.com', value }));
const wanted = (events: readonly Event[]) => events.flatMap((event) => (event.type === 'records-wanted' ? [{ ...event }] : []));

// A diligent person: does at once what the events ask for.
dnsProviderContract('manual', async () => {
  const dns = createMemoryDns({ zones: ['example.com'] });
  let removed: readonly TxtRecord[] = [];
  const quiet = new AbortController().signal;
  const provider = createManual({
    emit: (event) => {
      if (event.type !== 'records-wanted' || event.action !== 'remove') return;
      removed = event.records;
      void dns.provider.change(zone, { add: [], remove: removed }, quiet);
    },
    wait: async (asked, signal) => void (await dns.provider.change(zone, { add: asked, remove: [] }, signal)),
    missing: async (asked) => asked.filter((record) => !dns.values(record.name).includes(record.value)),
  });
  return {
    provider,
    zone,
    values: async (name) => dns.values(name),
    plant: async (name, value) => dns.plant(name, value),
    close: async () => undefined,
  };
});

test('without a terminal the run stops with the records, and the next one goes on when they stand', async (t) => {
  const events: Event[] = [];
  const standing: string[] = [];
  const provider = createManual({
    emit: (event) => events.push(event),
    missing: async (asked) => asked.filter(({ value }) => !standing.includes(value)),
  });
  assert.equal(provider.manual, true);
  const change = { add: records, remove: [] };
  await assert.rejects(provider.change(zone, change, t.signal), (error) => {
    assert.ok(error instanceof TscertError && error.code === 'manual-pending');
    assert.deepEqual(error.data.records, records);
    assert.equal(error.message, 'Cannot go on with the zone "example.com" yet: 2 TXT records must be made by hand first');
    return true;
  });
  assert.deepEqual(wanted(events), [{ type: 'records-wanted', action: 'add', records }]);

  standing.push('one');
  await assert.rejects(provider.change(zone, change, t.signal), { message: /1 TXT record must/ });
  assert.deepEqual(wanted(events).at(-1)?.records, records.slice(1));

  standing.push('two');
  assert.deepEqual(await provider.change(zone, change, t.signal), records);
  assert.equal(events.length, 2, 'nothing is asked for that stands');
});

test('a look at DNS that fails hides nothing from the person; one that is aborted ends the run', async (t) => {
  const events: Event[] = [];
  const failing = createManual({
    emit: (event) => events.push(event),
    missing: async (_, signal) => {
      signal.throwIfAborted();
      throw new TscertError('dns-failed', 'Cannot look: no resolver');
    },
  });
  await assert.rejects(failing.change(zone, { add: records, remove: [] }, t.signal), { code: 'manual-pending' });
  assert.deepEqual(wanted(events)[0]?.records, records);

  const controller = new AbortController();
  const reason = new Error('stop');
  const aborted = createManual({
    emit: () => undefined,
    missing: async (_, signal) => {
      controller.abort(reason);
      signal.throwIfAborted();
      return [];
    },
  });
  await assert.rejects(aborted.change(zone, { add: records, remove: [] }, controller.signal), (error) => error === reason);
});

test('what shall be removed is named, and nobody is waited for', async (t) => {
  const events: Event[] = [];
  const provider = createManual({ emit: (event) => events.push(event), wait: () => assert.fail('it waited') });
  assert.deepEqual(await provider.change(zone, { add: [], remove: records }, t.signal), []);
  assert.deepEqual(wanted(events), [{ type: 'records-wanted', action: 'remove', records }]);
});
