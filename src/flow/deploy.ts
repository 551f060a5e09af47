/**
 * What happens after a certificate was stored: it is brought to its targets, one after the other. What was brought where is kept, so that
 * what failed is tried again by the next run, without a new certificate, and what went well is not done again.
 */
import { createHash } from 'node:crypto';
import { inStage } from '../acme/stage.js';
import { isTscertError, messageOf, TscertError } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import { decodePem } from '../base/pem.js';
import { createReloads } from '../deploy/reloads.js';
import type { Delivery, Drift, Target } from '../deploy/target.js';
import { createTarget, type TargetParts } from '../deploy/targets.js';
import type { CertificateRequest } from '../request/request.js';
import { readTargets, type TargetState, writeTargets } from '../store/deployments.js';
import { type FileSystem, nodeFileSystem } from '../store/files.js';
import type { Records } from '../store/store.js';
import type { Kept } from './outcome.js';
import type { LineContext } from './run.js';

export interface Deployer {
  /**
   * Brings the certificate to every target of the request where it is not yet. One that fails does not stop the others.
   * @throws {TscertError} `hook-failed` that names each target that failed; the certificate itself is good
   */
  deploy(wanted: CertificateRequest, kept: Kept, line: LineContext): Promise<void>;
  /**
   * Whether nothing is left to do for this certificate; false where it cannot be told.
   * @param fingerprint SHA-256 of its DER, lower-case hex
   */
  isDone(wanted: CertificateRequest, fingerprint: string): Promise<boolean>;
  /**
   * What was brought and is not there any more as it was, where that can be looked at.
   * @throws {TscertError} of those who are looked at
   */
  drifts(wanted: CertificateRequest, fingerprint: string, signal: AbortSignal): Promise<readonly (Drift & { readonly title: string })[]>;
}

export interface DeployerOptions extends Omit<TargetParts, 'reloads' | 'fs' | 'clusters'> {
  readonly records: Records;
  readonly fs?: FileSystem;
  /** Absent where there are none to be had. */
  readonly clusters?: TargetParts['clusters'];
}

/** Why one target has not the certificate. */
interface Failure {
  readonly title: string;
  readonly error: unknown;
}

export function createDeployer({ records, clock, environment, fs = nodeFileSystem, clusters = noCluster }: DeployerOptions): Deployer {
  const parts: TargetParts = { clock, environment, fs, reloads: createReloads(), clusters };

  /** Tries one target; what became of it, and why when it failed. */
  const attempt = async (
    target: Target,
    certificate: string,
    delivery: Delivery,
    line: LineContext,
  ): Promise<{ state: TargetState; failure?: Failure }> => {
    const { id, title } = target;
    const outcome = { id, title, certificate };
    const at = (): string => new Date(clock.now()).toISOString();
    try {
      await target.bring(delivery, line);
      return { state: { ...outcome, state: 'done', at: at() } };
    } catch (error) {
      line.signal.throwIfAborted();
      return { state: { ...outcome, state: 'failed', at: at(), message: reasonOf(error) }, failure: { title, error } };
    }
  };

  /** What is wanted for this certificate, and what is known of it. */
  const compare = ({ deploy }: CertificateRequest, certificate: string, known: readonly TargetState[]) => {
    const targets = distinct(deploy.map((request) => createTarget(request, parts)));
    const states = new Map(known.filter(({ id }) => targets.some((target) => target.id === id)).map((state) => [state.id, state]));
    const isDone = ({ id }: Target): boolean => states.get(id)?.state === 'done' && states.get(id)?.certificate === certificate;
    return { targets, states, isDone, isUntidy: states.size < known.length };
  };

  return {
    async isDone(wanted, fingerprint) {
      const known = await readTargets(wanted.name, records).catch(() => undefined);
      if (known === undefined) return false;
      const { targets, isDone, isUntidy } = compare(wanted, fingerprint, known);
      if (!targets.every(isDone) || isUntidy) return false;
      const drifts = await driftsOf(targets, fingerprint, new AbortController().signal).catch(() => undefined);
      return drifts?.length === 0;
    },
    async drifts(wanted, fingerprint, signal) {
      const { targets, isDone } = compare(wanted, fingerprint, await readTargets(wanted.name, records));
      const found = await driftsOf(targets.filter(isDone), fingerprint, signal);
      return found.map(({ target: { title }, reason, message }) => ({ title, reason, message }));
    },
    async deploy(wanted, kept, line) {
      const { name } = wanted;
      const known = await knownTargets(name, records, line.emit);
      const certificate = fingerprintOf(kept.stored.certificate);
      const { targets, states, isDone, isUntidy } = compare(wanted, certificate, known);
      const write = (): Promise<void> =>
        writeTargets(
          name,
          targets.flatMap(({ id }) => states.get(id) ?? []),
          records,
        );
      // Where it cannot be looked at, bringing it again says why.
      const drifted = await driftsOf(targets.filter(isDone), certificate, line.signal, (target) => states.delete(target.id));
      for (const { target, reason, message } of drifted) {
        line.emit({ type: 'note', message: `${target.title} is written again: ${reason}, ${message}` });
        states.delete(target.id);
      }
      if (targets.every(isDone)) {
        if (isUntidy) await write();
        return;
      }
      const delivery = { stored: kept.stored, domains: wanted.spec.names.map(({ value }) => value), notAfter: kept.notAfter };
      await inStage('deploy', { ...line, clock }, async () => {
        const failures: Failure[] = [];
        for (const [at, target] of targets.entries()) {
          if (isDone(target)) continue;
          const { state, failure } = await attempt(target, certificate, delivery, line);
          states.set(target.id, state);
          if (failure !== undefined) failures.push(failure);
          // In the same write: a kill cannot part what this one has brought from those that must read it.
          else if (target.feedsOthers) for (const { id } of targets.slice(at + 1)) states.delete(id);
          await write().catch((error: unknown) => failures.push({ title: 'its record', error }));
        }
        if (failures.length > 0) throw failureOf(name, failures, targets.length);
      });
    },
  };
}

