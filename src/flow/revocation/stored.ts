/**
 * Whether stored certificates were revoked, asked from time to time on the way of `renew`: many at once, in bounded time, and nothing that goes
 * wrong on the way stops a renewal. What is found out goes into the ledger of each; one that was revoked is due at once then.
 */
import type { Clock } from '../../base/clock.js';
import { isTscertError } from '../../base/errors.js';
import type { Emit } from '../../base/events.js';
import { startDeadline } from '../../net/deadline.js';
import { createLimiter } from '../../net/limiter.js';
import { type CertificateContent, readCertificates } from '../../pki/certificate.js';
import { revocationPlacesOf } from '../../pki/revocation-places.js';
import type { CertificateRequest } from '../../request/request.js';
import { markCompromised } from '../../store/compromised.js';
import type { FileSystem } from '../../store/files.js';
import { type RevocationCheckRecord, readLedger, writeLedger } from '../../store/ledger.js';
import { storedName } from '../../store/name.js';
import type { Store, Stored } from '../../store/store.js';
import { currentOf, forgetKey, recordRevoked } from '../revoked.js';
import { checkRevocation, type RevocationParts, type RevocationSubject } from './check.js';
import { nextCheckAfter } from './due.js';
import type { OcspEvidence, RevocationReport } from './evidence.js';
import { placeStaple, stapleOf } from './staple.js';

export interface StoredCheckParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly fs: FileSystem;
  readonly signal: AbortSignal;
  /** HTTP and the kept CRLs, for certificates whose CA may be at inner addresses, or may not. */
  sources(allowPrivate: boolean): Pick<RevocationParts, 'http' | 'cache'>;
  emitFor(name: string): Emit;
  /** Is told what could not be found out, in few lines for many certificates. */
  note(message: string): void;
}

/** Certificates that are in memory at once. */
const PARCEL = 500;
/** Milliseconds for one parcel; who answers later is asked by another run. */
const LONGEST = 60_000;
/** Ledgers that are written at once. */
const PARALLEL = 16;
/** How long a run of the same certificate in another process is waited for, in milliseconds. */
const LOCK_WAIT = 1_000;
/** Milliseconds before each try to have a staple for a new certificate, of which its CA's responder may not have heard yet. */
const PATIENCE = [0, 2_000, 5_000] as const;

/** A stored certificate that is asked about. */
interface Asked {
  readonly name: string;
  readonly wanted: CertificateRequest;
  readonly subject: RevocationSubject;
}

/**
 * Asks about the stored certificates of these requests, and writes down what is said.
 * @throws the signal's reason
 */
export async function checkStored(requests: readonly CertificateRequest[], parts: StoredCheckParts): Promise<void> {
  for (const allowPrivate of [false, true]) {
    const own = requests.filter(({ revocation }) => (revocation?.allowPrivate ?? false) === allowPrivate);
    for (let at = 0; at < own.length; at += PARCEL) await checkParcel(own.slice(at, at + PARCEL), allowPrivate, parts);
  }
}

async function checkParcel(requests: readonly CertificateRequest[], allowPrivate: boolean, parts: StoredCheckParts): Promise<void> {
  const { store, signal, note } = parts;
  const loaded = await Promise.all(
    requests.map(async (wanted) => {
      const name = storedName(wanted.name);
      // What cannot be read is told by its line.
      const stored = await store.load(name).catch(() => undefined);
      const subject = stored && subjectOf(stored, wanted);
      return subject === undefined ? undefined : { name, wanted, subject };
    }),
  );
  const asked = loaded.filter((one): one is Asked => one !== undefined);
  const reports = await ask(asked, allowPrivate, parts);
  if (reports === undefined) return note(`whether ${countOf(asked)} revoked could not be told in ${LONGEST / 1_000} s`);
  const limit = createLimiter(PARALLEL);
  const recorded = asked.map((one, at) => limit(() => record(one, reports[at], parts), signal));
  await Promise.all(recorded);
  for (const [message, names] of failuresOf(asked, reports)) note(`whether ${countOf(names)} revoked could not be told: ${message}`);
}

