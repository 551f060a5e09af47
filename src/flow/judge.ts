/** What `renew` would say of a certificate now: whether it is due and why, and whether it would wait. Nothing is touched, nobody is asked. */
import type { Clock } from '../base/clock.js';
import { issuerKeyOf } from '../issuer/issuer.js';
import { type Deferral, deferralOf } from '../policy/deferral.js';
import type { Advice, Due } from '../policy/renewal.js';
import type { CertificateRequest } from '../request/request.js';
import { readHold } from '../store/hold.js';
import type { CertificateLedger } from '../store/ledger.js';
import type { Records } from '../store/store.js';
import { adviceOf } from './advice.js';
import { fingerprintOf } from './fingerprint.js';
import { forKeyOf, readBrought } from './material.js';
import { requestDigest } from './memory.js';
import { dueOf, type Found, revocationOf } from './stored.js';

export interface JudgeParts {
  readonly store: Pick<Records, 'get'>;
  readonly clock: Pick<Clock, 'now'>;
  /** When `renew` is expected to run next, milliseconds since the epoch. */
  readonly nextLook?: number;
}

export interface Judged {
  /** The request, with the kind of the key that was brought along. */
  readonly wanted: CertificateRequest;
  /** What the CA advised last. */
  readonly advice?: Advice;
  readonly due?: Due;
  /** With it, `renew` waits until then. */
  readonly deferral?: Deferral;
  /** What failed last was something else than what is wanted now. */
  readonly isAnother: boolean;
}

/** @throws {TscertError} what `readBrought` and `dueOf` throw */
export async function judge(
  request: CertificateRequest,
  found: Found | undefined,
  ledger: CertificateLedger,
  { store, clock, nextLook }: JudgeParts,
): Promise<Judged> {
  const brought = await readBrought(request);
  const wanted = forKeyOf(brought, request);
  const stored = found?.state === 'whole' ? found : undefined;
  const [issuerKey, now] = [issuerKeyOf(wanted.issuer), clock.now()];
  const [advice, revocation] = [stored && adviceOf(ledger.renewalInfo), revocationOf(stored, ledger)];
  const due = dueOf(found, wanted, brought, {
    ...{ issuerKey, now },
    ...(advice === undefined ? {} : { advice }),
    ...(revocation === undefined ? {} : { revocation }),
    ...(nextLook === undefined ? {} : { nextLook }),
  });
  const said = { wanted, ...(advice === undefined ? {} : { advice }) };
  if (due === undefined) return { ...said, isAnother: false };
  const { failure } = ledger;
  const { email } = wanted.issuer;
  const hold = await readHold({ issuer: issuerKey, ...(email === undefined ? {} : { email }) }, now, store);
  const digest = requestDigest(wanted, fingerprintOf(wanted, issuerKey, brought.csr?.content.der));
  const deferral = deferralOf({ failure, hold, request: digest, now, patient: true });
  const isAnother = failure !== undefined && failure.request !== digest;
  return { ...said, due, ...(deferral === undefined ? {} : { deferral }), isAnother };
}
