/** What no responder of openssl would say, or only at another time: made here, rightly signed. */
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { type Der, encodeDer, integer, nothing, octetString, oid, sequence, tagged } from '../../src/pki/der.js';
import { certIdsOf, publicKeyBits } from '../../src/pki/ocsp-cert-id.js';
import { checkOcspResponse, type OcspQuestion } from '../../src/pki/ocsp-verdict.js';
import {
  criticalExtension,
  enumerated,
  envelope,
  type Forged,
  forge,
  GOOD,
  generalizedTime,
  primitive,
  revoked,
  type Single,
  UNKNOWN,
} from './ocsp-forge.js';
import { HOUR, ocspCa, ocspDelegate, ocspLeaf, TODAY } from './ocsp-world.js';

const MINUTE = 60_000;
const ca = ocspCa('CA');
const leaf = ocspLeaf('leaf', ca);
const delegate = ocspDelegate('OCSP', ca);
const issuer = ca.certificate;
const { serialNumber } = leaf.certificate;
const FRESH: Single = { thisUpdate: TODAY - HOUR, nextUpdate: TODAY + HOUR };
const ids = certIdsOf(issuer);

function response(changes: Partial<Forged> = {}): Buffer {
  return forge({ issuer, serialNumber, signer: ca, producedAt: TODAY - HOUR, singles: [FRESH], ...changes });
}

function single(changes: Partial<Single>): Buffer {
  return response({ singles: [{ ...FRESH, ...changes }] });
}

/** The verdict in a word: of the response, or of the certificate. */
function verdict(bytes: Buffer, more: Partial<OcspQuestion> = {}): string {
  const checked = checkOcspResponse({ response: bytes, certificates: [leaf.certificate], issuer, now: TODAY, ...more });
  const [first] = checked.verdict === 'refused' ? [checked] : checked.certificates;
  assert.ok(first !== undefined);
  if (first.verdict === 'refused') assert.match(first.message, /^Cannot believe the OCSP response: [^.]/);
  return first.verdict === 'refused' ? first.reason : first.verdict;
}

describe('dates', () => {
  test('the clocks may differ by five minutes, or by what the caller says', () => {
    for (const [words, changes, more, expected] of [
      ['thisUpdate ahead', { thisUpdate: TODAY + 5 * MINUTE }, {}, 'good'],
      ['thisUpdate too far ahead', { thisUpdate: TODAY + 5 * MINUTE + 1000 }, {}, 'not-yet-valid'],
      ['thisUpdate ahead, no skew', { thisUpdate: TODAY + 1000 }, { skew: 0 }, 'not-yet-valid'],
      ['nextUpdate passed', { nextUpdate: TODAY - 5 * MINUTE }, {}, 'good'],
      ['nextUpdate long passed', { nextUpdate: TODAY - 5 * MINUTE - 1000 }, {}, 'stale'],
      ['nextUpdate passed, no skew', { nextUpdate: TODAY - 1000 }, { skew: 0 }, 'stale'],
      ['nextUpdate before thisUpdate', { nextUpdate: TODAY - HOUR - 1000 }, {}, 'dates-crossed'],
      ['nextUpdate is thisUpdate', { thisUpdate: TODAY, nextUpdate: TODAY }, {}, 'good'],
    ] as const) {
      assert.equal(verdict(single(changes), more), expected, words);
    }
  });

  test('without nextUpdate a response is good for a day, or as long as the caller says', () => {
    const of = (age: number): Buffer => response({ singles: [{ thisUpdate: TODAY - age }] });
    assert.equal(verdict(of(24 * HOUR)), 'good');
    assert.equal(verdict(of(24 * HOUR + 6 * MINUTE)), 'stale');
    assert.equal(verdict(of(HOUR), { maxAge: 10 * MINUTE }), 'stale');
    assert.equal(verdict(of(72 * HOUR), { maxAge: 96 * HOUR }), 'good');
  });

  test('what was produced in the future is refused, what was produced before it was known is told', () => {
    assert.equal(verdict(response({ producedAt: TODAY + 4 * MINUTE })), 'good');
    assert.equal(verdict(response({ producedAt: TODAY + 6 * MINUTE })), 'produced-in-future');
    const checked = checkOcspResponse({
      response: response({ producedAt: TODAY - 2 * HOUR }),
      certificates: [leaf.certificate],
      issuer,
      now: TODAY,
    });
    assert.ok(checked.verdict === 'answered');
    assert.deepEqual(checked.warnings, ['produced-before-update']);
  });

  test('what was produced before the certificate began speaks of another one', () => {
    const before = leaf.certificate.notBefore.getTime();
    const of = (at: number): Buffer => response({ producedAt: at, singles: [{ thisUpdate: at, nextUpdate: TODAY + HOUR }] });
    assert.equal(verdict(of(before - 4 * MINUTE)), 'good');
    assert.equal(verdict(of(before - 6 * MINUTE)), 'produced-too-early');
    assert.equal(verdict(of(before - 6 * MINUTE), { certificates: [{ serialNumber }] }), 'good', 'nothing else is known of it');
  });

  test('times are told, with the age and the cutoff of an archive', () => {
    const cutoff = criticalExtension('1.3.6.1.5.5.7.48.1.6', generalizedTime(TODAY - 1000 * HOUR), false);
    const checked = checkOcspResponse({ response: single({ extensions: [cutoff] }), certificates: [leaf.certificate], issuer, now: TODAY });
    assert.ok(checked.verdict === 'answered');
    assert.deepEqual(checked, {
      verdict: 'answered',
      signedBy: { role: 'issuer', name: issuer.subject, noCheck: true },
      producedAt: new Date(TODAY - HOUR),
      nonce: 'not-sent',
      warnings: [],
      certificates: [
        {
          verdict: 'good',
          thisUpdate: new Date(TODAY - HOUR),
          nextUpdate: new Date(TODAY + HOUR),
          age: HOUR,
          archiveCutoff: new Date(TODAY - 1000 * HOUR),
        },
      ],
    });
  });
});

