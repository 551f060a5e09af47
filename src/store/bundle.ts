/** Whether the parts of a certificate are whole and belong together: asked before they are stored, and when they are read. */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { type ErrorCode, messageOf, TscertError } from '../base/errors.js';
import { decodePem } from '../base/pem.js';
import type { Bundle } from './store.js';

/** Names of the files, as certbot has them. */
export const PART_FILES = { privateKey: 'privkey.pem', certificate: 'cert.pem', chain: 'chain.pem', fullchain: 'fullchain.pem' } as const;

type Part = keyof typeof PART_FILES;

/** The texts of the files. */
export type Parts = Partial<Record<Part, string>> & Record<Exclude<Part, 'privateKey'>, string>;

interface Fault {
  readonly part: Part;
  readonly code: ErrorCode;
  readonly reason: string;
}

/** The files of a bundle. */
export function partsOf({ privateKey, certificate, chain }: Bundle): Parts {
  return { ...(privateKey === undefined ? {} : { privateKey }), certificate, chain, fullchain: certificate + chain };
}

/** The first thing that is wrong with these parts, if anything is. */
export function faultOf(parts: Parts): Fault | undefined {
  return (
    labelFault('certificate', parts.certificate, (labels) => labels.length === 1 && labels[0] === 'CERTIFICATE') ??
    labelFault('chain', parts.chain, (labels) => labels.every((label) => label === 'CERTIFICATE')) ??
    (parts.fullchain === parts.certificate + parts.chain
      ? undefined
      : { part: 'fullchain', code: 'certificate-invalid', reason: 'it is not cert.pem followed by chain.pem' }) ??
    pairFault(parts)
  );
}

function labelFault(part: Part, text: string, fits: (labels: readonly string[]) => boolean): Fault | undefined {
  let labels: string[];
  try {
    labels = decodePem(text).map(({ label }) => label);
  } catch (error) {
    return { part, code: 'pem-invalid', reason: messageOf(error) };
  }
  if (text !== '' && !text.endsWith('\n')) return { part, code: 'pem-invalid', reason: 'it does not end with a line feed' };
  if (fits(labels) && (labels.length > 0 || text.trim() === '')) return undefined;
  const found = labels.length === 0 ? 'no PEM block' : labels.join(', ');
  return {
    part,
    code: 'pem-invalid',
    reason: `it should hold ${part === 'certificate' ? 'one certificate' : 'certificates'} in PEM and holds ${found}`,
  };
}

function pairFault({ privateKey, certificate }: Parts): Fault | undefined {
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(certificate);
  } catch (error) {
    return { part: 'certificate', code: 'certificate-invalid', reason: `it is no certificate (${messageOf(error)})` };
  }
  if (privateKey === undefined) return undefined;
  try {
    if (leaf.checkPrivateKey(createPrivateKey(privateKey))) return undefined;
  } catch {
    // What OpenSSL says here may quote the key's bytes.
    return { part: 'privateKey', code: 'key-invalid', reason: 'it is no private key that can be read without a passphrase' };
  }
  return { part: 'privateKey', code: 'certificate-mismatch', reason: 'it does not belong to the certificate in cert.pem' };
}

/**
 * Refuses a bundle that could not be loaded again.
 * @throws {TscertError} `pem-invalid`, `certificate-invalid`, `key-invalid` or `certificate-mismatch`
 */
export function checkBundle(name: string, bundle: Bundle): void {
  const fault = faultOf(partsOf(bundle));
  if (fault === undefined) return;
  const file = PART_FILES[fault.part];
  throw new TscertError(fault.code, `Cannot store the certificate "${name}": ${file} is not usable, ${fault.reason}`, {
    data: { name, part: file },
  });
}

/** SHA-256 of a part's text, hexadecimal. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
