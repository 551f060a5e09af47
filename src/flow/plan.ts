/** What `renew` would do with one certificate, and why; nothing is touched, nobody is asked. */
import type { Deferral } from '../policy/deferral.js';
import type { Due } from '../policy/renewal.js';
import type { CertificateRequest } from '../request/request.js';
import { readLedger } from '../store/ledger.js';
import { storedName } from '../store/name.js';
import type { Store } from '../store/store.js';
import { type JudgeParts, judge } from './judge.js';
import { knownOf } from './known.js';
import type { Kept } from './outcome.js';
import { findStored, keptOf } from './stored.js';

export type Plan = { readonly name: string } /** With a deferral, `renew` waits until then. */ & (
  | { readonly state: 'due'; readonly due: Due; readonly deferral?: Deferral }
  /** With `again`, what was brought there is not there any more, and is brought again. */
  | ({ readonly state: 'kept'; readonly again: readonly Again[] } & Kept)
  /** It cannot be told. */
  | { readonly state: 'failed'; readonly error: unknown }
);

/** A target that has lost the certificate, and why, in cert-manager's words. */
export interface Again {
  readonly title: string;
  readonly reason: string;
  readonly message: string;
}

export interface PlanParts extends JudgeParts {
  /** Looks at the targets; without it they are not looked at. */
  drifts?(wanted: CertificateRequest, fingerprint: string): Promise<readonly Again[]>;
  readonly store: Pick<Store, 'load' | 'get'>;
}

/** Looks at one certificate, by what the CA advised last. Never rejects. */
export async function planCertificate(request: CertificateRequest, parts: PlanParts): Promise<Plan> {
  const { store, drifts } = parts;
  try {
    const name = storedName(request.name);
    const found = await findStored(name, store);
    const { wanted, advice, due, deferral } = await judge(request, found, await readLedger(name, store), parts);
    if (due === undefined && found?.state === 'whole') {
      const fingerprint = found.certificate === undefined ? '' : knownOf(found.certificate).fingerprint;
      const again = (await drifts?.({ ...wanted, name }, fingerprint)) ?? [];
      return { name, state: 'kept', again, ...keptOf(found, wanted, advice) };
    }
    return { name, state: 'due', due: due ?? missing(name), ...(deferral === undefined ? {} : { deferral }) };
  } catch (error) {
    return { name: request.name, state: 'failed', error };
  }
}

function missing(name: string): Due {
  return { reason: 'DoesNotExist', message: `No certificate is stored under the name "${name}"` };
}
