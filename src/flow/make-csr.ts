/** The story of a CSR: what it asks for is checked, a key is made unless there is one, the CSR is signed. */
import type { KeyObject } from 'node:crypto';
import { type Csr, createCsr } from '../pki/csr.js';
import { extensionsOf } from '../pki/extension.js';
import { encodePrivateKey, generateKey, type KeyEncoding } from '../pki/key.js';
import type { KeyType } from '../pki/key-type.js';
import { distinguishedNameDer, distinguishedNameOf } from '../pki/subject.js';
import type { CertificateSpec } from '../request/request.js';

/** An existing private key, or how a new one is made and written. */
export type KeySource = { readonly existing: KeyObject } | (KeyEncoding & { readonly type: KeyType });

export interface MadeCsr {
  readonly csr: Csr;
  readonly key: KeyObject;
  /** The PEM of a new key; absent for an existing one. */
  readonly keyPem?: string;
}

/**
 * Makes a CSR.
 * @throws {TscertError} `request-invalid` before any key is made; `key-invalid` for an existing key that cannot sign
 */
export async function makeCsr(spec: CertificateSpec, source: KeySource): Promise<MadeCsr> {
  if ('existing' in source) return { csr: createCsr(spec, source.existing), key: source.existing };
  // A large RSA key takes seconds: a fault of the request is told before it.
  const name = distinguishedNameOf(spec.commonName, spec.subject);
  distinguishedNameDer(name);
  extensionsOf(spec, name.length === 0);
  const key = await generateKey(source.type);
  return { csr: createCsr(spec, key), key, keyPem: encodePrivateKey(key, source) };
}