describe('whom it speaks of', () => {
  const other = ocspLeaf('other', ca).certificate;

  test('by the hashes SHA-1, SHA-256, SHA-384 and SHA-512, and by no other', () => {
    for (const hash of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
      assert.equal(verdict(single({ id: ids.der(serialNumber, hash) })), 'good', hash);
    }
    const md5 = createHash('md5').update(issuer.raw.subject).digest();
    const key = createHash('md5').update(publicKeyBits(issuer.raw.spki)).digest();
    const id = sequence(
      sequence(oid('1.2.840.113549.2.5'), nothing()),
      octetString(md5),
      octetString(key),
      integer(BigInt(`0x${serialNumber}`)),
    );
    assert.equal(verdict(single({ id })), 'not-covered');
  });

  test('the parameters of the hash may be absent, but nothing else than NULL', () => {
    const [name, key] = [issuer.raw.subject, publicKeyBits(issuer.raw.spki)].map((octets) => createHash('sha1').update(octets).digest());
    assert.ok(name !== undefined && key !== undefined);
    const id = (algorithm: readonly Der[]): Der =>
      sequence(sequence(...algorithm), octetString(name), octetString(key), integer(BigInt(`0x${serialNumber}`)));
    assert.equal(verdict(single({ id: id([oid('1.3.14.3.2.26')]) })), 'good');
    assert.equal(verdict(single({ id: id([oid('1.3.14.3.2.26'), integer(1)]) })), 'unreadable');
    assert.equal(verdict(single({ id: id([oid('2.16.840.1.101.3.4.2.1'), nothing()]) })), 'unreadable');
  });

  test('another serial number, another name and another key are not this certificate', () => {
    assert.equal(verdict(single({ id: ids.der(other.serialNumber, 'sha1') })), 'not-covered');
    assert.equal(verdict(single({ id: certIdsOf(ocspCa('CA').certificate).der(serialNumber, 'sha1') })), 'not-covered');
    assert.equal(verdict(single({ id: certIdsOf(ocspCa('Other', { key: ca.key }).certificate).der(serialNumber, 'sha1') })), 'not-covered');
    assert.equal(verdict(response({ singles: [] })), 'not-covered');
  });

  test('of several the one with the latest thisUpdate counts, of equal ones the worst', () => {
    const old: Single = { ...FRESH, thisUpdate: TODAY - 2 * HOUR };
    const dead = revoked(TODAY - 5 * HOUR, 1);
    const both = (a: Single, b: Single): string[] => [verdict(response({ singles: [a, b] })), verdict(response({ singles: [b, a] }))];
    assert.deepEqual(both({ ...old, status: dead }, FRESH), ['good', 'good']);
    assert.deepEqual(both(old, { ...FRESH, status: dead }), ['revoked', 'revoked']);
    assert.deepEqual(both(FRESH, { ...FRESH, status: UNKNOWN }), ['unknown', 'unknown']);
    assert.deepEqual(both({ ...FRESH, status: UNKNOWN }, { ...FRESH, status: dead }), ['revoked', 'revoked']);
    assert.deepEqual(both(old, { ...FRESH, nextUpdate: TODAY - HOUR }), ['stale', 'stale']);
  });

  test('several certificates are answered in the order in which they are asked about', () => {
    const serials = [serialNumber, other.serialNumber, '99'];
    const checked = checkOcspResponse({
      response: response({
        singles: [
          { ...FRESH, id: ids.der(other.serialNumber, 'sha256'), status: revoked(TODAY - HOUR) },
          { ...FRESH, id: ids.der(serialNumber, 'sha1') },
        ],
      }),
      certificates: serials.map((serial) => ({ serialNumber: serial })),
      issuer,
      now: TODAY,
    });
    assert.ok(checked.verdict === 'answered');
    assert.deepEqual(
      checked.certificates.map((one) => (one.verdict === 'refused' ? one.reason : one.verdict)),
      ['good', 'revoked', 'not-covered'],
    );
  });
});

