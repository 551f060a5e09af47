/** Keys that are used again, or brought along: none that others know, and none that is lost while an older generation has it. */
import { isTscertError, TscertError } from '../base/errors.js';
import { keyWords, publicKeyDer } from '../pki/key.js';
import { readPrivateKey } from '../pki/key-reader.js';
import type { CertificateRequest } from '../request/request.js';
import { isCompromised } from '../store/compromised.js';
import type { Store, Stored } from '../store/store.js';
import { type Brought, broughtKeyOf } from './material.js';
import type { Found } from './stored.js';

/**
 * Refuses a key or a CSR that was brought along when its key was revoked as known to others.
 * @throws {TscertError} `key-compromised`
 */
export async function refuseCompromised(
  brought: Brought,
  { name, csrFile, key: { file } }: CertificateRequest,
  store: Store,
): Promise<void> {
  const key = broughtKeyOf(brought);
  if (key === undefined || !(await isCompromised(publicKeyDer(key), store))) return;
  const from = csrFile ?? file;
  throw new TscertError(
    'key-compromised',
    `Cannot certify the key of "${from}" for "${name}": it was revoked as compromised, others may know it`,
    { data: { name, file: from, kind: keyWords(key) } },
  );
}

/**
 * The generation whose key may be kept: the stored one, or where that is damaged the newest that is whole; none whose key was marked as
 * compromised, and none when a new key is wanted.
 */
export async function keptFor({ name, key }: CertificateRequest, found: Found | undefined, store: Store): Promise<Stored | undefined> {
  if (!key.reuse || found === undefined) return undefined;
  const stored = found.state === 'whole' ? found.stored : await newestWhole(name, store);
  if (stored?.privateKey === undefined) return undefined;
  return (await isCompromised(publicKeyDer(readPrivateKey(stored.privateKey)), store)) ? undefined : stored;
}

async function newestWhole(name: string, store: Store): Promise<Stored | undefined> {
  for (const { id } of [...(await store.generations(name))].reverse()) {
    try {
      return await store.loadGeneration(name, id);
    } catch (error) {
      if (!isTscertError(error, 'store-damaged')) throw error;
    }
  }
  return undefined;
}
