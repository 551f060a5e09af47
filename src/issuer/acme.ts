/** ACME (RFC 8555) as an issuer: one order a certificate, gone on with after a kill at any point. */
import type { Account } from '../acme/account.js';
import { authorityAt } from '../acme/authorities.js';
import { downloadChain } from '../acme/chain.js';
import type { Signer } from '../acme/client.js';
import { awaitOrder, createOrder, finalizeOrder, isFor, type Order, type OrderContext, orderInvalid, readOrderAt } from '../acme/order.js';
import { checkProfile, checkRequest, checkSolvers, identifiersOf } from '../acme/preflight.js';
import { revokeAt, signerByKey } from '../acme/revocation.js';
import type { Scheduler } from '../acme/scheduler.js';
import type { Session } from '../acme/session.js';
import { giveBackOrder, solveOrder } from '../acme/solve.js';
import type { SolverPicker } from '../acme/solver.js';
import { inStage } from '../acme/stage.js';
import { withdrawAll } from '../acme/withdraw.js';
import type { Clock } from '../base/clock.js';
import { isTscertError, TscertError } from '../base/errors.js';
import type { AcmeRequest, CertificateRequest } from '../request/request.js';
import { type Journal, openJournal } from '../store/journal.js';
import { type IssueContext, type Issued, type Issuer, issuerKeyOf, type Pending } from './issuer.js';

export interface AcmeIssuerOptions {
  /** Shared by all issuers of a run that use the directory. */
  readonly session: Session;
  /** Shared by all issuers of a run that use the account. */
  readonly account: Account;
  /** True when an external account binding is at hand. */
  readonly hasEab: boolean;
  /** One for the whole run. */
  readonly scheduler: Scheduler;
  readonly picker: SolverPicker;
  readonly clock: Clock;
  /** How long the CA may take to validate, and to issue, in milliseconds; 5 and 3 minutes unless given. */
  readonly validationLimit?: number;
  readonly issuanceLimit?: number;
}

