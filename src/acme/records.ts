/** What this room keeps between runs: the part of the Store port (src/store/store.ts, a floor above) that it needs. */
import { createHash } from 'node:crypto';
import type { Json } from '../base/json.js';

type Kind = 'accounts' | 'cache';

export interface AcmeRecords {
  get(kind: Kind, key: string): Promise<Json | undefined>;
  put(kind: Kind, key: string, value: Json): Promise<void>;
  delete(kind: Kind, key: string): Promise<void>;
  lock(key: string, options: { readonly wait: number; readonly signal: AbortSignal }): Promise<{ release(): Promise<void> }>;
}

/** A key for a record that belongs to a directory and, for accounts, an e-mail: readable, safe for paths, and one of its kind. */
export function recordKey(directory: string, ...more: readonly string[]): string {
  const digest = createHash('sha256').update([directory, ...more].join('\n'));
  return `${new URL(directory).hostname.replaceAll(/[^a-z0-9.-]/gi, '_')}-${digest.digest('hex').slice(0, 16)}`;
}