describe('extensions', () => {
  const URL_OF_CRL = encodeDer(sequence(tagged(0, primitive(0x16, 'http://crl.test/'))));

  test('critical ones that are not known are refused, others are passed over', () => {
    for (const critical of [true, false]) {
      const strange = [criticalExtension('1.2.3.4', undefined, critical)];
      assert.equal(verdict(single({ extensions: strange })), critical ? 'critical-extension' : 'good', 'of the single response');
      assert.equal(verdict(response({ extensions: strange })), critical ? 'critical-extension' : 'good', 'of the response');
    }
    // The issuer of an entry of an indirect CRL would make it another certificate.
    assert.equal(verdict(single({ extensions: [criticalExtension('2.5.29.29')] })), 'critical-extension');
  });

  test('references to CRLs, the cutoff of an archive and timestamps may be critical', () => {
    const references = criticalExtension('1.3.6.1.5.5.7.48.1.3', URL_OF_CRL);
    const cutoff = criticalExtension('1.3.6.1.5.5.7.48.1.6', generalizedTime(TODAY));
    const timestamps = criticalExtension('1.3.6.1.4.1.11129.2.4.5');
    assert.equal(verdict(single({ extensions: [references, cutoff, timestamps] })), 'good');
  });

  test('none stands there twice', () => {
    const twice = [criticalExtension('1.2.3.4', undefined, false), criticalExtension('1.2.3.4', undefined, false)];
    assert.equal(verdict(single({ extensions: twice })), 'unreadable');
    assert.equal(verdict(response({ extensions: twice })), 'unreadable');
  });

  test('a reason of revocation may stand in the extension of CRL entries', () => {
    const reasonCode = criticalExtension('2.5.29.21', enumerated(4), false);
    const of = (status: Single['status'], ...extensions: Single['extensions'] & object): unknown => {
      const checked = checkOcspResponse({
        response: single({ ...(status && { status }), extensions }),
        certificates: [leaf.certificate],
        issuer,
        now: TODAY,
      });
      const [first] = checked.verdict === 'answered' ? checked.certificates : [];
      return first?.verdict === 'revoked' ? first.reason : first?.verdict;
    };
    assert.equal(of(revoked(TODAY), reasonCode), 'superseded');
    assert.equal(of(revoked(TODAY, 1), reasonCode), 'keyCompromise');
    assert.equal(of(GOOD, reasonCode), 'good');
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5, 6, 8, 9, 10].map((reason) => of(revoked(TODAY, reason))),
      [
        'unspecified',
        'keyCompromise',
        'cACompromise',
        'affiliationChanged',
        'superseded',
        'cessationOfOperation',
        'certificateHold',
        'removeFromCRL',
        'privilegeWithdrawn',
        'aACompromise',
      ],
    );
    for (const reason of [7, 11, 127, 255]) assert.equal(verdict(single({ status: revoked(TODAY, reason) })), 'unreadable');
  });

  test('a certificate that was never issued is told', () => {
    const extendedRevoke = criticalExtension('1.3.6.1.5.5.7.48.1.9', undefined, false);
    for (const [extensions, at, expected] of [
      [[extendedRevoke], 0, true],
      [[], 0, undefined],
      [[extendedRevoke], TODAY, undefined],
    ] as const) {
      const checked = checkOcspResponse({
        response: response({ singles: [{ ...FRESH, status: revoked(at, 6) }], extensions }),
        certificates: [leaf.certificate],
        issuer,
        now: TODAY,
      });
      const [first] = checked.verdict === 'answered' ? checked.certificates : [];
      assert.ok(first?.verdict === 'revoked');
      assert.equal(first.neverIssued, expected);
    }
  });

  test('nonces: equal, absent, another one, one that nobody asked for', () => {
    const nonce = Buffer.alloc(32, 7);
    const of = (octets: Buffer): Buffer =>
      response({ extensions: [criticalExtension('1.3.6.1.5.5.7.48.1.2', octetString(octets), false)] });
    const told = (bytes: Buffer, sent: Buffer | undefined): string => {
      const checked = checkOcspResponse({
        response: bytes,
        certificates: [leaf.certificate],
        issuer,
        now: TODAY,
        ...(sent === undefined ? {} : { nonce: sent }),
      });
      return checked.verdict === 'answered' ? checked.nonce : checked.reason;
    };
    assert.equal(told(of(nonce), nonce), 'equal');
    assert.equal(told(response(), nonce), 'absent');
    assert.equal(told(of(Buffer.alloc(32, 8)), nonce), 'nonce-wrong');
    assert.equal(told(of(nonce.subarray(1)), nonce), 'nonce-wrong');
    assert.equal(told(of(nonce), undefined), 'not-sent');
    assert.equal(told(response(), undefined), 'not-sent');
    const bare = response({ extensions: [criticalExtension('1.3.6.1.5.5.7.48.1.2', nonce, false)] });
    assert.equal(told(bare, nonce), 'nonce-wrong', 'without the inner OCTET STRING');
  });
});

