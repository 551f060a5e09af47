/** Whether what is stored was revoked, asked on the way of `renew` and `watch`; and the staples of what is issued. Connections are made when the first is asked. */
import type { Emit } from '../base/events.js';
import { checksDue } from '../flow/glance.js';
import type { IssueParts } from '../flow/issue.js';
import { isStapleThere } from '../flow/revocation/staple.js';
import type { StoredCheckParts } from '../flow/revocation/stored.js';
import type { CertificateRequest } from '../request/request.js';
import { nodeFileSystem } from '../store/files.js';
import type { Store } from '../store/store.js';
import type { RevocationConnections } from './revocation-parts.js';
import type { System } from './system.js';

export interface StoredChecksOptions {
  readonly system: System;
  /** Where everything is kept. */
  readonly folder: string;
  readonly caBundle: string | undefined;
  readonly store: Store;
  readonly signal: AbortSignal;
}

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
  const revocation = { isThere: (file: string): boolean => isStapleThere(file, nodeFileSystem) };
  const due = await checksDue(requests, { store, clock: system.clock, revocation });
  if (due.length === 0) return;
  const { checkStored } = await import('../flow/revocation/stored.js');
  const { sources, close } = await openSources(options);
  try {
    await checkStored(due, { ...commonOf(options), sources, emitFor, note });
  } finally {
    close();
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
      return stapleNew(wanted, stored, line.emit, { ...commonOf(options), signal: line.signal, sources: (await opened).sources });
    },
    async close() {
      await opened?.then(({ close }) => close());
    },
  };
}

function commonOf({ system, store, signal }: StoredChecksOptions): Pick<StoredCheckParts, 'store' | 'clock' | 'fs' | 'signal'> {
  return { store, clock: system.clock, fs: nodeFileSystem, signal };
}

async function openSources({
  system,
  folder,
  caBundle,
}: StoredChecksOptions): Promise<{ readonly sources: StoredCheckParts['sources']; close(): void }> {
  const { openRevocation } = await import('./revocation-parts.js');
  const made = new Map<boolean, RevocationConnections>();
  return {
    sources(allowPrivate) {
      const connections = made.get(allowPrivate) ?? openRevocation(system, { folder, caBundle, allowPrivate });
      made.set(allowPrivate, connections);
      return connections;
    },
    close() {
      for (const { http } of made.values()) http.close();
    },
  };
}
