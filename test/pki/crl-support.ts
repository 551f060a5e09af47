/** What the tests of CRLs share. */
import type { CertificateContent } from '../../src/pki/certificate.js';
import type { Crl } from '../../src/pki/crl.js';
import { readCrl } from '../../src/pki/crl-reader.js';
import { type CrlVerdict, crlVerdict } from '../../src/pki/crl-verdict.js';
import { NOW, type Party } from './support.js';

/** The octets in chunks of this size. */
export async function* chunked(bytes: Uint8Array, size = 1 << 16): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** A CRL, read for one certificate. */
export async function readOf(crl: Uint8Array, certificate: CertificateContent, signers: readonly Party[], source = 'crl'): Promise<Crl> {
  const request = { source, serialNumbers: [certificate.serialNumber], signers: signers.map((signer) => signer.certificate) };
  return await readCrl(chunked(crl), request);
}

/** The verdict of these CRLs, which are called `crl 0` and so on. */
export async function verdictOf(
  certificate: CertificateContent,
  crls: readonly Uint8Array[],
  signers: readonly Party[],
  at = NOW,
): Promise<CrlVerdict> {
  const read: Crl[] = [];
  for (const [index, crl] of crls.entries()) read.push(await readOf(crl, certificate, signers, `crl ${index}`));
  return crlVerdict(certificate, read, { at });
}
