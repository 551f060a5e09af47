/** CRLs that openssl wrote, read here; and openssl's verdicts beside these. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodePem } from '../../src/base/pem.js';
import { type CertificateContent, readCertificate } from '../../src/pki/certificate.js';
import type { KeyType } from '../../src/pki/key-type.js';
import { gencrl, oddLeaf, opensslVerify } from './crl-openssl.js';
import { readOf, verdictOf } from './crl-support.js';
import { authority, DAY, keyOf, NOW, openssl, type Party, party, write } from './support.js';

const ca = authority('Gencrl CA');
const REVOKED_AT = new Date(NOW - 3 * DAY);

function lineOf({ certificate }: Party, reason?: string) {
  return { serialNumber: certificate.serialNumber, revokedAt: REVOKED_AT, ...(reason === undefined ? {} : { reason }) };
}

describe('reasons', () => {
  const words = [
    [undefined, 'unspecified'],
    ['unspecified', 'unspecified'],
    ['keyCompromise', 'keyCompromise'],
    ['CACompromise', 'cACompromise'],
    ['affiliationChanged', 'affiliationChanged'],
    ['superseded', 'superseded'],
    ['cessationOfOperation', 'cessationOfOperation'],
    ['certificateHold', 'certificateHold'],
    ['holdInstruction,holdInstructionReject', 'certificateHold'],
    ['keyTime,20261101000000Z', 'keyCompromise', '2026-11-01T00:00:00.000Z'],
    ['CAkeyTime,20261102000000Z', 'cACompromise', '2026-11-02T00:00:00.000Z'],
  ] as const;
  const leaves = words.map((_, index) => party(`leaf ${index}`, ca));
  const crl = gencrl({ issuer: ca, revoked: leaves.map((leaf, index) => lineOf(leaf, words[index]?.[0])) });

  for (const [index, [word = 'none', reason, invalidity]] of words.entries()) {
    test(word, async () => {
      const leaf = leaves[index] as Party;
      const verdict = await verdictOf(leaf.certificate, [crl], [ca]);
      assert.equal(verdict.status, 'revoked');
      assert.deepEqual([verdict.reason, verdict.at, verdict.invalidityDate?.toISOString()], [reason, REVOKED_AT, invalidity]);
    });
  }

  test('openssl sees a revoked one as revoked and another as good, as here', async () => {
    const [leaf, other] = [leaves[2] as Party, party('other', ca)];
    assert.equal(opensslVerify(leaf.pem, ca.pem, [crl]), 'revoked');
    assert.equal(opensslVerify(other.pem, ca.pem, [crl]), 'good');
    assert.equal((await verdictOf(other.certificate, [crl], [ca])).status, 'good');
  });
});

describe('every kind of key', () => {
  const kinds: readonly KeyType[] = ['rsa2048', 'rsa3072', 'ec256', 'ec384', 'ec521', 'ed25519'];
  for (const [name, kind, words] of [
    ...kinds.map((kind) => [kind, kind, ''] as const),
    ['rsa2048 with PSS', 'rsa2048', '-sigopt rsa_padding_mode:pss'] as const,
    ['rsa2048 with PSS and SHA-384', 'rsa2048', '-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20 -md sha384'] as const,
  ]) {
    test(name, async () => {
      const issuer = authority(`${name} CA`, undefined, { key: keyOf(kind) });
      const [leaf, other] = [party('leaf', issuer), party('other', issuer)];
      const crl = gencrl({ issuer, revoked: [lineOf(leaf, 'superseded')], words });
      assert.equal((await verdictOf(leaf.certificate, [crl], [issuer])).status, 'revoked');
      assert.equal((await verdictOf(other.certificate, [crl], [issuer])).status, 'good');
      const stranger = authority(`${name} CA`, undefined, { key: keyOf(kind, 1) });
      assert.deepEqual((await readOf(crl, leaf.certificate, [stranger])).signers, []);
      const changed = Buffer.from(crl);
      const last = changed.length - 1;
      changed[last] = (changed[last] ?? 0) ^ 1;
      assert.deepEqual((await readOf(changed, leaf.certificate, [issuer])).signers, []);
    });
  }
});

describe('serial numbers', () => {
  for (const [name, serialNumber, neighbour] of [
    ['negative', '-1234', '1234'],
    ['negative, of one octet', '-01', 'ff'],
    ['negative, with the sign in an octet of its own', '-ffff', '01'],
    ['zero', '00', '0100'],
    ['of 60 octets', 'a5'.repeat(60), `${'a5'.repeat(59)}a4`],
    ['of 200 octets', '7f'.repeat(200), '7f'.repeat(199)],
  ] as const) {
    test(name, async () => {
      const leafPem = oddLeaf(ca, serialNumber);
      const leaf = readCertificate(leafPem);
      assert.equal(leaf.serialNumber, serialNumber);
      const listed = gencrl({ issuer: ca, revoked: [{ serialNumber, reason: 'superseded' }] });
      const beside = gencrl({ issuer: ca, revoked: [{ serialNumber: neighbour, reason: 'superseded' }] });
      assert.equal((await verdictOf(leaf, [listed], [ca])).status, 'revoked');
      assert.equal((await verdictOf(leaf, [beside], [ca])).status, 'good');
      assert.equal(opensslVerify(leafPem, ca.pem, [listed]), 'revoked');
      assert.equal(opensslVerify(leafPem, ca.pem, [beside]), 'good');
    });
  }
});

describe('parts of a CRL', () => {
  const urls = ['http://crl.test/1', 'http://crl.test/2'];
  const leafOf = (crlUrls: readonly string[], isCa = false): Party => party('leaf', ca, { crlUrls, isCa });
  const scoped = (line: string, revoked: readonly Party[] = [], number = 1): Buffer =>
    gencrl({
      issuer: ca,
      number,
      revoked: revoked.map((leaf) => lineOf(leaf, 'keyCompromise')),
      extensions: ['issuingDistributionPoint = critical, @idp'],
      sections: `[idp]\n${line}\n`,
    });
  const both = async (leaf: Party, crls: readonly Buffer[]) => {
    const ours = await verdictOf(leaf.certificate, crls, [ca]);
    return [ours.status, opensslVerify(leaf.pem, ca.pem, crls, NOW, '-extended_crl')];
  };

  test('the part that the certificate names counts, another does not', async () => {
    const leaf = leafOf([urls[0] ?? '']);
    const [own, other] = [scoped(`fullname = URI:${urls[0]}`), scoped(`fullname = URI:${urls[1]}`, [leaf])];
    assert.deepEqual(await both(leaf, [own]), ['good', 'good']);
    assert.deepEqual(await both(leaf, [other]), ['undetermined', 'other']);
    assert.deepEqual(await both(leaf, [other, own]), ['good', 'good']);
    assert.deepEqual(await both(leaf, [scoped(`fullname = URI:${urls[0]}`, [leaf])]), ['revoked', 'revoked']);
    assert.deepEqual(await both(party('without a point', ca), [own]), ['undetermined', 'other']);
  });

  test('one of several names suffices, on either side', async () => {
    const several = scoped(`fullname = URI:http://elsewhere.test/,URI:${urls[0]}`);
    assert.deepEqual(await both(leafOf([urls[0] ?? '']), [several]), ['good', 'good']);
    assert.deepEqual(await both(leafOf(urls), [scoped(`fullname = URI:${urls[1]}`)]), ['good', 'good']);
  });

  test('for users or CAs only', async () => {
    const [leaf, sub] = [leafOf([]), leafOf([], true)];
    assert.deepEqual(await both(leaf, [scoped('onlyuser = TRUE')]), ['good', 'good']);
    assert.deepEqual(await both(sub, [scoped('onlyuser = TRUE')]), ['undetermined', 'other']);
    assert.deepEqual(await both(sub, [scoped('onlyCA = TRUE')]), ['good', 'good']);
    assert.deepEqual(await both(leaf, [scoped('onlyCA = TRUE')]), ['undetermined', 'other']);
    assert.deepEqual(await both(leaf, [scoped('onlyAA = TRUE')]), ['undetermined', 'other']);
  });

  test('some reasons are put together until there are all', async () => {
    const leaf = leafOf([]);
    const [some, others] = ['keyCompromise,CACompromise', 'affiliationChanged,superseded,cessationOfOperation,certificateHold'];
    const [one, two] = [scoped(`onlysomereasons = ${some}`), scoped(`onlysomereasons = ${others}`)];
    const three = scoped('onlysomereasons = privilegeWithdrawn,AACompromise');
    assert.deepEqual(await both(leaf, [one]), ['undetermined', 'other']);
    const verdict = await verdictOf(leaf.certificate, [one, two], [ca]);
    assert.equal(verdict.status, 'undetermined');
    assert.deepEqual(verdict.doubts, [
      { code: 'reasons-missing', words: 'no CRL tells of a revocation for privilegeWithdrawn, aACompromise' },
    ]);
    assert.deepEqual(await both(leaf, [one, two, three]), ['good', 'good']);
    assert.deepEqual(await both(leaf, [three, two, one]), ['good', 'good']);
    assert.deepEqual(await both(leaf, [two, three, scoped(`onlysomereasons = ${some}`, [leaf])]), ['revoked', 'revoked']);
  });

  test('an indirect one is refused with a word', async () => {
    const verdict = await verdictOf(leafOf([]).certificate, [scoped('indirectCRL = TRUE')], [ca]);
    assert.equal(verdict.status, 'undetermined');
    const words = 'it is an indirect CRL, which lists certificates of other issuers';
    assert.deepEqual(verdict.doubts, [{ code: 'indirect', source: 'crl 0', words }]);
  });

  test("a name that is relative to the issuer's, in the CRL and in the certificate", async () => {
    const relative = 'relativename = rdn\n[rdn]\nCN = part';
    const leafPem = oddLeaf(ca, '77', 'crlDistributionPoints = dp\n[dp]\nrelativename = rdn\n[rdn]\nCN = part\n');
    const leaf = readCertificate(leafPem);
    assert.equal((await verdictOf(leaf, [scoped(relative)], [ca])).status, 'good');
    assert.equal(opensslVerify(leafPem, ca.pem, [scoped(relative)], NOW, '-extended_crl'), 'good');
    assert.equal((await verdictOf(leaf, [scoped(relative.replace('part', 'other'))], [ca])).status, 'undetermined');
  });

  test('a point of the certificate that is for some reasons only', async () => {
    const point = `fullname = URI:${urls[0]}\nreasons = keyCompromise`;
    const leafPem = oddLeaf(ca, '78', `crlDistributionPoints = dp\n[dp]\n${point}\n`);
    const leaf = readCertificate(leafPem);
    const part = scoped(`fullname = URI:${urls[0]}`);
    assert.equal((await verdictOf(leaf, [part], [ca])).status, 'undetermined');
    assert.equal(opensslVerify(leafPem, ca.pem, [part], NOW, '-extended_crl'), 'other');
  });
});

describe('delta CRLs', () => {
  const leaf = party('leaf', ca);
  const list = (reason?: string) => ({ revoked: reason === undefined ? [] : [lineOf(leaf, reason)] });
  const base = (number: number, reason?: string, nextUpdate = new Date(NOW + 6 * DAY)): Buffer =>
    gencrl({ issuer: ca, number, nextUpdate, ...list(reason), extensions: ['freshestCRL = URI:http://crl.test/delta'] });
  const delta = (number: number, baseNumber: number, reason?: string): Buffer =>
    gencrl({
      issuer: ca,
      number,
      ...list(reason),
      extensions: [`2.5.29.27 = critical,DER:0201${baseNumber.toString(16).padStart(2, '0')}`],
    });
  const both = async (crls: readonly Buffer[]): Promise<string[]> => {
    const ours = await verdictOf(leaf.certificate, crls, [ca]);
    return [ours.status, opensslVerify(leaf.pem, ca.pem, crls, NOW, '-extended_crl -use_deltas')];
  };

  test('a delta adds a revocation, and ends a hold', async () => {
    assert.deepEqual(await both([base(5), delta(6, 5)]), ['good', 'good']);
    assert.deepEqual(await both([base(5), delta(6, 5, 'superseded')]), ['revoked', 'revoked']);
    assert.deepEqual(await both([base(5, 'certificateHold'), delta(6, 5)]), ['revoked', 'revoked']);
    assert.deepEqual(await both([base(5, 'certificateHold'), delta(6, 5, 'removeFromCRL')]), ['good', 'good']);
    assert.deepEqual(await both([delta(6, 4, 'removeFromCRL'), base(5, 'certificateHold')]), ['good', 'good']);
  });

  test('a base that is out of date is as new as the delta to it', async () => {
    const old = base(5, undefined, new Date(NOW - 3600_000));
    assert.deepEqual(await both([old]), ['undetermined', 'other']);
    assert.deepEqual(await both([old, delta(6, 5)]), ['good', 'good']);
    assert.deepEqual(await both([old, delta(7, 6)]), ['undetermined', 'other']);
  });

  test('a delta without its base says nothing, unless it revokes', async () => {
    assert.deepEqual(await both([delta(6, 5)]), ['undetermined', 'other']);
    assert.equal((await verdictOf(leaf.certificate, [delta(6, 5, 'superseded')], [ca])).status, 'revoked');
    assert.equal((await verdictOf(leaf.certificate, [base(4), delta(6, 5, 'superseded')], [ca])).status, 'revoked');
    assert.equal((await verdictOf(leaf.certificate, [base(4, 'certificateHold'), delta(6, 5, 'removeFromCRL')], [ca])).status, 'revoked');
  });

  test('a delta that is older than the complete one is not looked at', async () => {
    const verdict = await verdictOf(leaf.certificate, [base(7), delta(6, 5, 'certificateHold')], [ca]);
    assert.deepEqual([verdict.status, verdict.doubts], ['good', []]);
    assert.equal((await verdictOf(leaf.certificate, [base(6), delta(6, 5, 'certificateHold')], [ca])).status, 'good', 'of the same number');
  });
});

test('version 1, without an extension', async () => {
  const [leaf, other] = [party('leaf', ca), party('other', ca)];
  const crl = gencrl({ issuer: ca, revoked: [lineOf(leaf)], isVersion1: true });
  const read = await readOf(crl, leaf.certificate, [ca]);
  assert.deepEqual([read.version, read.number, read.scope, read.entries], [1, undefined, undefined, 1]);
  assert.equal((await verdictOf(leaf.certificate, [crl], [ca])).status, 'revoked');
  assert.equal((await verdictOf(other.certificate, [crl], [ca])).status, 'good');
});

test('what a CRL says of itself', async () => {
  const leaf = party('leaf', ca);
  const crl = gencrl({
    issuer: ca,
    number: 0x1234,
    revoked: [lineOf(leaf)],
    extensions: ['freshestCRL = URI:http://crl.test/delta', 'issuerAltName = URI:http://ca.test/'],
  });
  const read = await readOf(crl, leaf.certificate, [ca]);
  assert.equal(read.number, 0x1234n);
  assert.equal(read.baseNumber, undefined);
  assert.deepEqual(
    read.deltaPoints.map(({ name }) => name?.kind === 'full' && name.names.map(({ url }) => url)),
    [['http://crl.test/delta']],
  );
  assert.deepEqual([read.thisUpdate, read.nextUpdate], [new Date(NOW - DAY), new Date(NOW + 6 * DAY)]);
  assert.equal(read.signatureAlgorithm, 'ECDSA-SHA256');
  assert.deepEqual(read.issuer, ca.certificate.subject);
  assert.deepEqual(read.authorityKeyIdentifier, ca.certificate.extensions.subjectKeyIdentifier);
  assert.deepEqual(read.signers, [ca.certificate]);
});

test('PEM by openssl, with and without its text before it', async () => {
  const leaf: CertificateContent = party('leaf', ca).certificate;
  const crl = gencrl({ issuer: ca, revoked: [{ serialNumber: leaf.serialNumber, reason: 'superseded' }] });
  write('text.pem', encodePem('X509 CRL', crl));
  const text = Buffer.from(openssl('crl -in text.pem -text'));
  assert.match(text.toString(), /^Certificate Revocation List/);
  assert.equal((await verdictOf(leaf, [text], [ca])).status, 'revoked');
  assert.equal((await verdictOf(leaf, [Buffer.from(encodePem('X509 CRL', crl))], [ca])).status, 'revoked');
});
