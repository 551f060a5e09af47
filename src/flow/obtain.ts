/**
 * A new certificate: its key, its CSR, the authority's signature, the check of what came back, the store, the deployment. Every step that costs
 * something comes after the one that makes it repeatable.
 */
import type { KeyObject } from 'node:crypto';
import { certificateId } from '../acme/renewal-info.js';
import { inStage } from '../acme/stage.js';
import { messageOf } from '../base/errors.js';
import { type IssueContext, issuerKeyOf } from '../issuer/issuer.js';
import { checkIssued, type IssuedChain } from '../pki/chain.js';
import { failureFacts } from '../policy/failure.js';
import { issuerOf, metaOf } from '../policy/meta.js';
import type { Due } from '../policy/renewal.js';
import type { CertificateRequest } from '../request/request.js';
import { dropHold, type Held, type Hold, writeHold } from '../store/hold.js';
import { openJournal } from '../store/journal.js';
import { bring } from './bring.js';
import { type IssueParts, keep, type Subject } from './issue-parts.js';
import { withKnown } from './known.js';
import { prepareMaterial } from './material.js';
import type { Memory } from './memory.js';
import { pruneHistory } from './prune.js';
import { keptFor } from './reuse.js';
import type { LineContext, LineResult } from './run.js';
import { keptOf, type Whole, wholeOf } from './stored.js';
import { isUnderWay } from './under-way.js';

/** What was found out before. */
interface Known {
  /** The certificate that stands. */
  readonly old: Whole | undefined;
  readonly due: Due | undefined;
  /** Then its key is not kept. */
  readonly isRevoked: boolean;
  readonly held: Held;
  readonly hold: Hold | undefined;
}

/** @throws {TscertError} of every code below it; afterwards nothing stands in the world that the journal does not know */
export async function obtain(
  { wanted, brought, fingerprint, found }: Subject,
  { old, due, isRevoked, held, hold }: Known,
  memory: Memory,
  parts: IssueParts,
  line: LineContext,
): Promise<LineResult> {
  const { store, clock, dryRun } = parts;
  const issuerKey = issuerKeyOf(wanted.issuer);
  const context: IssueContext = { ...line, store };
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
  const reusable = isRevoked ? undefined : await keptFor(wanted, found, store);
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
  return { state: 'issued', ...(await bring(keptOf(wholeOf(stored), wanted), wanted, parts, line)) };
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
