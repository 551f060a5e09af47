/** Whatever comes, it is read or refused with a TscertError, and nothing hangs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { encodePem } from '../../src/base/pem.js';
import { readCertificates } from '../../src/pki/certificate.js';
import { checkIssued } from '../../src/pki/chain.js';
import { mutated, staysCalm } from './fuzz.js';
import { EVERYTHING } from './samples.js';
import { authority, NOW, party } from './support.js';

describe('chains', () => {
  const root = authority('Root');
  const between = authority('Between', root);
  const leaf = party('example.com', between, { names: EVERYTHING.names.slice(0, 5) });
  const files = [leaf.certificate.der, between.certificate.der, root.certificate.der];
  test('of changed certificates', () => {
    const codes = ['certificate-invalid', 'certificate-mismatch', 'chain-invalid'];
    const chains = fc.array(fc.oneof(fc.constantFrom(...files), mutated(files)), { maxLength: 5 });
    staysCalm(
      chains,
      (ders) => {
        const chainPem = ders.map((der) => encodePem('CERTIFICATE', der)).join('');
        const found = checkIssued({ chainPem, publicKey: leaf.publicKey, names: EVERYTHING.names.slice(0, 5), now: NOW });
        // What has its issuer beside it is as it was signed; of the topmost, the one below attests name and key alone.
        const known = new Set([leaf.pem, between.pem]);
        const taken = readCertificates(found.leaf + found.intermediates).map(({ pem }) => pem);
        assert.ok(taken.slice(0, -1).every((pem) => known.has(pem)));
      },
      codes,
    );
  });
});