function subjectOf(
  { certificate, chain }: Pick<Stored, 'certificate' | 'chain'>,
  wanted: CertificateRequest,
): RevocationSubject | undefined {
  try {
    const [leaf, ...others] = [...readCertificates(certificate), ...readCertificates(chain)];
    return leaf && { certificate: leaf, others, isAlone: wanted.revocation?.staple !== undefined };
  } catch (error) {
    if (isTscertError(error)) return undefined;
    throw error;
  }
}

/** The reports, in the order of the certificates; undefined when there was not the time. */
async function ask(
  asked: readonly Asked[],
  allowPrivate: boolean,
  { clock, signal, sources }: Pick<StoredCheckParts, 'clock' | 'signal' | 'sources'>,
): Promise<RevocationReport[] | undefined> {
  const deadline = startDeadline(signal, LONGEST);
  try {
    const given = { responses: [], crls: [] };
    const subjects = asked.map(({ subject }) => subject);
    return await checkRevocation(subjects, { ...sources(allowPrivate), clock, signal: deadline.signal, given, usesCrls: true });
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.signal.aborted) return undefined;
    throw error;
  } finally {
    deadline.clear();
  }
}

/** Writes down what was found out, under the lock of the certificate, unless it has been renewed meanwhile. */
async function record({ name, wanted, subject }: Asked, report: RevocationReport | undefined, parts: StoredCheckParts): Promise<void> {
  const { store, signal, emitFor } = parts;
  if (report === undefined) return;
  const emit = emitFor(name);
  try {
    const lock = await store.lock(`certificate:${name}`, { wait: LOCK_WAIT, signal });
    try {
      if ((await currentOf(name, store))?.der.equals(subject.certificate.der) !== true) return;
      const ledger = await readLedger(name, store);
      const isNews = ledger.revocation?.serialNumber !== subject.certificate.serialNumber;
      if (isNews) await recordRevocation(name, subject.certificate, report, { store, emit });
      const revocationCheck = await recordOf(wanted, subject.certificate, report, { ...parts, emit, last: ledger.revocationCheck });
      await writeLedger(name, { ...(await readLedger(name, store)), revocationCheck }, store);
    } finally {
      await lock.release();
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!isTscertError(error)) throw error;
    // Another run is at it; or what is wrong with the store is told by the line that needs it.
    if (error.code !== 'locked')
      emit({ type: 'note', message: `what was found out of its revocation could not be kept: ${error.message}` });
  }
}

async function recordRevocation(
  name: string,
  certificate: CertificateContent,
  { decisive }: RevocationReport,
  { store, emit }: { readonly store: Store; readonly emit: Emit },
): Promise<void> {
  if (decisive?.status !== 'revoked') return;
  const { at, reason = 'unspecified' } = decisive.revocation;
  const since = at.toISOString();
  // Before anything can be ordered: not with this key.
  if (reason === 'keyCompromise') await markCompromised(certificate.raw.spki, since, store);
  await forgetKey(name, certificate.raw.spki, store);
  await recordRevoked(name, certificate, { at: since, reason, by: decisive.kind }, { store, emit });
  const who = decisive.kind === 'ocsp' ? 'the OCSP responder of its CA' : 'a CRL of its CA';
  emit({ type: 'warning', message: `it was revoked at ${since} (${reason}), says ${who}: it is replaced, with a new key` });
}

interface RecordParts extends Pick<StoredCheckParts, 'clock' | 'fs'> {
  readonly emit: Emit;
  /** What was remembered before. */
  readonly last: RevocationCheckRecord | undefined;
}

