/** Locks as Leases, one for each key, gone when they are let go. */
import type { Clock, Random } from '../../base/clock.js';
import { isTscertError, TscertError } from '../../base/errors.js';
import { acquireLease } from '../../kubernetes/lease.js';
import type { IsDead, Owner } from '../owner.js';
import type { Store } from '../store.js';
import { createTurns } from '../turns.js';
import { holderOf, readHolder } from './holder.js';
import { type Cluster, labelsOf, stateName } from './state.js';

export interface ClusterLockOptions {
  /** This process, and what it does, for those who wait for its locks; no secrets. */
  readonly self: Owner;
  readonly command: string;
  /** Tells of a holder on this machine that it is dead; of another its Lease tells, in time. */
  readonly isDead: IsDead;
  readonly clock: Clock;
  readonly background: Pick<Clock, 'sleep'>;
  readonly uptime: () => number;
  readonly random: Random;
  /** Seconds without a sign of life after which a holder counts as dead. */
  readonly seconds: number;
}

export function createClusterLocks({ client, namespace }: Cluster, options: ClusterLockOptions): Pick<Store, 'lock'> {
  const turns = createTurns(options.clock);
  const { self, command, uptime, clock } = options;
  const isGone = (holder: string): boolean => {
    const found = readHolder(holder);
    return found !== undefined && options.isDead(found.owner, clock.now());
  };
  return {
    async lock(key, { wait, signal }) {
      const began = uptime();
      const end = await turns.take(key, { wait, signal });
      if (end === undefined) throw locked(key, 'this process');
      try {
        const held = await acquireLease({
          ...options,
          ...{ client, namespace, signal, name: stateName('lock', key), labels: labelsOf('lock') },
          ...{ identity: holderOf(command, self), isDead: isGone },
          wait: Math.max(0, wait - (uptime() - began)),
          untilSeenAlive: true,
          afterwards: 'remove',
        });
        let isOver = false;
        return {
          lost: held.lost,
          async release() {
            if (isOver) return;
            isOver = true;
            await held.release();
            end();
          },
        };
      } catch (error) {
        end();
        if (!isTscertError(error, 'locked')) throw error;
        const holder = String(error.data.holder);
        throw locked(key, readHolder(holder)?.words ?? holder, error);
      }
    },
  };
}

function locked(key: string, holder: string, cause?: unknown): TscertError {
  return new TscertError('locked', `Cannot lock "${key}": ${holder} holds it`, { data: { key, holder }, cause });
}
