/** Whatever stands in the Secrets of a store, it is read or refused with a TscertError. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SECRET } from '../../../src/kubernetes/secret/object.js';
import { generationDraft, readGeneration } from '../../../src/store/kubernetes/generation.js';
import { holderOf, readHolder } from '../../../src/store/kubernetes/holder.js';
import { type Pointer, pointerText, readPointer } from '../../../src/store/kubernetes/pointer.js';
import { recordIn, textsOf } from '../../../src/store/kubernetes/records.js';
import { stateDraft, stateName } from '../../../src/store/kubernetes/state.js';
import { makeBundle } from '../../contract/certificates.js';
import { RUNS, staysCalm } from '../../pki/fuzz.js';

const secretWith = (kind: 'certificate' | 'generation' | 'ledger', texts: Record<string, string>) =>
  SECRET.parse(stateDraft({ kind, of: 'www', name: stateName(kind, 'www') }, { namespace: 'web' }, texts));

const entry = fc.record({ id: fc.stringMatching(/^\d{4,6}$/), storedAt: fc.integer(), uid: fc.string() });
const pointer = fc
  .record({ current: entry, others: fc.array(entry, { maxLength: 4 }), newest: fc.nat(), meta: fc.jsonValue(), hasKey: fc.boolean() })
  .map(({ current, others, meta, ...rest }) => ({
    ...{ ...rest, name: 'www', current: current.id, generations: [...others, current] },
    meta: JSON.parse(JSON.stringify(meta)),
  }));

describe('pointers', () => {
  test('anything', () =>
    staysCalm(fc.oneof(fc.string(), fc.json()), (text) => readPointer('www', secretWith('certificate', { pointer: text })), [
      'store-damaged',
    ]));

  test('what is written is read back; with one field gone or of another kind it is damaged', () =>
    fc.assert(
      fc.property(pointer, fc.constantFrom('name', 'current', 'generations', 'newest', 'meta', 'hasKey', 'version'), (one, field) => {
        const read = (text: string): Pointer => readPointer('www', secretWith('certificate', { pointer: text }));
        assert.deepEqual(read(pointerText(one)), JSON.parse(JSON.stringify(one)));
        const { [field]: _, ...less } = JSON.parse(pointerText(one));
        assert.throws(() => read(JSON.stringify(less)), { code: 'store-damaged' });
        if (field === 'meta') return;
        assert.throws(() => read(JSON.stringify({ ...less, [field]: { x: 1 } })), { code: 'store-damaged' });
      }),
      { numRuns: RUNS / 4 },
    ));
});

describe('generations', () => {
  const bundle = makeBundle('www');
  const draft = generationDraft('web', 'www', '0001', bundle, 0);

  test('what is written is read back', () => {
    const read = readGeneration('www', SECRET.parse(draft));
    assert.deepEqual(read, { bundle, storedAt: 0 });
  });

  test('with any part changed it is damaged', () => {
    const data = draft.data as Record<string, string>;
    const text = fc.oneof(fc.string(), fc.json(), fc.constantFrom(bundle.certificate, bundle.privateKey, makeBundle('other').certificate));
    staysCalm(
      fc.tuple(fc.constantFrom(...Object.keys(data)), text),
      ([part, content]) => {
        const before = Buffer.from(data[part] ?? '', 'base64').toString();
        const secret = SECRET.parse({ ...draft, data: { ...data, [part]: Buffer.from(content).toString('base64') } });
        const read = readGeneration('www', secret);
        // What can still be read says the same, or a chain of good certificates stands where none stood.
        assert.ok(content === before || (part === 'chain.pem' && read.bundle.chain === content) || part === 'meta.json');
      },
      ['store-damaged'],
      RUNS / 4,
    );
  });
});

describe('holders of locks', () => {
  test('anything', () =>
    staysCalm(fc.oneof(fc.string(), fc.stringMatching(/^x \d+\.\d*\.[0-9a-f-]*\.\d*\.[^.\s]+\.[0-9a-f-]{36}$/)), readHolder, []));
  test('what is written is read back', () =>
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '.', '-', '%', ' ', 'é', '('), minLength: 1 }), fc.nat(), (host, pid) => {
        const owner = { pid, host, startTime: '12', bootId: 'ab-1', pidNamespace: '402' };
        assert.deepEqual(readHolder(holderOf('tscert renew', owner)), { words: `tscert renew on ${host} (${pid})`, owner });
      }),
    ));
});

describe('records', () => {
  test('anything', () => staysCalm(fc.oneof(fc.string(), fc.json()), (text) => recordIn(secretWith('ledger', { record: text })), []));
  test('anything packed', () =>
    staysCalm(fc.oneof(fc.string(), fc.base64String()), (text) => recordIn(secretWith('ledger', { packed: text })), []));
  test('what is written is read back', () =>
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), (key, value) => {
        const plain = JSON.parse(JSON.stringify(value));
        assert.deepEqual(recordIn(secretWith('ledger', { ...textsOf(key, plain) })), { key, value: plain });
      }),
      { numRuns: RUNS / 4 },
    ));
});
