/**
 * What is done for one certificate, under its lock: nothing, nothing yet, a trial with the staging directory first, or a new certificate.
 */
import type { Clock } from '../base/clock.js';
import { type IssueContext, issuerKeyOf } from '../issuer/issuer.js';
import { deferralOf } from '../policy/deferral.js';
import type { FailureKind } from '../policy/failure.js';
import { issuerOf } from '../policy/meta.js';
import type { Due } from '../policy/renewal.js';
import type { CertificateRequest } from '../request/request.js';
import { type Held, readHold } from '../store/hold.js';
import { openJournal } from '../store/journal.js';
import { adviceOf, currentAdvice } from './advice.js';
import { bring } from './bring.js';
import { dryRunStore } from './dry-run.js';
import { fingerprintOf } from './fingerprint.js';
import { endOf, type IssueParts, keep, leaveAlone, type Subject } from './issue-parts.js';
import type { Memory } from './memory.js';
import { obtain } from './obtain.js';
import { isWorthRehearsing, rehearsalFailure } from './rehearsal.js';
import type { LineContext, LineResult } from './run.js';
import { dueOf, keptOf, revocationOf, type Whole } from './stored.js';
import { isUnderWay } from './under-way.js';

/** @throws {TscertError} of every code below it */
export async function issueLocked(
  subject: Subject,
  digest: string,
  memory: Memory,
  parts: IssueParts,
  line: LineContext,
): Promise<LineResult> {
  const { wanted, brought, found } = subject;
  const { store, clock, dryRun, force, patient, nextLook } = parts;
  const issuerKey = issuerKeyOf(wanted.issuer);
  const old = found?.state === 'whole' ? found : undefined;
  await takeAdvice(old, wanted, memory, parts, line);
  const advice = adviceOf(memory.ledger.renewalInfo);
  const revocation = revocationOf(old, memory.ledger);
  const known = {
    ...{ issuerKey, now: clock.now() },
    ...(advice === undefined ? {} : { advice }),
    ...(revocation === undefined ? {} : { revocation }),
    ...(nextLook === undefined ? {} : { nextLook }),
  };
  const due = dueOf(found, wanted, brought, known) ?? unasked(parts);
  const context: IssueContext = { ...line, store };
  if (!dryRun) await clearTrial(wanted, parts, context);
  if (due === undefined && old !== undefined) {
    if (await isUnderWay(await openJournal(store, wanted.name))) await (await parts.issuerFor(wanted)).abandon(wanted.name, context);
    leaveAlone(wanted.name, line);
    await keep(wanted, parts);
    memory.kept();
    return { state: 'kept', ...(await bring(keptOf(old, wanted, advice), wanted, parts, line)) };
  }
  const { failure } = memory.ledger;
  const held: Held = { issuer: issuerKey, ...(wanted.issuer.email === undefined ? {} : { email: wanted.issuer.email }) };
  const hold = await readHold(held, clock.now(), store);
  const deferral = force || dryRun ? undefined : deferralOf({ failure, hold, request: digest, now: clock.now(), patient });
  if (deferral !== undefined) {
    const until = new Date(deferral.until).toISOString();
    line.emit({
      type: 'planned',
      action: 'defer',
      reason: due?.reason ?? 'Forced',
      message: `not tried before ${until}: ${deferral.reason}`,
    });
    line.member.done('present');
    line.member.done('clean-up');
    const deployed = old === undefined ? {} : await bring(keptOf(old, wanted, advice), wanted, parts, line);
    return { state: 'deferred', ...deferral, ...('deployError' in deployed ? { deployError: deployed.deployError } : {}) };
  }
  const staged =
    patient && !force && !dryRun ? stagedOf(wanted, failure?.request === digest ? failure.kind : undefined, old, clock) : undefined;
  if (staged !== undefined) await rehearse({ ...subject, wanted: staged }, memory, parts, line);
  return obtain(subject, { old, due, isRevoked: revocation !== undefined, held, hold }, memory, parts, line);
}

/** Brings the CA's advice about the stored certificate up to date; a certificate of another CA, or none, has none. */
async function takeAdvice(
  old: Whole | undefined,
  { issuer }: CertificateRequest,
  memory: Memory,
  { advise, clock, random, dryRun }: IssueParts,
  { emit, signal }: LineContext,
): Promise<void> {
  if (advise === undefined || dryRun || old === undefined || issuerOf(old.stored.meta) !== issuerKeyOf(issuer)) return;
  memory.setRenewalInfo(await currentAdvice(old, issuer, memory.ledger.renewalInfo, { clock, random, ask: advise, emit, signal }));
}

/** The same request for the staging directory of its CA, where the last failure makes that worth while. */
function stagedOf(
  wanted: CertificateRequest,
  kind: FailureKind | undefined,
  old: Whole | undefined,
  clock: Pick<Clock, 'now'>,
): CertificateRequest | undefined {
  if (wanted.issuer.kind !== 'acme') return undefined;
  const { staging, eab: _, ...issuer } = wanted.issuer;
  if (staging === undefined || !isWorthRehearsing(kind, endOf(old), clock.now())) return undefined;
  return { ...wanted, issuer: { ...issuer, staging, directory: staging } };
}

/**
 * Goes through all of it with the staging directory, as a trial does.
 * @throws {TscertError} what says that production would fail too
 */
async function rehearse(subject: Subject, memory: Memory, parts: IssueParts, line: LineContext): Promise<void> {
  const { directory } = subject.wanted.issuer;
  line.emit({ type: 'note', message: `the last try failed: trying the staging directory ${directory} first` });
  // The members of the run's batches are for the order that counts; the trial goes by itself.
  const alone = { ...line, member: { done: () => undefined } };
  const trial = { ...parts, store: dryRunStore(parts.store), force: true, dryRun: true, patient: false };
  const fingerprint = fingerprintOf(subject.wanted, issuerKeyOf(subject.wanted.issuer), subject.brought.csr?.content.der);
  try {
    await issueLocked({ ...subject, fingerprint }, '', memory, trial, alone);
  } catch (error) {
    line.signal.throwIfAborted();
    const failure = rehearsalFailure(error, directory);
    if (failure !== undefined) throw failure;
    line.emit({ type: 'note', message: 'the staging directory is not to be had now: going on without it' });
  }
}

/** A reason for a good certificate's sake: somebody forces it, or tries. */
function unasked({ force, dryRun }: IssueParts): Due | undefined {
  if (dryRun) return { reason: 'Renewing', message: 'The stored certificate is good; this is a trial' };
  return force ? { reason: 'Renewing', message: 'The stored certificate is good; a new one was asked for' } : undefined;
}

/** Takes back what a trial that was killed has left in the world. */
async function clearTrial(wanted: CertificateRequest, parts: IssueParts, context: IssueContext): Promise<void> {
  const store = dryRunStore(context.store);
  if (!(await isUnderWay(await openJournal(store, wanted.name)))) return;
  await (await parts.issuerFor(wanted)).abandon(wanted.name, { ...context, store });
}
