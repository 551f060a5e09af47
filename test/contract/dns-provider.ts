/**
 * The contract of the DnsProvider port (src/dns/provider.ts). Every provider's test calls `dnsProviderContract` with the
 * service that it talks to: a real server, or an emulator that keeps state.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, type TestContext, test } from 'node:test';
import { TscertError } from '../../src/base/errors.js';
import { isWithin } from '../../src/base/names.js';
import type { DnsProvider, TxtRecord, Zone } from '../../src/dns/provider.js';

/** A provider and the world behind it, looked at from beside the provider. */
interface ProviderFixture {
  readonly provider: DnsProvider;
  /** A zone that the service has, in which the tests may write at names of their own. */
  readonly zone: Zone;
  /** A zone that the service does not have, for providers that can tell. */
  readonly unknownZone?: Zone;
  /** The TXT values that stand at a name now, as the service itself gives them. */
  values(name: string): Promise<readonly string[]>;
  /** Another tool adds a value at a name, keeping what stands there. */
  plant(name: string, value: string): Promise<void>;
  /** How many values one change shall carry in the test of large changes; 120 unless a value costs a program's start. */
  readonly many?: number;
  close(): Promise<void>;
}

/** Builds the fixture once for the suite; `{ skip }` says in one line why the service cannot be had. */
type MakeFixture = () => Promise<ProviderFixture | { readonly skip: string }>;

/** Registers the tests of the port for one provider. */
export function dnsProviderContract(name: string, make: MakeFixture): void {
  describe(`${name} keeps the DnsProvider contract`, () => {
    let made: ProviderFixture | { readonly skip: string } | undefined;
    let serial = 0;
    before(async () => {
      made = await make();
    });
    after(async () => {
      if (made !== undefined && 'provider' in made) await made.close();
    });

    const contract = (sentence: string, body: (world: World) => Promise<void>): void => {
      test(sentence, async (t: TestContext) => {
        if (made === undefined) throw new Error('the fixture was not made');
        if ('skip' in made) return t.skip(made.skip);
        const label = `c${++serial}`;
        await body(createWorld(made, label, t.signal));
      });
    };

    contract('an added value is served, and gone after its removal', async ({ at, change, holds }) => {
      const record = { name: at('one'), value: digest() };
      await change({ add: [record] });
      await holds(record.name, [record.value]);
      await change({ remove: [record] });
      await holds(record.name, []);
    });

    contract('a change gives back the records that it added, and those can be removed as they are', async ({ at, change, holds }) => {
      const wanted = [
        { name: at('first'), value: digest() },
        { name: at('second'), value: digest() },
      ];
      const added = await change({ add: wanted });
      assert.deepEqual(sorted(added.map(plain)), sorted(wanted));
      await change({ remove: added });
      for (const record of wanted) await holds(record.name, []);
    });

    contract('a value can be removed by name and value alone, as a later process knows it', async ({ at, change, holds }) => {
      const [mine, other] = [digest(), digest()];
      await change({ add: [mine, other].map((value) => ({ name: at('later'), value })) });
      await change({ remove: [{ name: at('later'), value: mine }] });
      await holds(at('later'), [other]);
      await change({ remove: [{ name: at('later'), value: other }] });
      await holds(at('later'), []);
    });

    contract('two values of one name stand together, added by one change', async ({ at, change, holds }) => {
      const values = [digest(), digest()];
      await change({ add: values.map((value) => ({ name: at('both'), value })) });
      await holds(at('both'), values);
      await change({ remove: values.map((value) => ({ name: at('both'), value })) });
      await holds(at('both'), []);
    });

    contract('two values of one name stand together, added one after the other', async ({ at, change, holds }) => {
      const [first, second] = [digest(), digest()];
      await change({ add: [{ name: at('turns'), value: first }] });
      await change({ add: [{ name: at('turns'), value: second }] });
      await holds(at('turns'), [first, second]);
      await change({ remove: [{ name: at('turns'), value: first }] });
      await holds(at('turns'), [second]);
      await change({ remove: [{ name: at('turns'), value: second }] });
    });

    contract('adding what stands already is a success and adds nothing', async ({ at, change, holds }) => {
      const record = { name: at('twice'), value: digest() };
      await change({ add: [record] });
      const again = await change({ add: [record] });
      assert.deepEqual(again.map(plain), [record]);
      await holds(record.name, [record.value]);
      await change({ remove: again });
      await holds(record.name, []);
    });

    contract('removing what is gone, or never was, is a success', async ({ at, change, holds }) => {
      const record = { name: at('gone'), value: digest() };
      const added = await change({ add: [record] });
      await change({ remove: added });
      await change({ remove: added });
      await change({ remove: [{ name: at('never'), value: digest() }] });
      await holds(record.name, []);
    });

    contract('values of others are neither removed nor replaced', async ({ at, change, holds, plant }) => {
      const [foreign, mine] = [`v=spf1 -all ${digest()}`, digest()];
      await plant(at('shared'), foreign);
      await change({ add: [{ name: at('shared'), value: mine }] });
      await holds(at('shared'), [foreign, mine]);
      await change({ remove: [{ name: at('shared'), value: digest() }] });
      await holds(at('shared'), [foreign, mine]);
      await change({ remove: [{ name: at('shared'), value: mine }] });
      await holds(at('shared'), [foreign]);
    });

    contract('values that differ in case alone are two values', async ({ at, change, holds }) => {
      const value = digest();
      const values = [value, value.toLowerCase()];
      await change({ add: values.map((one) => ({ name: at('case'), value: one })) });
      await holds(at('case'), values);
      await change({ remove: [{ name: at('case'), value: value.toLowerCase() }] });
      await holds(at('case'), [value]);
      await change({ remove: [{ name: at('case'), value }] });
    });

    contract('one change adds and removes, at one name and at others', async ({ at, change, holds }) => {
      const [old, fresh, aside] = [digest(), digest(), digest()];
      await change({ add: [{ name: at('swap'), value: old }] });
      await change({
        add: [
          { name: at('swap'), value: fresh },
          { name: at('aside'), value: aside },
        ],
        remove: [{ name: at('swap'), value: old }],
      });
      await holds(at('swap'), [fresh]);
      await holds(at('aside'), [aside]);
      await change({
        remove: [
          { name: at('swap'), value: fresh },
          { name: at('aside'), value: aside },
        ],
      });
      await holds(at('swap'), []);
    });

    contract('a large change goes through whole', async ({ at, change, holds, fixture }) => {
      const records = Array.from({ length: fixture.many ?? 120 }, (_, nth) => ({ name: at(`many-${nth % 70}`), value: digest() }));
      const added = await change({ add: records });
      assert.equal(added.length, records.length);
      const names = [...new Set(records.map(({ name }) => name))];
      const valuesAt = (name: string): string[] => records.filter((record) => record.name === name).map(({ value }) => value);
      for (const name of names) await holds(name, valuesAt(name));
      await change({ remove: added });
      for (const name of names) await holds(name, []);
    });

    contract('an empty change does nothing', async ({ change }) => {
      assert.deepEqual(await change({}), []);
    });

    contract('an aborted change rejects with the reason and changes nothing', async ({ at, fixture, holds }) => {
      const reason = new TscertError('interrupted', 'Cannot go on: the test stopped it');
      const record = { name: at('aborted'), value: digest() };
      await assert.rejects(
        fixture.provider.change(fixture.zone, { add: [record], remove: [] }, AbortSignal.abort(reason)),
        (error) => error === reason,
      );
      await holds(record.name, []);
    });

    contract('a zone that the service does not have is refused for good, in typed words', async ({ fixture, signal }) => {
      const { unknownZone: zone } = fixture;
      if (zone === undefined) return;
      const change = { add: [{ name: `_acme-challenge.${zone.name}`, value: digest() }], remove: [] };
      await assert.rejects(fixture.provider.change(zone, change, signal), (error) => {
        assert.ok(error instanceof TscertError, String(error));
        assert.ok(['zone-unknown', 'provider-denied', 'provider-failed'].includes(error.code), error.code);
        assert.notEqual(error.data.transient, true, 'a later try cannot help');
        assert.match(error.message, /^Cannot .+: .+[^.]$/s);
        return true;
      });
    });

    contract('the zone list, where there is one, has the zone of a name', async ({ at, fixture, signal }) => {
      if (fixture.provider.zones === undefined) return;
      const zones = await fixture.provider.zones([at('any')], signal);
      const best = zones
        .filter((zone) => isWithin(at('any'), zone.name))
        .sort((a, b) => b.name.length - a.name.length)
        .at(0);
      assert.deepEqual(best, fixture.zone);
      for (const { name } of zones) assert.match(name, /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/, 'A-labels, lower case, no dot at the end');
    });

    contract('the name is the one of the command line', async ({ fixture }) => {
      assert.match(fixture.provider.name, /^[a-z0-9-]+(:[a-z0-9_]+)?$/);
    });
  });
}

