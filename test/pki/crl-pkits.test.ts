/**
 * NIST's Public Key Interoperability Test Suite, sections 4.4, 4.5, 4.14 and 4.15 (test/vectors/pkits): each certificate of a path is judged
 * by the CRLs that the suite gives it, and so are the certificates of those keys that sign CRLs only.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import { type CertificateContent, isIssuedBy, readCertificate } from '../../src/pki/certificate.js';
import type { Crl } from '../../src/pki/crl.js';
import { readCrl } from '../../src/pki/crl-reader.js';
import { crlSignersOf } from '../../src/pki/crl-signers.js';
import { type CrlVerdict, crlVerdict } from '../../src/pki/crl-verdict.js';

/** The suite's own certificates and CRLs are valid from 2010 to 2030. */
const AT = Date.parse('2025-06-01T00:00:00Z');
const ROOT = 'TrustAnchorRootCertificate';
const ROOT_CRL = 'TrustAnchorRootCRL';

interface Case {
  readonly id: string;
  /** Names of files; the leaf first, the root left out. */
  readonly path: readonly string[];
  readonly crls: readonly string[];
  /** Certificates of keys that sign CRLs. */
  readonly others?: readonly string[];
  /** What {@link outcome} gives. */
  readonly expect: string;
}

const CASES = JSON.parse(readFileSync('test/vectors/pkits/cases.json', 'utf8')) as readonly Case[];

const chunksOf = async function* (file: string): AsyncGenerator<Buffer> {
  yield readFileSync(`test/vectors/pkits/crls/${file}.crl`);
};
const certificates = new Map<string, CertificateContent>();
function certificateOf(file: string): CertificateContent {
  const certificate = certificates.get(file) ?? readCertificate(readFileSync(`test/vectors/pkits/certs/${file}.crt`));
  certificates.set(file, certificate);
  return certificate;
}

async function judge(certificate: CertificateContent, issuer: CertificateContent, { crls, others = [] }: Case): Promise<CrlVerdict> {
  const signers = crlSignersOf(issuer, [...others.map(certificateOf), certificateOf(ROOT)]);
  const read: Crl[] = [];
  for (const source of issuer === certificateOf(ROOT) ? [ROOT_CRL] : crls) {
    read.push(await readCrl(chunksOf(source), { source, serialNumbers: [certificate.serialNumber], signers }));
  }
  return crlVerdict(certificate, read, { at: AT });
}

/** The first verdict that is not good: `revoked keyCompromise`, `undetermined CODE...`, `unreadable`; with the file when it is not the leaf's. */
async function outcome(one: Case): Promise<string> {
  const files = [...new Set([...one.path, ...(one.others ?? [])])];
  const all = [...files.map(certificateOf), certificateOf(ROOT)];
  for (const file of files) {
    const of = file === one.path[0] ? '' : ` ${file}`;
    const certificate = certificateOf(file);
    const issuer = all.find((other) => isIssuedBy(certificate, other));
    assert.ok(issuer, `${file} has no issuer`);
    try {
      const verdict = await judge(certificate, issuer, one);
      if (verdict.status === 'revoked') return `revoked ${verdict.reason}${of}`;
      if (verdict.status === 'undetermined') return `undetermined ${verdict.doubts.map(({ code }) => code).join(' ')}${of}`;
    } catch (error) {
      if (!isTscertError(error, 'crl-invalid')) throw error;
      return `unreadable${of}`;
    }
  }
  return 'good';
}

describe('PKITS', () => {
  for (const one of CASES) test(`${one.id} ${one.path[0]}`, async () => assert.equal(await outcome(one), one.expect));

  test("the suite's own verdicts are these, but for indirect CRLs, which are refused", () => {
    const differing = CASES.filter(({ path: [leaf = ''], expect }) => leaf.startsWith('Valid') !== (expect === 'good'));
    assert.deepEqual(
      differing.map(({ id }) => id),
      ['4.14.22', '4.14.24', '4.14.25', '4.14.28', '4.14.29', '4.14.30', '4.14.33'],
    );
    assert.ok(differing.every(({ expect }) => expect.startsWith('undetermined indirect')));
    assert.equal(CASES.length, 73);
  });
});
