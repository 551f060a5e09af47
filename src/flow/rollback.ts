/** Back to an older generation of a certificate: chosen, looked at, switched to in one step, and deployed. */
import type { KeyObject } from 'node:crypto';
import type { Clock } from '../base/clock.js';
import { isTscertError, TscertError } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import { publicKeyEquals } from '../pki/key.js';
import { readPrivateKey } from '../pki/key-reader.js';
import type { CertificateRequest } from '../request/request.js';
import { openJournal } from '../store/journal.js';
import type { CertificateLedger } from '../store/ledger.js';
import type { Store } from '../store/store.js';
import type { Deployer } from './deploy.js';
import { type HistoryEntry, historyOf } from './history.js';
import type { Kept } from './outcome.js';
import { recordEvent } from './recorded.js';
import type { LineContext } from './run.js';
import { keptOf, wholeOf } from './stored.js';

export interface RollbackParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly deployer: Pick<Deployer, 'deploy'>;
  /** How the certificate is asked for: what is deployed, and when it is to be renewed; undefined when that cannot be told. */
  readonly request: CertificateRequest | undefined;
}

export interface RollbackOptions {
  /** The generation to go to; the one before the current one unless given. */
  readonly to?: string | undefined;
  /** Takes one that has expired, is damaged, or was revoked. */
  readonly force: boolean;
}

export interface RolledBack {
  /** `kept`: the generation that was asked for is the current one already. */
  readonly state: 'rolled-back' | 'kept';
  /** Undefined when the live link led nowhere. */
  readonly from: HistoryEntry | undefined;
  readonly to: HistoryEntry;
  /** The current generation with its times; absent when it is damaged. */
  readonly kept?: Kept;
  /** Why the deployment failed. */
  readonly deployError?: unknown;
}

/** How long a run of the same certificate in another process is waited for, in milliseconds. */
const LOCK_WAIT = 1_000;

/**
 * Goes back, under the lock of the certificate.
 * @param name as it is stored
 * @throws {TscertError} `usage` for a generation that there is not, `request-invalid` for one that must not be used, `store-damaged` for
 *   one that is not whole, `locked`, `store-unwritable`
 */
export async function rollBack(name: string, { to, force }: RollbackOptions, parts: RollbackParts, line: LineContext): Promise<RolledBack> {
  const { store, clock, deployer, request } = parts;
  const lock = await store.lock(`certificate:${name}`, { wait: LOCK_WAIT, signal: line.signal });
  try {
    const history = await historyOf(name, store, line.emit);
    const from = history.find(({ isCurrent }) => isCurrent);
    const target = to === undefined ? before(name, history, from) : pick(name, history, to);
    const isThere = target.isCurrent;
    if (!isThere) {
      if (!force) refuseUseless(name, target, clock.now());
      if (from !== undefined) await orWarn(forgetOrder(name, from, store), line.emit);
      await store.pointTo(name, target.id, { evenDamaged: force });
      const message = `Went from ${from === undefined ? 'no generation' : `the generation ${from.id}`} to ${target.id}`;
      const event = { at: new Date(clock.now()).toISOString(), type: 'Normal', reason: 'RolledBack', message } as const;
      await orWarn(recordEvent(name, event, rememberedOf(target, event.at), { records: store, emit: line.emit }), line.emit);
    }
    const stored = target.damage === undefined ? await store.load(name) : undefined;
    const kept = stored && keptOf(wholeOf(stored), request ?? {});
    const result: RolledBack = { state: isThere ? 'kept' : 'rolled-back', from, to: target, ...(kept === undefined ? {} : { kept }) };
    if (kept === undefined || request === undefined) return result;
    try {
      await deployer.deploy({ ...request, name }, kept, line);
      return result;
    } catch (deployError) {
      return { ...result, deployError };
    }
  } finally {
    await lock.release();
  }
}

/** The generation before the current one; the newest where nothing is current. */
function before(name: string, history: readonly HistoryEntry[], from: HistoryEntry | undefined): HistoryEntry {
  const found = from === undefined ? history.at(-1) : history[history.indexOf(from) - 1];
  if (found !== undefined) return found;
  const why = from === undefined ? 'there is no generation' : `the generation "${from.id}", which is current, is the oldest`;
  throw new TscertError('request-invalid', `Cannot go back with "${name}": ${why}`, { data: { name } });
}

function pick(name: string, history: readonly HistoryEntry[], to: string): HistoryEntry {
  const found = history.find(({ id }) => id === to || (/^\d+$/.test(to) && Number(id) === Number(to)));
  if (found !== undefined) return found;
  const ids = history.map(({ id }) => id);
  throw new TscertError('usage', `Cannot go back to the generation "${to}" of "${name}": there are ${ids.join(', ')}`, {
    data: { name, to, generations: ids },
  });
}

/** What is not whole is refused by the store, with the file that is damaged. */
function refuseUseless(name: string, { id, damage, certificate, revoked, isCompromised }: HistoryEntry, now: number): void {
  const refuse = (why: string, code: 'request-invalid' | 'store-damaged' = 'request-invalid'): never => {
    throw new TscertError(code, `Cannot go back to the generation "${id}" of "${name}": ${why}; --force takes it all the same`, {
      data: { name, generation: id },
    });
  };
  if (damage !== undefined) refuse(`it is damaged (${damage})`, 'store-damaged');
  if (isCompromised) refuse('its key was revoked as compromised');
  if (revoked !== undefined) refuse(`it was revoked at ${revoked.at} (${revoked.reason})`);
  const notAfter = certificate?.notAfter;
  if (notAfter !== undefined && notAfter.getTime() < now) refuse(`it has expired at ${notAfter.toISOString()}`);
}

/** What is remembered is about the generation that is left, except that this one is known to be revoked, or its key to others. */
function rememberedOf(
  { certificate, revoked, isCompromised }: HistoryEntry,
  now: string,
): (ledger: CertificateLedger) => CertificateLedger {
  const reason = isCompromised ? 'keyCompromise' : revoked?.reason;
  return ({ renewalInfo: _, revocation: __, ...ledger }) =>
    certificate === undefined || reason === undefined
      ? ledger
      : { ...ledger, revocation: { serialNumber: certificate.serialNumber, at: revoked?.at ?? now, reason, by: 'revoke' } };
}

/** Forgets an order that may be the one that brought this generation: else the next run would bring it back. */
async function forgetOrder(name: string, { certificate }: HistoryEntry, store: Store): Promise<void> {
  const journal = await openJournal(store, name);
  const privateKey = await journal.privateKey();
  const isOther = privateKey !== undefined && certificate?.publicKey !== undefined && !isKeyOf(privateKey, certificate.publicKey);
  if (journal.isFinalizing && !isOther) await journal.close();
}

function isKeyOf(privateKey: string, publicKey: KeyObject): boolean {
  return publicKeyEquals(readPrivateKey(privateKey), publicKey);
}

/** What must not keep anybody from going back is told as a warning. */
async function orWarn(work: Promise<void>, emit: Emit): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isTscertError(error)) throw error;
    emit({ type: 'warning', message: error.message });
  }
}
