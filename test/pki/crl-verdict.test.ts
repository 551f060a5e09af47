/** CRLs that no honest or able CA writes, and the state of a certificate at moments of its life. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CertificateContent } from '../../src/pki/certificate.js';
import { crlSignersOf } from '../../src/pki/crl-signers.js';
import { type CrlVerdict, crlVerdict } from '../../src/pki/crl-verdict.js';
import { nothing, oid, sequence } from '../../src/pki/der.js';
import { createCrl, crlExtension, crlNumber, deltaIndicator, type EntrySpec, pssSignature, reasonCode, scope } from './crl-builder.js';
import { opensslVerify } from './crl-openssl.js';
import { readOf, verdictOf } from './crl-support.js';
import { authority, DAY, keyOf, NOW, party } from './support.js';

const HOUR = 3_600_000;
const ca = authority('Verdict CA');
const leaf = party('leaf', ca);
const entry: EntrySpec = { serialNumber: serialOf(leaf.certificate), reason: 1 };
const hold: EntrySpec = { ...entry, reason: 6 };
const removed: EntrySpec = { ...entry, reason: 8 };

function serialOf({ serialNumber }: CertificateContent): bigint {
  return BigInt(`0x${serialNumber}`);
}

/** `good`, `revoked REASON`, or the codes of the doubts. */
function wordsOf(verdict: CrlVerdict): string {
  if (verdict.status === 'undetermined') return verdict.doubts.map(({ code }) => code).join(' ');
  return verdict.status === 'good' ? 'good' : `revoked ${verdict.reason}`;
}

async function says(crls: readonly Uint8Array[], signers = [ca], at = NOW): Promise<string> {
  return wordsOf(await verdictOf(leaf.certificate, crls, signers, at));
}

describe('who has signed it', () => {
  test('another CA of the same name', async () => {
    const impostor = authority('Verdict CA');
    const crl = createCrl({ issuer: impostor });
    assert.equal(await says([crl]), 'signature-wrong');
    assert.equal(opensslVerify(leaf.pem, ca.pem, [crl]), 'other');
    assert.equal(await says([crl, createCrl({ issuer: ca, entries: [entry] })]), 'revoked keyCompromise');
  });

  test('the right key under another name', async () => {
    const renamed = authority('Other name', undefined, { key: ca.key });
    assert.equal(await says([createCrl({ issuer: renamed })], [ca, renamed]), 'issuer-differs');
  });

  test('a CA that may not sign CRLs, and one whose certificate does not say', async () => {
    const without = authority('Verdict CA', undefined, { key: ca.key, usages: ['cert sign'] });
    const silent = authority('Verdict CA', undefined, { key: ca.key, usages: [] });
    const crl = createCrl({ issuer: ca });
    assert.equal(await says([crl], [without]), 'signer-may-not');
    assert.equal(opensslVerify(leaf.pem, without.pem, [crl]), 'other');
    assert.equal(await says([crl], [silent]), 'good');
    assert.equal(await says([crl], [without, ca]), 'good', 'one of its certificates allows it');
  });

  test('a certificate of the CA that has expired, or is of a time to come', async () => {
    const old = authority('Verdict CA', undefined, { key: ca.key, notAfter: new Date(NOW - HOUR) });
    const young = authority('Verdict CA', undefined, { key: ca.key, notBefore: new Date(NOW + HOUR) });
    const crl = createCrl({ issuer: ca });
    assert.equal(await says([crl], [old]), 'signer-not-valid');
    assert.equal(await says([crl], [young]), 'signer-not-valid');
    assert.equal(await says([crl], [old, young, ca]), 'good');
  });

  test('a key of its own for CRLs, in a certificate of the same CA', async () => {
    const root = authority('Root');
    const [forCertificates, forCrls] = [authority('Two keys', root, { usages: ['cert sign'] }), authority('Two keys', root)];
    const stranger = authority('Two keys', authority('Root'));
    const below = party('below', forCertificates);
    const crl = createCrl({ issuer: forCrls });
    const others = [root, forCrls, stranger].map(({ certificate }) => certificate);
    const signers = crlSignersOf(forCertificates.certificate, others);
    assert.deepEqual(signers, [forCertificates.certificate, forCrls.certificate]);
    assert.equal(wordsOf(await verdictOf(below.certificate, [crl], [forCertificates, forCrls])), 'good');
    assert.equal(
      wordsOf(await verdictOf(below.certificate, [createCrl({ issuer: stranger })], [forCertificates, forCrls])),
      'signature-wrong',
    );
  });

  test('a new key of the same CA, certified by the old one', () => {
    const renewed = authority('Verdict CA', ca);
    assert.deepEqual(crlSignersOf(ca.certificate, [renewed.certificate]), [ca.certificate, renewed.certificate]);
    assert.deepEqual(crlSignersOf(renewed.certificate, [ca.certificate]), [renewed.certificate, ca.certificate]);
    assert.deepEqual(crlSignersOf(ca.certificate, [authority('Verdict CA').certificate]), [ca.certificate]);
  });

  test('PSS parameters of our own making', async () => {
    const issuer = authority('PSS CA', undefined, { key: keyOf('rsa2048') });
    const below = party('below', issuer);
    const crl = createCrl({ issuer, signature: pssSignature(issuer.key) });
    assert.equal(wordsOf(await verdictOf(below.certificate, [crl], [issuer])), 'good');
    assert.equal(opensslVerify(below.pem, issuer.pem, [crl]), 'good');
  });

  test('an algorithm that nobody knows', async () => {
    const algorithm = sequence(oid('1.2.3.4'), nothing());
    assert.equal(await says([createCrl({ issuer: ca, signature: { algorithm, sign: (tbs) => tbs } })]), 'signature-wrong');
  });
});

