/** The roots that this machine trusts: those of Node.js, those of the system, and those that people name. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isTscertError, TscertError } from '../base/errors.js';
import { decodePem } from '../base/pem.js';
import { rootCertificates } from '../net/trust.js';
import { type CertificateContent, readCertificate } from '../pki/certificate.js';
import { reasonOf } from '../store/files.js';
import type { System } from './system.js';

/** Where systems keep the roots that their administrators add to. */
const SYSTEM_FILES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'] as const;

/**
 * The certificates of files that people name.
 * @throws {TscertError} `config-invalid` for a file that cannot be read, or holds no certificate
 */
export function readRoots(system: System, files: readonly string[]): CertificateContent[] {
  return files.flatMap((file) => {
    const roots = certificatesIn(readText(system, file));
    if (roots.length > 0) return roots;
    throw new TscertError('config-invalid', `Cannot take roots from "${file}": it holds no certificate in PEM`, { data: { file } });
  });
}

/** The named ones first, then the others as long as they are asked for: most chains lead to one of the first hundred and fifty. */
export function* allRoots(system: System, named: readonly CertificateContent[]): Generator<CertificateContent> {
  yield* named;
  for (const pem of rootCertificates()) yield* certificatesIn(pem);
  const extra = system.env.NODE_EXTRA_CA_CERTS;
  const ownFile = system.env.SSL_CERT_FILE;
  for (const file of [extra, ...(ownFile ? [ownFile] : SYSTEM_FILES)]) {
    if (file) yield* certificatesIn(readOrEmpty(system, file));
  }
}

/** Those of a PEM text that can be read: in a bundle of others there is always one that is odd. */
export function certificatesIn(text: string): CertificateContent[] {
  try {
    return decodePem(text).flatMap(({ label, der }) => {
      if (!/^((X509|TRUSTED) )?CERTIFICATE$/.test(label)) return [];
      try {
        return [readCertificate(der)];
      } catch (error) {
        if (isTscertError(error)) return [];
        throw error;
      }
    });
  } catch (error) {
    if (isTscertError(error)) return [];
    throw error;
  }
}

function readText(system: System, file: string): string {
  try {
    return readFileSync(path.resolve(system.cwd, file), 'utf8');
  } catch (error) {
    throw new TscertError('config-invalid', `Cannot read the roots "${file}": ${reasonOf(error)}`, { data: { file }, cause: error });
  }
}

function readOrEmpty(system: System, file: string): string {
  try {
    return readText(system, file);
  } catch {
    return '';
  }
}
