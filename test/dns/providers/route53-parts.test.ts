/** The parts of the provider alone, on input that nobody thought of. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ResourceRecordSet } from '@aws-sdk/client-route-53';
import fc from 'fast-check';
import type { Route53Api } from '../../../src/dns/providers/route53/api.js';
import { splitBatches, toChanges } from '../../../src/dns/providers/route53/batches.js';
import { mergeSets, simpleSet } from '../../../src/dns/providers/route53/merge.js';
import { decodeName, encodeName, reverseName } from '../../../src/dns/providers/route53/names.js';
import { readStanding } from '../../../src/dns/providers/route53/standing.js';
import { quoteTxt, unquoteTxt } from '../../../src/dns/providers/route53/txt.js';
import { readStrings } from '../../emulators/route53/records.js';
import { txtSet } from '../../support/route53-client.js';

const numRuns = Number(process.env.TSCERT_TEST_FUZZ ?? 2000);
const { signal } = new AbortController();

const label = fc.stringMatching(/^[a-z0-9_]([a-z0-9_-]{0,6}[a-z0-9_])?$/);
const zoneName = fc.array(label, { minLength: 0, maxLength: 3 }).map((labels) => [...labels, 'example', 'com'].join('.'));

describe('TXT values', () => {
  test('are quoted as Route53 wants them', () => {
    assert.equal(quoteTxt('value'), '"value"');
    assert.equal(quoteTxt(''), '""');
    assert.equal(quoteTxt('a"b\\c'), '"a\\"b\\\\c"');
    assert.equal(quoteTxt('\t~ é'), '"\\011~ \\303\\251"');
    assert.equal(quoteTxt('x'.repeat(256)), `"${'x'.repeat(255)}" "x"`);
  });

  test('of any text come back as they were, in strings of at most 255 octets', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 700 }), (value) => {
        const wellFormed = Buffer.from(value, 'utf8').toString('utf8');
        const quoted = quoteTxt(wellFormed);
        assert.match(quoted, /^[\x20-\x7e]*$/);
        assert.equal(unquoteTxt(quoted), wellFormed);
        const strings = readStrings(quoted);
        assert.ok(strings?.every((octets) => octets.length <= 255));
        assert.equal(Buffer.concat(strings ?? []).toString('utf8'), wellFormed);
      }),
      { numRuns },
    );
  });

  test('that are no quoted strings are nobody’s value, and nothing throws', () => {
    for (const text of ['', 'bare', '"open', '"a" b', '"a\\"']) assert.equal(unquoteTxt(text), undefined, text);
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('"', '\\', ' ', 'a', '0', '7', '\n', '\u00e9') }), (text) => {
        const value = unquoteTxt(text);
        assert.ok(value === undefined || text.includes('"'));
      }),
      { numRuns },
    );
  });
});

describe('names', () => {
  test('are read with their escapes and written with them', () => {
    assert.equal(decodeName('\\052.Example.COM.'), '*.example.com');
    assert.equal(encodeName('*.Example.com.'), '\\052.example.com');
    fc.assert(
      fc.property(fc.stringMatching(/^[!-~]{1,40}$/), (name) => {
        const plain = name.replace(/\.$/, '').toLowerCase();
        assert.equal(decodeName(encodeName(plain)), plain.replace(/\.$/, ''));
      }),
      { numRuns },
    );
  });
});

describe('what stands is read', () => {
  const sortings: Record<string, (name: string) => string> = {
    'as one text': reverseName,
    'label by label': (name) => reverseName(name).replaceAll('.', '\u0000'),
  };
  for (const [how, sortKey] of Object.entries(sortings)) {
    test(`right and whole when the service sorts ${how}, in any page size`, async () => {
      const set = fc.record({ name: zoneName, kind: fc.constantFrom('A', 'TXT', 'multi', 'SRV'), count: fc.integer({ min: 1, max: 4 }) });
      await fc.assert(
        fc.asyncProperty(
          fc.array(set, { maxLength: 30 }),
          fc.array(zoneName, { minLength: 1, maxLength: 12 }),
          fc.integer({ min: 1, max: 7 }),
          async (sets, others, size) => {
            const all = standingSets(sets, sortKey);
            const names = [...new Set([...others, ...sets.filter((_, nth) => nth % 2 === 0).map(({ name }) => name)])];
            const found = await readStanding(listing(all, sortKey, size), 'Z1', names, signal);
            for (const name of names) {
              const expected = all.filter((one) => one.Type === 'TXT' && decodeName(one.Name ?? '') === name);
              assert.deepEqual(found.get(name), expected, name);
            }
          },
        ),
        { numRuns: Math.ceil(numRuns / 4) },
      );
    });
  }

  test('with one call for 300 neighbours', async () => {
    const names = Array.from({ length: 300 }, (_, nth) => `_acme-challenge.h${nth}.example.com`);
    let calls = 0;
    const all = standingSets(
      names.slice(0, 280).map((name) => ({ name, kind: 'TXT', count: 1 })),
      reverseName,
    );
    const api = listing(all, reverseName, 300, () => calls++);
    assert.equal([...(await readStanding(api, 'Z1', names, signal)).values()].flat().length, 280);
    assert.equal(calls, 1);
  });
});

describe('a merge', () => {
  const values = fc.uniqueArray(fc.constantFrom<string>('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 4 });

  test('never loses a foreign value, holds what was added, and drops what was removed', () => {
    const standing = fc.oneof(
      values.map((list) => (list.length === 0 ? [] : [simpleSet('n', list)])),
      values.map((list) => list.map((value) => ({ ...simpleSet('n', [value]), SetIdentifier: value, MultiValueAnswer: true }))),
      fc
        .array(values, { maxLength: 3 })
        .map((lists) =>
          lists.filter((list) => list.length > 0).map((list, Weight) => ({ ...simpleSet('n', list), SetIdentifier: `w${Weight}`, Weight })),
        ),
    );
    fc.assert(
      fc.property(standing, values, values, (sets: ResourceRecordSet[], add, remove) => {
        const merged = mergeSets({ name: 'n', add, remove }, sets);
        const before = valuesOf(sets);
        const after = valuesOf(merged.after);
        const expected = [...new Set([...before.filter((value) => !remove.includes(value)), ...add])].sort();
        assert.deepEqual([...new Set(after)].sort(), expected);
        const kept = sets.filter((set) => !merged.delete.includes(set));
        assert.deepEqual(new Set([...kept, ...merged.create]), new Set(merged.after));
        if (add.length + remove.length === 0) assert.deepEqual([merged.delete, merged.create], [[], []]);
        assert.ok(merged.after.every((set) => (set.ResourceRecords ?? []).length > 0));
      }),
      { numRuns },
    );
  });
});

describe('batches', () => {
  test('keep the limits, the order and every name whole', () => {
    const merge = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 200 }));
    fc.assert(
      fc.property(fc.array(merge, { maxLength: 60 }), (shapes) => {
        const merges = shapes.map(([old, fresh, length], nth) => {
          const set = (count: number): ResourceRecordSet =>
            txtSet(
              `n${nth}`,
              Array.from({ length: count }, (_, at) => quoteTxt(`${at}`.padStart(length, 'x'))),
            );
          return { name: `n${nth}`, delete: old === 0 ? [] : [set(old)], create: [set(fresh)], after: [set(fresh)] };
        });
        const batches = splitBatches(merges);
        assert.deepEqual(batches.flat(), merges);
        for (const batch of batches) {
          const records = toChanges(batch).flatMap((change) => change.ResourceRecordSet?.ResourceRecords ?? []);
          assert.ok(batch.length === 1 || records.length <= 1_000);
          assert.ok(batch.length === 1 || records.map(({ Value }) => Value).join('').length <= 32_000);
        }
      }),
      { numRuns: Math.ceil(numRuns / 20) },
    );
  });
});

function valuesOf(sets: readonly ResourceRecordSet[]): string[] {
  return sets.flatMap((set) => (set.ResourceRecords ?? []).map(({ Value }) => unquoteTxt(Value ?? '') ?? ''));
}

/** Sets of a zone in the service's order, each name and type once. */
function standingSets(
  wanted: readonly { readonly name: string; readonly kind: string; readonly count: number }[],
  sortKey: (name: string) => string,
): ResourceRecordSet[] {
  const sets = new Map<string, ResourceRecordSet[]>();
  for (const { name, kind, count } of wanted) {
    const Type = kind === 'multi' ? 'TXT' : (kind as 'A' | 'TXT' | 'SRV');
    const one = { ...txtSet(`${name}.`, ['"v"']), Type };
    const multi = Array.from({ length: count }, (_, nth) => ({ ...one, SetIdentifier: `id-${nth}`, MultiValueAnswer: true }));
    sets.set(`${sortKey(name)} ${Type}`, kind === 'multi' ? multi : [one]);
  }
  return [...sets].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, list]) => list);
}

/** The list of a service: from a set on, to the end, in pages of at most `size`. */
function listing(
  all: readonly ResourceRecordSet[],
  sortKey: (name: string) => string,
  size: number,
  onCall = (): unknown => undefined,
): Route53Api {
  const place = (name: string, type: string, identifier = ''): string => `${sortKey(decodeName(name))} ${type} ${identifier}`;
  const unused = (): never => {
    throw new Error('not called');
  };
  return {
    listZones: unused,
    change: unused,
    isInSync: unused,
    async listSets(_zone, from, maxItems) {
      onCall();
      const start = from === undefined ? '' : place(from.name, from.type, from.identifier);
      const rest = all.filter((set) => place(set.Name ?? '', set.Type ?? '', set.SetIdentifier) >= start);
      const count = Math.min(size, maxItems);
      const next = rest[count];
      return {
        ResourceRecordSets: rest.slice(0, count),
        IsTruncated: next !== undefined,
        MaxItems: count,
        NextRecordName: next?.Name,
        NextRecordType: next?.Type,
        NextRecordIdentifier: next?.SetIdentifier,
      };
    },
  };
}
