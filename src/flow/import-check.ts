/** A certificate of another tool, checked before it is kept: its key fits, its chain builds. */
import type { KeyObject } from 'node:crypto';
import { isTscertError, TscertError } from '../base/errors.js';
import type { GeneralName } from '../base/names.js';
import type { ForeignCertificate } from '../migration/holdings.js';
import { type CertificateContent, readCertificates } from '../pki/certificate.js';
import { checkIssued } from '../pki/chain.js';
import { keyTypeOf, keyWords, publicKeyEquals } from '../pki/key.js';
import { readPrivateKey } from '../pki/key-reader.js';
import type { KeyType } from '../pki/key-type.js';

/** A certificate that is whole. */
export interface CheckedCertificate {
  readonly privateKey: KeyObject;
  /** Undefined for a kind that tscert does not make; `keyWords` says it for people. */
  readonly keyType: KeyType | undefined;
  readonly keyWords: string;
  /** PEM. */
  readonly leaf: string;
  readonly intermediates: string;
  /** Of the leaf. */
  readonly der: Buffer;
  readonly names: readonly GeneralName[];
  readonly mustStaple: boolean;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/**
 * Checks one. One that has expired is whole as well: it is due, no more.
 * @throws {TscertError} `key-invalid`, `key-passphrase`, `pem-invalid`, `certificate-invalid`, `certificate-mismatch`, `chain-invalid`
 */
export function checkForeign({ name, privateKey: keyPem, certificates }: ForeignCertificate, now: number): CheckedCertificate {
  const privateKey = readPrivateKey(keyPem);
  const all = readCertificates(certificates);
  const leaf = all.find(({ publicKey }) => publicKey !== undefined && publicKeyEquals(publicKey, privateKey));
  if (leaf === undefined) throw cannot(name, 'certificate-mismatch', 'its key belongs to none of its certificates');
  const { intermediates } = inOrder(name, certificates, leaf, privateKey, now);
  return {
    privateKey,
    keyType: keyTypeOf(privateKey),
    keyWords: keyWords(privateKey),
    leaf: leaf.pem,
    intermediates,
    der: leaf.der,
    names: leaf.extensions.names,
    mustStaple: leaf.extensions.mustStaple,
    notBefore: leaf.notBefore.getTime(),
    notAfter: leaf.notAfter.getTime(),
  };
}

function inOrder(
  name: string,
  chainPem: string,
  leaf: CertificateContent,
  publicKey: KeyObject,
  now: number,
): { readonly intermediates: string } {
  try {
    return checkIssued({ chainPem, publicKey, names: [], now: Math.min(now, leaf.notAfter.getTime()) });
  } catch (error) {
    if (!isTscertError(error) || typeof error.data.reason !== 'string') throw error;
    throw cannot(name, error.code, error.data.reason, error);
  }
}

function cannot(name: string, code: TscertError['code'], why: string, cause?: unknown): TscertError {
  return new TscertError(code, `Cannot take over "${name}": ${why}`, { data: { name, reason: why }, cause });
}