describe('when', () => {
  const week = { thisUpdate: new Date(NOW - DAY), nextUpdate: new Date(NOW + 6 * DAY) };

  test('valid from thisUpdate to nextUpdate, and five minutes around', async () => {
    const crl = createCrl({ issuer: ca, ...week, thisUpdate: new Date(NOW) });
    for (const [at, expected] of [
      [NOW - 4 * 60_000, 'good'],
      [NOW - 6 * 60_000, 'not-yet-valid'],
      [NOW + 6 * DAY + 4 * 60_000, 'good'],
      [NOW + 6 * DAY + 6 * 60_000, 'expired'],
    ] as const) {
      assert.equal(await says([crl], [ca], at), expected);
    }
    const verdict = await verdictOf(leaf.certificate, [crl], [ca]);
    assert.ok(verdict.status === 'good');
    assert.deepEqual(verdict.until, week.nextUpdate);
    assert.deepEqual(
      verdict.crls.map(({ source }) => source),
      ['crl 0'],
    );
  });

  test('a revocation for good outlives its CRL, a hold does not', async () => {
    const later = NOW + 7 * DAY;
    assert.equal(await says([createCrl({ issuer: ca, entries: [entry] })], [ca], later), 'revoked keyCompromise');
    assert.equal(await says([createCrl({ issuer: ca, entries: [hold] })], [ca], later), 'expired');
    assert.equal(await says([createCrl({ issuer: ca, entries: [hold] })]), 'revoked certificateHold');
  });

  test('a CRL of a time to come says nothing, whatever it lists', async () => {
    const crl = createCrl({ issuer: ca, thisUpdate: new Date(NOW + HOUR), entries: [entry] });
    assert.equal(await says([crl]), 'not-yet-valid');
    assert.equal(opensslVerify(leaf.pem, ca.pem, [crl]), 'revoked', 'openssl names both errors');
  });

  test('without nextUpdate nobody knows until when: it may revoke, and not clear', async () => {
    assert.equal(await says([createCrl({ issuer: ca, nextUpdate: 'absent' })]), 'no-next-update');
    assert.equal(await says([createCrl({ issuer: ca, nextUpdate: 'absent', entries: [entry] })]), 'revoked keyCompromise');
  });

  test('of several the newest one that was valid at the time counts, in any order', async () => {
    const first = createCrl({ issuer: ca, extensions: [crlNumber(1)], ...week });
    const second = createCrl({ issuer: ca, extensions: [crlNumber(2)], ...week, thisUpdate: new Date(NOW - HOUR), entries: [hold] });
    const third = createCrl({ issuer: ca, extensions: [crlNumber(3)], ...week, thisUpdate: new Date(NOW + HOUR) });
    for (const crls of [
      [first, second, third],
      [third, first, second],
    ]) {
      assert.equal(await says(crls, [ca], NOW - 2 * HOUR), 'good');
      assert.equal(await says(crls, [ca], NOW), 'revoked certificateHold');
      assert.equal(await says(crls, [ca], NOW + 2 * HOUR), 'good');
    }
  });

  test('a CRL from after the end of the certificate clears it only when it lists expired ones too', async () => {
    const old = party('old', ca, { notAfter: new Date(NOW - 12 * HOUR) });
    const since = (text: string) => crlExtension('2.5.29.60', Buffer.concat([Buffer.of(0x18, 15), Buffer.from(text)]));
    const judged = async (crl: Buffer): Promise<string> => wordsOf(await verdictOf(old.certificate, [crl], [ca]));
    assert.equal(await judged(createCrl({ issuer: ca })), 'good', 'of before its end, and still valid');
    const spec = { issuer: ca, thisUpdate: new Date(NOW - HOUR) };
    assert.equal(await judged(createCrl(spec)), 'certificate-expired');
    assert.equal(await judged(createCrl({ ...spec, extensions: [since('20260101000000Z')] })), 'good');
    assert.equal(await judged(createCrl({ ...spec, extensions: [since('20261123110000Z')] })), 'certificate-expired');
    const listed = [{ serialNumber: serialOf(old.certificate), reason: 5 }];
    assert.equal(await judged(createCrl({ ...spec, entries: listed })), 'revoked cessationOfOperation');
  });

  test('without numbers thisUpdate tells which is newer', async () => {
    const old = createCrl({ issuer: ca, entries: [hold] });
    const young = createCrl({ issuer: ca, thisUpdate: new Date(NOW - HOUR) });
    assert.equal(await says([old, young]), 'good');
    assert.equal(await says([young, old]), 'good');
  });
});

