/** What is shown is all there is: no two bodies that differ in meaning have the same whole view, however well they are signed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodePem } from '../../../src/base/pem.js';
import { encodeDer, sequence, setOf } from '../../../src/pki/der.js';
import { readDer } from '../../../src/pki/der-reader.js';
import { lookAt } from '../../../src/policy/whole/look.js';
import { anything, mutated, RUNS } from '../../pki/fuzz.js';
import { keyOf } from '../../pki/support.js';
import { attribute, CN, dnsName, ext, type Forgery, forgeDer, O, raw, rdn, san } from '../forge.js';

const SAMPLES: readonly Forgery[] = [
  {},
  { subject: [setOf([attribute(O, 'a'), attribute(O, 'b')]), rdn(CN, 'jane')], extensions: [] },
  {
    extensions: [
      san(dnsName('a.b'), raw(0x87, Buffer.from([10, 0, 0, 1])), raw(0x86, 'spiffe://a/b')),
      ext('2.5.29.15', raw(3, Buffer.from([5, 0xa0]))),
      ext('2.5.29.19', sequence()),
    ],
  },
  { key: keyOf('ed25519') },
];
const bodies = SAMPLES.map((sample) => readDer(forgeDer(sample)).children[0]?.der ?? Buffer.alloc(0));
const shown = (request: Buffer): string | undefined => {
  const { isWhole, description } = lookAt(Buffer.from(encodePem('CERTIFICATE REQUEST', request)));
  return isWhole ? JSON.stringify(description) : undefined;
};
const views = SAMPLES.map((sample) => shown(forgeDer(sample)));

/** The string types of names say nothing: UTF8String, PrintableString and IA5String of the same text are one. */
function withoutStringTypes(body: Buffer): string {
  const { content } = readDer(body);
  return Buffer.from(content.map((octet) => (octet === 0x13 || octet === 0x16 ? 0x0c : octet))).toString('hex');
}

test('a changed body, signed again, is refused or shown as something else', () => {
  assert.ok(views.every((view) => view !== undefined));
  let isWhole = 0;
  fc.assert(
    fc.property(
      fc.nat(SAMPLES.length - 1).chain((at) => mutated([bodies[at] ?? Buffer.alloc(0)]).map((body) => ({ at, body }))),
      ({ at, body }) => {
        const sample = SAMPLES[at] ?? {};
        if (body.equals(bodies[at] ?? body)) return;
        const view = shown(forgeSigned(sample, body));
        if (view === undefined) return;
        isWhole++;
        if (view === views[at]) assert.equal(withoutStringTypes(body), withoutStringTypes(bodies[at] ?? body));
      },
    ),
    { numRuns: RUNS },
  );
  assert.ok(isWhole > 0, 'some changes make other whole requests');
});

function forgeSigned(sample: Forgery, body: Buffer): Buffer {
  try {
    return forgeDer({ ...sample, edit: () => body });
  } catch {
    return encodeDer(sequence());
  }
}

test('a request that is changed without the key is never whole', () => {
  const made = SAMPLES.map((sample) => forgeDer(sample));
  fc.assert(
    fc.property(mutated(made), (der) => {
      if (made.some((one) => one.equals(der))) return;
      const { isWhole } = lookAt(Buffer.from(encodePem('CERTIFICATE REQUEST', der)));
      assert.equal(isWhole, false);
    }),
    { numRuns: RUNS },
  );
});

test('anything is looked at calmly', () => {
  fc.assert(
    fc.property(anything, (bytes) => {
      assert.equal(lookAt(bytes).isWhole, false);
      assert.equal(lookAt(Buffer.from(encodePem('CERTIFICATE REQUEST', bytes))).isWhole, false);
    }),
    { numRuns: RUNS },
  );
});
