/**
 * A signer of a cluster (certificates.k8s.io) as an issuer. The name of the request is in the journal before the request is made, so that a run
 * that was killed goes on with the same object; approval is the business of others, and may take longer than a run.
 */

import { inStage } from '../acme/stage.js';
import type { Clock, Random } from '../base/clock.js';
import { isTscertError, TscertError } from '../base/errors.js';
import type { KubernetesClient } from '../kubernetes/client.js';
import { type CertificateSigningRequest, CSR, stateOf } from '../kubernetes/csr.js';
import { type Right, rightWords } from '../kubernetes/failure.js';
import { missingRights } from '../kubernetes/review.js';
import { createCsr, readCsr } from '../pki/csr.js';
import { generateKey } from '../pki/key.js';
import type { CertificateSpec, KubernetesRequest } from '../request/request.js';
import { takeCertificate } from '../signing/certificate.js';
import { awaitOutcome, checkOutcome } from '../signing/outcome.js';
import { checkSignable, type SigningQuestion } from '../signing/question.js';
import { requestName, submitRequest } from '../signing/submit.js';
import { type Journal, openJournal } from '../store/journal.js';
import { type IssueContext, type Issued, type Issuer, issuerKeyOf, type Pending, type Tried } from './issuer.js';

export interface KubernetesIssuerOptions {
  readonly client: KubernetesClient;
  readonly request: KubernetesRequest;
  readonly clock: Clock;
  readonly random: Random;
  /** How long approval and signing are waited for, in milliseconds, before it is left to a later run; 5 minutes unless given. */
  readonly patience?: number;
}

const PATIENCE = 300_000;
const GROUP = 'certificates.k8s.io';
const RESOURCE = 'certificatesigningrequests';

