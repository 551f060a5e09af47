/**
 * A Lease (coordination.k8s.io/v1) as a lock between processes of any machines. Nobody's clock is compared with anybody else's: a holder counts as
 * dead when its Lease has not changed for its own leaseDurationSeconds while we looked, and who holds one gives up by a clock that goes evenly.
 */
import * as v from 'valibot';
import type { Clock, Random } from '../base/clock.js';
import { isTscertError, TscertError } from '../base/errors.js';
import type { KubernetesClient } from './client.js';
import { defineKind, type Kind, metadataSchema } from './kind.js';

const leaseSchema = v.looseObject({
  metadata: metadataSchema,
  spec: v.nullish(
    v.looseObject({
      holderIdentity: v.nullish(v.string(), ''),
      leaseDurationSeconds: v.nullish(v.number()),
      acquireTime: v.nullish(v.string()),
      renewTime: v.nullish(v.string()),
      leaseTransitions: v.nullish(v.number(), 0),
    }),
    {},
  ),
});

export type LeaseObject = v.InferOutput<typeof leaseSchema>;

export const LEASE: Kind<LeaseObject> = defineKind(
  { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease', isNamespaced: true },
  leaseSchema,
);

export interface LeaseOptions {
  readonly client: KubernetesClient;
  readonly name: string;
  readonly namespace?: string;
  /** Names this holder for people, and no other: a process that asks twice needs two. */
  readonly identity: string;
  /** Seconds for which it is held without a sign of life; at least 1. */
  readonly seconds: number;
  /** Milliseconds that a holder is waited for; 0 takes what is free and nothing else, infinity waits for ever. */
  readonly wait: number;
  /** Waits longer than that where it cannot be told yet whether the holder lives: until it gives a sign of life, or is taken over. */
  readonly untilSeenAlive?: boolean;
  /** Knows of some holders that they are dead, before their time is over. */
  readonly isDead?: (holder: string) => boolean;
  readonly clock: Clock;
  /** Paces the signs of life; its sleep should not keep the process alive. */
  readonly background: Pick<Clock, 'sleep'>;
  /** Milliseconds since some moment, going on evenly whatever is done to the clock. */
  readonly uptime: () => number;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Labels of a Lease that is made. */
  readonly labels?: Readonly<Record<string, string>>;
  /** What becomes of the Lease when it is let go: kept without a holder (the default), or removed. */
  readonly afterwards?: 'keep' | 'remove';
}

export interface HeldLease {
  /** Aborted with `lease-lost` as soon as another may hold it: whatever is done under it must stop. */
  readonly lost: AbortSignal;
  /** Lets it go; never throws, since who cannot say so loses it by its end anyway. */
  release(): Promise<void>;
}

/** Shares of the duration: how often a sign of life is given, and after how long without one we count as dead to ourselves. */
const RENEW_EVERY = 1 / 3;
const GIVE_UP_AFTER = 2 / 3;
/** Milliseconds between looks at a Lease of another. */
const LOOK_EVERY = 1_000;
const DEFAULT_SECONDS = 15;

/**
 * Takes a Lease. A holder that gives no sign of life for its own duration while we look is taken over.
 * @throws {TscertError} `locked` when the wait is over, with the holder in `data.holder`; what the client throws; the reason of the signal
 */
export async function acquireLease(options: LeaseOptions): Promise<HeldLease> {
  const { client, name, clock, uptime, signal, wait, random } = options;
  const place = options.namespace === undefined ? {} : { namespace: options.namespace };
  const began = uptime();
  let watched: { readonly version: string; readonly since: number } | undefined;
  let isAlive = options.untilSeenAlive !== true;
  for (;;) {
    signal.throwIfAborted();
    const asked = uptime();
    const found = await client.get(LEASE, { name, ...place }, { signal });
    const holder = found?.spec?.holderIdentity ?? '';
    if (
      found === undefined ||
      holder === '' ||
      holder === options.identity ||
      options.isDead?.(holder) === true ||
      isDead(found, watched, asked)
    ) {
      const taken = await take(options, found);
      if (taken !== undefined) return hold(options, taken, asked);
      continue;
    }
    // The first look at this state of it begins its time.
    if (watched?.version !== versionOf(found)) {
      isAlive ||= watched !== undefined;
      watched = { version: versionOf(found), since: uptime() };
    }
    const waited = uptime() - began;
    if (waited >= wait && isAlive) {
      throw new TscertError('locked', `Cannot take the Lease "${name}": "${holder}" holds it`, { data: { lease: name, holder, ...place } });
    }
    const pause = LOOK_EVERY * (0.75 + random() * 0.5);
    await clock.sleep(waited < wait ? Math.min(pause, wait - waited) : pause, signal);
  }
}

function isDead(lease: LeaseObject, watched: { readonly version: string; readonly since: number } | undefined, now: number): boolean {
  if (watched?.version !== versionOf(lease)) return false;
  return now - watched.since >= Math.max(1, lease.spec?.leaseDurationSeconds ?? DEFAULT_SECONDS) * 1_000;
}

/** The same Lease unchanged; one that was removed and made again is another. */
function versionOf({ metadata }: LeaseObject): string {
  return `${metadata.uid}/${metadata.resourceVersion}`;
}

/** Writes us into the Lease as it was found; `undefined` when somebody else was faster. */
async function take(options: LeaseOptions, found: LeaseObject | undefined): Promise<LeaseObject | undefined> {
  const { client, name, namespace, identity, seconds, clock, signal, labels } = options;
  const now = microTime(clock.now());
  const isChange = found !== undefined && found.spec?.holderIdentity !== identity;
  const spec = {
    holderIdentity: identity,
    leaseDurationSeconds: seconds,
    acquireTime: now,
    renewTime: now,
    leaseTransitions: (found?.spec?.leaseTransitions ?? 0) + (isChange ? 1 : 0),
  };
  try {
    if (found !== undefined) return await client.replace(LEASE, { ...found, spec: { ...found.spec, ...spec } }, { signal });
    const metadata = { name, ...(namespace === undefined ? {} : { namespace }), ...(labels === undefined ? {} : { labels }) };
    return await client.create(LEASE, { metadata, spec }, { signal });
  } catch (error) {
    if (['cluster-conflict', 'cluster-exists', 'cluster-absent'].some((code) => isTscertError(error) && error.code === code))
      return undefined;
    throw error;
  }
}

/** @param since when the request that took it was made, by `uptime` */
function hold(options: LeaseOptions, taken: LeaseObject, since: number): HeldLease {
  const { client, name, seconds, background, uptime, clock, afterwards, identity } = options;
  const lost = new AbortController();
  const released = new AbortController();
  let current = taken;
  let renewed = since;
  let renewing: Promise<void> = Promise.resolve();
  const duration = seconds * 1_000;
  const lose = (why: string, cause?: unknown): void =>
    lost.abort(new TscertError('lease-lost', `Cannot go on: the Lease "${name}" is lost (${why})`, { data: { lease: name }, cause }));

  const renew = async (): Promise<void> => {
    const asked = uptime();
    // The process was stopped for a while, or its machine.
    if (asked - renewed >= duration) return lose('its time was over before it could be renewed');
    const limit = new AbortController();
    // No longer than until we give up: an answer that comes later is of no use.
    const left = Math.max(0, renewed + duration * GIVE_UP_AFTER - asked);
    background.sleep(left, limit.signal).then(
      () => limit.abort(new TscertError('timeout', 'Cannot renew a Lease: no answer in time')),
      () => undefined,
    );
    const { signal } = limit;
    try {
      current = await client.replace(LEASE, { ...current, spec: { ...current.spec, renewTime: microTime(clock.now()) } }, { signal });
      renewed = asked;
    } catch (error) {
      if (!isTscertError(error, 'cluster-conflict') && !isTscertError(error, 'cluster-absent')) throw error;
      // Somebody else wrote: a label perhaps, or our own write of which the answer was lost.
      const found = await client.get(LEASE, refOf(current), { signal });
      if (found === undefined) return lose('somebody removed it', error);
      if (found.spec?.holderIdentity !== identity) return lose(`"${found.spec?.holderIdentity ?? ''}" holds it`, error);
      current = found;
    } finally {
      limit.abort();
    }
  };
  const keep = async (): Promise<void> => {
    for (let pause = duration * RENEW_EVERY; !released.signal.aborted && !lost.signal.aborted; ) {
      await background.sleep(Math.max(0, pause), released.signal);
      let failure: unknown;
      renewing = renew().catch((error: unknown) => {
        failure = error;
      });
      await renewing;
      if (failure === undefined) {
        pause = duration * RENEW_EVERY - (uptime() - renewed);
        continue;
      }
      const left = renewed + duration * GIVE_UP_AFTER - uptime();
      if (left <= 0) return lose('it could not be renewed in time', failure);
      pause = Math.min(left, duration * RENEW_EVERY * 0.25);
    }
  };
  keep().catch(() => undefined);

  const letGo = async (): Promise<void> => {
    released.abort();
    // One that is under way may have been written: its answer says what the Lease is now.
    await renewing;
    if (lost.signal.aborted) return;
    // Not longer than the rest of its time: afterwards it is over anyway.
    const limit = new AbortController();
    background.sleep(Math.max(0, renewed + duration - uptime()), limit.signal).then(
      () => limit.abort(),
      () => undefined,
    );
    const { signal } = limit;
    const giveUp = async (lease: LeaseObject): Promise<void> => {
      const { uid, resourceVersion } = lease.metadata;
      if (afterwards === 'remove') await client.remove(LEASE, refOf(lease), { uid, resourceVersion, signal });
      else {
        // client-go's way: nobody's, and short in case somebody waits by its duration.
        const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(clock.now()) };
        await client.replace(LEASE, { ...lease, spec }, { signal });
      }
    };
    try {
      await giveUp(current).catch(async (error: unknown) => {
        if (!isTscertError(error, 'cluster-conflict')) throw error;
        const found = await client.get(LEASE, refOf(current), { signal });
        if (found?.spec?.holderIdentity === identity) await giveUp(found);
      });
    } catch {
      // It ends by itself.
    } finally {
      limit.abort();
    }
  };
  let letting: Promise<void> | undefined;
  return {
    lost: lost.signal,
    release() {
      letting ??= letGo();
      return letting;
    },
  };
}

function refOf({ metadata: { name, namespace } }: LeaseObject): { name: string; namespace?: string } {
  return { name, ...(namespace === undefined ? {} : { namespace }) };
}

/** meta/v1 MicroTime: six digits behind the point, in UTC. */
function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}
