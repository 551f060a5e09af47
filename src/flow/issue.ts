/**
 * The story of one certificate: is it due, its key, its CSR, the authority's signature, the check of what came back, the store, the
 * deployment. Every step that costs something comes after the one that makes it repeatable.
 */
import type { KeyObject } from 'node:crypto';
import { inStage } from '../acme/stage.js';
import type { Clock } from '../base/clock.js';
import { type IssueContext, type Issuer, issuerKeyOf } from '../issuer/issuer.js';
import { checkIssued, type IssuedChain } from '../pki/chain.js';
import { metaOf } from '../policy/meta.js';
import type { Due } from '../policy/renewal.js';
import type { CertificateRequest } from '../request/request.js';
import { type Journal, openJournal } from '../store/journal.js';
import { storedName } from '../store/name.js';
import type { Store } from '../store/store.js';
import type { Deployer } from './deploy.js';
import { dryRunStore } from './dry-run.js';
import { fingerprintOf } from './fingerprint.js';
import { keepGiven } from './given.js';
import { type Brought, forKeyOf, prepareMaterial, readBrought } from './material.js';
import { pruneHistory } from './prune.js';
import { keptFor, refuseCompromised } from './reuse.js';
import type { LineContext, LineResult } from './run.js';
import { dueOf, findStored, keptOf } from './stored.js';

/** What a line needs beside its request. */
export interface IssueParts {
  readonly store: Store;
  readonly clock: Clock;
  issuerFor(request: CertificateRequest): Promise<Issuer>;
  readonly deployer: Deployer;
  /** Issue even when a good certificate is stored. */
  readonly force: boolean;
  /** Throw the result away. */
  readonly dryRun: boolean;
}

/** How long a run of the same certificate in another process is waited for, in milliseconds. */
const LOCK_WAIT = 1_000;

/**
 * Issues one certificate, or leaves the good one that is stored alone.
 * @throws {TscertError} of every code below it; afterwards nothing stands in the world that the journal does not know
 */
export async function issueCertificate(request: CertificateRequest, parts: IssueParts, line: LineContext): Promise<LineResult> {
  const name = storedName(request.name);
  const store = parts.dryRun ? dryRunStore(parts.store) : parts.store;
  const lock = await store.lock(`certificate:${name}`, { wait: LOCK_WAIT, signal: line.signal });
  try {
    const brought = await readBrought(request);
    await refuseCompromised(brought, request, store);
    return await issueLocked({ ...forKeyOf(brought, request), name }, brought, { ...parts, store }, line);
  } finally {
    await lock.release();
  }
}

async function issueLocked(wanted: CertificateRequest, brought: Brought, parts: IssueParts, line: LineContext): Promise<LineResult> {
  const { store, clock, dryRun } = parts;
  const found = await findStored(wanted.name, store);
  const issuerKey = issuerKeyOf(wanted.issuer);
  const context: IssueContext = { ...line, store };
  const due = dueOf(found, wanted, brought, { issuerKey, now: clock.now() }) ?? unasked(parts);
  if (!dryRun) await clearTrial(wanted, parts, context);
  const journal = await openJournal(store, wanted.name);
  if (due === undefined && found?.state === 'whole') {
    line.emit({ type: 'planned', action: 'keep', reason: 'Ready', message: `a good certificate is stored under "${wanted.name}"` });
    if (await isUnderWay(journal)) await (await parts.issuerFor(wanted)).abandon(wanted.name, context);
    line.member.done('present');
    line.member.done('clean-up');
    await keep(wanted, parts);
    return { state: 'kept', ...(await deploy(keptOf(found.stored, wanted), wanted, parts, line)) };
  }
  const issuer = await parts.issuerFor(wanted);
  await issuer.preflight(wanted, line.signal);
  await store.probe();
  const fingerprint = fingerprintOf(wanted, issuerKey, brought.csr?.content.der);
  const resumes = journal.fingerprint === fingerprint && (brought.csr !== undefined || (await journal.privateKey()) !== undefined);
  const goesOn = resumes && journal.order !== undefined;
  line.emit({
    type: 'planned',
    action: goesOn ? 'resume' : 'issue',
    reason: due?.reason ?? 'Forced',
    message: `${due?.message ?? 'A new certificate was asked for'}${goesOn ? '; going on with the order of an earlier run' : ''}`,
  });
  if (!resumes && (await isUnderWay(journal))) await issuer.abandon(wanted.name, context);
  const material = await prepareMaterial(wanted, brought, resumes ? journal : undefined, await keptFor(wanted, found, store));
  if (!resumes) await (await openJournal(store, wanted.name)).begin(fingerprint, material.privateKey);

  const answer = await issuer.sign(material.csr, wanted, context);
  if (answer.state === 'pending') return answer;
  const { leaf, intermediates, certificate } = await checked(answer.chain, material.publicKey, wanted, parts);
  if (dryRun) {
    await issuer.abandon(wanted.name, context);
    return { state: 'tested', notBefore: certificate.notBefore.getTime(), notAfter: certificate.notAfter.getTime() };
  }
  const stored = await inStage('store', { ...line, clock }, () =>
    store.save(wanted.name, {
      ...(material.privateKey === undefined ? {} : { privateKey: material.privateKey }),
      certificate: leaf,
      chain: intermediates,
      meta: metaOf(wanted, issuerKey),
    }),
  );
  await issuer.abandon(wanted.name, context);
  await keep(wanted, parts);
  await pruneHistory(wanted, store, line.emit);
  return { state: 'issued', ...(await deploy(keptOf(stored, wanted), wanted, parts, line)) };
}

/** What came back, checked; an order that brought something useless is not asked again, but its key stays for the next one. */
async function checked(
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

/** Keeps how the certificate was asked for, for `renew`. */
async function keep({ name, given }: CertificateRequest, { store }: IssueParts): Promise<void> {
  if (given !== undefined) await keepGiven(name, given, store);
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
