/**
 * The story of one certificate: is it due, its key, its CSR, the authority's signature, the check of what came back, the store, the
 * deployment. Every step that costs something comes after the one that makes it repeatable.
 */
import type { KeyObject } from 'node:crypto';
import { certificateId } from '../acme/renewal-info.js';
import { inStage } from '../acme/stage.js';
import type { Clock, Random } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import { type IssueContext, type Issuer, issuerKeyOf } from '../issuer/issuer.js';
import type { KubernetesClient } from '../kubernetes/client.js';
import { checkIssued, type IssuedChain } from '../pki/chain.js';
import { deferralOf } from '../policy/deferral.js';
import { type FailureKind, failureFacts } from '../policy/failure.js';
import { issuerOf, metaOf } from '../policy/meta.js';
import type { Due } from '../policy/renewal.js';
import type { CertificateRequest } from '../request/request.js';
import { dropHold, type Held, readHold, writeHold } from '../store/hold.js';
import { type Journal, openJournal } from '../store/journal.js';
import type { RevocationCheckRecord } from '../store/ledger.js';
import { storedName } from '../store/name.js';
import type { Store, Stored } from '../store/store.js';
import { findAdoptable } from './adopt.js';
import { type AskForAdvice, adviceOf, currentAdvice } from './advice.js';
import type { Deployer } from './deploy.js';
import { dryRunStore } from './dry-run.js';
import { fingerprintOf } from './fingerprint.js';
import { keepGiven } from './given.js';
import { glanceAt, leftAlone } from './glance.js';
import type { RunHooks } from './hooks.js';
import { withKnown } from './known.js';
import { type Brought, forKeyOf, prepareMaterial, readBrought } from './material.js';
import { type Memory, openMemory, requestDigest } from './memory.js';
import { pruneHistory } from './prune.js';
import { isWorthRehearsing, rehearsalFailure } from './rehearsal.js';
import { keptFor, refuseCompromised } from './reuse.js';
import type { LineContext, LineResult } from './run.js';
import { dueOf, type Found, findStored, keptOf, revocationOf, type Whole, wholeOf } from './stored.js';

/** What a line needs beside its request. */
export interface IssueParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  issuerFor(request: CertificateRequest): Promise<Issuer>;
  readonly deployer: Pick<Deployer, 'deploy' | 'isDone'>;
  readonly hooks: Pick<RunHooks, 'before'>;
  /** Issue even when a good certificate is stored. */
  readonly force: boolean;
  /** Throw the result away. */
  readonly dryRun: boolean;
  /**
   * A timer asks: what failed is tried again when the ledger says so, and with the CA's staging directory first. Otherwise a person
   * does, who waits only where the CA itself said so.
   */
  readonly patient: boolean;
  /** The API server of a context; absent where no cluster is to be asked. */
  readonly clusters?: (context?: string) => Promise<KubernetesClient>;
  /** Asks a CA for its advice; absent where nobody is to be asked. */
  readonly advise?: AskForAdvice;
  /** Brings the staple of a certificate that was just stored, and gives what is to be remembered of it; absent where nobody wants one. */
  readonly staple?: (wanted: CertificateRequest, stored: Stored, line: LineContext) => Promise<RevocationCheckRecord | undefined>;
  /** Certificates of which something is under way; where it is given, a certificate with nothing to do is left alone without its lock. */
  readonly underWay?: ReadonlySet<string> | undefined;
  /** When the timer asks again, as far as is known: milliseconds since the epoch. */
  readonly nextLook?: number;
  /** The request as it stands now, under the lock of its certificate: another run may have changed it in the meantime. */
  readonly refresh?: (request: CertificateRequest) => Promise<CertificateRequest>;
}

/** How long a run of the same certificate in another process is waited for, in milliseconds. */
const LOCK_WAIT = 1_000;

/**
 * Issues one certificate, or leaves the good one that is stored alone. What became of it is remembered for later runs.
 * @throws {TscertError} of every code below it; afterwards nothing stands in the world that the journal does not know
 */
export async function issueCertificate(request: CertificateRequest, parts: IssueParts, line: LineContext): Promise<LineResult> {
  const name = storedName(request.name);
  const quiet = await glanceAt({ ...request, name }, { ...parts, asksForAdvice: parts.advise !== undefined });
  const good = quiet && (await findStored(name, parts.store).catch(() => undefined));
  if (quiet !== undefined && good?.state === 'whole') {
    leaveAlone(name, line);
    return { state: 'kept', ...keptOf(good, request), renewAt: quiet.renewAt };
  }
  const lock = await parts.store.lock(`certificate:${name}`, { wait: LOCK_WAIT, signal: line.signal });
  const { lost } = lock;
  try {
    return await issueUnderLock({ ...request, name }, lost, parts, line);
  } finally {
    await lock.release();
  }
}

