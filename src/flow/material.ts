/** The key and the CSR of one issuance: made, kept, or brought along. */
import type { KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { TscertError } from '../base/errors.js';
import { type Csr, createCsr, readCsr } from '../pki/csr.js';
import { encodePrivateKey, generateKey, keyTypeOf, publicKeyInfo } from '../pki/key.js';
import { readPrivateKey } from '../pki/key-reader.js';
import type { CertificateRequest } from '../request/request.js';
import { reasonOf } from '../store/files.js';
import type { Journal } from '../store/journal.js';
import type { Stored } from '../store/store.js';

/** CA/Browser Forum Baseline Requirements §6.1.5. */
const LEAST_RSA_BITS = 2_048;

/** What people brought along, read and checked before anything is spent. */
export interface Brought {
  readonly csr?: { readonly content: Csr; readonly publicKey: KeyObject };
  readonly key?: KeyObject;
}

/** What goes to the authority, and what is stored with its answer. */
interface Material {
  readonly csr: Csr;
  readonly publicKey: KeyObject;
  /** PKCS#8 PEM; absent with a brought-along CSR. */
  readonly privateKey?: string;
  /** The key was made just now. */
  readonly isNew: boolean;
}

/**
 * Reads the CSR or the key that the request names.
 * @throws {TscertError} `file-unreadable`, `csr-invalid`, `key-invalid`, `key-passphrase`
 */
export async function readBrought({ csrFile, key }: CertificateRequest): Promise<Brought> {
  if (csrFile !== undefined) {
    const { der, pem, publicKey, signatureValid } = readCsr(await read(csrFile, 'the CSR'));
    if (!signatureValid)
      throw new TscertError('csr-invalid', `Cannot use the CSR "${csrFile}": its signature does not fit its key`, {
        data: { file: csrFile },
      });
    const bits = publicKeyInfo(publicKey).modulusLength;
    if (bits !== undefined && bits < LEAST_RSA_BITS)
      throw new TscertError(
        'csr-invalid',
        `Cannot use the CSR "${csrFile}": ${bits} bits of RSA are too few, ${LEAST_RSA_BITS} are the least`,
        {
          data: { file: csrFile, bits },
        },
      );
    return { csr: { content: { der, pem }, publicKey } };
  }
  return key.file === undefined ? {} : { key: readPrivateKey(await read(key.file, 'the key')) };
}

/** The request for the kind of key that was brought along, where tscert knows the kind. */
export function forKeyOf(brought: Brought, wanted: CertificateRequest): CertificateRequest {
  const key = broughtKeyOf(brought);
  const type = key && keyTypeOf(key);
  return type === undefined ? wanted : { ...wanted, key: { ...wanted.key, type } };
}

/** The key that was brought along, or the public half of it. */
export function broughtKeyOf({ csr, key }: Brought): KeyObject | undefined {
  return csr?.publicKey ?? key;
}

/**
 * The key and CSR to use: those of the order under way, else those brought along, else the stored key where it shall be kept, else new ones.
 * @param journal of the order that is gone on with
 */
export async function prepareMaterial(
  wanted: CertificateRequest,
  brought: Brought,
  journal: Journal | undefined,
  stored: Stored | undefined,
): Promise<Material> {
  if (brought.csr !== undefined) return { csr: brought.csr.content, publicKey: brought.csr.publicKey, isNew: false };
  const kept = await journal?.privateKey();
  const known = kept === undefined ? (brought.key ?? reusable(wanted, stored)) : readPrivateKey(kept);
  const key = known ?? (await generateKey(wanted.key.type));
  return { csr: createCsr(wanted.spec, key), publicKey: key, privateKey: encodePrivateKey(key), isNew: known === undefined };
}

/** The stored key, when it shall be kept and is of the kind that is wanted. */
function reusable({ key }: CertificateRequest, stored: Stored | undefined): KeyObject | undefined {
  if (!key.reuse || stored?.privateKey === undefined) return undefined;
  const old = readPrivateKey(stored.privateKey);
  return keyTypeOf(old) === key.type ? old : undefined;
}

async function read(file: string, what: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new TscertError('file-unreadable', `Cannot read ${what} "${file}": ${reasonOf(error)}`, { data: { file }, cause: error });
  }
}
