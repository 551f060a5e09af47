/** Old generations go when a new one is stored and good; that nothing of it can be removed costs nobody a certificate. */
import { messageOf } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import type { CertificateRequest } from '../request/request.js';
import { DEFAULT_RETENTION } from '../store/history.js';
import type { Store } from '../store/store.js';

/** Prunes the history of a certificate, under its lock. Never rejects: what cannot be done is a warning, and is done by the next run. */
export async function pruneHistory({ name, history }: CertificateRequest, store: Pick<Store, 'prune'>, emit: Emit): Promise<void> {
  try {
    await store.prune(name, { ...DEFAULT_RETENTION, ...history });
  } catch (error) {
    emit({ type: 'warning', message: messageOf(error) });
  }
}
