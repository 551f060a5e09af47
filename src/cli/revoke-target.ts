/** What `revoke` is about: a stored certificate, or one in a file; and what it is asked for with. */
import type { KeyObject } from 'node:crypto';
import { isTscertError, TscertError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { findCertificate, findStoredCertificate, type Revocable } from '../flow/revoke.js';
import { type CertificateContent, readCertificate, readCertificates } from '../pki/certificate.js';
import { publicKeyEquals } from '../pki/key.js';
import { readPrivateKey } from '../pki/key-reader.js';
import { storedNameIn } from '../store/name.js';
import type { Store } from '../store/store.js';
import { readBytes } from './files.js';
import type { System } from './system.js';

/**
 * Finds it: a stored name goes before a file of the same name.
 * @throws {TscertError} `usage` when it is neither, `store-damaged`, `file-unreadable`, `certificate-invalid`
 */
export async function findTarget(
  target: string,
  { store, system }: { readonly store: Store; readonly system: System },
): Promise<Revocable> {
  const names = await store.list();
  const name = storedNameIn(target);
  const stored = name !== undefined && names.includes(name) ? await findStoredCertificate(name, store) : undefined;
  if (stored !== undefined) return stored;
  const isPath = target === '-' || /[/\\]|\.(pem|crt|cer|der)$/i.test(target);
  const bytes = await readBytes(system, target).catch((error: unknown) => {
    throw isPath || !isTscertError(error, 'file-unreadable') ? error : unknown(target, names);
  });
  return findCertificate(leafOf(bytes, target), store);
}

/** The first certificate of a PEM text, as servers want the leaf; or the one in DER. */
function leafOf(bytes: Buffer, target: string): CertificateContent {
  const isDer = bytes[0] === 0x30;
  const leaf = isDer ? readCertificate(bytes) : readCertificates(bytes.toString('utf8'))[0];
  if (leaf !== undefined) return leaf;
  throw new TscertError('certificate-invalid', `Cannot revoke "${target}": it holds no certificate`, { data: { file: target } });
}

/**
 * The private key of a certificate.
 * @throws {TscertError} `certificate-mismatch` when it is another one's, `file-unreadable`, `key-invalid`, `key-passphrase`
 */
export async function ownKey(
  { certificate }: Revocable,
  file: string,
  { system, passphrase }: { readonly system: System; readonly passphrase: string | undefined },
): Promise<KeyObject> {
  const key = readPrivateKey(await readBytes(system, file), passphrase);
  if (certificate.publicKey !== undefined && publicKeyEquals(key, certificate.publicKey)) return key;
  throw new TscertError(
    'certificate-mismatch',
    `Cannot revoke the certificate ${certificate.serialNumber} by the key "${file}": it is another certificate's key`,
    { data: { file, serialNumber: certificate.serialNumber } },
  );
}

function unknown(target: string, names: readonly string[]): TscertError {
  const meant = nearest(target, names);
  return new TscertError(
    'usage',
    `Cannot find "${target}": no certificate is stored under this name, and there is no such file${meant === undefined ? '' : ` (did you mean ${meant}?)`}`,
    { data: { target } },
  );
}
