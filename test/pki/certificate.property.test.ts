/** Whatever comes, it is read or refused with a TscertError, and nothing hangs. */
import { describe, test } from 'node:test';
import { readCertificate, readCertificates } from '../../src/pki/certificate.js';
import { anything, byBothDoors, mutated, staysCalm } from './fuzz.js';
import { ACME, bytesOf, CERTIFICATES } from './samples.js';

describe('certificates', () => {
  const codes = ['certificate-invalid', 'pem-invalid'];
  const read = byBothDoors('CERTIFICATE', readCertificate);
  test('anything', () => staysCalm(anything, read, codes));
  test('changed ones', () =>
    staysCalm(mutated([...CERTIFICATES.map(({ der }) => der), readCertificate(ACME.certificate).der]), read, codes));
  test('changed texts', () =>
    staysCalm(
      mutated(bytesOf([CERTIFICATES.map(({ pem }) => pem).join(''), ACME.certificate])),
      (bytes) => readCertificates(bytes.toString('latin1')),
      codes,
    ));
});