describe('who has signed', () => {
  const by = (signer: Forged['signer'], certificates: readonly Buffer[] = [signer.certificate.der], more: Partial<Forged> = {}): string =>
    verdict(response({ signer, certificates, ...more }));

  test('the issuer or its delegate, by name and by key, whatever else comes along', () => {
    const more = [ocspLeaf('a', ca).certificate.der, ocspCa('OCSP').certificate.der, leaf.certificate.der];
    for (const byKey of [false, true]) {
      assert.equal(by(ca, [], { byKey }), 'good');
      assert.equal(by(ca, [issuer.der, ...more], { byKey }), 'good');
      assert.equal(by(delegate, undefined, { byKey }), 'good');
      assert.equal(by(delegate, [...more, delegate.certificate.der], { byKey }), 'good');
      assert.equal(by(delegate, [], { byKey }), 'signer-unknown');
      assert.equal(by(delegate, more, { byKey }), byKey ? 'signer-unknown' : 'signature-wrong');
      assert.equal(by(ca, [Buffer.from('3000', 'hex')], { byKey }), 'unreadable');
    }
  });

  test('its name may be written with other string types, case and blanks, but no other name', () => {
    const name = (tag: number, text: string): Der =>
      tagged(1, sequence(primitive(0x31, encodeDer(sequence(oid('2.5.4.3'), primitive(tag, text))))));
    assert.equal(by(delegate, undefined, { responderId: name(0x0c, ' ocsp ') }), 'good');
    assert.equal(by(delegate, undefined, { responderId: name(0x13, 'OCSP2') }), 'signer-unknown');
    assert.equal(by(delegate, undefined, { responderId: name(0x16, 'CA') }), 'signature-wrong');
  });

  test('two certificates of the responder: the one that signed counts, wherever it stands', () => {
    const twin = ocspDelegate('OCSP', ca).certificate.der;
    const expired = ocspDelegate('OCSP', ca, { key: delegate.key, notAfter: new Date(TODAY - HOUR) }).certificate.der;
    assert.equal(by(delegate, [twin, expired, delegate.certificate.der]), 'good');
    assert.equal(by(delegate, [twin, expired]), 'signer-expired');
    assert.equal(by(delegate, [twin]), 'signature-wrong');
  });

  test('no leaf of the CA, and no delegate of another CA or of a CA below', () => {
    assert.equal(by(leaf), 'signer-wrong-usage');
    assert.equal(by(ocspLeaf('any', ca, { usages: ['any'] })), 'signer-wrong-usage');
    assert.equal(by(ocspLeaf('server', ca, { usages: ['digital signature', 'server auth'] })), 'signer-wrong-usage');
    assert.equal(by(ocspDelegate('OCSP', ca, { usages: ['key encipherment', 'ocsp signing'] })), 'signer-wrong-usage');
    assert.equal(by(ocspDelegate('OCSP', ca, { usages: ['ocsp signing'] })), 'good', 'no key usage at all');
    assert.equal(by(ocspDelegate('OCSP', ca, { usages: ['content commitment', 'ocsp signing'] })), 'good');
    const impostor = ocspCa('CA');
    assert.equal(by(ocspDelegate('OCSP', impostor)), 'signer-not-issued');
    assert.equal(by(impostor), 'signer-not-issued');
    assert.equal(by(impostor, []), 'signature-wrong');
    const below = ocspLeaf('sub', ca, { isCa: true, usages: ['cert sign'] });
    assert.equal(by(ocspDelegate('OCSP', below), undefined), 'signer-not-issued');
    assert.equal(by(ocspDelegate('OCSP', below), [below.certificate.der, ocspDelegate('OCSP', below).certificate.der]), 'signature-wrong');
    const self = ocspCa('self', { usages: ['digital signature', 'ocsp signing'] });
    assert.equal(by(self), 'signer-not-issued');
  });

  test('a delegate is valid now', () => {
    const old = ocspDelegate('OCSP', ca, { notBefore: new Date(TODAY - 9 * HOUR), notAfter: new Date(TODAY - 1000) });
    const young = ocspDelegate('OCSP', ca, { notBefore: new Date(TODAY + 1000) });
    assert.equal(by(old), 'signer-expired');
    assert.equal(by(young), 'signer-not-yet-valid');
    assert.equal(verdict(response({ signer: old, certificates: [old.certificate.der] }), { now: TODAY - 1000 }), 'good');
  });

  test('signatures that are wrong, of another algorithm, broken or not known', () => {
    const good = response();
    const last = Buffer.from(good);
    last[last.length - 1] = (last.at(-1) ?? 0) ^ 1;
    assert.equal(verdict(last), 'signature-wrong');
    const algorithm = (dotted: string): string => verdict(response({ algorithm: sequence(oid(dotted)) }));
    assert.equal(algorithm('1.2.840.10045.4.3.3'), 'signature-wrong');
    assert.equal(algorithm('1.3.101.112'), 'signature-wrong');
    assert.equal(algorithm('1.2.840.113549.1.1.4'), 'signature-weak');
    assert.equal(algorithm('1.2.3.4'), 'signature-unsupported');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    assert.equal(verdict(response({ signer: { key: privateKey, certificate: issuer } })), 'signature-wrong');
  });

  test('a response of one CA says nothing for another one with the same name and the same key in another certificate', () => {
    const renewed = ocspCa('CA', { key: ca.key }).certificate;
    assert.equal(verdict(response(), { issuer: renewed }), 'good', 'name and key are what a CertID speaks of');
    assert.equal(verdict(response(), { issuer: ocspCa('CA').certificate }), 'signature-wrong');
    assert.equal(verdict(response(), { issuer: ocspCa('other', { key: ca.key }).certificate }), 'signer-unknown');
  });
});

