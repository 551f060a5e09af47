/** Certificates as a store has them, of any dates and keys, without an authority. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { parseName } from '../../src/base/names.js';
import { createCertificate } from '../../src/pki/certificate.js';
import { encodePrivateKey } from '../../src/pki/key.js';
import { distinguishedNameOf } from '../../src/pki/subject.js';
import { metaOf } from '../../src/policy/meta.js';
import type { CertificateRequest } from '../../src/request/request.js';
import type { Bundle } from '../../src/store/store.js';

export const DAY = 86_400_000;
const DIRECTORY = 'https://ca.test/directory';
const caKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

export const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

/** A request for `www`. */
export function requestFor(changes: Partial<CertificateRequest> = {}): CertificateRequest {
  return {
    name: 'www',
    spec: { names: [parseName('www.test')] },
    key: { type: 'ec256', reuse: false },
    issuer: { kind: 'acme', directory: DIRECTORY, agreeTos: true },
    solvers: [],
    deploy: [],
    ...changes,
  };
}

/** What is stored of a certificate for that request. Times in milliseconds since the epoch. */
export function bundleOf(
  { from, to }: { readonly from: number; readonly to: number },
  key: KeyObject = newKey(),
): Bundle & { readonly privateKey: string } {
  const request = requestFor();
  const spec = { ...request.spec, serialNumber: randomBytes(16), notBefore: new Date(from), notAfter: new Date(to) };
  return {
    privateKey: encodePrivateKey(key),
    certificate: createCertificate(spec, key, { name: distinguishedNameOf('Test CA', undefined), key: caKey }).pem,
    chain: '',
    meta: metaOf(request, `acme:${DIRECTORY}`),
  };
}
