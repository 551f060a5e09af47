/** Keys that others know: one record a key (`compromised:SHA256` in the ledger), kept for good, whatever became of its certificates. */
import { createHash } from 'node:crypto';
import type { Records } from './store.js';

const keyOf = (spki: Buffer): string => `compromised:${createHash('sha256').update(spki).digest('hex')}`;

/**
 * Notes that a key is known to others.
 * @param spki SubjectPublicKeyInfo, DER
 * @param at RFC 3339
 */
export async function markCompromised(spki: Buffer, at: string, records: Pick<Records, 'put'>): Promise<void> {
  await records.put('ledger', keyOf(spki), { version: 1, at });
}

/**
 * True for a key that was marked. A record that cannot be read is one all the same.
 * @param spki SubjectPublicKeyInfo, DER
 * @throws {TscertError} `store-damaged`, `file-unreadable`
 */
export async function isCompromised(spki: Buffer, records: Pick<Records, 'get'>): Promise<boolean> {
  return (await records.get('ledger', keyOf(spki))) !== undefined;
}
