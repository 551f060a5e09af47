/**
 * Whatever comes, it is read or refused with a TscertError, and nothing hangs; and nothing that was changed is good, unless openssl finds it
 * good too: behind the CA's back, and by a CA that signs whatever it has.
 */
import assert from 'node:assert/strict';
import process from 'node:process';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { TscertError } from '../../src/base/errors.js';
import { encodePem } from '../../src/base/pem.js';
import { readCrls } from '../../src/pki/crl-reader.js';
import { crlVerdict } from '../../src/pki/crl-verdict.js';
import { bitString, encodeDer } from '../../src/pki/der.js';
import { readDer } from '../../src/pki/der-reader.js';
import { checkTime, timeOf } from '../../src/pki/der-values.js';
import { signerOf, signWith } from '../../src/pki/signature.js';
import { RUNS } from '../support/property.js';
import { createCrl, crlExtension, crlNumber, deltaIndicator, pssSignature, scope } from './crl-builder.js';
import { opensslVerify } from './crl-openssl.js';
import { chunked } from './crl-support.js';
import { anything, mutated } from './fuzz.js';
import { authority, DAY, keyOf, NOW, type Party, party } from './support.js';

const CODES = ['crl-invalid', 'pem-invalid'];
/** Runs of each kind of change: some thousands in all, unless FUZZ_RUNS says more. */
const CHANGED = process.env.FUZZ_RUNS === undefined ? 500 : RUNS;
/** How many of those that are good here are shown to openssl; at night all. */
const ASKED = process.env.FUZZ_RUNS === undefined ? 40 : Number.POSITIVE_INFINITY;

interface World {
  readonly name: string;
  readonly ca: Party;
  readonly leaf: Party;
  readonly crls: readonly Buffer[];
}

function worldOf(name: string, ca: Party, signature?: Parameters<typeof createCrl>[0]['signature']): World {
  const url = 'http://crl.test/1';
  const leaf = party('leaf', ca, { crlUrls: [url] });
  const serialNumber = BigInt(`0x${leaf.certificate.serialNumber}`);
  const date = crlExtension('2.5.29.24', Buffer.concat([Buffer.of(0x18, 15), Buffer.from('20261101020304Z')]));
  const others = [1n, -5n, 1n << 200n].map((serial) => ({ serialNumber: serial, reason: 1, extensions: [date] }));
  const spec = { issuer: ca, ...(signature && { signature }) };
  return {
    name,
    ca,
    leaf,
    crls: [
      createCrl({ ...spec, entries: others, extensions: [crlNumber(1)] }),
      createCrl({ ...spec, entries: [...others, { serialNumber, reason: 1 }], extensions: [crlNumber(2)] }),
      createCrl({ ...spec, entries: others, extensions: [crlNumber(3), scope({ urls: [url], only: 'user' })] }),
      createCrl({ ...spec, entries: [{ serialNumber, reason: 8 }], extensions: [crlNumber(4), deltaIndicator(2)] }),
      createCrl({ ...spec, version: 'absent' }),
      createCrl({ ...spec, nextUpdate: new Date(NOW - DAY), thisUpdate: new Date(NOW - 2 * DAY) }),
    ],
  };
}

const rsa = authority('PSS CA', undefined, { key: keyOf('rsa2048') });
const WORLDS = [
  worldOf('ECDSA', authority('EC CA')),
  worldOf('PSS', rsa, pssSignature(rsa.key)),
  worldOf('Ed25519', authority('Ed25519 CA', undefined, { key: keyOf('ed25519') })),
];

/** The verdict of these octets, or the code of the refusal; within half a minute. */
async function outcome({ ca, leaf }: World, bytes: Uint8Array, chunk = 1 << 16): Promise<string> {
  const begun = process.hrtime.bigint();
  const request = { source: 'crl', serialNumbers: [leaf.certificate.serialNumber], signers: [ca.certificate] };
  try {
    return crlVerdict(leaf.certificate, await readCrls(chunked(bytes, chunk), request), { at: NOW }).status;
  } catch (error) {
    assert.ok(error instanceof TscertError, `threw ${error instanceof Error ? error.stack : String(error)}`);
    assert.ok(CODES.includes(error.code), `${error.code}: ${error.message}`);
    return error.code;
  } finally {
    assert.ok(process.hrtime.bigint() - begun < 30_000_000_000n, 'took more than half a minute');
  }
}