describe('what it says', () => {
  test('unknown extensions: a critical one bars the CRL, any other one is passed over', async () => {
    const odd = (critical: boolean) => crlExtension('1.2.3.4.5', nothing(), critical);
    assert.equal(await says([createCrl({ issuer: ca, extensions: [odd(false)] })]), 'good');
    assert.equal(await says([createCrl({ issuer: ca, extensions: [odd(true)] })]), 'extension-unknown');
    const other = (critical: boolean): EntrySpec => ({ serialNumber: 5n, reason: 1, extensions: [odd(critical)] });
    assert.equal(await says([createCrl({ issuer: ca, entries: [other(false)] })]), 'good');
    const barred = createCrl({ issuer: ca, entries: [other(true)] });
    assert.equal(await says([barred]), 'extension-unknown');
    assert.equal(opensslVerify(leaf.pem, ca.pem, [barred]), 'other');
    assert.equal(await says([createCrl({ issuer: ca, entries: [{ ...entry, extensions: [odd(false)] }] })]), 'revoked keyCompromise');
  });

  test('an entry of another issuer makes it an indirect one', async () => {
    const certificateIssuer = crlExtension('2.5.29.29', sequence(), true);
    assert.equal(await says([createCrl({ issuer: ca, entries: [{ serialNumber: 5n, extensions: [certificateIssuer] }] })]), 'indirect');
    assert.equal(await says([createCrl({ issuer: ca, extensions: [scope({ isIndirect: true })] })]), 'indirect');
  });

  test('a reason without a word, and a removal where no removal may be', async () => {
    assert.equal(await says([createCrl({ issuer: ca, entries: [{ ...entry, reason: 7 }] })]), 'revoked unspecified');
    assert.equal(await says([createCrl({ issuer: ca, entries: [{ ...entry, reason: 0xff }] })]), 'revoked unspecified');
    assert.equal(await says([createCrl({ issuer: ca, entries: [removed] })]), 'removal-misplaced');
    assert.equal(await says([createCrl({ issuer: ca, entries: [removed, entry] })]), 'revoked keyCompromise');
    assert.equal(await says([createCrl({ issuer: ca, entries: [entry, removed] })]), 'revoked keyCompromise');
  });

  test('dates of the entry', async () => {
    const date = crlExtension('2.5.29.24', Buffer.concat([Buffer.of(0x18, 15), Buffer.from('20261101020304Z')]));
    const revokedAt = new Date('2026-11-02T03:04:05Z');
    const crl = createCrl({ issuer: ca, entries: [{ serialNumber: entry.serialNumber, revokedAt, extensions: [date, reasonCode(4)] }] });
    const verdict = await verdictOf(leaf.certificate, [crl], [ca]);
    assert.ok(verdict.status === 'revoked');
    assert.deepEqual([verdict.at, verdict.reason, verdict.invalidityDate], [revokedAt, 'superseded', new Date('2026-11-01T02:03:04Z')]);
    assert.equal(verdict.crl.source, 'crl 0');
  });

  test('nothing at all', async () => {
    assert.equal(await says([]), 'none-given');
  });

  test('a CRL that was read for another certificate is a fault of ours, not a good sign', async () => {
    const crl = await readOf(createCrl({ issuer: ca }), party('other', ca).certificate, [ca]);
    assert.throws(() => crlVerdict(leaf.certificate, [crl], { at: NOW }), { code: 'internal' });
  });
});

