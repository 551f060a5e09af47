/** Foreign bytes for parsers: anything at all, and real files with a few things changed. */
import assert from 'node:assert/strict';
import process from 'node:process';
import fc from 'fast-check';
import { TscertError } from '../../src/base/errors.js';
import { encodePem } from '../../src/base/pem.js';

/** How many runs each property has; a nightly run sets FUZZ_RUNS. */
export const RUNS = Number(process.env.FUZZ_RUNS ?? 1_000);

/** One change of a file. Places are parts of 65536, so that they fit every length. */
type Change =
  | { readonly kind: 'set'; readonly at: number; readonly octet: number }
  | { readonly kind: 'flip'; readonly at: number; readonly octet: number }
  | { readonly kind: 'insert'; readonly at: number; readonly octets: Uint8Array }
  | { readonly kind: 'remove'; readonly at: number; readonly octet: number }
  | { readonly kind: 'repeat'; readonly at: number; readonly octet: number }
  | { readonly kind: 'cut'; readonly at: number };

const at = fc.nat(0xffff);
/** Octets that mean something to DER come often. */
const octet = fc.oneof(
  fc.nat(255),
  fc.constantFrom(0x00, 0x01, 0x02, 0x03, 0x05, 0x06, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x84, 0xa0, 0xa3, 0xff),
);
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('set' as const), at, octet }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('flip' as const), at, octet: fc.constantFrom(1, 2, 4, 8, 16, 32, 64, 128) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('insert' as const), at, octets: fc.uint8Array({ maxLength: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), at, octet: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('repeat' as const), at, octet: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), at }) },
);

function apply(bytes: Buffer, { at: part, ...how }: Change): Buffer {
  const place = Math.floor((part / 0x1_0000) * bytes.length);
  const [before, behind] = [bytes.subarray(0, place), bytes.subarray(place)];
  switch (how.kind) {
    case 'set':
      return Buffer.concat([before, Buffer.of(how.octet), behind.subarray(1)]);
    case 'flip':
      return Buffer.concat([before, Buffer.of((behind[0] ?? 0) ^ how.octet), behind.subarray(1)]);
    case 'insert':
      return Buffer.concat([before, how.octets, behind]);
    case 'remove':
      return Buffer.concat([before, behind.subarray(how.octet)]);
    case 'repeat':
      return Buffer.concat([before, behind.subarray(0, how.octet), behind]);
    case 'cut':
      return before;
  }
}

/** One of these files with one to four changes; its index goes along, to be seen in a counterexample. */
export function mutated(files: readonly Uint8Array[]): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.nat(files.length - 1), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([index, changes]) => changes.reduce(apply, Buffer.from(files[index] ?? [])));
}

/** Elements of DER that are well-formed and mean nothing: parsers get past the first check and meet what they do not expect. */
export const derLike: fc.Arbitrary<Buffer> = fc.letrec<{ element: Buffer }>((tie) => ({
  element: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc
      .tuple(
        fc.constantFrom(0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x13, 0x16, 0x17, 0x18, 0x1e, 0x80, 0x82, 0x86, 0x87),
        fc.uint8Array({ maxLength: 20 }),
      )
      .map(([tag, content]) => tlv(tag, content)),
    fc
      .tuple(fc.constantFrom(0x30, 0x30, 0x30, 0x31, 0xa0, 0xa1, 0xa3), fc.array(tie('element'), { maxLength: 6 }))
      .map(([tag, children]) => tlv(tag, Buffer.concat(children))),
  ),
})).element;

function tlv(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  const header = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}

/** Reads every input; only a TscertError may come out, of one of these codes, and within half a minute (a passphrase may rightly take seconds). */
export function staysCalm<T>(inputs: fc.Arbitrary<T>, parse: (input: T) => unknown, codes: readonly string[], runs = RUNS): void {
  fc.assert(
    fc.property(inputs, (input) => {
      const begun = process.hrtime.bigint();
      try {
        parse(input);
      } catch (error) {
        assert.ok(error instanceof TscertError, `threw ${error instanceof Error ? error.stack : String(error)}`);
        assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`);
      }
      assert.ok(process.hrtime.bigint() - begun < 30_000_000_000n, 'took more than half a minute');
    }),
    { numRuns: runs },
  );
}

/** Octets, and elements that mean nothing. */
export const anything = fc.oneof(fc.uint8Array({ maxLength: 400 }), derLike);
export const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
);

/** The reader's view of a file, by both doors: the DER itself and a PEM block around it. */
export function byBothDoors(label: string, read: (input: string | Uint8Array) => unknown): (bytes: Uint8Array) => void {
  return (bytes) => {
    const outcomes = [bytes, encodePem(label, bytes)].map((input) => {
      try {
        read(input);
        return 'read';
      } catch (error) {
        return error;
      }
    });
    const failed = outcomes.find((outcome) => outcome !== 'read');
    if (failed !== undefined) throw failed;
  };
}
