/** What `renew` would do with one certificate, and why; nothing is touched, nobody is asked. */
import type { Clock } from '../base/clock.js';
import { issuerKeyOf } from '../issuer/issuer.js';
import type { Due } from '../policy/renewal.js';
import type { CertificateRequest } from '../request/request.js';
import { storedName } from '../store/name.js';
import type { Store } from '../store/store.js';
import { forKeyOf, readBrought } from './material.js';
import type { Kept } from './outcome.js';
import { dueOf, findStored, keptOf } from './stored.js';

export type Plan = { readonly name: string } & (
  | { readonly state: 'due'; readonly due: Due }
  | ({ readonly state: 'kept' } & Kept)
  /** It cannot be told. */
  | { readonly state: 'failed'; readonly error: unknown }
);

export interface PlanParts {
  readonly store: Pick<Store, 'load'>;
  readonly clock: Pick<Clock, 'now'>;
}

/** Looks at one certificate. Never rejects. */
export async function planCertificate(wanted: CertificateRequest, { store, clock }: PlanParts): Promise<Plan> {
  try {
    const name = storedName(wanted.name);
    const brought = await readBrought(wanted);
    const found = await findStored(name, store);
    const due = dueOf(found, forKeyOf(brought, wanted), brought, { issuerKey: issuerKeyOf(wanted.issuer), now: clock.now() });
    if (due !== undefined) return { name, state: 'due', due };
    // A certificate that is not due is stored whole: the checks have seen it.
    return found?.state === 'whole' ? { name, state: 'kept', ...keptOf(found.stored, wanted) } : { name, state: 'due', due: missing(name) };
  } catch (error) {
    return { name: wanted.name, state: 'failed', error };
  }
}

function missing(name: string): Due {
  return { reason: 'DoesNotExist', message: `No certificate is stored under the name "${name}"` };
}