/** A signer, for the certificates that `request` is the issuer of. */
export function createKubernetesIssuer({ client, request, clock, random, patience = PATIENCE }: KubernetesIssuerOptions): Issuer {
  const { signer: signerName, usages, expirationSeconds } = request;
  const key = issuerKeyOf(request);
  const questionOf = (csr: SigningQuestion['csr']): SigningQuestion => ({
    ...{ csr, signerName, usages },
    ...(expirationSeconds === undefined ? {} : { expirationSeconds }),
  });

  /** The request of the journal, or a new one; in the journal before it is in the cluster. */
  async function submit(
    csr: SigningQuestion['csr'],
    title: string,
    journal: Journal,
    { signal, emit }: IssueContext,
  ): Promise<CertificateSigningRequest> {
    const known = journal.order?.account === key ? nameIn(journal.order.url) : undefined;
    for (let name = known ?? requestName(title, random); ; name = requestName(title, random)) {
      await journal.setOrder({ url: urlOf(client, name), account: key });
      try {
        const { object, isNew, differences } = await submitRequest(client, { ...questionOf(csr), name }, { signal });
        if (isNew) emit({ type: 'note', message: `made the CertificateSigningRequest "${name}"` });
        for (const message of differences) emit({ type: 'warning', message });
        return object;
      } catch (error) {
        // Somebody else's of the same name: ours is none of it.
        if (!isTscertError(error, 'cluster-exists')) throw error;
      }
    }
  }

  /** Its end; `undefined` when the patience was over first. */
  async function settle({ metadata: { name, uid } }: CertificateSigningRequest, { signal, emit }: IssueContext) {
    const enough = new AbortController();
    const over = new AbortController();
    clock.sleep(patience, over.signal).then(
      () => enough.abort(),
      () => undefined,
    );
    let said = '';
    try {
      return await awaitOutcome(client, name, {
        ...{ clock, uid, signal: AbortSignal.any([signal, enough.signal]) },
        onState(csr) {
          const state = stateOf(csr);
          const words =
            state === 'pending'
              ? `"${name}" waits for approval`
              : state === 'approved'
                ? `"${name}" is approved: waiting for its signer`
                : '';
          if (words !== '' && words !== said) emit({ type: 'note', message: words });
          said = words;
        },
        onInterrupted: (error) => emit({ type: 'note', message: `the API server cannot be reached for now: ${error.message}` }),
      });
    } catch (error) {
      signal.throwIfAborted();
      if (enough.signal.aborted) return undefined;
      throw error;
    } finally {
      over.abort();
    }
  }

  async function issue(csr: SigningQuestion['csr'], title: string, journal: Journal, context: IssueContext): Promise<Issued | Pending> {
    const object = await inStage('order', { ...context, clock }, () => submit(csr, title, journal, context));
    const ended = await inStage('finalize', { ...context, clock }, () => settle(object, context));
    const { name } = object.metadata;
    if (ended === undefined) {
      return { state: 'pending', reason: `the CertificateSigningRequest "${name}" is not approved and signed yet: tscert approve ${name}` };
    }
    try {
      checkOutcome(ended);
      const { leaf, intermediates, notes } = takeCertificate(ended, { ...questionOf(csr), now: clock.now() });
      for (const message of notes) context.emit({ type: 'warning', message });
      // What it brought counts: nobody takes it back any more.
      await journal.setFinalizing();
      return { state: 'issued', chain: leaf + intermediates };
    } catch (error) {
      // A denial and a failure are for good, and so is a certificate: the next run asks anew.
      await journal.setOrder(undefined);
      throw error;
    }
  }

  return {
    key,
    async preflight(wanted, signal) {
      checkSignable(questionOf(await requestFor(wanted.spec)));
      const rights = (['create', 'get'] as const).map((verb): Right => ({ verb, group: GROUP, resource: RESOURCE, names: [] }));
      const [missing] = await missingRights(client, rights, { signal });
      if (missing === undefined) return;
      throw new TscertError(
        'cluster-forbidden',
        `Cannot have "${wanted.name}" signed by "${signerName}": the right ${rightWords(missing)} is missing`,
        {
          data: { right: missing },
        },
      );
    },
    async sign(csr, wanted, context): Promise<Issued | Pending | Tried> {
      try {
        const content = readCsr(csr.der);
        for (const note of checkSignable(questionOf(content)).notes) context.emit({ type: 'note', message: note });
        if (context.dryRun === true) {
          const name = requestName(wanted.name, random);
          await submitRequest(client, { ...questionOf(content), name }, { signal: context.signal, dryRun: true });
          return { state: 'tried' };
        }
        return await issue(content, wanted.name, await openJournal(context.store, wanted.name), context);
      } finally {
        context.member.done('present');
        context.member.done('clean-up');
      }
    },
    async abandon(name, context) {
      try {
        const journal = await openJournal(context.store, name);
        const { order } = journal;
        const request = order?.account === key && !journal.isFinalizing ? nameIn(order.url) : undefined;
        if (request !== undefined) await withdraw(request, context);
        await journal.close();
      } finally {
        context.member.done('present');
        context.member.done('clean-up');
      }
    },
  };

  /** Removes a request that nobody waits for any more; what is decided stays, for those who want to know. Not being able to is no failure. */
  async function withdraw(name: string, { signal, emit }: IssueContext): Promise<void> {
    try {
      const found = await client.get(CSR, { name }, { signal });
      if (found === undefined || stateOf(found) !== 'pending') return;
      const { uid, resourceVersion } = found.metadata;
      await client.remove(CSR, { name }, { signal, uid, resourceVersion });
    } catch (error) {
      signal.throwIfAborted();
      if (!isTscertError(error)) throw error;
      emit({ type: 'note', message: `the CertificateSigningRequest "${name}" is left as it is: ${error.message}` });
    }
  }
}

/** What will be asked for, signed by a key that is made for this question alone: no key of the certificate is there yet. */
async function requestFor(spec: CertificateSpec): Promise<SigningQuestion['csr']> {
  return readCsr(createCsr(spec, await generateKey('ec256')).der);
}

/** Names the object in the journal; whoever reads it finds the object with kubectl. */
function urlOf({ server }: KubernetesClient, name: string): string {
  return `https://${server}/apis/${GROUP}/v1/${RESOURCE}/${encodeURIComponent(name)}`;
}

/** The cluster may be had at another address by now: only the name counts. */
function nameIn(url: string): string | undefined {
  const [, name] = new RegExp(`/apis/${GROUP}/v1/${RESOURCE}/([^/]+)$`).exec(url) ?? [];
  return name === undefined ? undefined : decodeURIComponent(name);
}