describe('form', () => {
  const error = (status: number, ...more: readonly Der[]): Buffer => encodeDer(sequence(enumerated(status), ...more));

  test('every status of an error has its word', () => {
    assert.deepEqual(
      [1, 2, 3, 5, 6].map((status) => verdict(error(status))),
      ['malformed-request', 'internal-error', 'try-later', 'signature-required', 'unauthorized'],
    );
    for (const status of [4, 7, 127]) assert.equal(verdict(error(status)), 'unreadable');
    assert.equal(verdict(error(0)), 'unreadable', 'successful, and no response');
    assert.equal(verdict(error(3, nothing())), 'unreadable');
  });

  test('another type of response is not known', () => {
    assert.equal(verdict(envelope('1.2.3.4', Buffer.from('0500', 'hex'))), 'response-type-unknown');
  });

  test('version 1 may be written out, no other may', () => {
    assert.equal(verdict(response({ version: 0 })), 'good');
    for (const version of [1, 2, -1]) assert.equal(verdict(response({ version })), 'unreadable');
  });

  test('what is cut off, goes on, or is something else is unreadable', () => {
    const good = response();
    for (let length = 0; length < good.length; length++) assert.equal(verdict(good.subarray(0, length)), 'unreadable');
    assert.equal(verdict(Buffer.concat([good, Buffer.of(0)])), 'unreadable');
    assert.equal(verdict(Buffer.from('<html>Not here</html>')), 'unreadable');
    assert.equal(verdict(Buffer.alloc(0)), 'unreadable');
    assert.equal(verdict(Buffer.alloc(2 ** 20 + 1, 0x30)), 'unreadable');
    assert.equal(verdict(leaf.certificate.der), 'unreadable');
  });

  test('within the signed data too everything has its one form', () => {
    const time = (tag: number, text: string): Buffer => response({ singles: [{ ...FRESH, status: tagged(1, primitive(tag, text)) }] });
    assert.equal(verdict(time(0x18, '20260101000000Z')), 'revoked');
    for (const text of ['20260101000000.5Z', '202601010000Z', '20260101000000+0000', '20261301000000Z', '20260101000000']) {
      assert.equal(verdict(time(0x18, text)), 'unreadable', text);
    }
    assert.equal(verdict(time(0x17, '260101000000Z')), 'unreadable', 'a UTCTime');
    assert.equal(verdict(single({ status: primitive(0x80, Buffer.of(0)) })), 'unreadable', 'good that is not empty');
    assert.equal(verdict(single({ status: primitive(0x82, Buffer.of(0)) })), 'unreadable', 'unknown that is not empty');
    assert.equal(verdict(single({ status: primitive(0x83, '') })), 'unreadable', 'a status that is none');
    assert.equal(verdict(response({ responderId: tagged(2, octetString(Buffer.alloc(19))) })), 'unreadable');
    assert.equal(verdict(response({ responderId: tagged(3, nothing()) })), 'unreadable');
    assert.equal(verdict(response({ change: (tbs) => Buffer.concat([Buffer.from('3003', 'hex'), tbs.subarray(0, 3)]) })), 'unreadable');
  });

  test('more certificates than anybody needs are refused', () => {
    assert.equal(verdict(response({ certificates: Array(32).fill(leaf.certificate.der) })), 'good');
    assert.equal(verdict(response({ certificates: Array(33).fill(leaf.certificate.der) })), 'unreadable');
  });

  test('negative and very long serial numbers are found', () => {
    for (const serial of ['-80', `7f${'ff'.repeat(200)}`, '00', 'ff']) {
      const bytes = response({ singles: [{ ...FRESH, id: ids.der(serial, 'sha256') }] });
      assert.equal(verdict(bytes, { certificates: [{ serialNumber: serial }] }), 'good', serial);
      assert.equal(verdict(bytes), 'not-covered');
    }
  });
});