/** @param lost aborted when the lock is another's */
async function issueUnderLock(
  request: CertificateRequest,
  lost: AbortSignal | undefined,
  parts: IssueParts,
  line: LineContext,
): Promise<LineResult> {
  const { name } = request;
  const signal = lost === undefined ? line.signal : AbortSignal.any([line.signal, lost]);
  const current = (await parts.refresh?.(request)) ?? request;
  const memory = await openMemory(name, parts.store, parts.clock, { fresh: parts.force });
  if (parts.dryRun) return issueNamed({ ...current, name }, memory, { ...parts, store: dryRunStore(parts.store) }, { ...line, signal });
  const emit: LineContext['emit'] = (event) => {
    memory.watch(event);
    line.emit(event);
  };
  // Whoever holds the lock now remembers.
  const remember = async (): Promise<void> => (lost?.aborted === true ? undefined : memory.save());
  try {
    const result = await issueNamed({ ...current, name }, memory, parts, { ...line, emit, signal });
    await remember();
    return result;
  } catch (error) {
    // What went wrong first is told, whatever keeps it from being remembered.
    await remember().catch(() => undefined);
    throw error;
  }
}

async function issueNamed(request: CertificateRequest, memory: Memory, parts: IssueParts, line: LineContext): Promise<LineResult> {
  let digest = '';
  let found: Found | undefined;
  try {
    const brought = await readBrought(request);
    const wanted = forKeyOf(brought, request);
    const fingerprint = fingerprintOf(wanted, issuerKeyOf(wanted.issuer), brought.csr?.content.der);
    digest = requestDigest(wanted, fingerprint);
    await refuseCompromised(brought, wanted, parts.store);
    found = (await findStored(wanted.name, parts.store)) ?? (await adopt(wanted, brought, memory, parts, line));
    const certificate: Subject = { wanted, brought, fingerprint, found };
    return await issueLocked(certificate, digest, memory, parts, line);
  } catch (error) {
    memory.failed(error, digest, endOf(found));
    throw error;
  }
}

/** Where nothing is stored and nothing under way, the good certificate of one of its Secrets. */
async function adopt(
  wanted: CertificateRequest,
  brought: Brought,
  memory: Memory,
  parts: IssueParts,
  { emit, signal }: LineContext,
): Promise<Found | undefined> {
  const { clusters, store, clock, dryRun, force } = parts;
  if (clusters === undefined || dryRun || force || !wanted.deploy.some(({ kind }) => kind === 'secret')) return undefined;
  if (await isUnderWay(await openJournal(store, wanted.name))) return undefined;
  const adopted = await findAdoptable(wanted, brought, { clusters, store, clock, emit, signal });
  if (adopted === undefined) return undefined;
  await keep(wanted, parts);
  const stored = await store.save(wanted.name, adopted.bundle);
  memory.note('Adopted', `Took over the certificate in the ${adopted.title}`);
  emit({ type: 'note', message: `the certificate in the ${adopted.title} is good: it is taken over` });
  return wholeOf(stored);
}

/** What a line is about. */
interface Subject {
  readonly wanted: CertificateRequest;
  readonly brought: Brought;
  readonly fingerprint: string;
  readonly found: Found | undefined;
}

async function issueLocked(subject: Subject, digest: string, memory: Memory, parts: IssueParts, line: LineContext): Promise<LineResult> {
  const { wanted, brought, fingerprint, found } = subject;
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
    return { state: 'kept', ...(await deploy(keptOf(old, wanted, advice), wanted, parts, line)) };
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
    const deployed = old === undefined ? {} : await deploy(keptOf(old, wanted, advice), wanted, parts, line);
    return { state: 'deferred', ...deferral, ...('deployError' in deployed ? { deployError: deployed.deployError } : {}) };
  }
  const staged =
    patient && !force && !dryRun ? stagedOf(wanted, failure?.request === digest ? failure.kind : undefined, old, clock) : undefined;
  if (staged !== undefined) await rehearse({ ...subject, wanted: staged }, memory, parts, line);

  // First: what the CA says is kept there too.
  await store.probe();
  const issuer = await parts.issuerFor(wanted);
  await issuer.preflight(wanted, line.signal);
  const journal = await openJournal(store, wanted.name);
  const resumes = journal.fingerprint === fingerprint && (brought.csr !== undefined || (await journal.privateKey()) !== undefined);
  const goesOn = resumes && journal.order !== undefined;
  line.emit({
    type: 'planned',
    action: goesOn ? 'resume' : 'issue',
    reason: due?.reason ?? 'Forced',
    message: `${due?.message ?? 'A new certificate was asked for'}${goesOn ? '; going on with the order of an earlier run' : ''}`,
  });
  await parts.hooks.before(wanted, line);
  if (!resumes && (await isUnderWay(journal))) await issuer.abandon(wanted.name, context);
  const reusable = revocation === undefined ? await keptFor(wanted, found, store) : undefined;
  const material = await prepareMaterial(wanted, brought, resumes ? journal : undefined, reusable);
  if (!resumes) await (await openJournal(store, wanted.name)).begin(fingerprint, material.privateKey);
  if (material.isNew) memory.note('Generated', `Made a new private key for "${wanted.name}"`);

  const replaces = old?.certificate !== undefined && issuerOf(old.stored.meta) === issuerKey ? certificateId(old.certificate) : undefined;
  const signing = { ...context, dryRun, ...(replaces === undefined ? {} : { replaces }) };
  const answer = await issuer.sign(material.csr, wanted, signing).catch(async (error: unknown) => {
    await holdOff(error, held, parts);
    throw error;
  });
  if (answer.state === 'pending') return answer;
  if (answer.state === 'tried') {
    await issuer.abandon(wanted.name, context);
    return { state: 'tested' };
  }
  const { leaf, intermediates, certificate } = await checkedChain(answer.chain, material.publicKey, wanted, parts);
  if (dryRun) {
    await issuer.abandon(wanted.name, context);
    return { state: 'tested', notBefore: certificate.notBefore.getTime(), notAfter: certificate.notAfter.getTime() };
  }
  // Before the switch: a run that is killed in between must not be undone by a renewal as it was asked for before.
  await keep(wanted, parts);
  const stored = await inStage('store', { ...line, clock }, () =>
    store.save(wanted.name, {
      ...(material.privateKey === undefined ? {} : { privateKey: material.privateKey }),
      certificate: leaf,
      chain: intermediates,
      meta: withKnown(metaOf(wanted, issuerKey), certificate),
    }),
  );
  memory.issued();
  if (hold !== undefined) await dropHold(held, store);
  await issuer.abandon(wanted.name, context);
  const checked = await parts.staple?.(wanted, stored, line);
  if (checked !== undefined) memory.setRevocationCheck(checked);
  await pruneHistory(wanted, store, line.emit);
  return { state: 'issued', ...(await deploy(keptOf(wholeOf(stored), wanted), wanted, parts, line)) };
}