/** What is to be remembered; the staple is brought on the way. */
async function recordOf(
  { revocation }: CertificateRequest,
  certificate: CertificateContent,
  report: RevocationReport,
  { clock, fs, emit, last }: RecordParts,
): Promise<RevocationCheckRecord> {
  const { status, decisive } = report;
  const { serialNumber } = certificate;
  const now = clock.now();
  const known = last?.serialNumber === serialNumber ? last : undefined;
  if (status === 'unknown' && known?.status !== 'unknown')
    emit({ type: 'warning', message: 'the OCSP responder of its CA does not know it' });
  const file = revocation?.staple;
  const isPossible = revocationPlacesOf(certificate).responders.length > 0;
  if (file !== undefined && !isPossible && known?.staple?.file !== file) {
    emit({ type: 'note', message: `there is nothing to staple from "${file}": its CA has no OCSP` });
  }
  const response = file === undefined ? undefined : await bring(file, stapleOf(report, now), { fs, emit });
  const until = response?.nextUpdate?.toISOString() ?? (response === undefined ? known?.staple?.until : undefined);
  const message = status === 'unchecked' ? report.failures.at(-1)?.message : undefined;
  return {
    ...{ serialNumber, at: new Date(now).toISOString(), status },
    ...(decisive === undefined ? {} : { by: decisive.kind }),
    ...(message === undefined ? {} : { message }),
    checkAt: new Date(nextCheckAfter(report, { isWanted: file !== undefined, isPossible, response }, now)).toISOString(),
    ...(file === undefined ? {} : { staple: { file, ...(until === undefined ? {} : { until }) } }),
  };
}

/** Writes the staple; one that cannot be written is as good as none, and told. */
async function bring(
  file: string,
  response: OcspEvidence | undefined,
  { fs, emit }: Pick<RecordParts, 'fs' | 'emit'>,
): Promise<OcspEvidence | undefined> {
  if (response === undefined) return undefined;
  try {
    await placeStaple(file, response.response, fs);
    return response;
  } catch (error) {
    if (!isTscertError(error)) throw error;
    emit({ type: 'warning', message: error.message });
    return undefined;
  }
}

/**
 * Brings the staple of a certificate that has just been stored, before servers are reloaded with it. That of the one before would be for the wrong
 * certificate.
 * @returns what is to be remembered; undefined where no staple is wanted
 * @throws the signal's reason
 */
export async function stapleNew(
  wanted: CertificateRequest,
  stored: Stored,
  emit: Emit,
  parts: Pick<StoredCheckParts, 'clock' | 'fs' | 'signal' | 'sources'>,
): Promise<RevocationCheckRecord | undefined> {
  const { revocation } = wanted;
  const subject = revocation?.staple === undefined ? undefined : subjectOf(stored, wanted);
  if (revocation?.staple === undefined || subject === undefined) return undefined;
  const isPossible = revocationPlacesOf(subject.certificate).responders.length > 0;
  const asked = { name: stored.name, wanted, subject };
  let report: RevocationReport | undefined;
  for (const pause of isPossible ? PATIENCE : [0]) {
    await parts.clock.sleep(pause, parts.signal);
    [report] = (await ask([asked], revocation.allowPrivate, parts)) ?? [];
    if (report !== undefined && stapleOf(report, parts.clock.now()) !== undefined) break;
  }
  if (report === undefined) return undefined;
  if (isPossible && stapleOf(report, parts.clock.now()) === undefined) {
    const why = report.failures.at(-1)?.message ?? `it is ${report.status}`;
    emit({ type: 'warning', message: `the staple file "${revocation.staple}" has nothing for the new certificate yet: ${why}` });
  }
  return recordOf(wanted, subject.certificate, report, { ...parts, emit, last: undefined });
}

/** Why it could not be told, each reason once, with the certificates. */
function failuresOf(asked: readonly Asked[], reports: readonly RevocationReport[]): ReadonlyMap<string, readonly Asked[]> {
  const found = new Map<string, Asked[]>();
  for (const [at, one] of asked.entries()) {
    const report = reports[at];
    if (report?.status !== 'unchecked') continue;
    const message = report.failures.at(-1)?.message ?? 'nobody has answered';
    found.set(message, [...(found.get(message) ?? []), one]);
  }
  return found;
}

/** "www was", "3 certificates were". */
function countOf(asked: readonly Asked[]): string {
  const [first] = asked;
  return asked.length === 1 && first !== undefined ? `"${first.name}" was` : `${asked.length} certificates were`;
}
