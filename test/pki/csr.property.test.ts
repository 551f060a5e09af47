/** Whatever comes, it is read or refused with a TscertError, and nothing hangs. */
import { describe, test } from 'node:test';
import { readCsr } from '../../src/pki/csr.js';
import { anything, byBothDoors, mutated, staysCalm } from './fuzz.js';
import { CSRS } from './samples.js';

describe('requests', () => {
  const codes = ['csr-invalid', 'pem-invalid', 'key-invalid'];
  const read = byBothDoors('CERTIFICATE REQUEST', readCsr);
  test('anything', () => staysCalm(anything, read, codes));
  test('changed ones', () => staysCalm(mutated(CSRS.map(({ der }) => der)), read, codes));
});
