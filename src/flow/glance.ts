/**
 * A look without a lock: most runs of a timer find nothing to do for most certificates, and ten thousand of them are looked at in a moment.
 * Whatever is not plain is left to the line itself, which takes the lock and looks again.
 */

import type { Clock } from '../base/clock.js';
import { isTscertError } from '../base/errors.js';
import type { Event } from '../base/events.js';
import { issuerKeyOf } from '../issuer/issuer.js';
import { issuerOf } from '../policy/meta.js';
import { dueCheck, renewalOf } from '../policy/renewal.js';
import type { CertificateRequest } from '../request/request.js';
import { type CertificateLedger, readLedger } from '../store/ledger.js';
import { storedName } from '../store/name.js';
import type { Outline, Store } from '../store/store.js';
import { adviceOf, isCurrentFor } from './advice.js';
import type { Deployer } from './deploy.js';
import { type KnownCertificate, knownIn, knownOf } from './known.js';
import { isCheckDue } from './revocation/due.js';
import { findStored } from './stored.js';

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
  /** It is asked from time to time whether certificates were revoked; says whether a staple file is there. */
  readonly revocation?: { isThere(file: string): boolean };
  /** Certificates of which something is under way; where it is given, a certificate with nothing to do is left alone without its lock. */
  readonly underWay?: ReadonlySet<string> | undefined;
  /** When the timer asks again, as far as is known: milliseconds since the epoch. */
  readonly nextLook?: number;
}

/** A good certificate for which there is nothing to do. Times in milliseconds since the epoch. */
export interface Quiet extends Pick<Outline, 'generation' | 'locations'> {
  readonly notBefore: number;
  readonly notAfter: number;
  readonly renewAt: number;
  /** Somebody is to be asked then: for advice, or whether it was revoked. */
  readonly askAt?: number;
}

/** The good certificate for which there is nothing to do; `undefined` when there may be. */
export async function glanceAt(
  wanted: CertificateRequest,
  { store, clock, deployer, asksForAdvice, revocation, nextLook, force, dryRun, patient, underWay }: GlanceParts,
): Promise<Quiet | undefined> {
  const isBrought = wanted.csrFile !== undefined || wanted.key.file !== undefined;
  const isKnown = wanted.given === undefined || patient;
  if (force || dryRun || isBrought || !isKnown || underWay === undefined || underWay.has(wanted.name)) return undefined;
  const seen = await lookAt(wanted.name, store);
  if (seen === undefined) return undefined;
  const { outline, certificate } = seen;
  const [issuerKey, now] = [issuerKeyOf(wanted.issuer), clock.now()];
  const ledger = await readLedger(wanted.name, store);
  if (ledger.failure !== undefined || ledger.revocation?.serialNumber === certificate.serialNumber) return undefined;
  if (revocation !== undefined && isTimeToAsk(certificate, wanted, ledger, now, revocation)) return undefined;
  const isAsked = asksForAdvice && issuerOf(outline.meta) === issuerKey;
  if (isAsked && !isCurrentFor(certificate.id, ledger.renewalInfo, now)) return undefined;
  const advice = adviceOf(ledger.renewalInfo);
  const due = dueCheck({
    ...{ stored: { state: 'whole', certificate, hasKey: outline.hasKey, meta: outline.meta }, wanted, issuerKey, now },
    ...(advice === undefined ? {} : { advice }),
    ...(nextLook === undefined ? {} : { nextLook }),
  });
  if (due !== undefined || !(await deployer.isDone(wanted, certificate.fingerprint))) return undefined;
  const { generation, locations } = outline;
  const { notBefore, notAfter } = certificate;
  const { at: renewAt } = renewalOf(certificate, wanted.renewBefore, advice);
  const times = [isAsked ? ledger.renewalInfo?.checkAt : undefined, revocation === undefined ? undefined : ledger.revocationCheck?.checkAt];
  const asks = times.flatMap((time) => (time === undefined ? [] : [Date.parse(time)]));
  return { generation, locations, notBefore, notAfter, renewAt, ...(asks.length === 0 ? {} : { askAt: Math.min(...asks) }) };
}

/** Those of which it is time to ask whether they were revoked; of what cannot be read its line tells. */
export async function checksDue(
  requests: readonly CertificateRequest[],
  { store, clock, revocation }: Pick<GlanceParts, 'store' | 'clock'> & Required<Pick<GlanceParts, 'revocation'>>,
): Promise<CertificateRequest[]> {
  const due: CertificateRequest[] = [];
  for (const wanted of requests) {
    try {
      const name = storedName(wanted.name);
      const seen = await lookAt(name, store);
      const ledger = await readLedger(name, store);
      if (seen !== undefined && isTimeToAsk(seen.certificate, wanted, ledger, clock.now(), revocation)) due.push(wanted);
    } catch (error) {
      if (!isTscertError(error)) throw error;
    }
  }
  return due;
}

/** True too when a staple has gone that stood there. */
function isTimeToAsk(
  certificate: KnownCertificate,
  { revocation }: CertificateRequest,
  { revocationCheck }: CertificateLedger,
  now: number,
  { isThere }: NonNullable<GlanceParts['revocation']>,
): boolean {
  if (isCheckDue(certificate, revocation, revocationCheck, now)) return true;
  return revocation?.staple !== undefined && revocationCheck?.staple?.until !== undefined && !isThere(revocation.staple);
}

/** What is stored, by its outline where that tells enough, else by reading it. */
async function lookAt(name: string, store: Store): Promise<{ outline: Outline; certificate: KnownCertificate } | undefined> {
  const outline = await store.outline(name);
  const known = outline && knownIn(outline.meta);
  if (outline !== undefined && known !== undefined) return { outline, certificate: known };
  const found = await findStored(name, store);
  if (found?.state !== 'whole' || found.certificate === undefined) return undefined;
  const { generation, locations, meta, privateKey } = found.stored;
  return { outline: { generation, locations, meta, hasKey: privateKey !== undefined }, certificate: knownOf(found.certificate) };
}

/** That nothing is to be done for a good certificate. */
export function leftAlone(name: string): Event {
  return { type: 'planned', action: 'keep', reason: 'Ready', message: `a good certificate is stored under "${name}"` };
}
