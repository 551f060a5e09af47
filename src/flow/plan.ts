/** What `renew` would do with one certificate, and why; nothing is touched, nobody is asked. */
import type { Clock } from '../base/clock.js';
import { issuerKeyOf } from '../issuer/issuer.js';
import { type Deferral, deferralOf } from '../policy/deferral.js';
import type { Due } from '../policy/renewal.js';
import type { CertificateRequest } from '../request/request.js';
import { readHold } from '../store/hold.js';
import { readLedger } from '../store/ledger.js';
import { storedName } from '../store/name.js';
import type { Store } from '../store/store.js';
import { adviceOf } from './advice.js';
import { fingerprintOf } from './fingerprint.js';
import { knownOf } from './known.js';
import { forKeyOf, readBrought } from './material.js';
import { requestDigest } from './memory.js';
import type { Kept } from './outcome.js';
import { dueOf, findStored, keptOf, revocationOf } from './stored.js';

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

export interface PlanParts {
  /** Looks at the targets; without it they are not looked at. */
  drifts?(wanted: CertificateRequest, fingerprint: string): Promise<readonly Again[]>;
  readonly store: Pick<Store, 'load' | 'get'>;
  readonly clock: Pick<Clock, 'now'>;
  /** When `renew` is expected to run next, milliseconds since the epoch. */
  readonly nextLook?: number;
}

/** Looks at one certificate, by what the CA advised last. Never rejects. */
export async function planCertificate(request: CertificateRequest, { store, clock, nextLook, drifts }: PlanParts): Promise<Plan> {
  try {
    const name = storedName(request.name);
    const brought = await readBrought(request);
    const wanted = forKeyOf(brought, request);
    const found = await findStored(name, store);
    const stored = found?.state === 'whole' ? found : undefined;
    const ledger = await readLedger(name, store);
    const [issuerKey, now] = [issuerKeyOf(wanted.issuer), clock.now()];
    const [advice, revocation] = [stored && adviceOf(ledger.renewalInfo), revocationOf(stored, ledger)];
    const due = dueOf(found, wanted, brought, {
      ...{ issuerKey, now },
      ...(advice === undefined ? {} : { advice }),
      ...(revocation === undefined ? {} : { revocation }),
      ...(nextLook === undefined ? {} : { nextLook }),
    });
    if (due === undefined && stored !== undefined) {
      const fingerprint = stored.certificate === undefined ? '' : knownOf(stored.certificate).fingerprint;
      const again = (await drifts?.({ ...wanted, name }, fingerprint)) ?? [];
      return { name, state: 'kept', again, ...keptOf(stored, wanted, advice) };
    }
    const { email } = wanted.issuer;
    const hold = await readHold({ issuer: issuerKey, ...(email === undefined ? {} : { email }) }, now, store);
    const digest = requestDigest(wanted, fingerprintOf(wanted, issuerKey, brought.csr?.content.der));
    const deferral = deferralOf({ failure: ledger.failure, hold, request: digest, now, patient: true });
    return { name, state: 'due', due: due ?? missing(name), ...(deferral === undefined ? {} : { deferral }) };
  } catch (error) {
    return { name: request.name, state: 'failed', error };
  }
}

function missing(name: string): Due {
  return { reason: 'DoesNotExist', message: `No certificate is stored under the name "${name}"` };
}
