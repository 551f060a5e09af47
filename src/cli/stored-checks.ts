/**
 * Whether what is stored was revoked, asked on the way of `renew` and `watch`; and the staples of what is issued. Connections are made when
 * the first is asked.
 */
import type { Emit } from '../base/events.js';
import { checksDue } from '../flow/glance.js';
import type { IssueParts } from '../flow/issue-parts.js';
import { isStapleThere } from '../flow/revocation/staple.js';
import type { StoredCheckParts } from '../flow/revocation/stored.js';
import type { CertificateRequest } from '../request/request.js';
import { nodeFileSystem } from '../store/files.js';
import type { Store } from '../store/store.js';
import type { createRevocationSources } from './revocation-parts.js';
import type { System } from './system.js';

export interface StoredChecksOptions {
  readonly system: System;
  /** Where everything is kept. */
  readonly folder: string;
  readonly caBundle: string | undefined;
  readonly store: Store;
  readonly signal: AbortSignal;
}

/** The staple files of this machine. */
export const STAPLES = { isThere: (file: string): boolean => isStapleThere(file, nodeFileSystem) };

/**
 * Asks about those certificates of which it is time; nothing that goes wrong is more than a note.
 * @throws the signal's reason; {@link TscertError} `config-invalid` for a CA bundle that cannot be used
 */
export async function checkStoredOf(
  requests: readonly CertificateRequest[],
  options: StoredChecksOptions,
  { emitFor, note }: { emitFor(name: string): Emit; note(message: string): void },
): Promise<void> {
  const { system, store } = options;
  const due = await checksDue(requests, { store, clock: system.clock, revocation: STAPLES });
  if (due.length === 0) return;
  const { checkStored } = await import('../flow/revocation/stored.js');
  const sources = await openSources(options);
  try {
    await checkStored(due, { ...commonOf(options), sources: sources.of, emitFor, note });
  } finally {
    sources.close();
  }
}

/** What brings the staples of new certificates; it has to be closed. */
export function createStapler(options: StoredChecksOptions): {
  readonly staple: NonNullable<IssueParts['staple']>;
  close(): Promise<void>;
} {
  let opened: ReturnType<typeof openSources> | undefined;
  return {
    async staple(wanted, stored, line) {
      if (wanted.revocation?.staple === undefined) return undefined;
      opened ??= openSources(options);
      const { stapleNew } = await import('../flow/revocation/stored.js');
      return stapleNew(wanted, stored, line.emit, { ...commonOf(options), signal: line.signal, sources: (await opened).of });
    },
    async close() {
      (await opened)?.close();
    },
  };
}

function commonOf({ system, store, signal }: StoredChecksOptions): Pick<StoredCheckParts, 'store' | 'clock' | 'fs' | 'signal'> {
  return { store, clock: system.clock, fs: nodeFileSystem, signal };
}

/** Loaded when somebody is asked. */
async function openSources({ system, folder, caBundle }: StoredChecksOptions): Promise<ReturnType<typeof createRevocationSources>> {
  return (await import('./revocation-parts.js')).createRevocationSources(system, { folder, caBundle });
}