/** Nothing is to be done for a good certificate. */
function leaveAlone(name: string, { emit, member }: LineContext): void {
  emit(leftAlone(name));
  member.done('present');
  member.done('clean-up');
}

/** When the stored certificate ends, in milliseconds since the epoch, where one that can be read is stored. */
function endOf(found: Found | undefined): number | undefined {
  return found?.state === 'whole' ? found.certificate?.notAfter.getTime() : undefined;
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

/** A CA that holds off the whole account, or everybody, is not asked again for the next certificate. */
async function holdOff(error: unknown, held: Held, { store, dryRun }: IssueParts): Promise<void> {
  const facts = failureFacts(error);
  if (dryRun || facts?.isShared !== true || facts.retryAt === undefined) return;
  await writeHold(held, { until: facts.retryAt, message: messageOf(error) }, store);
}

/** What came back, checked; an order that brought something useless is not asked again, but its key stays for the next one. */
async function checkedChain(
  chainPem: string,
  publicKey: KeyObject,
  wanted: CertificateRequest,
  { store, clock }: IssueParts,
): Promise<IssuedChain> {
  try {
    return checkIssued({ chainPem, publicKey, names: wanted.spec.names, now: clock.now() });
  } catch (error) {
    await (await openJournal(store, wanted.name)).setOrder(undefined);
    throw error;
  }
}

/** A reason for a good certificate's sake: somebody forces it, or tries. */
function unasked({ force, dryRun }: IssueParts): Due | undefined {
  if (dryRun) return { reason: 'Renewing', message: 'The stored certificate is good; this is a trial' };
  return force ? { reason: 'Renewing', message: 'The stored certificate is good; a new one was asked for' } : undefined;
}

/** Keeps how the certificate was asked for, for `renew`, which has just read it. */
async function keep({ name, given }: CertificateRequest, { store, refresh }: IssueParts): Promise<void> {
  if (given !== undefined && refresh === undefined) await keepGiven(name, given, store);
}

/** Takes back what a trial that was killed has left in the world. */
async function clearTrial(wanted: CertificateRequest, parts: IssueParts, context: IssueContext): Promise<void> {
  const store = dryRunStore(context.store);
  if (!(await isUnderWay(await openJournal(store, wanted.name)))) return;
  await (await parts.issuerFor(wanted)).abandon(wanted.name, { ...context, store });
}

/** True while a key, an order or challenges of an earlier run are there; a kill in the middle of closing may leave the key alone. */
async function isUnderWay(journal: Journal): Promise<boolean> {
  const isListed = journal.fingerprint !== undefined || journal.order !== undefined || journal.challenges.length > 0;
  return isListed || (await journal.privateKey()) !== undefined;
}

type Deployed = ReturnType<typeof keptOf> & { readonly deployError?: unknown };

async function deploy(
  kept: ReturnType<typeof keptOf>,
  wanted: CertificateRequest,
  parts: IssueParts,
  line: LineContext,
): Promise<Deployed> {
  try {
    await parts.deployer.deploy(wanted, kept, line);
    return kept;
  } catch (deployError) {
    return { ...kept, deployError };
  }
}