test('base and delta are good until the first of them that is still valid is replaced', async () => {
  const [soon, later] = [new Date(NOW + HOUR), new Date(NOW + DAY)];
  const of = (number: number, nextUpdate: Date, baseNumber?: number): Buffer => {
    const extensions = [crlNumber(number), ...(baseNumber === undefined ? [] : [deltaIndicator(baseNumber)])];
    return createCrl({ issuer: ca, nextUpdate, extensions });
  };
  const untilOf = async (crls: readonly Buffer[]): Promise<Date | undefined> => {
    const verdict = await verdictOf(leaf.certificate, crls, [ca]);
    return verdict.status === 'good' ? verdict.until : undefined;
  };
  assert.deepEqual(await untilOf([of(1, soon), of(2, later, 1)]), soon);
  assert.deepEqual(await untilOf([of(1, later), of(2, soon, 1)]), soon);
  assert.deepEqual(await untilOf([of(1, new Date(NOW - HOUR)), of(2, later, 1)]), later);
});

describe('deltas that do not fit', () => {
  const base = createCrl({ issuer: ca, extensions: [crlNumber(5)], entries: [hold] });
  const deltaExtensions = [crlNumber(6), deltaIndicator(5)];

  test('of another scope', async () => {
    const other = createCrl({ issuer: ca, entries: [removed], extensions: [...deltaExtensions, scope({ only: 'user' })] });
    assert.equal(await says([base, other]), 'revoked certificateHold');
  });

  test('of another key, though the CA has both', async () => {
    const renewed = authority('Verdict CA', ca);
    const delta = createCrl({ issuer: renewed, entries: [removed], extensions: deltaExtensions });
    assert.equal(await says([base, delta], [ca, renewed]), 'revoked certificateHold');
    assert.equal(await says([base, createCrl({ issuer: ca, entries: [removed], extensions: deltaExtensions })], [ca, renewed]), 'good');
  });

  test('out of date, of a time to come, or badly signed', async () => {
    const spec = { issuer: ca, entries: [removed], extensions: deltaExtensions };
    const old = createCrl({ ...spec, thisUpdate: new Date(NOW - 2 * DAY), nextUpdate: new Date(NOW - DAY) });
    assert.equal(await says([base, old]), 'revoked certificateHold');
    assert.equal(await says([base, createCrl({ ...spec, thisUpdate: new Date(NOW + DAY) })]), 'revoked certificateHold');
    assert.equal(await says([base, createCrl({ ...spec, key: keyOf('ec256') })]), 'revoked certificateHold');
  });

  test('without a number', async () => {
    const delta = createCrl({ issuer: ca, entries: [removed], extensions: [deltaIndicator(5)] });
    assert.equal(await says([base, delta]), 'revoked certificateHold');
  });

  test('the newest of several that fit', async () => {
    const spec = { issuer: ca, extensions: [crlNumber(6), deltaIndicator(5)] };
    const sixth = createCrl({ ...spec, entries: [removed] });
    const seventh = createCrl({ ...spec, extensions: [crlNumber(7), deltaIndicator(5)], entries: [entry] });
    assert.equal(await says([base, sixth, seventh]), 'revoked keyCompromise');
    assert.equal(await says([seventh, base, sixth]), 'revoked keyCompromise');
    const verdict = await verdictOf(leaf.certificate, [sixth, base], [ca]);
    assert.deepEqual(verdict.status === 'good' && verdict.crls.map(({ source }) => source), ['crl 1', 'crl 0']);
  });
});

test('reasons of two parts, of which one is out of date', async () => {
  // BIT STRING: unused bits, then keyCompromise to aACompromise.
  const some = scope({ reasons: Buffer.of(5, 0x60) });
  const others = scope({ reasons: Buffer.of(7, 0x1f, 0x80) });
  const [one, two] = [createCrl({ issuer: ca, extensions: [some] }), createCrl({ issuer: ca, extensions: [others] })];
  assert.equal(await says([one, two]), 'good');
  const old = { thisUpdate: new Date(NOW - 2 * DAY), nextUpdate: new Date(NOW - DAY) };
  assert.equal(await says([createCrl({ issuer: ca, extensions: [some], ...old }), two]), 'expired reasons-missing');
  assert.equal(await says([createCrl({ issuer: ca, extensions: [some], ...old, entries: [entry] }), two]), 'revoked keyCompromise');
});