/** The signed body of a CRL. */
function bodyOf(crl: Buffer): Buffer {
  return readDer(crl).children[0]?.der ?? Buffer.alloc(0);
}

/** A CRL of any octets that the CA has signed. */
function signedAgain({ ca }: World, body: Buffer): Buffer {
  const parts = [body, encodeDer(signerOf(ca.key).identifier), encodeDer(bitString(signWith(ca.key, body)))];
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(0x30, 0x82, content.length >> 8, content.length & 0xff), content]);
}

describe('CRLs', () => {
  for (const world of WORLDS) {
    test(`changed ones (${world.name})`, async () => {
      await fc.assert(
        fc.asyncProperty(mutated(world.crls), async (bytes) => {
          // Some changes change nothing.
          if (world.crls.some((crl) => crl.equals(bytes))) return;
          const ours = await outcome(world, bytes);
          assert.notEqual(ours, 'revoked', 'what was changed bears no signature');
          if (ours === 'good') assert.equal(opensslVerify(world.leaf.pem, world.ca.pem, [bytes], NOW, '-extended_crl'), 'good');
        }),
        { numRuns: CHANGED },
      );
    });
  }

  const [world] = WORLDS as [World];
  test('changed ones that the CA signed again', async () => {
    let asked = 0;
    await fc.assert(
      fc.asyncProperty(mutated(world.crls.map(bodyOf)), async (body) => {
        const bytes = signedAgain(world, body);
        if ((await outcome(world, bytes)) !== 'good' || ++asked > ASKED) return;
        assert.equal(opensslVerify(world.leaf.pem, world.ca.pem, [bytes], NOW, '-extended_crl'), 'good');
      }),
      { numRuns: CHANGED },
    );
  });

  const refusedAs = (outcomes: readonly string[]): string[] => outcomes.map((one) => (CODES.includes(one) ? 'refused' : one));
  test('changed texts, in chunks of any size', async () => {
    const texts = world.crls.map((crl) => Buffer.from(`text\n${encodePem('X509 CRL', crl)}`));
    await fc.assert(
      fc.asyncProperty(mutated(texts), fc.integer({ min: 1, max: 500 }), async (bytes, chunk) => {
        const [whole, pieces] = refusedAs([await outcome(world, bytes), await outcome(world, bytes, chunk)]);
        assert.equal(pieces, whole);
      }),
      { numRuns: CHANGED },
    );
  });

  test('anything, in chunks of any size', async () => {
    await fc.assert(
      fc.asyncProperty(anything, fc.integer({ min: 1, max: 50 }), async (bytes, chunk) => {
        const [whole, pieces] = [await outcome(world, bytes), await outcome(world, bytes, chunk)];
        assert.equal(pieces, whole);
        assert.notEqual(whole, 'good');
      }),
      { numRuns: CHANGED },
    );
  });
});

test('a time that passes is one that can be read, and the other way round', () => {
  const digit = fc.constantFrom(...'0123456789Z:/ ');
  const near = fc
    .tuple(fc.constantFrom('19', '20', '00', '99', ''), fc.integer({ min: 0, max: 99 }), fc.nat(13), fc.nat(32), fc.nat(25), fc.nat(61))
    .map(([century, ...rest]) => `${century}${rest.map((part) => String(part).padStart(2, '0')).join('')}`)
    .chain((text) => fc.integer({ min: 0, max: 61 }).map((second) => `${text}${String(second).padStart(2, '0')}Z`));
  const text = fc.oneof(
    near,
    fc.array(digit, { maxLength: 16 }).map((digits) => digits.join('')),
  );
  fc.assert(
    fc.property(fc.constantFrom(0x16, 0x17, 0x18), text, (tag, words) => {
      const bytes = Buffer.from(`--${words}--`);
      const extent = { tag, content: 2, end: bytes.length - 2 };
      const passes = [() => checkTime(bytes, extent), () => timeOf({ tag, content: bytes.subarray(extent.content, extent.end) })].map(
        (read) => {
          try {
            read();
            return true;
          } catch {
            return false;
          }
        },
      );
      assert.equal(passes[0], passes[1], words);
    }),
    { numRuns: RUNS * 5 },
  );
});
