/** What `renew` would do with one certificate, and why; nothing is touched, nobody is asked. */
import type { Deferral } from '../policy/deferral.js';
import type { Due } from '../policy/renewal.js';
import type { CertificateRequest } from '../request/request.js';
import { readLedger } from '../store/ledger.js';
import { storedName } from '../store/name.js';
import type { Store } from '../store/store.js';
import { type JudgeParts, judge } from './judge.js';
import type { Kept } from './outcome.js';
import { findStored, keptOf } from './stored.js';

export type Plan = { readonly name: string } /** With a deferral, `renew` waits until then. */ & (
  | { readonly state: 'due'; readonly due: Due; readonly deferral?: Deferral }
  | ({ readonly state: 'kept' } & Kept)
  /** It cannot be told. */
  | { readonly state: 'failed'; readonly error: unknown }
);

export interface PlanParts extends JudgeParts {
  readonly store: Pick<Store, 'load' | 'get'>;
}

/** Looks at one certificate, by what the CA advised last. Never rejects. */
export async function planCertificate(request: CertificateRequest, parts: PlanParts): Promise<Plan> {
  const { store } = parts;
  try {
    const name = storedName(request.name);
    const found = await findStored(name, store);
    const { wanted, advice, due, deferral } = await judge(request, found, await readLedger(name, store), parts);
    if (due === undefined && found?.state === 'whole') return { name, state: 'kept', ...keptOf(found, wanted, advice) };
    return { name, state: 'due', due: due ?? missing(name), ...(deferral === undefined ? {} : { deferral }) };
  } catch (error) {
    return { name: request.name, state: 'failed', error };
  }
}

function missing(name: string): Due {
  return { reason: 'DoesNotExist', message: `No certificate is stored under the name "${name}"` };
}