interface World {
  readonly fixture: ProviderFixture;
  readonly signal: AbortSignal;
  /** A name that only this test uses. */
  at(label: string): string;
  change(change: { readonly add?: readonly TxtRecord[]; readonly remove?: readonly TxtRecord[] }): Promise<readonly TxtRecord[]>;
  holds(name: string, values: readonly string[]): Promise<void>;
  plant(name: string, value: string): Promise<void>;
}

function createWorld(fixture: ProviderFixture, test: string, signal: AbortSignal): World {
  return {
    fixture,
    signal,
    at: (label) => `_acme-challenge.${label}.${test}.${fixture.zone.name}`,
    change: ({ add = [], remove = [] }) => fixture.provider.change(fixture.zone, { add, remove }, signal),
    holds: async (name, values) => assert.deepEqual([...(await fixture.values(name))].sort(), [...values].sort(), `TXT values of ${name}`),
    plant: (name, value) => fixture.plant(name, value),
  };
}

/** A value as dns-01 has it (RFC 8555 §8.4): 43 characters of base64url, upper and lower case in it. */
function digest(): string {
  return `Aa${randomBytes(32).toString('base64url').slice(2)}`;
}

const plain = ({ name, value }: TxtRecord): TxtRecord => ({ name, value });

function sorted(records: readonly TxtRecord[]): TxtRecord[] {
  return [...records].sort((a, b) => `${a.name} ${a.value}`.localeCompare(`${b.name} ${b.value}`));
}
