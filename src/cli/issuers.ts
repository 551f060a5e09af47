/** Builds the issuer of each Request: one session a directory, one account a directory and e-mail, one scheduler for the run. */
import type { Account } from '../acme/account.js';
import type { Scheduler } from '../acme/scheduler.js';
import type { Session } from '../acme/session.js';
import { isTscertError, type TscertError } from '../base/errors.js';
import type { AskForAdvice } from '../flow/advice.js';
import type { Issuer } from '../issuer/issuer.js';
import type { AcmeRequest, CertificateRequest, SecretRef } from '../request/request.js';
import type { System } from './system.js';
import { type Parts, resolveSecret } from './wire.js';

/** An account with the session it belongs to. */
export interface OpenAccount {
  readonly session: Session;
  readonly account: Account;
}

export interface Issuers {
  /** The issuer for this request; requests that agree in authority, account and solvers share it. */
  issuerFor(request: Pick<CertificateRequest, 'issuer' | 'solvers'>): Promise<Issuer>;
  /** The account of a request, not yet asked for. */
  accountFor(request: AcmeRequest): Promise<OpenAccount>;
  /** What the authority of a certificate advises about its renewal; an authority that nobody can reach is asked once a run. */
  readonly advise: AskForAdvice;
}

/** @param limit of challenges with the CA at once, where it is not the usual one */
export function createIssuers(system: System, parts: Parts, limit?: number): Issuers {
  const { clock, random } = system;
  const sessions = new Map<string, Promise<Session>>();
  const accounts = new Map<string, Promise<OpenAccount>>();
  const issuers = new Map<string, Promise<Issuer>>();
  const unreachable = new Map<string, TscertError>();
  let scheduler: Scheduler | undefined;

  const sessionAt = (directory: string): Promise<Session> =>
    remember(sessions, directory, async () => {
      const [{ createSession }, http] = await Promise.all([import('../acme/session.js'), parts.http()]);
      return createSession({ http, clock, random, records: parts.store(), directory });
    });

  const accountFor = (request: AcmeRequest): Promise<OpenAccount> =>
    remember(accounts, JSON.stringify([request.directory, request.email, request.agreeTos, request.eab]), async () => {
      const [{ createAccount }, session] = await Promise.all([import('../acme/account.js'), sessionAt(request.directory)]);
      const { email, agreeTos, eab } = request;
      const account = createAccount({
        session,
        records: parts.store(),
        agreeTos,
        ...(email === undefined ? {} : { email }),
        ...(eab === undefined ? {} : { eab: bindingOf(system, eab) }),
      });
      return { session, account };
    });

  const createIssuer = async ({ issuer: request, solvers }: Pick<CertificateRequest, 'issuer' | 'solvers'>): Promise<Issuer> => {
    if (request.kind === 'kubernetes') {
      const [{ createKubernetesIssuer }, client] = await Promise.all([import('../issuer/kubernetes.js'), parts.clusters(request.context)]);
      return createKubernetesIssuer({ client, request, clock, random });
    }
    const [{ createAcmeIssuer }, { createScheduler }, { session, account }, picker] = await Promise.all([
      import('../issuer/acme.js'),
      import('../acme/scheduler.js'),
      accountFor(request),
      parts.picker(solvers),
    ]);
    scheduler ??= createScheduler({ claim: (key, options) => parts.store().lock(key, options), ...(limit === undefined ? {} : { limit }) });
    return createAcmeIssuer({ session, account, hasEab: request.eab !== undefined, scheduler, picker, clock });
  };

  const advise: AskForAdvice = async ({ kind, directory }, certificate, signal) => {
    if (kind !== 'acme') return undefined;
    const failure = unreachable.get(directory);
    if (failure !== undefined) throw failure;
    const [{ certificateIdOf, readRenewalInfo }, session] = await Promise.all([import('../acme/renewal-info.js'), sessionAt(directory)]);
    const id = certificateIdOf(certificate);
    try {
      return id === undefined ? undefined : await readRenewalInfo(session, id, clock.now(), signal);
    } catch (error) {
      if (isTscertError(error, 'network') || isTscertError(error, 'timeout')) unreachable.set(directory, error);
      throw error;
    }
  };

  return {
    accountFor,
    advise,
    issuerFor: (request) => remember(issuers, JSON.stringify([request.issuer, request.solvers]), () => createIssuer(request)),
  };
}

function bindingOf(system: System, { kid, hmac }: { readonly kid: string; readonly hmac: SecretRef }): { kid: string; hmac: string } {
  return { kid, hmac: resolveSecret(system, hmac) };
}

function remember<Value>(known: Map<string, Promise<Value>>, key: string, make: () => Promise<Value>): Promise<Value> {
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}
