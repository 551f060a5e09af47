/**
 * The story of one certificate: is it due, its key, its CSR, the authority's signature, the check of what came back, the store, the
 * deployment. Every step that costs something comes after the one that makes it repeatable.
 */
import { issuerKeyOf } from '../issuer/issuer.js';
import type { CertificateRequest } from '../request/request.js';
import { openJournal } from '../store/journal.js';
import { storedName } from '../store/name.js';
import { findAdoptable } from './adopt.js';
import { issueLocked } from './decide.js';
import { dryRunStore } from './dry-run.js';
import { fingerprintOf } from './fingerprint.js';
import { glanceAt } from './glance.js';
import { endOf, type IssueParts, keep, leaveAlone, type Subject } from './issue-parts.js';
import { type Brought, forKeyOf, readBrought } from './material.js';
import { type Memory, openMemory, requestDigest } from './memory.js';
import { refuseCompromised } from './reuse.js';
import type { LineContext, LineResult } from './run.js';
import { type Found, findStored, keptOf, wholeOf } from './stored.js';
import { isUnderWay } from './under-way.js';

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