/** An ACME server as an issuer, for the certificates whose names `picker` knows how to prove. */
export function createAcmeIssuer(options: AcmeIssuerOptions): Issuer {
  const { session, account, scheduler, picker, clock, validationLimit = 300_000, issuanceLimit = 180_000 } = options;
  /** Clean-ups that go on while a certificate is issued and stored already, by its name. */
  const cleaning = new Map<string, Promise<void>>();

  const withdraw = (journal: Journal, { emit, signal, member }: IssueContext): Promise<void> =>
    withdrawAll({ clock, emit, signal, member, picker, journal });

  async function openOrder(
    signer: Signer,
    wanted: CertificateRequest,
    journal: Journal,
    context: OrderContext,
    replaces: string | undefined,
  ): Promise<Order> {
    const known = journal.order?.account === signer.accountUrl ? journal.order : undefined;
    const found = known && (await findOrder(known.url, context));
    const identifiers = identifiersOf(wanted);
    if (found !== undefined && found.status !== 'invalid' && isFor(found, identifiers)) return found;
    const { profile, notAfter } = acmeOf(wanted);
    const order = await createOrder(
      session,
      {
        identifiers,
        ...(profile === undefined ? {} : { profile }),
        ...(notAfter === undefined ? {} : { notAfter }),
        ...(replaces === undefined ? {} : { replaces }),
      },
      context,
    );
    await journal.setOrder({ url: order.url, account: signer.accountUrl ?? '' });
    return order;
  }

  /** An order of an account that the server has forgotten is made again, once, after the account was found by its key. */
  async function startOrder(
    wanted: CertificateRequest,
    journal: Journal,
    { emit, signal, replaces }: IssueContext,
  ): Promise<[Order, OrderContext]> {
    const attempt = async (): Promise<[Order, OrderContext]> => {
      const signer = await inStage('account', { emit, clock }, () => account.open(signal));
      const context = { signer, clock, signal, emit };
      return [await inStage('order', context, () => openOrder(signer, wanted, journal, context, replaces)), context];
    };
    try {
      return await attempt();
    } catch (error) {
      if (!isTscertError(error, 'account-unknown')) throw error;
      await account.relearn(signal);
      return attempt();
    }
  }

  /** From a ready order to its chain. */
  async function collect(order: Order, csr: Buffer, wanted: CertificateRequest, journal: Journal, context: OrderContext): Promise<string> {
    const issued = await inStage('finalize', context, async () => {
      if (order.status === 'ready') await journal.setFinalizing();
      const sent = order.status === 'ready' ? await finalizeOrder(order, csr, context) : order;
      if (sent.status === 'valid' || sent.status === 'invalid') return sent;
      return awaitOrder(order.url, { while: ['ready', 'processing'], limit: issuanceLimit, what: 'the certificate' }, context);
    });
    if (issued.status !== 'valid') throw orderInvalid(issued, []);
    const { certificate } = issued;
    if (certificate === undefined) {
      throw new TscertError('response-invalid', `Cannot download the certificate: the order ${order.url} is valid, but names none`, {
        data: { url: order.url },
      });
    }
    return inStage('download', context, () => downloadChain(certificate, acmeOf(wanted).preferredChain, context));
  }

  async function issue(csr: Buffer, wanted: CertificateRequest, journal: Journal, context: IssueContext): Promise<Issued | Pending> {
    let isPending = false;
    let clean: Promise<void> | undefined;
    try {
      const [order, orderContext] = await startOrder(wanted, journal, context);
      const solving = { ...orderContext, picker, scheduler, journal, member: context.member, limit: validationLimit };
      const ready = await solveOrder(order, solving);
      if (ready.status === 'invalid') throw orderInvalid(ready, []);
      clean = withdraw(journal, context);
      const chain = await collect(ready, csr, wanted, journal, orderContext);
      cleaning.set(wanted.name, clean);
      return { state: 'issued', chain };
    } catch (error) {
      if (isTscertError(error, 'manual-pending')) {
        isPending = true;
        return { state: 'pending', reason: error.message };
      }
      if (isTscertError(error, 'order-invalid')) await journal.setOrder(undefined);
      throw error;
    } finally {
      if (!isPending && !cleaning.has(wanted.name)) await (clean ?? withdraw(journal, context));
    }
  }

  return {
    key: issuerKeyOf({ kind: 'acme', directory: session.url }),
    async preflight(wanted, signal) {
      checkRequest(wanted, picker);
      await checkSolvers(wanted, picker);
      const authority = authorityAt(session.url);
      const needsEab = !options.hasEab && !(await account.isKnown());
      const directory = await session.directory(signal);
      if (needsEab && (authority?.eab === true || directory.externalAccountRequired)) {
        const title = authority?.title ?? session.url;
        throw new TscertError(
          'eab-required',
          `Cannot make an account at ${title}: it wants an external account binding (a key id and an HMAC key)`,
          {
            data: { directory: session.url },
          },
        );
      }
      session.warmUp(signal);
      const isThere = wanted.issuer.profile === undefined || directory.profiles?.[wanted.issuer.profile] !== undefined;
      checkProfile(wanted, isThere ? directory : await session.directory(signal, { fresh: true }));
    },
    async sign(csr, wanted, context) {
      try {
        await cleaning.get(wanted.name);
        cleaning.delete(wanted.name);
        const journal = await openJournal(context.store, wanted.name);
        const earlier = journal.order?.url;
        try {
          return await issue(csr.der, wanted, journal, context);
        } catch (error) {
          // The CA may have looked when an interrupted run had taken its values away already: that says nothing of this run.
          const isOld = isTscertError(error, 'order-invalid') && earlier !== undefined && error.data.url === earlier;
          if (!isOld || context.signal.aborted) throw error;
          context.emit({ type: 'warning', message: `The order of an earlier run is lost, a new one is made: ${error.message}` });
          return await issue(csr.der, wanted, journal, context);
        }
      } finally {
        context.member.done('present');
        context.member.done('clean-up');
      }
    },
    async abandon(name, context) {
      try {
        context.member.done('present');
        await cleaning.get(name);
        cleaning.delete(name);
        const journal = await openJournal(context.store, name);
        const { order } = journal;
        const isOpen = order !== undefined && !journal.isFinalizing;
        if (isOpen) await giveBack(order, context).catch(() => context.signal.throwIfAborted());
        await withdraw(journal, context);
        await journal.close();
      } finally {
        context.member.done('clean-up');
      }
    },
    async revoke(certificate, reason, by, signal) {
      const signer = by === 'account' ? await knownAccount(signal) : await signerByKey(session, by.privateKey);
      return revokeAt(session, { certificate, reason }, { signer, byKey: by !== 'account' }, signal);
    },
  };

  /** The account, when it is there: one that is made for the purpose has nothing to revoke. */
  async function knownAccount(signal: AbortSignal): Promise<Signer> {
    if (await account.isKnown()) return account.open(signal);
    throw new TscertError('account-unknown', `Cannot revoke by an account at ${session.url}: none was made here`, {
      data: { directory: session.url },
    });
  }

  /** Deactivates what is pending of an order nobody goes on with; those of another account, or CA, are not ours to touch. */
  async function giveBack({ url, account: owner }: NonNullable<Journal['order']>, { signal, emit }: IssueContext): Promise<void> {
    if (!(await account.isKnown())) return;
    const context = { signer: await account.open(signal), clock, signal, emit };
    if (context.signer.accountUrl !== owner) return;
    const order = await findOrder(url, context);
    if (order?.status === 'pending') await giveBackOrder(order, context);
  }
}

/** What is asked of a CA: whoever builds issuers gives this one nothing else. */
function acmeOf({ issuer }: CertificateRequest): Partial<AcmeRequest> {
  return issuer.kind === 'acme' ? issuer : {};
}

/** Asks for an order of the journal; `undefined` when the server does not know it any more, or not as ours. */
async function findOrder(url: string, context: OrderContext): Promise<Order | undefined> {
  try {
    return await readOrderAt(url, context);
  } catch (error) {
    const { status } = isTscertError(error) ? error.data : { status: undefined };
    if (status === 404 || status === 403 || status === 410 || status === 400) return undefined;
    throw error;
  }
}
