/** Answers of `openssl ocsp` to our requests, and what its client thinks of them. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { readCertificate } from '../../src/pki/certificate.js';
import { createOcspNonce } from '../../src/pki/ocsp-request.js';
import { readOcspResponse } from '../../src/pki/ocsp-response.js';
import { checkOcspResponse, type OcspAnswered, type OcspQuestion, type OcspRefused } from '../../src/pki/ocsp-verdict.js';
import { skipUnless } from '../support/servers.js';
import {
  type Answering,
  answer,
  type Files,
  files,
  HOUR,
  indexLine,
  OCSP_KINDS,
  ocspCa,
  ocspDelegate,
  ocspLeaf,
  opensslVerdict,
  TODAY,
  worldOf,
} from './ocsp-world.js';
import { openssl, type Party, read, tmp, write } from './support.js';

const skip = skipUnless('openssl');

function check(response: Buffer, ca: Files, leaf: Files, more: Partial<OcspQuestion> = {}): OcspAnswered | OcspRefused {
  return checkOcspResponse({ response, certificates: [leaf.content], issuer: ca.content, now: Date.now(), ...more });
}

function word(checked: OcspAnswered | OcspRefused): string {
  const [first] = checked.verdict === 'refused' ? [checked] : checked.certificates;
  return first?.verdict === 'refused' ? first.reason : (first?.verdict ?? 'nothing');
}

function withWrongSignature(bytes: Buffer): Buffer {
  const read = readOcspResponse(bytes);
  assert.ok(read.status === 'successful' && read.basic !== undefined);
  const changed = Buffer.from(bytes);
  const at = changed.indexOf(read.basic.signature) + read.basic.signature.length - 1;
  changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
  return changed;
}

describe('every kind of key', { skip }, () => {
  for (const kind of OCSP_KINDS) {
    test(`${kind}: good, revoked and unknown, each rightly signed`, () => {
      const { ca, leaf } = worldOf(kind);
      const request = { certificates: [leaf.content], nonce: createOcspNonce() };
      for (const [expected, index] of [
        ['good', indexLine(leaf.content)],
        ['revoked', indexLine(leaf.content, { at: TODAY - HOUR, reason: 'superseded' })],
        ['unknown', ''],
      ] as const) {
        const bytes = answer({ ca, index, request });
        const checked = check(bytes, ca, leaf, { nonce: request.nonce });
        assert.equal(word(checked), expected);
        assert.equal(checked.verdict === 'answered' && checked.nonce, 'equal');
        assert.equal(checked.verdict === 'answered' && checked.signedBy.role, 'issuer');
        assert.equal(opensslVerdict(bytes, ca, leaf), expected);
        assert.equal(word(check(withWrongSignature(bytes), ca, leaf)), 'signature-wrong');
      }
    });
  }
});

describe('verdicts', { skip }, () => {
  let party: Party;
  let ca: Files;
  let leaf: Files;
  let signers: Record<'delegate' | 'leaf' | 'server' | 'expired' | 'impostor' | 'impostors', Files>;
  const ask = (more: Partial<Answering> = {}): Buffer =>
    answer({ ca, index: indexLine(leaf.content), request: { certificates: [leaf.content] }, ...more });

  before(() => {
    party = ocspCa('CA');
    ca = files('ca', party);
    const made = ocspLeaf('leaf', party);
    leaf = files('leaf', made);
    const impostor = ocspCa('CA');
    signers = {
      delegate: files('delegate', ocspDelegate('OCSP', party)),
      leaf,
      server: files('server', ocspLeaf('server', party, { usages: ['digital signature', 'server auth'] })),
      expired: files('expired', ocspDelegate('OCSP', party, { notAfter: new Date(TODAY - HOUR) })),
      impostor: files('impostor', impostor),
      impostors: files('impostors', ocspDelegate('OCSP', impostor)),
    };
  });

  test('revoked with each reason', () => {
    const at = TODAY - 3 * HOUR;
    for (const [words, reason] of [
      [undefined, undefined],
      ['unspecified', 'unspecified'],
      ['keyCompromise', 'keyCompromise'],
      ['CACompromise', 'cACompromise'],
      ['affiliationChanged', 'affiliationChanged'],
      ['superseded', 'superseded'],
      ['cessationOfOperation', 'cessationOfOperation'],
      ['certificateHold', 'certificateHold'],
      ['removeFromCRL', 'removeFromCRL'],
    ] as const) {
      const index = indexLine(leaf.content, { at, ...(words === undefined ? {} : { reason: words }) });
      const checked = check(ask({ index }), ca, leaf);
      assert.ok(checked.verdict === 'answered');
      const [first] = checked.certificates;
      assert.ok(first?.verdict === 'revoked');
      assert.deepEqual([first.at, first.reason], [new Date(at), reason]);
    }
  });

  test('by SHA-1 and by SHA-256, one certificate and many of an issuer at once, in their order', () => {
    const others = Array.from({ length: 40 }, (_, nth) => ocspLeaf(`leaf ${nth}`, party).certificate);
    const index = others.map((one, nth) => (nth % 3 === 2 ? '' : indexLine(one, nth % 3 === 1 ? { at: TODAY } : undefined))).join('');
    for (const hash of ['sha1', 'sha256'] as const) {
      const response = ask({ index, request: { certificates: others, hash } });
      const checked = checkOcspResponse({ response, certificates: others, issuer: ca.content, now: Date.now() });
      assert.ok(checked.verdict === 'answered');
      assert.deepEqual(
        checked.certificates.map(({ verdict }) => verdict),
        others.map((_, nth) => ['good', 'revoked', 'unknown'][nth % 3]),
      );
      assert.equal(word(check(response, ca, leaf)), 'not-covered');
    }
  });

  test('a delegate may answer, one with another purpose, an expired one and one of another CA with the same name may not', () => {
    const outcome = (signer: Files, more = ''): string[] => {
      const response = ask({ signer, more: `-nmin 60 ${more}` });
      return [word(check(response, ca, leaf)), opensslVerdict(response, ca, leaf)];
    };
    assert.deepEqual(outcome(signers.delegate), ['good', 'good']);
    assert.deepEqual(outcome(signers.delegate, '-resp_key_id'), ['good', 'good']);
    assert.deepEqual(outcome(signers.delegate, '-resp_no_certs'), ['signer-unknown', 'refused']);
    assert.deepEqual(outcome(ca, '-resp_no_certs'), ['good', 'good']);
    assert.deepEqual(outcome(ca, '-resp_key_id'), ['good', 'good']);
    assert.deepEqual(outcome(signers.leaf), ['signer-wrong-usage', 'refused']);
    assert.deepEqual(outcome(signers.server), ['signer-wrong-usage', 'refused']);
    assert.deepEqual(outcome(signers.expired), ['signer-expired', 'refused']);
    assert.deepEqual(outcome(signers.impostor), ['signer-not-issued', 'refused']);
    assert.deepEqual(outcome(signers.impostors), ['signer-not-issued', 'refused']);
  });

  test('answers for another issuer do not count, though they are rightly signed', () => {
    const other = files('other', ocspCa('Other'));
    assert.equal(word(check(ask(), other, leaf)), 'signer-not-issued');
    assert.equal(word(check(ask(), signers.impostor, leaf)), 'signer-not-issued');
    const bare = ask({ more: '-nmin 60 -resp_no_certs' });
    assert.equal(word(check(bare, other, leaf)), 'signer-unknown');
    assert.equal(word(check(bare, signers.impostor, leaf)), 'signature-wrong');
  });

  test('stale, from the future, and fresh without nextUpdate', () => {
    const hour = ask();
    assert.equal(word(check(hour, ca, leaf, { now: Date.now() + 60 * 60_000 })), 'good');
    assert.equal(word(check(hour, ca, leaf, { now: Date.now() + 66 * 60_000 })), 'stale');
    assert.equal(word(check(hour, ca, leaf, { now: Date.now() - 4 * 60_000 })), 'good');
    assert.equal(word(check(hour, ca, leaf, { now: Date.now() - 6 * 60_000 })), 'produced-in-future');
    const open = ask({ more: '' });
    assert.equal(word(check(open, ca, leaf)), 'good');
    assert.equal(word(check(open, ca, leaf, { now: Date.now() + 25 * HOUR })), 'stale');
  });

  test('an answer played again, to another question or later, is told by its nonce', () => {
    const [first, second] = [createOcspNonce(), createOcspNonce(16)];
    const response = ask({ request: { certificates: [leaf.content], nonce: first } });
    assert.equal(word(check(response, ca, leaf, { nonce: first })), 'good');
    assert.equal(word(check(response, ca, leaf, { nonce: second })), 'nonce-wrong');
    const checked = check(ask(), ca, leaf, { nonce: second });
    assert.ok(checked.verdict === 'answered');
    assert.equal(checked.nonce, 'absent');
  });

  test('SHA-1 is told', () => {
    const checked = check(ask({ more: '-nmin 60 -rmd sha1' }), ca, leaf);
    assert.ok(checked.verdict === 'answered');
    assert.deepEqual(checked.warnings, ['sha1-signature']);
  });

  test('that a delegate need not be checked for revocation is told', () => {
    write('no-check.cnf', 'extendedKeyUsage=OCSPSigning\nnoCheck=critical,ignored\n');
    openssl('req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=no-check -keyout no-check.key -out no-check.csr');
    openssl('x509 -req -in no-check.csr -CA ca.pem -CAkey ca.key -set_serial 9 -extfile no-check.cnf -out no-check.pem');
    const noCheck = { certificate: tmp('no-check.pem'), key: tmp('no-check.key'), content: readCertificate(read('no-check.pem')) };
    for (const signer of [signers.delegate, noCheck]) {
      const checked = check(ask({ signer }), ca, leaf);
      assert.ok(checked.verdict === 'answered');
      assert.deepEqual([checked.signedBy.role, checked.signedBy.noCheck], ['delegate', signer === noCheck]);
      assert.deepEqual(checked.signedBy.certificate?.der, signer.content.der);
    }
  });
});
