/** The story of looking at what others made: bytes of any kind to what they are and say. */
import { TscertError } from '../base/errors.js';
import { decodePem, type PemBlock } from '../base/pem.js';
import { handshake } from '../net/tls.js';
import { type CertificateContent, isIssuedBy, readCertificate } from '../pki/certificate.js';
import { readCsr } from '../pki/csr.js';
import { TAG } from '../pki/der-reader.js';
import {
  type CertificateDescription,
  type CsrDescription,
  describeCertificate,
  describeCsr,
  describeKey,
  type KeyDescription,
} from '../pki/describe.js';
import { isEncryptedKeyBlock, isPrivateKeyBlock, readPrivateKey, readPrivateKeyBlock, readPublicKeyBlock } from '../pki/key-reader.js';
import { type DerKind, kindOfDer, splitDer } from '../pki/kind.js';

/** One thing that was found. */
export type Found =
  | (CertificateDescription & {
      readonly type: 'certificate';
      /** Whether the next certificate of the chain has signed this one; absent for the last and for those that signed themselves. */
      readonly signedByNext?: boolean;
    })
  | (CsrDescription & { readonly type: 'csr' })
  | { readonly type: 'private-key'; readonly encrypted: boolean; readonly key?: KeyDescription }
  | { readonly type: 'public-key'; readonly key: KeyDescription }
  | { readonly type: 'unreadable'; readonly what: string; readonly error: TscertError };

