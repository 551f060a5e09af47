/**
 * A look without a lock: most runs of a timer find nothing to do for most certificates, and ten thousand of them are looked at in a moment.
 * Whatever is not plain is left to the line itself, which takes the lock and looks again.
 */

import type { Clock } from '../base/clock.js';
import type { Event } from '../base/events.js';
import { issuerKeyOf } from '../issuer/issuer.js';
import { issuerOf } from '../policy/meta.js';
import type { CertificateRequest } from '../request/request.js';
import { readLedger } from '../store/ledger.js';
import type { Store } from '../store/store.js';
import { adviceOf, isCurrentFor } from './advice.js';
import type { Deployer } from './deploy.js';
import type { Kept } from './outcome.js';
import { dueOf, findStored, keptOf, revocationOf } from './stored.js';

/**
 * Names of the certificates of which an earlier run, or another one, has something under way; `undefined` when that cannot be told: then every line
 * takes its lock, and says what is wrong.
 */
export async function namesUnderWay(store: { list(kind: 'journal'): Promise<string[]> }): Promise<ReadonlySet<string> | undefined> {
  const keys = await store.list('journal').catch(() => undefined);
  return keys && new Set(keys.map((key) => key.replace(/^dry-run:/, '').replace(/^key:/, '')));
}

/** What a look needs; the meaning of each is that of `IssueParts`. */
export interface GlanceParts {
  readonly store: Store;
  readonly clock: Pick<Clock, 'now'>;
  readonly deployer: Pick<Deployer, 'isDone'>;
  readonly force: boolean;
  readonly dryRun: boolean;
  readonly patient: boolean;
  /** The CA is asked for its advice when it is time. */
  readonly asksForAdvice: boolean;
  /** Certificates of which something is under way; where it is given, a certificate with nothing to do is left alone without its lock. */
  readonly underWay?: ReadonlySet<string> | undefined;
  /** When the timer asks again, as far as is known: milliseconds since the epoch. */
  readonly nextLook?: number;
}

/** The good certificate for which there is nothing to do; `undefined` when there may be. */
export async function glanceAt(
  wanted: CertificateRequest,
  { store, clock, deployer, asksForAdvice, nextLook, force, dryRun, patient, underWay }: GlanceParts,
): Promise<Kept | undefined> {
  const isBrought = wanted.csrFile !== undefined || wanted.key.file !== undefined;
  const isKnown = wanted.given === undefined || patient;
  if (force || dryRun || isBrought || !isKnown || underWay === undefined || underWay.has(wanted.name)) return undefined;
  const found = await findStored(wanted.name, store);
  if (found?.state !== 'whole') return undefined;
  const [issuerKey, now] = [issuerKeyOf(wanted.issuer), clock.now()];
  const ledger = await readLedger(wanted.name, store);
  if (ledger.failure !== undefined || revocationOf(found, ledger) !== undefined) return undefined;
  const isAsked = asksForAdvice && issuerOf(found.stored.meta) === issuerKey;
  if (isAsked && !isCurrentFor(found.certificate, ledger.renewalInfo, now)) return undefined;
  const advice = adviceOf(ledger.renewalInfo);
  const known = { issuerKey, now, ...(advice === undefined ? {} : { advice }), ...(nextLook === undefined ? {} : { nextLook }) };
  if (dueOf(found, wanted, {}, known) !== undefined || !(await deployer.isDone(wanted, found.stored))) return undefined;
  return keptOf(found, wanted, advice);
}

/** That nothing is to be done for a good certificate. */
export function leftAlone(name: string): Event {
  return { type: 'planned', action: 'keep', reason: 'Ready', message: `a good certificate is stored under "${name}"` };
}