/**
 * Those of the targets whose place does not hold the certificate any more.
 * @param lost takes one that cannot be looked at; without it that is thrown
 */
async function driftsOf(
  targets: readonly Target[],
  fingerprint: string,
  signal: AbortSignal,
  lost?: (target: Target) => unknown,
): Promise<readonly (Drift & { readonly target: Target })[]> {
  const found = await Promise.all(
    targets.map(async (target) => {
      try {
        const drift = await target.drift?.(fingerprint, signal);
        return drift === undefined ? [] : [{ target, ...drift }];
      } catch (error) {
        if (lost === undefined || signal.aborted) throw error;
        lost(target);
        return [];
      }
    }),
  );
  return found.flat();
}

async function noCluster(): Promise<never> {
  throw new TscertError('cluster-unknown', 'Cannot write a Secret: no cluster is at hand');
}

/** What is known of the targets. A damaged record costs a second deployment, which does no harm; one of a later version is refused. */
async function knownTargets(name: string, records: Records, emit: Emit): Promise<readonly TargetState[]> {
  try {
    return await readTargets(name, records);
  } catch (error) {
    if (!isTscertError(error, 'store-damaged') || error.data.version !== undefined) throw error;
    emit({ type: 'warning', message: `${messageOf(error)}; it is deployed everywhere once more` });
    return [];
  }
}

/** The same thing twice is one target. */
function distinct(targets: readonly Target[]): Target[] {
  return [...new Map(targets.map((target) => [target.id, target])).values()];
}

/** SHA-256 of the leaf's DER, as {@link TargetState.certificate}. */
function fingerprintOf(pem: string): string {
  return createHash('sha256')
    .update(decodePem(pem)[0]?.der ?? '')
    .digest('hex');
}

function failureOf(name: string, failures: readonly Failure[], count: number): TscertError {
  const [first, ...more] = failures;
  const targets = failures.map(({ title, error }) => ({ title, reason: reasonOf(error) }));
  if (first !== undefined && more.length === 0) {
    const data = isTscertError(first.error) ? first.error.data : {};
    return new TscertError('hook-failed', messageOf(first.error), { data: { ...data, name, targets }, cause: first.error });
  }
  const each = targets.map(({ title, reason }) => `${title}: ${reason}`).join('; ');
  return new TscertError('hook-failed', `Cannot deploy "${name}" to ${failures.length} of its ${count} targets: ${each}`, {
    data: { name, targets },
    cause: new AggregateError(failures.map(({ error }) => error)),
  });
}

/** The part of a message that does not say which target. */
function reasonOf(error: unknown): string {
  return isTscertError(error) && typeof error.data.reason === 'string' ? error.data.reason : messageOf(error);
}