export interface InspectOptions {
  /** Opens encrypted private keys; without it they are only told to be encrypted. */
  readonly passphrase?: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Tells what bytes are: PEM with any number of blocks, DER (also several in a row), or either of them in base64. What cannot be read is told
 * beside what can.
 * @throws {TscertError} `pem-invalid` for a broken PEM text, `der-invalid` when there is nothing that could be read
 */
export function inspectBytes(bytes: Buffer, options: InspectOptions): readonly Found[] {
  const text = bytes.toString('latin1');
  const decoded = /^[A-Za-z0-9+/\s]{16,}={0,2}\s*$/.test(text) ? Buffer.from(text, 'base64') : bytes;
  for (const candidate of [bytes, decoded]) {
    if (candidate.includes('-----BEGIN ')) return inspectPem(candidate.toString('latin1'), options);
    if (candidate[0] === TAG.sequence) return inspectDer(candidate, options);
  }
  if (/^(\xfe\xed\xfe\xed|\xce\xce\xce\xce)/.test(text)) throw notYet('a Java keystore');
  throw new TscertError('der-invalid', bytes.length === 0 ? 'Cannot read it: it is empty' : 'Cannot read it: it is neither PEM nor DER');
}

/**
 * Shows the certificates that a TLS server sends.
 * @param target `HOST:PORT`, `[V6]:PORT`
 * @throws {TscertError} as {@link handshake}
 */
export async function inspectServer(
  target: string,
  { timeout, signal, ...options }: InspectOptions & { readonly timeout: number; readonly signal: AbortSignal },
): Promise<{ readonly protocol: string; readonly found: readonly Found[] }> {
  const { chain, protocol } = await handshake(target, { timeout, signal });
  return { protocol, found: inspectDer(Buffer.concat(chain), options) };
}

/** What one block or element turned out to be; nothing for what is not worth showing. */
type Read = Found | CertificateContent | undefined;

function inspectPem(text: string, options: InspectOptions): readonly Found[] {
  const read = decodePem(text).map((block) => attempt(`block "${block.label}"`, () => readBlock(block, options)));
  if (read.every((one) => one === undefined)) {
    throw new TscertError('pem-invalid', 'Cannot read it: its PEM blocks hold nothing that can be shown');
  }
  return describe(read, options);
}

function inspectDer(bytes: Buffer, options: InspectOptions): readonly Found[] {
  return describe(
    splitDer(bytes).map((der) => attempt('DER', () => readElement(der, options))),
    options,
  );
}

function attempt(what: string, read: () => Read): Read {
  try {
    return read();
  } catch (error) {
    if (error instanceof TscertError) return { type: 'unreadable', what, error };
    throw error;
  }
}

function describe(read: readonly Read[], { now }: InspectOptions): readonly Found[] {
  const all = read.filter((one) => one !== undefined);
  const certificates = all.filter((one) => 'raw' in one);
  return all.map((one) => {
    if (!('raw' in one)) return one;
    const description = describeCertificate(one, now);
    const next = description.isSelfSigned ? undefined : certificates[certificates.indexOf(one) + 1];
    return { type: 'certificate', ...description, ...(next === undefined ? {} : { signedByNext: isIssuedBy(one, next) }) };
  });
}

function readBlock(block: PemBlock, { passphrase }: InspectOptions): Read {
  const { label, der } = block;
  // A "TRUSTED CERTIFICATE" of OpenSSL has trust settings behind the certificate.
  if (/^((X509|TRUSTED) )?CERTIFICATE$/.test(label)) return readCertificate(splitDer(der)[0] ?? der);
  if (/^(NEW )?CERTIFICATE REQUEST$/.test(label)) return { type: 'csr', ...describeCsr(readCsr(der)) };
  if (isPrivateKeyBlock(block)) {
    const encrypted = isEncryptedKeyBlock(block);
    if (encrypted && passphrase === undefined) return { type: 'private-key', encrypted };
    return { type: 'private-key', encrypted, key: describeKey(readPrivateKeyBlock(block, passphrase)) };
  }
  if (/^(RSA )?PUBLIC KEY$/.test(label)) return { type: 'public-key', key: describeKey(readPublicKeyBlock(block)) };
  // What `openssl ecparam -genkey` writes before the key says nothing that the key does not.
  if (label === 'EC PARAMETERS') return undefined;
  throw notYet(PEM_WORDS[label] ?? `a block "${label}"`);
}

function readElement(der: Buffer, { passphrase }: InspectOptions): Read {
  const kind = kindOfDer(der);
  switch (kind) {
    case 'certificate':
      return readCertificate(der);
    case 'csr':
      return { type: 'csr', ...describeCsr(readCsr(der)) };
    case 'private-key':
      return { type: 'private-key', encrypted: false, key: describeKey(readPrivateKey(der)) };
    case 'encrypted-private-key':
      if (passphrase === undefined) return { type: 'private-key', encrypted: true };
      return { type: 'private-key', encrypted: true, key: describeKey(readPrivateKey(der, passphrase)) };
    case 'public-key':
    case 'rsa-public-key': {
      const label = kind === 'public-key' ? 'PUBLIC KEY' : 'RSA PUBLIC KEY';
      return { type: 'public-key', key: describeKey(readPublicKeyBlock({ label, der, headers: {}, text: '' })) };
    }
    case undefined:
      throw new TscertError('der-invalid', 'Cannot read it: it is no certificate, CSR or key in DER');
    default:
      throw notYet(DER_WORDS[kind]);
  }
}

const PEM_WORDS: Readonly<Record<string, string>> = {
  PKCS7: 'PKCS#7',
  CMS: 'CMS',
  'X509 CRL': 'a CRL',
  'OPENSSH PRIVATE KEY': 'a key in the form of OpenSSH',
  'DH PARAMETERS': 'Diffie-Hellman parameters',
};
const DER_WORDS: Readonly<
  Record<Exclude<DerKind, 'certificate' | 'csr' | 'private-key' | 'encrypted-private-key' | 'public-key' | 'rsa-public-key'>, string>
> = {
  pkcs7: 'PKCS#7',
  pkcs12: 'PKCS#12',
  crl: 'a CRL',
  ber: 'PKCS#12 or PKCS#7 in BER',
};

function notYet(what: string): TscertError {
  return new TscertError('der-invalid', `Cannot read ${what} yet`);
}
