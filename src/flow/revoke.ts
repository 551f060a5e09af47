/** A certificate is revoked by the authority that issued it, and what is stored of it knows so: it is due at once, with a new key. */
import type { KeyObject } from 'node:crypto';
import { isProblem, readProblem } from '../acme/problem.js';
import type { RevocationReason, RevocationState } from '../acme/revocation.js';
import type { Clock } from '../base/clock.js';
import { isTscertError, TscertError } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import type { Issuer, Revoker } from '../issuer/issuer.js';
import { type CertificateContent, readCertificate } from '../pki/certificate.js';
import { readPrivateKey } from '../pki/key-reader.js';
import { issuerOf } from '../policy/meta.js';
import { markCompromised } from '../store/compromised.js';
import type { Lock, Store, Stored } from '../store/store.js';
import { orElse, recordEvent } from './recorded.js';
import { currentOf, forgetKey, passDamage, readOne, recordRevoked, withRevocation } from './revoked.js';

/** A certificate that can be revoked, and what is known of it. */
export interface Revocable {
  readonly certificate: CertificateContent;
  /** The generations that hold it. */
  readonly places: readonly { readonly name: string; readonly generation: string }[];
  /** The `Issuer.key` of who issued it, where that is known. */
  readonly issuerKey?: string;
  /** Where it is stored. */
  readonly privateKey?: KeyObject;
}

/**
 * The current generation of a stored certificate; undefined when there is none of this name.
 * @throws {TscertError} `store-damaged`, `file-unreadable`
 */
export async function findStoredCertificate(name: string, store: Store): Promise<Revocable | undefined> {
  const stored = await store.load(name);
  return stored && revocableOf(readCertificate(stored.certificate), [stored]);
}

/** A certificate from elsewhere, with the generations of any name that hold it, octet for octet. Damaged ones are passed over. */
export async function findCertificate(certificate: CertificateContent, store: Store): Promise<Revocable> {
  const found: Stored[] = [];
  for (const name of await store.list()) {
    for (const { id } of await passDamage(store.generations(name), [])) {
      const stored = await passDamage(store.loadGeneration(name, id), undefined);
      const content = stored && (await passDamage(readOne(stored.certificate), undefined));
      if (stored !== undefined && content?.der.equals(certificate.der)) found.push(stored);
    }
  }
  return revocableOf(certificate, found);
}

/** A way to have it revoked; the title completes "signed by". */
export interface Attempt {
  readonly issuer: Issuer;
  readonly by: Revoker;
  readonly title: string;
}

export interface Revoked {
  readonly state: RevocationState;
  /** Of the attempt that went well. */
  readonly signedBy: string;
  /** Names whose current certificate it is, or with `keyCompromise` whose current certificate is for the same key: they are due now. */
  readonly due: readonly string[];
}

export interface RevokeParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** How long a run of the same certificate in another process is waited for, in milliseconds. */
const LOCK_WAIT = 1_000;

/**
 * Has a certificate revoked by the first of the attempts that the authority does not turn away, under the locks of the names that hold it.
 * A compromised key is marked before, whatever the authority says.
 * @throws {TscertError} what the last attempt threw; `locked`, `store-unwritable`
 */
export async function revokeCertificate(
  target: Revocable,
  reason: RevocationReason,
  attempts: readonly Attempt[],
  parts: RevokeParts,
): Promise<Revoked> {
  const { store, clock, emit, signal } = parts;
  const { spki } = target.certificate.raw;
  const isKnown = reason === 'keyCompromise';
  const names = [...new Set([...target.places.map(({ name }) => name), ...(isKnown ? await namesWithKey(spki, store) : [])])].sort();
  const locks: Lock[] = [];
  try {
    for (const name of names) locks.push(await store.lock(`certificate:${name}`, { wait: LOCK_WAIT, signal }));
    const at = new Date(clock.now()).toISOString();
    const due = new Set<string>();
    if (isKnown) await markCompromised(spki, at, store);
    for (const name of names) {
      await orElse(forgetKey(name, spki, store), undefined, emit);
      if (isKnown && (await recordExposed(name, spki, at, parts))) due.add(name);
    }
    const done = await attempt(target, reason, attempts, parts);
    const own = new Set(target.places.map(({ name }) => name));
    for (const name of own) if (await recordRevoked(name, target.certificate, { at, reason, by: 'revoke' }, parts)) due.add(name);
    return { ...done, due: [...due] };
  } finally {
    for (const lock of locks) await lock.release();
  }
}

/** The names whose current certificate is for this key. */
async function namesWithKey(spki: Buffer, store: Store): Promise<string[]> {
  const names: string[] = [];
  for (const name of await store.list()) if ((await currentOf(name, store))?.raw.spki.equals(spki)) names.push(name);
  return names;
}

async function attempt(
  { certificate }: Revocable,
  reason: RevocationReason,
  attempts: readonly Attempt[],
  { emit, signal }: RevokeParts,
): Promise<Pick<Revoked, 'state' | 'signedBy'>> {
  for (const [at, { issuer, by, title }] of attempts.entries()) {
    try {
      const state = await issuer.revoke?.(certificate.der, reason, by, signal);
      if (state !== undefined) return { state, signedBy: title };
    } catch (error) {
      if (at === attempts.length - 1 || !isTurnedAway(error)) throw error;
      emit({ type: 'warning', message: `${title} cannot revoke it (${error.message}); ${attempts[at + 1]?.title} is tried` });
    }
  }
  throw new TscertError('request-invalid', `Cannot revoke the certificate ${certificate.serialNumber}: its authority revokes nothing`, {
    data: { serialNumber: certificate.serialNumber },
  });
}

/** True when another key may do what this one may not. */
function isTurnedAway(error: unknown): error is TscertError {
  if (isTscertError(error, 'account-unknown') || isTscertError(error, 'key-kind-refused')) return true;
  if (!isTscertError(error, 'acme-problem')) return false;
  const problem = readProblem(error.data.problem);
  const isAboutKey = ['unauthorized', 'badPublicKey', 'badSignatureAlgorithm'].some((type) => isProblem(problem, type));
  return isAboutKey || error.data.status === 401 || error.data.status === 403;
}

/** Writes down that others know the key of the current certificate; false when it is for another key. */
async function recordExposed(name: string, spki: Buffer, at: string, { store, emit }: RevokeParts): Promise<boolean> {
  const current = await currentOf(name, store);
  if (current?.raw.spki.equals(spki) !== true) return false;
  const { serialNumber } = current;
  const message = `The key of the certificate ${serialNumber} is known to others`;
  const revocation = { serialNumber, at, reason: 'keyCompromise', by: 'revoke' } as const;
  await recordEvent(name, { at, type: 'Warning', reason: 'KeyCompromised', message }, withRevocation(revocation), { records: store, emit });
  return true;
}

function revocableOf(certificate: CertificateContent, found: readonly Stored[]): Revocable {
  const issuerKey = found.map(({ meta }) => issuerOf(meta)).find((key) => key !== undefined);
  const privateKey = found.map((stored) => stored.privateKey).find((key) => key !== undefined);
  return {
    certificate,
    places: found.map(({ name, generation }) => ({ name, generation })),
    ...(issuerKey === undefined ? {} : { issuerKey }),
    ...(privateKey === undefined ? {} : { privateKey: readPrivateKey(privateKey) }),
  };
}
