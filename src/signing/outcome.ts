/** Waiting for what becomes of a request, and what its ends mean. */
import type { Clock } from '../base/clock.js';
import { isTscertError, TscertError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import type { KubernetesClient } from '../kubernetes/client.js';
import { type CertificateSigningRequest, CSR, conditionOf, stateOf } from '../kubernetes/csr.js';

export interface Waiting {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** The object that is meant: one of the same name that was made later is another. */
  readonly uid?: string;
  /** Hears of every state on the way. */
  readonly onState?: (csr: CertificateSigningRequest) => void;
  /** Hears of a server that cannot be reached for now. */
  readonly onInterrupted?: (error: TscertError) => void;
}

/** Milliseconds between looks where there is no right to watch. */
const LOOK_EVERY = 2_000;

/**
 * Waits until a request is issued, denied or failed; an API server that is away is waited for.
 * @throws {TscertError} `cluster-absent` when it is removed meanwhile; what the client throws; the reason of the signal
 */
export async function awaitOutcome(client: KubernetesClient, name: string, waiting: Waiting): Promise<CertificateSigningRequest> {
  try {
    return await watchOne(client, name, waiting);
  } catch (error) {
    if (!isTscertError(error, 'cluster-forbidden')) throw error;
    // Some may read a request and not watch them all.
    return lookAgain(client, name, waiting);
  }
}

async function watchOne(client: KubernetesClient, name: string, waiting: Waiting): Promise<CertificateSigningRequest> {
  const { signal, uid } = waiting;
  for await (const event of client.watch(CSR, { fields: `metadata.name=${escaped(name)}` }, { signal })) {
    if (event.type === 'interrupted') {
      waiting.onInterrupted?.(event.error);
      continue;
    }
    const found = event.type === 'all' ? event.objects[0] : event.object;
    if (found === undefined || event.type === 'removed' || (uid !== undefined && found.metadata.uid !== uid)) throw gone(name);
    waiting.onState?.(found);
    if (isOver(found)) return found;
  }
  throw signal.reason;
}

async function lookAgain(client: KubernetesClient, name: string, waiting: Waiting): Promise<CertificateSigningRequest> {
  const { signal, clock, uid, onState, onInterrupted } = waiting;
  for (;;) {
    try {
      const found = await client.get(CSR, { name }, { signal });
      if (found === undefined || (uid !== undefined && found.metadata.uid !== uid)) throw gone(name);
      onState?.(found);
      if (isOver(found)) return found;
    } catch (error) {
      if (!isTscertError(error) || !PASSING.some((code) => error.code === code)) throw error;
      onInterrupted?.(error);
    }
    await clock.sleep(LOOK_EVERY, signal);
  }
}

/** What an API server that is away, or starts again, may look like. */
const PASSING = ['network', 'timeout', 'rate-limited', 'cluster-failed'] as const;

/** True when nothing more will become of it. */
function isOver(csr: CertificateSigningRequest): boolean {
  return ['issued', 'denied', 'failed'].includes(stateOf(csr));
}

/**
 * What its end, or its not having one, means for somebody who wants a certificate.
 * @throws {TscertError} `csr-denied`, `csr-failed`, `csr-pending`; nothing for an issued one
 */
export function checkOutcome(csr: CertificateSigningRequest): void {
  const { name } = csr.metadata;
  const say = (type: string): string => {
    const condition = conditionOf(csr, type);
    const words = [condition?.reason, condition?.message].filter((word) => word).map((word) => printable(word ?? ''));
    return words.length === 0 ? '' : ` (${words.join(': ')})`;
  };
  const failure = (code: 'csr-denied' | 'csr-failed' | 'csr-pending', why: string): TscertError =>
    new TscertError(code, `Cannot have the certificate of "${name}": ${why}`, {
      data: { name, signerName: csr.spec.signerName, conditions: csr.status?.conditions ?? [] },
    });
  switch (stateOf(csr)) {
    case 'issued':
      return;
    case 'denied':
      throw failure('csr-denied', `the request was denied${say('Denied')}`);
    case 'failed':
      throw failure('csr-failed', `"${csr.spec.signerName}" could not sign it${say('Failed')}`);
    case 'approved':
      throw failure('csr-pending', `the request is approved, and "${csr.spec.signerName}" has not signed it yet`);
    case 'pending':
      if ((csr.status?.certificate ?? '') !== '')
        throw failure('csr-failed', 'somebody has signed it although nobody has approved it: such a certificate is not taken');
      throw failure('csr-pending', 'nobody has approved or denied the request yet');
  }
}

function gone(name: string): TscertError {
  return new TscertError('cluster-absent', `Cannot wait for the CertificateSigningRequest "${name}": it is not there`, {
    data: { name, kind: 'CertificateSigningRequest' },
  });
}

/** A value of a field selector (apimachinery's EscapeValue). */
function escaped(value: string): string {
  return value.replaceAll(/[\\,=]/g, '\\$&');
}
